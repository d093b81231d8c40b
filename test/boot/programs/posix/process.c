#include "check.h"
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>

extern char **environ;

TEST(proc_spawn) {
	int p[2];
	char b[64] = "";
	pipe(p);
	posix_spawn_file_actions_t fa;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, p[1], 1);
	pid_t k;
	char *argv[] = {"posix", "nothing", 0};
	CHECK(posix_spawn(&k, "/proc/self/exe", &fa, 0, argv, environ) == 0);
	close(p[1]);
	CHECK(reap(k) == 0 && read(p[0], b, 63) > 0 && !strcmp(b, "0 tests, 0 failed\n"));
	CHECK(posix_spawn(&k, "/nosuch", 0, 0, argv, environ) == ENOENT);
}

TEST(proc_vfork) {
	volatile int shared = 0;
	for (int i = 0; i < 50; i++) {
		pid_t k = vfork();
		if (!k) {
			shared++;
			_exit(i);
		}
		CHECK(shared == i + 1 && reap(k) == i << 8);
	}
}

TEST(proc_exec_args) {
	// One string may have 128 KiB, all a quarter of the stack's limit.
	char *big = malloc(200000), *argv[100], *envp[] = {"A=1", 0};
	memset(big, 'x', 200000);
	big[131072] = 0;
	argv[0] = "posix", argv[1] = big, argv[2] = 0;
	FAILS(execve("/proc/self/exe", argv, envp), E2BIG);
	big[131071] = 0;
	for (int i = 1; i < 99; i++)
		argv[i] = big;
	argv[99] = 0;
	FAILS(execve("/proc/self/exe", argv, envp), E2BIG);
	argv[10] = 0;
	pid_t k = fork();
	if (!k) {
		close(1), open("/dev/null", O_WRONLY);
		execve("/proc/self/exe", argv, envp);
		_exit(9);
	}
	CHECK(reap(k) == 0);
	FAILS(execve("/tmp", argv, envp), EACCES);
	unlink("/tmp/noexec");
	int fd = open("/tmp/noexec", O_CREAT | O_WRONLY | O_TRUNC, 0644);
	FAILS(execve("/tmp/noexec", argv, envp), EACCES);
	fchmod(fd, 0755);
	FAILS(execve("/tmp/noexec", argv, envp), ETXTBSY);
	write(fd, "#!/nosuch/interpreter\n", 22);
	close(fd);
	FAILS(execve("/tmp/noexec", argv, envp), ENOENT);
}

TEST(proc_wait) {
	pid_t k[10];
	int s;
	for (int i = 0; i < 10; i++)
		if (!(k[i] = fork()))
			_exit(i);
	int sum = 0;
	for (int i = 0; i < 10; i++) {
		CHECK(wait(&s) > 0);
		sum += WEXITSTATUS(s);
	}
	CHECK(sum == 45);
	FAILS(wait(&s), ECHILD);
	pid_t slow = fork();
	if (!slow)
		for (;;)
			pause();
	CHECK(waitpid(-1, &s, WNOHANG) == 0);
	setpgid(slow, slow);
	CHECK(waitpid(-slow, &s, WNOHANG) == 0);
	FAILS(waitpid(0, &s, WNOHANG), ECHILD);
	kill(-slow, SIGKILL);
	struct rusage ru;
	CHECK(wait4(slow, &s, 0, &ru) == slow && WTERMSIG(s) == SIGKILL);
	int fd = syscall(SYS_pidfd_open, getpid(), 0);
	CHECK(fd >= 0);
	signal(SIGCHLD, SIG_IGN); // children leave no zombies
	if (!fork())
		_exit(0);
	FAILS(wait(&s), ECHILD);
}

TEST(proc_session) {
	pid_t k = fork();
	if (!k) {
		CHECK(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid());
		FAILS(setsid(), EPERM);
		FAILS(setpgid(0, 0), EPERM);
		FAILS(open("/dev/tty", O_RDWR), ENXIO);
		_exit(0);
	}
	CHECK(reap(k) == 0);
	FAILS(setpgid(1, 1), ESRCH);
	CHECK(getpriority(PRIO_PROCESS, 0) == 0 && nice(5) == 5 && getpriority(PRIO_PROCESS, 0) == 5);
}

TEST(proc_orphans) {
	// The reaper gets the grandchild.
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	int p[2];
	pipe(p);
	pid_t k = fork();
	if (!k) {
		pid_t g = fork();
		if (!g) {
			char c;
			close(p[1]);
			read(p[0], &c, 1);
			_exit(21);
		}
		write(p[1], &g, 0);
		_exit(0);
	}
	CHECK(reap(k) == 0);
	close(p[1]);
	int s;
	CHECK(wait(&s) > 0 && s == 21 << 8);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	int sig;
	CHECK(prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == SIGTERM);
	char name[16];
	CHECK(prctl(PR_SET_NAME, "a-very-long-name-indeed") == 0 && prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "a-very-long-nam"));
}

TEST(proc_limits) {
	struct rlimit r;
	CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur >= 1024);
	r.rlim_cur = 10;
	CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
	while (dup(0) >= 0)
		;
	CHECK(errno == EMFILE);
	r.rlim_cur = r.rlim_max = 100000;
	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &r) == 0);
	close(3);
	int fd = open("/tmp/limit", O_CREAT | O_RDWR, 0600);
	CHECK(fd >= 0);
	static char b[200000];
	CHECK(write(fd, b, sizeof b) == 100000);
	FAILS(write(fd, b, 1), EFBIG);
	unlink("/tmp/limit");
	pid_t k = fork();
	if (!k) {
		r.rlim_cur = r.rlim_max = 1;
		setrlimit(RLIMIT_CPU, &r);
		for (;;)
			;
	}
	int s = reap(k);
	CHECK(WIFSIGNALED(s) && (WTERMSIG(s) == SIGXCPU || WTERMSIG(s) == SIGKILL));
	k = fork();
	if (!k) {
		r.rlim_cur = r.rlim_max = 64 << 20;
		CHECK(setrlimit(RLIMIT_AS, &r) == 0);
		CHECK(mmap(0, 100 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
		_exit(0);
	}
	CHECK(reap(k) == 0);
}

TEST(proc_clocks) {
	struct timespec a, b, res;
	for (int c = 0; c < 8; c++) {
		CHECK(clock_gettime(c, &a) == 0 && clock_gettime(c, &b) == 0);
		CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
		CHECK(clock_getres(c, &res) == 0);
	}
	double t0 = now();
	clock_gettime(CLOCK_MONOTONIC, &a);
	a.tv_nsec += 20000000;
	if (a.tv_nsec >= 1000000000)
		a.tv_sec++, a.tv_nsec -= 1000000000;
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, 0) == 0 && now() - t0 >= 0.019);
	struct tms tm;
	CHECK(times(&tm) > 0);
	struct utsname u;
	CHECK(uname(&u) == 0 && !strcmp(u.sysname, "Linux") && !strcmp(u.machine, "x86_64"));
	struct sysinfo si;
	CHECK(sysinfo(&si) == 0 && si.totalram > 0 && si.procs > 0);
	cpu_set_t cs;
	CHECK(sched_getaffinity(0, sizeof cs, &cs) == 0 && CPU_COUNT(&cs) == sysconf(_SC_NPROCESSORS_ONLN));
	unsigned cpu;
	CHECK(syscall(SYS_getcpu, &cpu, 0, 0) == 0 && CPU_ISSET(cpu, &cs));
}

TEST(proc_tree) {
	// A binary tree of processes, six levels.
	for (int d = 0; d < 6; d++) {
		pid_t l = fork();
		if (!l)
			continue;
		pid_t r = fork();
		if (!r)
			continue;
		int s = WEXITSTATUS(reap(l)) + WEXITSTATUS(reap(r));
		if (d == 0)
			CHECK(s == 64);
		_exit(d ? s : 0);
	}
	_exit(1);
}

TEST(proc_ping_pong) {
	int a[2], b[2];
	char c;
	pipe(a), pipe(b);
	pid_t k = fork();
	if (!k) {
		while (read(a[0], &c, 1) == 1 && c != 'q')
			write(b[1], &c, 1);
		_exit(0);
	}
	for (int i = 0; i < 5000; i++) {
		c = 'a' + i % 10;
		CHECK(write(a[1], &c, 1) == 1 && read(b[0], &c, 1) == 1 && c == 'a' + i % 10);
	}
	write(a[1], "q", 1);
	CHECK(reap(k) == 0);
}
