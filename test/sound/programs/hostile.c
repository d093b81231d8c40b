// hostile throws nonsense at the sound devices for some seconds: ioctls with random arguments, mappings of odd places,
// pointers in the mapped control page, reads and writes of odd sizes. The kernel has to survive it.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <linux/soundcard.h>
#include <sound/asound.h>

static uint64_t state = 88172645463325252ull;

static uint64_t rnd(void) { // xorshift (Marsaglia)
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static const unsigned long cmds[] = {
	SNDRV_PCM_IOCTL_INFO, SNDRV_PCM_IOCTL_TTSTAMP, SNDRV_PCM_IOCTL_HW_REFINE, SNDRV_PCM_IOCTL_HW_PARAMS, SNDRV_PCM_IOCTL_HW_FREE,
	SNDRV_PCM_IOCTL_SW_PARAMS, SNDRV_PCM_IOCTL_STATUS, SNDRV_PCM_IOCTL_DELAY, SNDRV_PCM_IOCTL_HWSYNC, SNDRV_PCM_IOCTL_SYNC_PTR,
	SNDRV_PCM_IOCTL_STATUS_EXT, SNDRV_PCM_IOCTL_CHANNEL_INFO, SNDRV_PCM_IOCTL_PREPARE, SNDRV_PCM_IOCTL_RESET, SNDRV_PCM_IOCTL_START,
	SNDRV_PCM_IOCTL_DROP, SNDRV_PCM_IOCTL_DRAIN, SNDRV_PCM_IOCTL_PAUSE, SNDRV_PCM_IOCTL_REWIND, SNDRV_PCM_IOCTL_RESUME, SNDRV_PCM_IOCTL_XRUN,
	SNDRV_PCM_IOCTL_FORWARD, SNDRV_PCM_IOCTL_WRITEI_FRAMES, SNDRV_PCM_IOCTL_READI_FRAMES, SNDRV_PCM_IOCTL_WRITEN_FRAMES, SNDRV_PCM_IOCTL_READN_FRAMES,
	SNDRV_PCM_IOCTL_LINK, SNDRV_PCM_IOCTL_UNLINK, SNDRV_TIMER_IOCTL_NEXT_DEVICE, SNDRV_TIMER_IOCTL_TREAD_OLD, SNDRV_TIMER_IOCTL_GINFO,
	SNDRV_TIMER_IOCTL_GSTATUS, SNDRV_TIMER_IOCTL_SELECT, SNDRV_TIMER_IOCTL_INFO, SNDRV_TIMER_IOCTL_PARAMS, SNDRV_TIMER_IOCTL_STATUS,
	SNDRV_TIMER_IOCTL_START, SNDRV_TIMER_IOCTL_STOP, SNDRV_TIMER_IOCTL_CONTINUE, SNDRV_TIMER_IOCTL_PAUSE, SNDRV_CTL_IOCTL_ELEM_WRITE,
	SNDRV_CTL_IOCTL_ELEM_LOCK, SNDRV_CTL_IOCTL_ELEM_UNLOCK,
	SNDRV_CTL_IOCTL_ELEM_ADD, SNDRV_CTL_IOCTL_ELEM_REPLACE, SNDRV_CTL_IOCTL_ELEM_REMOVE, SNDRV_CTL_IOCTL_TLV_WRITE,
	SNDRV_CTL_IOCTL_CARD_INFO, SNDRV_CTL_IOCTL_ELEM_LIST, SNDRV_CTL_IOCTL_ELEM_INFO, SNDRV_CTL_IOCTL_ELEM_READ, SNDRV_CTL_IOCTL_PCM_INFO,
	SNDRV_CTL_IOCTL_PCM_NEXT_DEVICE, SNDRV_CTL_IOCTL_SUBSCRIBE_EVENTS, SNDRV_CTL_IOCTL_TLV_READ, SNDCTL_DSP_SPEED, SNDCTL_DSP_STEREO,
	SNDCTL_DSP_SETFMT, SNDCTL_DSP_CHANNELS, SNDCTL_DSP_SETFRAGMENT, SNDCTL_DSP_GETOSPACE, SNDCTL_DSP_GETISPACE, SNDCTL_DSP_GETOPTR,
	SNDCTL_DSP_GETIPTR, SNDCTL_DSP_RESET, SNDCTL_DSP_POST, SNDCTL_DSP_SETTRIGGER, SNDCTL_DSP_GETODELAY, SNDCTL_DSP_GETBLKSIZE,
	SOUND_MIXER_READ_DEVMASK, SOUND_MIXER_WRITE_PCM, SOUND_MIXER_INFO,
};

static uint32_t interesting(void) {
	static const uint32_t v[] = {0, 1, 2, 8, 16, 64, 480, 4096, 8000, 48000, 96000, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff};
	return rnd() % 3 ? v[rnd() % (sizeof v / sizeof v[0])] : rnd();
}

// sane makes parameters that are valid, so that deeper states are reached.
static void sane(int fd) {
	struct snd_pcm_hw_params p;
	memset(&p, 0, sizeof p);
	for (int i = 0; i < 3; i++) memset(&p.masks[i], 0xff, sizeof p.masks[i]);
	for (int i = 0; i < 12; i++) p.intervals[i].max = 0xffffffff;
	p.intervals[SNDRV_PCM_HW_PARAM_PERIOD_SIZE - 8].min = 64;
	p.intervals[SNDRV_PCM_HW_PARAM_BUFFER_SIZE - 8].max = 64 << rnd() % 6;
	p.rmask = ~0u;
	ioctl(fd, SNDRV_PCM_IOCTL_HW_PARAMS, &p);
	struct snd_pcm_sw_params sw = {.avail_min = 1, .start_threshold = 1, .stop_threshold = rnd() % 2 ? ~0ul : 64, .silence_size = rnd() % 2 ? ~0ul : 0};
	ioctl(fd, SNDRV_PCM_IOCTL_SW_PARAMS, &sw);
	ioctl(fd, SNDRV_PCM_IOCTL_PREPARE);
}

int main(void) {
	static const char *names[] = {"/dev/snd/pcmC0D0p", "/dev/snd/pcmC0D0c", "/dev/snd/controlC0", "/dev/dsp", "/dev/mixer", "/dev/snd/timer"};
	static const off_t places[] = {0, 4096, 1 << 19, SNDRV_PCM_MMAP_OFFSET_STATUS_OLD, SNDRV_PCM_MMAP_OFFSET_CONTROL_OLD, SNDRV_PCM_MMAP_OFFSET_STATUS_NEW, SNDRV_PCM_MMAP_OFFSET_CONTROL_NEW, 0x84000000};
	union buf { unsigned char b[4096]; uint32_t w[1024]; void *p[512]; };
	union buf *mem = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(++mem, 4096, PROT_READ | PROT_WRITE); // between two pages that nobody may touch
#define buf (*mem)
	time_t end = time(NULL) + 3;
	long calls = 0, good = 0, maps = 0;
	while (time(NULL) < end) {
		const char *name = names[rnd() % 2 ? rnd() % 2 : rnd() % 6];
		int fd = open(name, (rnd() % 3 ? O_RDWR : rnd() % 2 ? O_WRONLY : O_RDONLY) | O_NONBLOCK | (rnd() % 4 ? 0 : O_APPEND));
		if (fd < 0) continue;
		int other = open(names[rnd() % 6], O_RDWR | O_NONBLOCK | (rnd() % 2 ? O_APPEND : 0)); // to link with, or to share
		volatile uint64_t *ctl = MAP_FAILED;
		for (int i = rnd() % 200; i > 0; i--) {
			unsigned long cmd = cmds[rnd() % (sizeof cmds / sizeof cmds[0])];
			for (int k = rnd() % 160; k >= 0; k--) buf.w[k] = interesting();
			if (rnd() % 2) buf.p[1] = buf.b + 1024; // a buffer for xferi
			calls++;
			switch (rnd() % 14) {
			case 12: good += ioctl(fd, SNDRV_PCM_IOCTL_LINK, rnd() % 4 ? other : fd) >= 0; break;
			case 13: sane(other); break;
			case 0: sane(fd); break;
			case 1: good += ioctl(fd, cmd, (void *)(uintptr_t)interesting()) >= 0; break;
			case 2: good += write(fd, buf.b, rnd() % 4096) >= 0; break;
			case 3: good += read(fd, buf.b, rnd() % 4096) >= 0; break;
			case 4: {
				struct pollfd p = {fd, POLLIN | POLLOUT, 0};
				poll(&p, 1, 0);
				break;
			}
			case 5: {
				size_t len = 4096 << rnd() % 4;
				off_t at = places[rnd() % 8];
				unsigned char *m = mmap(NULL, len, rnd() % 3 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
				if (m == MAP_FAILED) break;
				maps++;
				buf.b[0] = m[rnd() % len];
				munmap(m, len);
				break;
			}
			case 6:
				if (ctl == MAP_FAILED) ctl = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, SNDRV_PCM_MMAP_OFFSET_CONTROL_NEW);
				break;
			case 7:
				if (ctl != MAP_FAILED) ctl[rnd() % 2] = rnd() % 2 ? rnd() : interesting();
				break;
			default: good += ioctl(fd, cmd, buf.b) >= 0; break;
			}
		}
		if (rnd() % 8 == 0) fcntl(fd, F_SETFL, 0); // blocking: close drains
		if (rnd() % 2) close(fd), fd = -1; // the mapping keeps the file
		if (ctl != MAP_FAILED) munmap((void *)ctl, 4096);
		if (fd >= 0) close(fd);
		if (other >= 0) close(other);
	}
	fprintf(stderr, "%ld calls, %ld succeeded, %ld mappings\n", calls, good, maps);
	puts(calls > 1000 && good > 100 && maps > 10 ? "survived" : "nothing done");
	return 0;
}
