// hostile does to its kernel, its cell and its host what an enemy would. Each mode prints one line of what
// it saw; the tests look at the rest from outside.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

typedef uint64_t u64;

// The cell, as kernel/platform/cell/layout.go has it.
#define BASE 0x7ff000000000UL
#define ORDERS (BASE + 0x10000)
#define AREA (BASE + 0x10000000)

static void *after(void *p) {
	sleep(1);
	kill(*(pid_t *)p, SIGKILL);
	return 0;
}

// run runs f in a child and returns its status.
static int run(void (*f)(void)) {
	fflush(stdout);
	pid_t p = fork();
	if (p < 0) {
		perror("fork");
		exit(1);
	}
	if (!p) {
		f();
		_exit(0);
	}
	int s;
	while (waitpid(p, &s, 0) < 0 && errno == EINTR)
		;
	return s;
}

// run_second is run for one that can't end itself: after a second it is killed.
static int run_second(void (*f)(void)) {
	fflush(stdout);
	pid_t p = fork();
	if (!p) {
		f();
		_exit(0);
	}
	pthread_t t;
	pthread_create(&t, 0, after, &p);
	int s;
	while (waitid(P_PID, p, &(siginfo_t){0}, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	pthread_join(t, 0);
	waitpid(p, &s, 0);
	return s;
}

static int signal_of(int s) { return WIFSIGNALED(s) ? WTERMSIG(s) : 0; }

// ---- forged jumps into the cell

static struct { u64 rip, rax, rdi, rsi, rdx, r10, r8, r9, rsp, rbx, r12; } J;

static void jump(void) {
	// The cell's own futex may put us to sleep: that ends, too.
	struct itimerval it = {.it_value.tv_usec = 50000};
	setitimer(ITIMER_REAL, &it, 0);
	__asm__ volatile(
		"mov %0, %%rcx\n"
		"mov 8(%%rcx), %%rax\n mov 16(%%rcx), %%rdi\n mov 24(%%rcx), %%rsi\n mov 32(%%rcx), %%rdx\n"
		"mov 40(%%rcx), %%r10\n mov 48(%%rcx), %%r8\n mov 56(%%rcx), %%r9\n"
		"mov 72(%%rcx), %%rbx\n mov 80(%%rcx), %%r12\n"
		"mov 64(%%rcx), %%rsp\n"
		"jmp *(%%rcx)\n" ::"r"(&J) : "memory");
}

static u64 sites[128];
static int nsites;
static u64 restorer;

static void find_sites(void) {
	const unsigned char *p = (void *)BASE;
	for (int i = 0; i < 0xc00; i++) {
		if (p[i] == 0x0f && p[i + 1] == 0x05 && nsites < 128)
			sites[nsites++] = BASE + i;
		if (!memcmp(p + i, "\xb8\x0f\0\0\0\x0f\x05", 7))
			restorer = BASE + i;
	}
}

static const char *const paths[] = {"/etc/passwd", "/etc/shadow", "/proc/self/mem", "/dev/mem", "/proc/1/root/etc/passwd"};

static void wild_jumps(void) {
	static char page[65536] __attribute__((aligned(4096)));
	static struct timespec ts = {0, 1000};
	u64 data = (u64)page, path = (u64)paths[0];
	const struct { u64 nr, a[6]; } calls[] = {
		{9, {data, 4096, 3, 0x11, 3, 0}},             // mmap of RAM
		{9, {AREA + 0x10000, 0x10000, 3, 0x11, 4, 0}}, // mmap of control memory
		{9, {0, 4096, 7, 0x22, -1, 0}},
		{10, {data, 4096, 7}},
		{11, {data, 4096}},
		{18, {4, ORDERS, 8, 0x8000}}, // forged acknowledgement
		{28, {data, 4096, 4}},
		{56, {0x8011}},
		{56, {0x50f00, AREA + 0x1000}},
		{57, {0}}, {58, {0}}, {435, {data, 88}},
		{2, {path, 0}}, {257, {(u64)-100, path, 0}}, {437, {(u64)-100, path, data, 24}},
		{41, {2, 1, 0}}, {41, {1, 1, 0}}, {53, {1, 1, 0, data}},
		{59, {path, data, data}}, {322, {4, path, data, data, 0x1000}},
		{101, {16, 1}}, {310, {1, data, 1, data, 1}}, {311, {1, data, 1, data, 1}},
		{157, {1, 0}}, {157, {38, 0}}, {157, {22, 0}}, {317, {1, 0, data}}, {317, {0}},
		{202, {AREA, 6, 1}}, {202, {AREA, 3, 1, 1, AREA + 4}}, {202, {AREA, 128, 0, (u64)&ts}}, {202, {data, 1, 1}}, {202, {AREA, 11, 0}}, {202, {AREA, 0x100, 0}},
		{202, {AREA + 0x900, 0, 0, (u64)&ts}}, {202, {AREA, 1, 1}}, {24, {0}}, {202, {ORDERS, 1, 0x7fffffff}}, // allowed ones
		{62, {1, 9}}, {62, {(u64)-1, 9}}, {234, {1, 1, 9}}, {200, {1, 9}},
		{231, {0}}, {60, {0}}, {323, {0x80001}}, {321, {0, data, 72}}, {298, {data, 0, -1, -1, 0}},
		{0, {0, data, 10}}, {1, {1, data, 10}}, {20, {1, data, 1}}, {72, {3, 1}}, {77, {3, 0}}, {32, {3}}, {3, {3}},
		{425, {8, data}}, {319, {path, 0}}, {434, {1, 0}}, {438, {3, 0, 0}}, {165, {path, path, path, 0}}, {272, {0x10000000}},
		{0x40000000, {0}}, {0x40000000 + 59, {path}}, {-1UL, {0}}, {999, {0}},
		{109, {0, 0}}, {112, {0}}, {302, {0, 7, data, 0}}, {158, {0x1002, data}}, {13, {9, data, 0, 8}}, {14, {0, data, 0, 8}}, {131, {data}},
	};
	int n = sizeof calls / sizeof *calls, tried = 0, killed = 0, lived = 0;
	for (int i = 0; i < n; i++) {
		u64 at[3] = {sites[i % nsites], sites[(i * 7 + 3) % nsites], sites[nsites - 1]};
		for (int k = 0; k < 3; k++) {
			memset(&J, 0, sizeof J);
			J.rip = at[k], J.rax = calls[i].nr;
			J.rdi = calls[i].a[0], J.rsi = calls[i].a[1], J.rdx = calls[i].a[2];
			J.r10 = calls[i].a[3], J.r8 = calls[i].a[4], J.r9 = calls[i].a[5];
			J.rsp = data + 32768, J.rbx = ORDERS + 64, J.r12 = k == 1 ? AREA : ORDERS;
			int s = run(jump);
			tried++;
			if (signal_of(s) == SIGKILL || signal_of(s) == SIGALRM) // the latter: asleep in the cell's futex
				killed++;
			else
				lived++, printf("call %ld at %lx: status %x\n", (long)calls[i].nr, at[k], s);
		}
	}
	printf("jumps: %d tried, %d killed\n", tried, killed);
}

// Jumps to every instruction byte of the cell's code.
static void wild_entries(void) {
	static char page[65536] __attribute__((aligned(65536)));
	int killed = 0, other = 0;
	for (u64 off = 0x80; off < 0x600; off += 13) {
		memset(&J, 0, sizeof J);
		J.rip = BASE + off;
		J.rsp = off % 2 ? AREA + 0x9000 : (u64)page + 32768;
		J.r12 = off % 3 ? AREA : (u64)page;
		J.rbx = ORDERS + 64, J.rax = off, J.rdi = (u64)page;
		int s = run(jump);
		if (signal_of(s))
			killed++;
		else
			other++;
	}
	printf("entries: %d killed, %d not\n", killed, other);
}

// ---- calls from our own text

static long raw(long nr, long a, long b, long c, long d, long e, long f) { return syscall(nr, a, b, c, d, e, f); }

static void calls_child(void) {
	static char buf[4096];
	long p = (long)buf, path = (long)"/etc/shadow";
	alarm(20);
	for (int i = 0; i < 5; i++) {
		open(paths[i], O_RDWR | O_CREAT, 0666);
		open(paths[i], O_RDONLY);
	}
	for (int d = 0; d < 20; d++)
		for (int ty = 1; ty < 6; ty++)
			raw(SYS_socket, d, ty, 0, 0, 0, 0);
	for (int op = 0; op < 16; op++)
		if (op != 0 && op != 9 && op != 6 && op != 11 && op != 13) {
			raw(SYS_futex, p, op, 1, 0, p + 8, 0);
			raw(SYS_futex, p, op | 128, 1, 0, p + 8, 0);
		}
	struct timespec ts = {0, 1000000};
	raw(SYS_futex, p, 6, 0, (long)&ts, 0, 0); // FUTEX_LOCK_PI
	raw(SYS_futex, p, 13, 0, (long)&ts, 0, 0);
	raw(SYS_futex, p, 7, 0, 0, 0, 0);
	for (int o = 0; o < 70; o++)
		if (o != PR_SET_NAME && o != PR_SET_PDEATHSIG)
			raw(SYS_prctl, o, 1, p, p, p, 0);
	for (int r = 0; r < 32; r++)
		raw(SYS_ptrace, r, 1, p, p, 0, 0);
	raw(SYS_process_vm_readv, 1, p, 1, p, 1, 0);
	raw(SYS_process_vm_writev, 1, p, 1, p, 1, 0);
	raw(SYS_execve, path, 0, 0, 0, 0, 0);
	raw(SYS_bpf, 0, p, 64, 0, 0, 0);
	raw(425, 8, p, 0, 0, 0, 0);
	raw(323, 1, 0, 0, 0, 0, 0);
	raw(SYS_init_module, p, 10, p, 0, 0, 0);
	raw(SYS_kexec_load, 0, 0, 0, 0, 0, 0);
	raw(SYS_unshare, 0x10000000, 0, 0, 0, 0, 0);
	raw(SYS_setns, 1, 0, 0, 0, 0, 0);
	raw(SYS_iopl, 3, 0, 0, 0, 0, 0);
	raw(SYS_ioperm, 0, 100, 1, 0, 0, 0);
	raw(SYS_modify_ldt, 1, p, 16, 0, 0, 0);
	raw(SYS_arch_prctl, 0x1001, p, 0, 0, 0, 0);
	raw(SYS_seccomp, 1, 0, p, 0, 0, 0);
	for (int nr = 425; nr < 480; nr++)
		if (nr != 435 && nr != 436)
			raw(nr, -1, p, 1, 0, 0, 0);
}

// ---- 32-bit calls

static volatile int trapped;

static void skip2(int sig, siginfo_t *si, void *u) {
	((ucontext_t *)u)->uc_mcontext.gregs[REG_RIP] += 2;
	trapped++;
}

static void int80_child(void) {
	struct sigaction sa = {.sa_sigaction = skip2, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGSEGV, &sa, 0);
	for (int nr = 0; nr < 400; nr++)
		__asm__ volatile("int $0x80" ::"a"(nr), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory");
	_exit(trapped == 400 ? 0 : 1);
}

// Code in 32-bit mode: int80, sysenter and syscall.
static int compat_kind;
static void compat_child(void) {
	static const char *code[] = {
		"\xb8\x05\x00\x00\x00\xbb\x00\x00\x00\x00\xcd\x80\xf4", // open by int80; hlt
		"\xb8\x05\x00\x00\x00\x0f\x34\xf4",                     // sysenter
		"\xb8\x05\x00\x00\x00\x0f\x05\xf4",                     // syscall
		"\xeb\xfe",                                             // spin
	};
	unsigned char *p = mmap((void *)0x10000000, 8192, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	memcpy(p, code[compat_kind], 20);
	alarm(1);
	__asm__ volatile("mov $0x10001f00, %%rsp\n pushq $0x23\n pushq $0x10000000\n lretq\n" ::: "memory");
}

// ---- vsyscall

static void vsyscall_child(void) {
	u64 off = 0xffffffffff600000UL;
	struct timespec ts[2];
	((long (*)(void *, void *))off)(ts, 0);
	((long (*)(void *))(off + 1024))(0);
	((long (*)(void *, void *, void *))(off + 2048))(0, 0, 0);
	((long (*)(void *, void *))off)((void *)8, (void *)16);
	((long (*)(void))(off + 5))();
}

// ---- forged signal frames, returned to by the cell's own rt_sigreturn

static char frame[8192] __attribute__((aligned(4096)));
static char other_stack[65536] __attribute__((aligned(4096)));

static void after_spin(void) {
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static void after_call(void) {
	__asm__ volatile("mov $39, %%eax; syscall; mov $60, %%eax; xor %%edi, %%edi; syscall; hlt" ::: "memory");
}

struct uctx { // struct ucontext of the host's kernel
	u64 flags, link, ss_sp;
	uint32_t ss_flags, pad;
	u64 ss_size;
	u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2, fpstate, reserved[8], sigmask;
};

static int frame_kind;
#define FRAMES 19

static void frame_child(void) {
	struct uctx *u = (void *)(frame + 1024);
	memset(u, 0, sizeof *u);
	u->flags = 6;
	u->ss_sp = AREA + 0x1000, u->ss_size = 0xb000;
	u->cs = 0x33, u->ss = 0x2b, u->eflags = 0x202;
	u->rsp = (u64)other_stack + 60000;
	u->rip = (u64)after_call;
	switch (frame_kind) {
	case 0: u->sigmask = -1, u->rip = (u64)after_spin; break; // deaf
	case 1: u->sigmask = -1; break;
	case 2: u->ss_sp = (u64)other_stack, u->ss_size = 65536; break;
	case 3: u->ss_sp = (u64)other_stack, u->ss_size = 65536, u->rip = (u64)after_spin; break;
	case 4: u->ss_sp = 0x1000, u->ss_size = 65536; break;
	case 5: u->ss_flags = 2; break; // no alternate stack
	case 6: u->cs = 0x10; break;
	case 7: u->cs = 0x23; break;
	case 8: u->cs = 0; break;
	case 9: u->ss = 0; break;
	case 10: u->rip = 0xffffffff81000000UL; break;
	case 11: u->rip = 0x800000000000UL; break;
	case 12: u->rip = sites[3], u->rax = 9, u->rdi = (u64)frame, u->rsi = 4096, u->rdx = 7; break;
	case 13: u->rip = BASE + 0x80; break;
	case 14: u->eflags |= 0x100; break; // single step
	case 15: u->eflags = -1; break;
	case 16: u->flags = 7, u->fpstate = (u64)frame + 64; break;
	case 17: u->flags = 7, u->fpstate = 0xffffffff81000000UL; break;
	case 18: u->rsp = ORDERS + 128; break;
	}
	memset(&J, 0, sizeof J);
	J.rip = restorer;
	J.rsp = (u64)u;
	jump();
}

// ---- the mailbox and the order page

static int mailbox_kind;
#define MAILBOXES 8

static void mailbox_child(void) {
	volatile uint32_t *m = (void *)AREA;
	alarm(5);
	switch (mailbox_kind) {
	case 0: // rubbish all over
		for (int i = 0; i < 0x10000 / 4; i++)
			m[i] = i * 2654435761u;
		break;
	case 1: m[0] = 1; break;                          // "a trap waits"
	case 2: *(volatile u64 *)(AREA + 16) = 0x1000, m[0] = 1; break; // its frame elsewhere
	case 3: m[0] = 3; break;
	case 4: m[0] = 5; break;
	case 5: *(volatile uint32_t *)ORDERS = 99; break;
	case 6: *(volatile uint32_t *)(ORDERS + 0x8000) = 99; break;
	case 7: *(volatile uint32_t *)BASE = 99; break;
	}
	for (u64 i = 0; i < 1000; i++)
		getppid();
}

static void *scribbler(void *a) { // while the main thread makes calls
	for (u64 n = 0; n < 20000000; n++)
		((volatile uint32_t *)(AREA))[(n * 7) % 16] = n;
	return 0;
}

static void scribble_child(void) {
	pthread_t t;
	pthread_create(&t, 0, scribbler, 0); // which may never return: then with all signals blocked, as glibc has them meanwhile
	for (;;)
		raw(SYS_getppid, 0, 0, 0, 0, 0, 0);
}

static void wild(void) {
	char c;
	find_sites();
	printf("%d sites\nready\n", nsites);
	fflush(stdout);
	read(0, &c, 1);
	wild_jumps();
	wild_entries();
	int s = run(calls_child);
	printf("calls: signal %d\n", signal_of(s));
	s = run(int80_child);
	printf("int80: status %x\n", s);
	printf("compat:");
	for (compat_kind = 0; compat_kind < 4; compat_kind++)
		printf(" %d", signal_of(run(compat_child)));
	printf("\nvsyscall: %d\n", signal_of(run(vsyscall_child)));
	printf("frames:");
	for (frame_kind = 0; frame_kind < FRAMES; frame_kind++)
		printf(" %d", signal_of(run(frame_child)));
	printf("\nmailbox:");
	for (mailbox_kind = 0; mailbox_kind < MAILBOXES; mailbox_kind++)
		printf(" %d", signal_of(run(mailbox_child)));
	printf("\nscribble: %d\n", signal_of(run_second(scribble_child)));
	printf("wild done\n");
}

// ---- deaf: a process that cannot be interrupted, beside one that can

static void deaf(void) {
	find_sites();
	frame_kind = 0;
	pid_t p = fork();
	if (!p) {
		frame_child();
		_exit(1);
	}
	usleep(20000);
	kill(p, SIGTERM);
	int s;
	waitpid(p, &s, 0);
	printf("deaf: killed by %d\n", signal_of(s)); // SIGTERM if it answered, SIGKILL as it does not
}

// ---- resources

static void report(const char *what, int s) {
	if (WIFSIGNALED(s))
		printf("%s: killed by %d\n", what, WTERMSIG(s));
	else
		printf("%s: exit %d\n", what, WEXITSTATUS(s));
}

static void hog_child(void) {
	for (;;) {
		char *p = mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			_exit(3);
		memset(p, 1, 1 << 20);
	}
}

static void forkbomb_child(void) {
	for (;;) {
		pid_t p = fork();
		if (p < 0)
			_exit(errno == EAGAIN ? 11 : errno == ENOMEM ? 12 : 1);
		if (!p) {
			alarm(10);
			pause();
			_exit(0);
		}
	}
}

// A bomb in which everybody forks.
static void wildbomb_child(void) {
	time_t end = time(0) + 2;
	while (time(0) < end)
		if (fork() == 0)
			alarm(6); // whoever was to end us may be a victim of the lack of memory himself
	for (;;)
		pause();
}

static void bomb(void (*f)(void), const char *what) {
	fflush(stdout);
	pid_t p = fork();
	if (!p) {
		setsid();
		f();
		_exit(0);
	}
	int s;
	if (f == wildbomb_child) {
		sleep(3);
		for (int i = 0; i < 50; i++)
			kill(-p, SIGKILL), usleep(2000);
	}
	waitpid(p, &s, 0);
	for (int i = 0; i < 50 && kill(-p, SIGKILL) == 0; i++)
		usleep(20000);
	report(what, s);
}

static void *sleeper(void *a) { pause(); return 0; }

static void threads_child(void) {
	pthread_attr_t a;
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 16384);
	for (int n = 0;; n++) {
		pthread_t t;
		int e = pthread_create(&t, &a, sleeper, 0);
		if (e)
			_exit(e == EAGAIN ? 11 : 1);
	}
}

static void fds_child(void) {
	int p[2], n = 0;
	while (n < 1000000 && pipe(p) == 0) {
		char b[4096] = {0};
		fcntl(p[1], F_SETFL, O_NONBLOCK);
		while (write(p[1], b, sizeof b) > 0)
			;
		n++;
	}
	_exit(errno == EMFILE ? 24 : errno == ENFILE ? 23 : errno == ENOMEM ? 12 : 1);
}

static void iovecs_child(void) {
	static struct iovec v[1025];
	static char b[16];
	for (int i = 0; i < 1025; i++)
		v[i].iov_base = b, v[i].iov_len = -1UL >> 1;
	int fd = open("/tmp/iov", O_CREAT | O_RDWR, 0600), bad = 0;
	bad += writev(fd, v, 1024) >= 0 ? 1 : 0; // overflows
	bad += writev(fd, v, 1025) >= 0 ? 2 : 0;
	bad += writev(fd, v, -1) >= 0 ? 4 : 0;
	bad += writev(fd, v, 0x7fffffff) >= 0 ? 8 : 0;
	for (int i = 0; i < 1024; i++)
		v[i].iov_len = 1UL << 30;
	ssize_t n = writev(fd, v, 1024); // 16 bytes of it are there: what lies behind b decides
	bad += n > 1 << 30 ? 16 : 0;
	for (int i = 0; i < 1024; i++)
		v[i].iov_base = (void *)(0x1000UL * i), v[i].iov_len = 4096;
	bad += writev(fd, v, 1024) > 0 ? 32 : 0;
	unlink("/tmp/iov");
	_exit(bad);
}

static void links_child(void) {
	char name[64], to[64];
	mkdir("/tmp/l", 0755);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "/tmp/l/%d", i);
		snprintf(to, sizeof to, "/tmp/l/%d", i + 1);
		symlink(to, name);
	}
	symlink("/tmp/l/loop", "/tmp/l/loop");
	symlink("loop2/../loop2/x", "/tmp/l/loop2");
	int bad = 0;
	bad += open("/tmp/l/0", O_RDONLY) >= 0 || errno != ELOOP ? 1 : 0;
	bad += open("/tmp/l/loop", O_RDONLY) >= 0 || errno != ELOOP ? 2 : 0;
	bad += open("/tmp/l/loop2/y", O_RDONLY) >= 0 || errno != ELOOP ? 4 : 0;
	// A directory tree deeper than any path, and names longer than any name.
	chdir("/tmp/l");
	int depth = 0;
	while (depth < 3000 && mkdir("d", 0755) == 0 && chdir("d") == 0)
		depth++;
	char cwd[4096];
	getcwd(cwd, sizeof cwd);
	static char huge[70000];
	memset(huge, 'a', sizeof huge - 1);
	bad += open(huge, O_RDONLY) >= 0 || errno != ENAMETOOLONG ? 8 : 0;
	memset(huge, '/', sizeof huge - 1);
	bad += open(huge, O_RDONLY) >= 0 || errno != ENAMETOOLONG ? 16 : 0;
	chdir("/tmp");
	if (fork() == 0)
		execl("/bin/rm", "rm", "-rf", "/tmp/l", (char *)0);
	wait(0);
	_exit(bad);
}

static void mounts_child(void) {
	int n = 0, e = 0;
	char p[4096] = "/tmp";
	mkdir("/tmp/m", 0755);
	strcpy(p, "/tmp/m");
	for (n = 0; n < 3000; n++) { // mounts upon mounts
		if (mount("none", "/tmp/m", "tmpfs", 0, "size=4k")) {
			e = errno;
			break;
		}
	}
	struct stat st;
	stat("/tmp/m/x", &st);
	// A bind mount of the root into itself, again and again: what /proc/mounts has to say stays bounded.
	int fd = open("/proc/self/mounts", O_RDONLY);
	char b[65536];
	while (read(fd, b, sizeof b) > 0)
		;
	for (int i = 0; i < n; i++)
		if (umount2("/tmp/m", MNT_DETACH))
			break;
	_exit(e == 0 || e == ENOSPC || e == ENOMEM || e == EMFILE ? 0 : 1);
}

static void mmaps_child(void) {
	int n = 0;
	char *first = 0;
	for (; n < 4000; n++) {
		char *p = mmap(0, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			break;
		if (!first)
			first = p;
		mprotect(p, 4096, PROT_READ); // so that neighbours cannot be joined
		if (n % 4 == 0)
			p[4096] = 1;
	}
	_exit(n > 1000 && first[4096] == 1 ? 0 : 1);
}

static void shuffle_child(void) { // one file, its pages mapped in any order: each is a mapping for the host
	int fd = open("/tmp/shuffle", O_CREAT | O_RDWR, 0600);
	unlink("/tmp/shuffle");
	const int pages = 8192;
	if (ftruncate(fd, pages * 4096L))
		_exit(2);
	char *p = mmap(0, pages * 4096L, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < pages; i++) {
		int to = (i * 2731) % pages;
		char *q = mmap(p + to * 4096L, 4096, 3, MAP_SHARED | MAP_FIXED, fd, i * 4096L);
		if (q == MAP_FAILED)
			_exit(errno == ENOMEM ? 0 : 3);
		*(int *)q = i;
	}
	for (int i = 0; i < pages; i++)
		if (*(int *)(p + ((i * 2731) % pages) * 4096L) != i)
			_exit(4);
	_exit(0);
}

static void tmpfs_child(void) {
	static char b[1 << 20];
	memset(b, 7, sizeof b);
	int fd = open("/tmp/full", O_CREAT | O_WRONLY, 0600), e = 0;
	for (int i = 0; i < 100000; i++)
		if (write(fd, b, sizeof b) < 0) {
			e = errno;
			break;
		}
	unlink("/tmp/full");
	close(fd);
	_exit(e == ENOSPC ? 28 : e == ENOMEM ? 12 : 1);
}

static void selfmod_child(void) {
	unsigned char *p = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int sum = 0;
	for (int i = 0; i < 10000; i++) {
		p[0] = 0xb8, *(int *)(p + 1) = i, p[5] = 0xc3;
		sum += ((int (*)(void))p)() == i;
	}
	// And in the program's own text.
	u64 text = (u64)selfmod_child & ~4095UL;
	if (mprotect((void *)text, 8192, 7) == 0)
		*(volatile char *)text = *(volatile char *)text;
	_exit(sum == 10000 ? 0 : 1);
}

static void kmsg_child(void) {
	int fd = open("/dev/kmsg", O_WRONLY);
	char b[900];
	memset(b, 'x', sizeof b);
	for (int i = 0; i < 20000; i++)
		write(fd, b, sizeof b);
	for (int nr = 500; nr < 5000; nr++)
		syscall(nr);
	_exit(0);
}

static void vmhuge_child(void) {
	for (int i = 0; i < 2000; i++)
		mmap(0, 1UL << 40, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (u64 a = 0; a < 1UL << 47; a += 1UL << 34)
		mmap((void *)a, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	u64 n = 0; // touch one page a gigabyte: page tables upon page tables
	for (u64 a = 1UL << 34; a < 1UL << 46; a += 1UL << 34)
		if (mmap((void *)a, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED)
			*(char *)a = 1, n++;
	mremap((void *)(1UL << 34), 4096, 1UL << 46, MREMAP_MAYMOVE);
	_exit(0);
}

static void stack_child(void) {
	volatile char b[65536];
	b[0] = 1;
	stack_child();
	b[1] = 1;
}

static int depth_of(int n) { return n; }

static void signals_child(void) { // a storm of signals, and a handler that nests without end
	struct sigaction sa = {.sa_sigaction = skip2, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGUSR1, &sa, 0);
	pid_t me = getpid();
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			for (int k = 0; k < 5000; k++) {
				union sigval v = {.sival_int = k};
				sigqueue(me, SIGRTMIN + 1, v);
				kill(me, SIGWINCH);
			}
			_exit(depth_of(0));
		}
	for (int i = 0; i < 4; i++)
		wait(0);
	_exit(0);
}

static const struct { const char *name; void (*f)(void); } children[] = {
	{"hog", hog_child}, {"iovecs", iovecs_child}, {"links", links_child}, {"mounts", mounts_child}, {"mmaps", mmaps_child},
	{"shuffle", shuffle_child}, {"tmpfs", tmpfs_child}, {"selfmod", selfmod_child}, {"kmsg", kmsg_child}, {"vmhuge", vmhuge_child},
	{"stack", stack_child}, {"signals", signals_child}, {"fds", fds_child}, {"threads", threads_child},
};

// ---- isolation

static sigjmp_buf probe_env;
static void probe_trap(int s) { siglongjmp(probe_env, 1); }

static int readable(u64 a) {
	if (sigsetjmp(probe_env, 1))
		return 0;
	(void)*(volatile char *)a;
	return 1;
}

static void peek(void) {
	// A secret in a process of its own, of another user.
	int p[2];
	pipe(p);
	pid_t victim = fork();
	char *secret = mmap(0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!victim) {
		snprintf(secret, 4096, "SECRET-%d-%ld", getpid(), (long)time(0));
		write(p[1], secret, 64);
		pause();
		_exit(0);
	}
	char known[64];
	read(p[0], known, 64);
	u64 at = (u64)secret;
	int found = 0;
	setresgid(1000, 1000, 1000);
	setresuid(1000, 1000, 1000);
	char path[64], buf[4096];
	snprintf(path, sizeof path, "/proc/%d/mem", victim);
	int fd = open(path, O_RDONLY);
	if (fd >= 0 && pread(fd, buf, 64, at) > 0)
		found |= 1;
	struct iovec l = {buf, 64}, r = {(void *)at, 64};
	if (syscall(SYS_process_vm_readv, victim, &l, 1, &r, 1, 0) > 0)
		found |= 2;
	if (syscall(SYS_ptrace, 16, victim, 0, 0) == 0)
		found |= 4;
	const char *files[] = {"/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore", "/proc/kmem"};
	for (int i = 0; i < 5; i++)
		if (open(files[i], O_RDONLY) >= 0)
			found |= 8;
	// All that can be read of the address space above programs: the cell. Nobody's memory is there but ours.
	struct sigaction sa = {.sa_handler = probe_trap, .sa_flags = SA_NODEFER};
	sigaction(SIGSEGV, &sa, 0);
	sigaction(SIGBUS, &sa, 0);
	int pages = 0;
	for (u64 a = BASE; a < BASE + 0x12000000; a += 4096)
		if (a < ORDERS + 0x20000 || a >= AREA) {
			if (!readable(a)) {
				if (a > AREA + 0x100000)
					break;
				continue;
			}
			pages++;
			if (memmem((void *)a, 4096, known, strlen(known)))
				found |= 16;
		}
	for (u64 a = 0x7ff100000000UL; a < 0x7fffffffe000UL; a += 1UL << 24)
		if (readable(a))
			found |= 32;
	// Fresh memory is clean.
	for (int round = 0; round < 50; round++) {
		char *m = mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (int i = 0; i < 1 << 20; i++)
			if (m[i])
				found |= 64;
		memset(m, 0x5a, 1 << 20);
		munmap(m, 1 << 20);
	}
	printf("peek: found %d, %d pages of the cell\n", found, pages);
}

// ---- misc

static void hold(void) { // stay until told, with a marked amount of processor time
	char c;
	printf("holding %d\n", getpid());
	fflush(stdout);
	read(0, &c, 1);
	printf("released\n");
}

static void flood(void) {
	char b[4096];
	memset(b, 'f', sizeof b);
	for (;;)
		if (write(1, b, sizeof b) < 0)
			_exit(1);
}

int main(int argc, char **argv) {
	const char *m = argc > 1 ? argv[1] : "";
	setvbuf(stdout, 0, _IOLBF, 0);
	if (!strcmp(m, "wild"))
		wild();
	else if (!strcmp(m, "deaf"))
		deaf();
	else if (!strcmp(m, "forkbomb"))
		bomb(forkbomb_child, m);
	else if (!strcmp(m, "limits")) { // at the host's limit of processes, without a Go program that would want a thread
		bomb(forkbomb_child, "forkbomb");
		report("threads", run(threads_child));
		bomb(forkbomb_child, "forkbomb");
		puts("alive");
	} else if (!strcmp(m, "wildbomb"))
		bomb(wildbomb_child, m);
	else if (!strcmp(m, "peek"))
		peek();
	else if (!strcmp(m, "hold"))
		hold();
	else if (!strcmp(m, "flood"))
		flood();
	else if (!strcmp(m, "spin"))
		for (;;)
			__asm__ volatile("" ::: "memory");
	else {
		for (unsigned i = 0; i < sizeof children / sizeof *children; i++)
			if (!strcmp(m, children[i].name)) {
				report(m, run(children[i].f));
				return 0;
			}
		fprintf(stderr, "no such mode: %s\n", m);
		return 2;
	}
	return 0;
}
