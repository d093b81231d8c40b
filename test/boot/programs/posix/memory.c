#include "check.h"

#define PAGE 4096
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static char *map(size_t n, int prot, int flags) {
	char *p = mmap(0, n, prot, flags, -1, 0);
	CHECK(p != MAP_FAILED);
	return p;
}

TEST(mem_shared_file) {
	char name[] = "/tmp/sharedXXXXXX";
	int fd = mkstemp(name);
	CHECK(fd >= 0 && ftruncate(fd, 3 * PAGE) == 0);
	char *a = mmap(0, 3 * PAGE, RW, MAP_SHARED, fd, 0), *b = mmap(0, PAGE, RW, MAP_SHARED, fd, PAGE);
	char *priv = mmap(0, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(a != MAP_FAILED && b != MAP_FAILED && priv != MAP_FAILED);
	strcpy(a + PAGE, "by mapping");
	char buf[32];
	CHECK(!strcmp(b, "by mapping") && pread(fd, buf, 11, PAGE) == 11 && !strcmp(buf, "by mapping"));
	CHECK(pwrite(fd, "by write", 9, 2 * PAGE) == 9 && !strcmp(a + 2 * PAGE, "by write") && !strcmp(priv + 2 * PAGE, "by write"));
	priv[2 * PAGE] = 'B';
	CHECK(a[2 * PAGE] == 'b');
	pid_t k = fork();
	if (!k) {
		a[0] = 'c';
		priv[1] = 'x';
		_exit(0);
	}
	CHECK(reap(k) == 0 && a[0] == 'c' && priv[1] == 0);
	CHECK(msync(a, 3 * PAGE, MS_SYNC) == 0 && ftruncate(fd, 10) == 0);
	CHECK(a[0] == 'c' && pread(fd, buf, 32, 0) == 10);
	CHECK(ftruncate(fd, 3 * PAGE) == 0 && a[2 * PAGE] == 0);
	close(fd);
	CHECK(unlink(name) == 0 && a[0] == 'c' && munmap(a, 3 * PAGE) == 0);
}

TEST(mem_shared_anon) {
	int *n = (int *)map(PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
	pid_t k[8];
	for (int i = 0; i < 8; i++)
		if (!(k[i] = fork())) {
			for (int j = 0; j < 10000; j++)
				__atomic_fetch_add(n, 1, __ATOMIC_SEQ_CST);
			_exit(0);
		}
	for (int i = 0; i < 8; i++)
		CHECK(reap(k[i]) == 0);
	CHECK(*n == 80000);
}

TEST(mem_mremap) {
	char *p = map(4 * PAGE, RW, ANON);
	for (int i = 0; i < 4; i++)
		p[i * PAGE] = 'a' + i;
	map(PAGE, RW, ANON);
	char *q = mremap(p, 4 * PAGE, 600 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED);
	for (int i = 0; i < 4; i++)
		CHECK(q[i * PAGE] == 'a' + i);
	CHECK(q[599 * PAGE] == 0);
	CHECK(mremap(q, 600 * PAGE, 2 * PAGE, 0) == q && q[PAGE] == 'b');
	char *to = map(8 * PAGE, RW, ANON);
	CHECK(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + 2 * PAGE) == to + 2 * PAGE);
	CHECK(to[2 * PAGE] == 'a' && to[3 * PAGE] == 'b' && to[0] == 0);
	FAILS(msync(q, PAGE, MS_ASYNC), ENOMEM);
	CHECK(mremap(to, PAGE, 2 * PAGE, 0) == MAP_FAILED && errno == ENOMEM);
}

TEST(mem_protect_split) {
	char *p = map(64 * PAGE, RW, ANON);
	memset(p, 7, 64 * PAGE);
	for (int i = 0; i < 64; i += 2)
		CHECK(mprotect(p + i * PAGE, PAGE, PROT_READ) == 0);
	int z = open("/dev/zero", O_RDONLY);
	for (int i = 0; i < 64; i++) {
		if (i % 2)
			CHECK(read(z, p + i * PAGE, PAGE) == PAGE && p[i * PAGE] == 0);
		else
			FAILS(read(z, p + i * PAGE, PAGE), EFAULT);
	}
	CHECK(mprotect(p, 64 * PAGE, RW) == 0);
	p[0] = 1;
	CHECK(munmap(p + PAGE, 62 * PAGE) == 0 && p[0] == 1 && p[63 * PAGE] == 0);
	FAILS(mprotect(p, 64 * PAGE, RW), ENOMEM);
	CHECK(mprotect(p, PAGE, PROT_NONE) == 0);
	FAILS(write(1, p, 1), EFAULT);
}

TEST(mem_advise) {
	char *p = map(16 * PAGE, RW, ANON);
	memset(p, 5, 16 * PAGE);
	CHECK(madvise(p, 8 * PAGE, MADV_DONTNEED) == 0 && p[0] == 0 && p[8 * PAGE] == 5);
	unsigned char v[16];
	CHECK(mincore(p, 16 * PAGE, v) == 0 && v[15] & 1);
	CHECK(mlock(p, PAGE) == 0 && munlock(p, PAGE) == 0);
	CHECK(mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
	CHECK(mmap(p, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p && p[0] == 0);
	FAILS(madvise(p, PAGE, 12345), EINVAL);
	FAILS(munmap(p + 1, PAGE), EINVAL);
	CHECK(mmap(0, 0, RW, ANON, -1, 0) == MAP_FAILED && errno == EINVAL);
}

// Copy on write over many generations.
TEST(mem_cow) {
	int n = 256;
	int *p = (int *)map(n * PAGE, RW, ANON);
	for (int i = 0; i < n; i++)
		p[i * PAGE / 4] = i;
	for (int g = 1; g <= 20; g++) {
		pid_t k = fork();
		if (k) {
			int s = reap(k);
			CHECK(s == 0);
			for (int i = 0; i < n; i++)
				CHECK(p[i * PAGE / 4] == i + (g - 1) * 1000);
			_exit(0);
		}
		for (int i = 0; i < n; i++)
			p[i * PAGE / 4] += 1000;
	}
	for (int i = 0; i < n; i++)
		CHECK(p[i * PAGE / 4] == i + 20000);
}

static char *stackp;
static __attribute__((noinline)) long sum(int n) {
	volatile char b[8000];
	b[0] = n & 1;
	if (n == 0) {
		stackp = (char *)b;
		return 0;
	}
	return sum(n - 1) + 1;
}
TEST(mem_stack_grows) {
	char here;
	CHECK(sum(900) == 900);
	CHECK(&here - stackp > 7000000);
	char line[300];
	int found = 0;
	FILE *f = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof line, f)) {
		unsigned long a, b;
		if (strstr(line, "[stack]")) {
			CHECK(sscanf(line, "%lx-%lx", &a, &b) == 2);
			found = (char *)a <= stackp && &here < (char *)b;
		}
	}
	CHECK(found);
}

TEST(mem_brk) {
	char *a = sbrk(0);
	if (sbrk(100000) == (void *)-1)
		return; // musl's has none
	a[99999] = 1;
	CHECK(sbrk(0) == a + 100000 && sbrk(-100000) == a + 100000 && sbrk(0) == a);
}

TEST(mem_big) {
	size_t n = 100 << 20;
	char *p = map(n, RW, ANON | MAP_NORESERVE);
	for (size_t i = 0; i < n; i += 97 * PAGE)
		p[i] = i / PAGE;
	for (size_t i = 0; i < n; i += 97 * PAGE)
		CHECK(p[i] == (char)(i / PAGE));
	CHECK(munmap(p, n) == 0);
	char *none = map(1ul << 40, PROT_NONE, ANON | MAP_NORESERVE);
	CHECK(mprotect(none + (1ul << 39), PAGE, RW) == 0);
	none[1ul << 39] = 1;
}

TEST(mem_exec_after_write) {
	unsigned char code[] = {0xb8, 0, 0, 0, 0, 0xc3};
	unsigned char *p = (void *)map(PAGE, RW, ANON);
	for (int i = 0; i < 50; i++) {
		code[1] = i;
		CHECK(mprotect(p, PAGE, RW) == 0);
		memcpy(p, code, sizeof code);
		CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
		CHECK(((int (*)(void))p)() == i);
	}
}
