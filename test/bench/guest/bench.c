// bench NAME ROUNDS [N]: measures one thing ROUNDS times and prints the nanoseconds
// per operation of each round. The same static binary runs natively and in the kernel.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what) {
	perror(what);
	exit(1);
}

static int64_t null_call(int n) {
	int64_t t = now();
	for (int i = 0; i < n; i++)
		syscall(SYS_getppid);
	return now() - t;
}

static int64_t faults(int n, int stride) {
	char *p = mmap(0, n * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	madvise(p, n * 4096L, MADV_NOHUGEPAGE);
	int64_t t = now();
	for (int i = 0; i < n; i++)
		*(volatile char *)(p + (int64_t)i * stride % n * 4096) = 1;
	t = now() - t;
	munmap(p, n * 4096L);
	return t;
}

static char *self;

static int64_t forkexec(int n, int exec) {
	int64_t t = now();
	for (int i = 0; i < n; i++) {
		pid_t p = fork();
		if (p < 0)
			die("fork");
		if (!p) {
			if (exec)
				execl(self, self, "nothing", "0", (char *)0);
			_exit(exec);
		}
		int s;
		waitpid(p, &s, 0);
		if (s)
			die("child");
	}
	return now() - t;
}

static int64_t pipes(int n) {
	int a[2], b[2];
	char c = 1;
	if (pipe(a) || pipe(b))
		die("pipe");
	pid_t p = fork();
	if (!p) {
		close(a[1]);
		close(b[0]);
		while (read(a[0], &c, 1) == 1)
			write(b[1], &c, 1);
		_exit(0);
	}
	close(a[0]);
	close(b[1]);
	int64_t t = now();
	for (int i = 0; i < n; i++)
		if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1)
			die("pipe");
	t = now() - t;
	close(a[1]);
	close(b[0]);
	waitpid(p, 0, 0);
	return t;
}

static int64_t stats(int n) {
	struct stat s;
	int64_t t = now();
	for (int i = 0; i < n; i++)
		if (stat("/tmp/bench.file", &s))
			die("stat");
	return now() - t;
}

static int64_t opens(int n) {
	int64_t t = now();
	for (int i = 0; i < n; i++) {
		int fd = open("/tmp/bench.file", O_RDONLY);
		if (fd < 0)
			die("open");
		close(fd);
	}
	return now() - t;
}

static int64_t compute(int n) {
	volatile uint64_t x = 88172645463325252ULL;
	int64_t t = now();
	for (int i = 0; i < n; i++) {
		uint64_t y = x;
		for (int j = 0; j < 1000; j++) {
			y ^= y << 13;
			y ^= y >> 7;
			y ^= y << 17;
		}
		x = y;
	}
	return now() - t;
}

int main(int argc, char **argv) {
	self = argv[0];
	const char *m = argc > 1 ? argv[1] : "";
	int rounds = argc > 2 ? atoi(argv[2]) : 0;
	int n = argc > 3 ? atoi(argv[3]) : 1000;
	if (!strcmp(m, "nothing"))
		return 0;
	close(open("/tmp/bench.file", O_CREAT | O_WRONLY, 0644));
	for (int r = 0; r < rounds; r++) {
		int64_t t;
		if (!strcmp(m, "null"))
			t = null_call(n);
		else if (!strcmp(m, "fault-sequential"))
			t = faults(n, 1);
		else if (!strcmp(m, "fault-single"))
			t = faults(n, 389); // prime to any power of two, and never the neighbour
		else if (!strcmp(m, "fork"))
			t = forkexec(n, 0);
		else if (!strcmp(m, "forkexec"))
			t = forkexec(n, 1);
		else if (!strcmp(m, "pipe"))
			t = pipes(n);
		else if (!strcmp(m, "stat"))
			t = stats(n);
		else if (!strcmp(m, "open"))
			t = opens(n);
		else if (!strcmp(m, "compute"))
			t = compute(n);
		else
			return 2;
		printf("%.1f\n", (double)t / n);
	}
	unlink("/tmp/bench.file");
	return 0;
}
