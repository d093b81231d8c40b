// Watches its clocks until it is told to end by a file: no gap may show, however long the machine stood still.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int ticks;
static void tick(int s) { ticks++; }

static long long now(clockid_t c) {
	struct timespec t;
	clock_gettime(c, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(void) {
	signal(SIGALRM, tick);
	struct itimerval it = {{0, 20000}, {0, 20000}};
	setitimer(ITIMER_REAL, &it, 0);
	long long gap[3] = {0}, last[2] = {now(CLOCK_MONOTONIC), now(CLOCK_REALTIME)};
	long long start = last[0];
	printf("watching\n");
	fflush(stdout);
	for (int round = 0; access("/tmp/end", F_OK); round++) {
		for (int i = 0; i < 2000; i++)
			for (int c = 0; c < 2; c++) {
				long long t = now(c ? CLOCK_REALTIME : CLOCK_MONOTONIC), d = t - last[c];
				last[c] = t;
				if (d < 0)
					printf("clock %d goes back\n", c);
				if (d > gap[c])
					gap[c] = d;
			}
		struct timespec ms = {0, 1000000};
		long long before = now(CLOCK_MONOTONIC);
		if (nanosleep(&ms, 0) == 0) {
			long long slept = now(CLOCK_MONOTONIC) - before;
			if (slept < 1000000)
				printf("woken early\n");
			if (slept > gap[2])
				gap[2] = slept;
		}
		last[0] = now(CLOCK_MONOTONIC), last[1] = now(CLOCK_REALTIME);
	}
	long long ran = now(CLOCK_MONOTONIC) - start;
	printf("ms: monotonic %lld realtime %lld sleep %lld ticks %d of %lld\n", gap[0] / 1000000, gap[1] / 1000000, gap[2] / 1000000,
	       ticks, ran / 20000000);
	return 0;
}
