#include "check.h"
#include <fenv.h>
#include <immintrin.h>
#include <setjmp.h>
#include <sys/signalfd.h>
#include <ucontext.h>

static volatile sig_atomic_t hits;
static volatile siginfo_t last; // volatile: kill and raise are leaf functions to the compiler
static void on(int s, siginfo_t *si, void *u) {
	hits++;
	last = *si;
}
static void handle(int sig, void (*f)(int, siginfo_t *, void *), int flags) {
	struct sigaction a = {.sa_sigaction = f, .sa_flags = SA_SIGINFO | flags};
	CHECK(sigaction(sig, &a, 0) == 0);
}

TEST(sig_info) {
	handle(SIGUSR1, on, 0);
	CHECK(kill(getpid(), SIGUSR1) == 0 && hits == 1);
	CHECK(last.si_code == SI_USER && last.si_pid == getpid() && last.si_uid == getuid());
	CHECK(raise(SIGUSR1) == 0 && hits == 2 && last.si_code == SI_TKILL);
	union sigval v = {.sival_int = 77};
	handle(SIGRTMIN + 1, on, 0);
	CHECK(sigqueue(getpid(), SIGRTMIN + 1, v) == 0 && hits == 3);
	CHECK(last.si_code == SI_QUEUE && last.si_value.sival_int == 77 && last.si_pid == getpid());
}

static volatile int order[16], norder;
static void rec(int s, siginfo_t *si, void *u) { order[norder++] = s * 100 + si->si_value.sival_int; }
TEST(sig_queue_order) {
	sigset_t all, old;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	int lo = SIGRTMIN + 1, hi = SIGRTMIN + 3;
	handle(lo, rec, 0);
	handle(hi, rec, 0);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 2; k++)
			CHECK(sigqueue(getpid(), k ? hi : lo, (union sigval){.sival_int = i}) == 0);
	sigset_t p;
	sigpending(&p);
	CHECK(sigismember(&p, lo) && sigismember(&p, hi));
	siginfo_t si;
	sigset_t w;
	sigemptyset(&w);
	sigaddset(&w, lo);
	CHECK(sigwaitinfo(&w, &si) == lo && si.si_value.sival_int == 0);
	sigprocmask(SIG_SETMASK, &old, 0);
	// Linux pushes a frame for each: the one of the highest number runs first.
	CHECK(norder == 5);
	int nlo = 0, nhi = 0;
	for (int i = 0; i < 5; i++) {
		nlo += order[i] / 100 == lo;
		nhi += order[i] / 100 == hi;
	}
	CHECK(nlo == 2 && nhi == 3);
	struct timespec zero = {0, 1000000};
	FAILS(sigtimedwait(&w, &si, &zero), EAGAIN);
}

TEST(sig_mask_in_handler) {
	handle(SIGUSR1, on, SA_RESETHAND);
	raise(SIGUSR1);
	struct sigaction a;
	sigaction(SIGUSR1, 0, &a);
	CHECK(hits == 1 && a.sa_handler == SIG_DFL);
}

static sigjmp_buf env;
static volatile char *touched;
static void onstack(int s, siginfo_t *si, void *u) {
	char here;
	touched = &here;
	last = *si;
	siglongjmp(env, s);
}
static char alt[65536];
static __attribute__((noinline)) int deep(int n) {
	volatile char b[4096];
	b[0] = n;
	return deep(n + 1) + b[0];
}
TEST(sig_stack_overflow) {
	stack_t ss = {.ss_sp = alt, .ss_size = sizeof alt};
	CHECK(sigaltstack(&ss, 0) == 0);
	handle(SIGSEGV, onstack, SA_ONSTACK);
	for (int i = 0; i < 3; i++) {
		int s = sigsetjmp(env, 1);
		if (!s)
			deep(0);
		CHECK(s == SIGSEGV);
		CHECK(touched >= alt && touched < alt + sizeof alt);
		CHECK(last.si_code == SEGV_MAPERR || last.si_code == SEGV_ACCERR);
	}
	stack_t old;
	CHECK(sigaltstack(0, &old) == 0 && old.ss_sp == alt && old.ss_flags == 0);
}

TEST(sig_fault_codes) {
	struct { int sig, code; } want[] = {{SIGSEGV, SEGV_MAPERR}, {SIGSEGV, SEGV_ACCERR}, {SIGBUS, BUS_ADRERR}, {SIGFPE, FPE_INTDIV}, {SIGILL, ILL_ILLOPN}};
	int fd = open("/tmp/busfile", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 10) == 0);
	char *bus = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *ro = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(bus != MAP_FAILED && ro != MAP_FAILED);
	for (int i = 0; i < 5; i++) {
		handle(want[i].sig, onstack, 0);
		int s = sigsetjmp(env, 1);
		if (!s) {
			if (i == 0)
				*(volatile int *)0x10 = 1;
			if (i == 1)
				*(volatile char *)ro = 1;
			if (i == 2)
				((volatile char *)bus)[5000] = 1;
			if (i == 3)
				__asm__ volatile("xor %%ecx,%%ecx; xor %%edx,%%edx; mov $1,%%eax; idiv %%ecx" ::: "eax", "ecx", "edx");
			if (i == 4)
				__asm__ volatile("ud2");
		}
		CHECK(s == want[i].sig);
		CHECK(last.si_code == want[i].code);
		if (i == 0)
			CHECK(last.si_addr == (void *)0x10);
		if (i == 1)
			CHECK(last.si_addr == ro);
		if (i == 2)
			CHECK(last.si_addr == bus + 5000);
	}
	// A system call gets EFAULT there.
	FAILS(read(open("/dev/zero", O_RDONLY), bus + 4096, 10), EFAULT);
	unlink("/tmp/busfile");
}

// A handler may change registers in its frame.
static void skip(int s, siginfo_t *si, void *u) {
	ucontext_t *c = u;
	c->uc_mcontext.gregs[REG_RIP] += 2; // ud2
	c->uc_mcontext.gregs[REG_RBX] = 4242;
	hits++;
}
TEST(sig_ucontext) {
	handle(SIGILL, skip, 0);
	long b = 0;
	__asm__ volatile("mov $1,%%rbx; ud2; mov %%rbx,%0" : "=r"(b)::"rbx");
	CHECK(b == 4242 && hits == 1);
}

__attribute__((target("avx"))) static void clobber(int s, siginfo_t *si, void *u) {
	__m256i x = _mm256_set1_epi32(-1);
	__asm__ volatile("vmovdqa %0,%%ymm0; vmovdqa %0,%%ymm7; vmovdqa %0,%%ymm15; fninit; fldz" ::"m"(x) : "xmm0", "xmm7", "xmm15");
	fesetround(FE_UPWARD);
	hits++;
}
// Vector registers and the FP environment outlive signals and other processes.
__attribute__((target("avx"))) TEST(sig_avx_state) {
	if (!__builtin_cpu_supports("avx"))
		return;
	pid_t other = fork();
	if (!other) {
		fesetround(FE_DOWNWARD);
		__m256i z = _mm256_set1_epi32(0x5a5a5a5a);
		for (;;)
			__asm__ volatile("vmovdqa %0,%%ymm0; vmovdqa %0,%%ymm7; vmovdqa %0,%%ymm15" ::"m"(z) : "xmm0", "xmm7", "xmm15");
	}
	fesetround(FE_TOWARDZERO);
	handle(SIGALRM, clobber, SA_RESTART);
	struct itimerval it = {{0, 1000}, {0, 1000}};
	setitimer(ITIMER_REAL, &it, 0);
	__m256i a = _mm256_set_epi32(1, 2, 3, 4, 5, 6, 7, 8), r0, r7, r15;
	double limit = now() + 10;
	long tries = 0;
	while (hits < 50 && now() < limit) {
		__asm__ volatile("vmovdqa %3,%%ymm0; vmovdqa %3,%%ymm7; vmovdqa %3,%%ymm15; mov $20000,%%ecx; 1: dec %%ecx; jnz 1b;"
				 "vmovdqa %%ymm0,%0; vmovdqa %%ymm7,%1; vmovdqa %%ymm15,%2"
				 : "=m"(r0), "=m"(r7), "=m"(r15)
				 : "m"(a)
				 : "ecx", "xmm0", "xmm7", "xmm15");
		CHECK(!memcmp(&r0, &a, 32) && !memcmp(&r7, &a, 32) && !memcmp(&r15, &a, 32));
		CHECK(fegetround() == FE_TOWARDZERO);
		tries++;
	}
	CHECK(hits >= 50);
	kill(other, SIGKILL);
	reap(other);
}

TEST(sig_restart) {
	int p[2], q[2];
	char c;
	CHECK(pipe(p) == 0 && pipe(q) == 0);
	for (int restart = 0; restart < 2; restart++) {
		hits = 0;
		handle(SIGUSR1, on, restart ? SA_RESTART : 0);
		pid_t parent = getpid(), k = fork();
		if (!k) {
			// Until the parent sleeps in read, as its state says.
			char path[64], st = 0;
			snprintf(path, sizeof path, "/proc/%d/stat", parent);
			while (st != 'S') {
				FILE *f = fopen(path, "r");
				CHECK(f && fscanf(f, "%*d %*s %c", &st) == 1);
				fclose(f);
			}
			kill(parent, SIGUSR1);
			if (restart)
				CHECK(write(p[1], "x", 1) == 1);
			_exit(0);
		}
		int n = read(p[0], &c, 1);
		if (restart)
			CHECK(n == 1 && hits == 1);
		else
			CHECK(n == -1 && errno == EINTR && hits == 1);
		CHECK(reap(k) == 0);
	}
}

TEST(sig_fd) {
	sigset_t m;
	sigemptyset(&m);
	sigaddset(&m, SIGUSR2);
	sigaddset(&m, SIGCHLD);
	sigprocmask(SIG_BLOCK, &m, 0);
	int fd = signalfd(-1, &m, SFD_NONBLOCK | SFD_CLOEXEC);
	CHECK(fd >= 0);
	struct signalfd_siginfo si;
	FAILS(read(fd, &si, sizeof si), EAGAIN);
	sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 5});
	struct pollfd pf = {fd, POLLIN, 0};
	CHECK(poll(&pf, 1, 1000) == 1);
	CHECK(read(fd, &si, sizeof si) == sizeof si && si.ssi_signo == SIGUSR2 && si.ssi_int == 5);
	pid_t k = fork();
	if (!k)
		_exit(9);
	CHECK(poll(&pf, 1, 5000) == 1 && read(fd, &si, sizeof si) == sizeof si);
	CHECK(si.ssi_signo == SIGCHLD && si.ssi_pid == k && si.ssi_status == 9 && si.ssi_code == CLD_EXITED);
	reap(k);
}

TEST(sig_timers) {
	handle(SIGRTMIN, on, 0);
	timer_t t;
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 31};
	CHECK(timer_create(CLOCK_MONOTONIC, &ev, &t) == 0);
	struct itimerspec its = {{0, 2000000}, {0, 2000000}}, cur;
	CHECK(timer_settime(t, 0, &its, 0) == 0);
	while (hits < 5)
		pause();
	CHECK(last.si_code == SI_TIMER && last.si_value.sival_int == 31);
	CHECK(timer_gettime(t, &cur) == 0 && cur.it_interval.tv_nsec == 2000000);
	CHECK(timer_getoverrun(t) >= 0 && timer_delete(t) == 0);
	hits = 0;
	handle(SIGVTALRM, on, 0);
	struct itimerval it = {{0, 0}, {0, 20000}};
	setitimer(ITIMER_VIRTUAL, &it, 0);
	double limit = now() + 20;
	while (!hits && now() < limit)
		;
	CHECK(hits == 1);
	hits = 0;
	handle(SIGPROF, on, 0);
	setitimer(ITIMER_PROF, &it, 0);
	while (!hits && now() < limit)
		getppid();
	CHECK(hits == 1);
}

static void *notify(void *a) { return 0; }
static void notified(union sigval v) { __atomic_store_n((int *)v.sival_ptr, 1, __ATOMIC_SEQ_CST); }
TEST(sig_timer_thread) {
	int done = 0;
	timer_t t;
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notified, .sigev_value.sival_ptr = &done};
	CHECK(timer_create(CLOCK_REALTIME, &ev, &t) == 0);
	struct itimerspec its = {{0, 0}, {0, 1000000}};
	CHECK(timer_settime(t, 0, &its, 0) == 0);
	while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST))
		sched_yield();
	(void)notify;
}

TEST(sig_stop_continue) {
	pid_t k = fork();
	if (!k) {
		raise(SIGSTOP);
		for (;;)
			pause();
	}
	int s;
	CHECK(waitpid(k, &s, WUNTRACED) == k && WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP);
	kill(k, SIGCONT);
	CHECK(waitpid(k, &s, WCONTINUED) == k && WIFCONTINUED(s));
	kill(k, SIGTERM);
	siginfo_t si = {0};
	CHECK(waitid(P_PID, k, &si, WEXITED | WNOWAIT) == 0 && si.si_code == CLD_KILLED && si.si_status == SIGTERM && si.si_pid == k);
	CHECK(waitpid(k, &s, 0) == k && WIFSIGNALED(s) && WTERMSIG(s) == SIGTERM);
	FAILS(waitpid(k, &s, 0), ECHILD);
}

TEST(sig_sigsuspend) {
	sigset_t m, old, none;
	sigemptyset(&none);
	sigemptyset(&m);
	sigaddset(&m, SIGUSR1);
	sigprocmask(SIG_BLOCK, &m, &old);
	handle(SIGUSR1, on, 0);
	for (int i = 1; i <= 200; i++) {
		pid_t k = fork();
		if (!k) {
			kill(getppid(), SIGUSR1);
			_exit(0);
		}
		while (hits < i)
			FAILS(sigsuspend(&none), EINTR);
		reap(k);
	}
}

TEST(sig_longjmp_storm) {
	handle(SIGSEGV, onstack, 0);
	for (volatile int i = 0; i < 20000; i++)
		if (!sigsetjmp(env, 1))
			*(volatile int *)8 = 1;
}
