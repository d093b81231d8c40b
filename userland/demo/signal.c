/*
 * signal - a function that the kernel calls.
 *
 * The handler runs on a frame that the kernel builds on the user stack, and
 * returns to the kernel by rt_sigreturn(2). Set a breakpoint in on_alarm and
 * look at the stack: the frame below it was never called by anybody.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

/* A handler may use little more than this type safely. */
static volatile sig_atomic_t ticks;

static void on_alarm(int sig)
{
	(void)sig;
	ticks++;
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_alarm}; /* no SA_RESTART: sleeping calls fail with EINTR */
	struct itimerval every = {{0, 50000}, {0, 50000}};

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGALRM, &sa, NULL) < 0 || setitimer(ITIMER_REAL, &every, NULL) < 0) {
		perror("setup");
		return 1;
	}
	while (ticks < 5) {
		pause();
		printf("tick %d (pause: %s)\n", (int)ticks, errno == EINTR ? "EINTR" : "?");
	}

	/* A fault is a signal too. This one is sent by ourselves, and ignored. */
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	puts("still alive");
	return 0;
}
