// Each TEST runs in a process of its own; CHECK ends it with the line that failed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};
extern struct test *tests;

#define TEST(n)                                                                                                                      \
	static void n(void);                                                                                                         \
	static struct test test_##n = {#n, n, 0};                                                                                    \
	__attribute__((constructor)) static void reg_##n(void) { test_##n.next = tests, tests = &test_##n; }                         \
	static void n(void)

#define CHECK(c)                                                                                                                     \
	do {                                                                                                                         \
		if (!(c)) {                                                                                                          \
			int e_ = errno;                                                                                              \
			dprintf(1, "%s:%d: %s (errno %d %s)\n", __FILE__, __LINE__, #c, e_, strerror(e_));                             \
			_exit(1);                                                                                                    \
		}                                                                                                                    \
	} while (0)
// Fails with the error e.
#define FAILS(c, e) CHECK((c) == -1 && errno == (e))

static inline double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static inline void nap(long ms) {
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&t, 0);
}

// The status of child p.
static inline int reap(pid_t p) {
	int s;
	pid_t r;
	while ((r = waitpid(p, &s, 0)) < 0 && errno == EINTR)
		;
	CHECK(r == p);
	return s;
}
