// api uses what no program of the Debian directory does: linked streams, both kinds of timers with their structures, rewinding.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <sound/asound.h>

#define CHECK(c)                                                                               \
	do {                                                                                   \
		if (!(c)) {                                                                    \
			printf("line %d: %s: %s\n", __LINE__, #c, strerror(errno));            \
			exit(1);                                                               \
		}                                                                              \
	} while (0)
#define FAILS(c, e) CHECK((c) == -1 && errno == (e))

static void set(struct snd_pcm_hw_params *p, int which, unsigned v) {
	struct snd_interval *i = &p->intervals[which - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];
	i->min = i->max = v;
}

// stream opens a PCM with four periods of 10 ms, 48 kHz, stereo, 16 bits.
static int stream(const char *name) {
	int fd = open(name, O_RDWR | O_NONBLOCK);
	struct snd_pcm_hw_params p;
	CHECK(fd >= 0);
	memset(&p, 0, sizeof p);
	for (int i = 0; i < 12; i++) p.intervals[i].max = ~0u;
	p.masks[0].bits[0] = 1 << SNDRV_PCM_ACCESS_RW_INTERLEAVED;
	p.masks[1].bits[0] = 1 << SNDRV_PCM_FORMAT_S16_LE;
	p.masks[2].bits[0] = 1 << SNDRV_PCM_SUBFORMAT_STD;
	set(&p, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
	set(&p, SNDRV_PCM_HW_PARAM_RATE, 48000);
	set(&p, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, 480);
	set(&p, SNDRV_PCM_HW_PARAM_BUFFER_SIZE, 1920);
	p.rmask = ~0u;
	CHECK(ioctl(fd, SNDRV_PCM_IOCTL_HW_PARAMS, &p) == 0 && p.info & SNDRV_PCM_INFO_SYNC_START && p.info & SNDRV_PCM_INFO_NONINTERLEAVED);
	struct snd_pcm_sw_params sw = {.avail_min = 480, .start_threshold = 1 << 20, .stop_threshold = 1920};
	CHECK(ioctl(fd, SNDRV_PCM_IOCTL_SW_PARAMS, &sw) == 0);
	return fd;
}

static struct snd_pcm_status status(int fd) {
	struct snd_pcm_status s;
	CHECK(ioctl(fd, SNDRV_PCM_IOCTL_STATUS, &s) == 0);
	return s;
}

static void await(int fd) {
	struct pollfd p = {fd, POLLIN, 0};
	CHECK(poll(&p, 1, 5000) == 1 && p.revents == POLLIN);
}

// timer opens a timer that ticks every n ticks.
static int timer(int class, int card, int subdevice, int n) {
	int fd = open("/dev/snd/timer", O_RDONLY | O_NONBLOCK), on = 1, version;
	struct snd_timer_select sel = {.id = {.dev_class = class, .card = card, .subdevice = subdevice}};
	struct snd_timer_params p = {.flags = SNDRV_TIMER_PSFLG_AUTO, .ticks = n, .filter = 1 << SNDRV_TIMER_EVENT_TICK | 1 << SNDRV_TIMER_EVENT_MSTOP};
	CHECK(fd >= 0 && ioctl(fd, SNDRV_TIMER_IOCTL_PVERSION, &version) == 0 && version >= SNDRV_PROTOCOL_VERSION(2, 0, 6));
	FAILS(ioctl(fd, SNDRV_TIMER_IOCTL_START), EBADFD);
	CHECK(ioctl(fd, SNDRV_TIMER_IOCTL_TREAD_OLD, &on) == 0 && ioctl(fd, SNDRV_TIMER_IOCTL_SELECT, &sel) == 0);
	CHECK(ioctl(fd, SNDRV_TIMER_IOCTL_PARAMS, &p) == 0 && ioctl(fd, SNDRV_TIMER_IOCTL_START) == 0);
	return fd;
}

static struct snd_timer_tread tick(int fd) {
	struct snd_timer_tread t;
	await(fd);
	CHECK(read(fd, &t, sizeof t) == sizeof t);
	return t;
}

static void timers(void) {
	int fd = timer(SNDRV_TIMER_CLASS_GLOBAL, -1, 0, 20), n = 0;
	struct snd_timer_tread a = tick(fd), b = tick(fd);
	long ms = (b.tstamp.tv_sec - a.tstamp.tv_sec) * 1000 + (b.tstamp.tv_nsec - a.tstamp.tv_nsec) / 1000000;
	CHECK(a.event == SNDRV_TIMER_EVENT_TICK && b.val >= 20 && ms + 1 >= (long)b.val - (long)a.val && ms >= 1);
	struct snd_timer_info info;
	CHECK(ioctl(fd, SNDRV_TIMER_IOCTL_INFO, &info) == 0 && info.card == -1 && info.resolution == 1000000 && !strcmp((char *)info.id, "system"));
	struct snd_timer_params fast = {.ticks = 0};
	FAILS(ioctl(fd, SNDRV_TIMER_IOCTL_PARAMS, &fast), EINVAL);
	for (struct snd_timer_id id = {.dev_class = -1}; ioctl(fd, SNDRV_TIMER_IOCTL_NEXT_DEVICE, &id) == 0 && id.dev_class >= 0; n++) {
		struct snd_timer_ginfo g = {.tid = id};
		CHECK(ioctl(fd, SNDRV_TIMER_IOCTL_GINFO, &g) == 0 && g.name[0] && g.clients <= 1);
	}
	CHECK(n == 3 && close(fd) == 0);
}

int main(void) {
	static int16_t samples[2 * 1920];
	timers();
	int play = stream("/dev/snd/pcmC0D0p"), rec = stream("/dev/snd/pcmC0D0c"), t = timer(SNDRV_TIMER_CLASS_PCM, 0, 0, 1);
	FAILS(ioctl(play, SNDRV_PCM_IOCTL_UNLINK), EALREADY);
	FAILS(ioctl(play, SNDRV_PCM_IOCTL_LINK, 0), EBADFD);
	FAILS(ioctl(play, SNDRV_PCM_IOCTL_LINK, 99), EBADF);
	CHECK(ioctl(play, SNDRV_PCM_IOCTL_LINK, rec) == 0);
	CHECK(ioctl(rec, SNDRV_PCM_IOCTL_PREPARE) == 0 && status(play).state == SNDRV_PCM_STATE_PREPARED);
	struct snd_xferi x = {.buf = samples, .frames = 1920};
	CHECK(ioctl(play, SNDRV_PCM_IOCTL_WRITEI_FRAMES, &x) == 0 && x.result == 1920);
	snd_pcm_uframes_t n = 100;
	CHECK(ioctl(play, SNDRV_PCM_IOCTL_REWIND, &n) == 0 && n == 100 && status(play).avail == 100);
	CHECK(ioctl(play, SNDRV_PCM_IOCTL_FORWARD, &n) == 0 && n == 100 && status(play).avail == 0);
	CHECK(ioctl(rec, SNDRV_PCM_IOCTL_START) == 0);
	struct snd_pcm_status p = status(play), r = status(rec);
	long apart = (r.trigger_tstamp.tv_sec - p.trigger_tstamp.tv_sec) * 1000000000 + r.trigger_tstamp.tv_nsec - p.trigger_tstamp.tv_nsec;
	CHECK(p.state == SNDRV_PCM_STATE_RUNNING && r.state == SNDRV_PCM_STATE_RUNNING && labs(apart) < 10000000);
	struct snd_timer_tread e = tick(t);
	CHECK(e.event == SNDRV_TIMER_EVENT_TICK && status(play).hw_ptr >= 480);
	struct pollfd both = {rec, POLLIN, 0};
	CHECK(poll(&both, 1, 5000) == 1);
	snd_pcm_sframes_t delay;
	CHECK(ioctl(play, SNDRV_PCM_IOCTL_HWSYNC) == 0 && ioctl(play, SNDRV_PCM_IOCTL_DELAY, &delay) == 0 && delay > 0 && delay <= 1440);
	CHECK(ioctl(play, SNDRV_PCM_IOCTL_DROP) == 0 && status(rec).state == SNDRV_PCM_STATE_SETUP);
	do e = tick(t); while (e.event == SNDRV_TIMER_EVENT_TICK);
	CHECK(e.event == SNDRV_TIMER_EVENT_MSTOP);
	CHECK(ioctl(play, SNDRV_PCM_IOCTL_UNLINK) == 0 && ioctl(play, SNDRV_PCM_IOCTL_PREPARE) == 0 && status(rec).state == SNDRV_PCM_STATE_SETUP);
	puts("fine");
	return 0;
}
