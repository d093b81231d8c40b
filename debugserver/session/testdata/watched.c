// What tests of data breakpoints in programs look at.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct wide { // 100 bytes
	int id;
	char text[40];
	float ratio;
	int tail[13];
};

// In one page, with what else is written all the time.
static struct page {
	int counter;
	int noise[8];
	struct wide wide;
	long many[20];
	char buffer[64];
	long read_only;
} page __attribute__((aligned(4096))) = {.read_only = 41};

static struct { char before[4000], text[8192]; } copy __attribute__((aligned(4096)));

__attribute__((noinline)) void stage(int n) { page.noise[n % 8]++; }

__attribute__((noinline)) static int with_local(int n)
{
	int local = n;
	stage(1);
	local += 2; // local changes
	page.noise[1] = local;
	return local;
}

__attribute__((noinline)) static int deeper(int n) { return n ? deeper(n - 1) + with_local(n) : 0; }

static void *scribble(void *arg)
{
	long n = (long)arg;
	for (int i = 0; i < 200; i++)
		page.noise[n]++;
	if (n == 2)
		for (int i = 0; i < 3; i++)
			page.counter++; // a thread writes
	for (int i = 0; i < 200; i++)
		page.noise[n]++;
	return NULL;
}

static void threads(void)
{
	pthread_t t[4];
	memset(page.noise, 0, sizeof page.noise);
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, scribble, (void *)(i + 1));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	printf("noise %d %d %d %d counter %d\n", page.noise[1], page.noise[2], page.noise[3], page.noise[4], page.counter);
}

static void mappings(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*(char **)page.buffer = p;
	stage(0);
	p[5] = 1; // mapped
	munmap(p, 8192);
	mmap(p, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	p[5] = 2; // mapped again
	char *q = mremap(p, 8192, 16384, MREMAP_MAYMOVE | MREMAP_FIXED, p + (1 << 24));
	q[5] = 3;
	mmap(p, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mprotect(p, 8192, PROT_READ);
	mprotect(p, 8192, PROT_READ | PROT_WRITE);
	p[5] = 4; // after mprotect
	printf("mapped %d %d\n", p[5], q[5]);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	if (!strcmp(how, "threads")) {
		stage(0);
		threads();
	} else if (!strcmp(how, "local")) {
		printf("local %d\n", deeper(3));
	} else if (!strcmp(how, "read")) {
		int fd[2];
		pipe(fd);
		write(fd[1], "abcd", 4);
		stage(0);
		read(fd[0], page.buffer + 8, 4);
		printf("buffer %s\n", page.buffer + 8);
	} else if (!strcmp(how, "fork")) {
		stage(0);
		if (!fork()) {
			page.counter = 100;
			_exit(0);
		}
		wait(NULL);
		page.counter = 7; // the parent writes
		printf("counter %d\n", page.counter);
	} else if (!strcmp(how, "exec")) {
		stage(0);
		execl("/bin/watched", "watched", "", (char *)NULL);
	} else if (!strcmp(how, "mappings")) {
		mappings();
	} else if (!strcmp(how, "copy")) {
		stage(0);
		void *to = copy.text, *from = copy.text + 4096;
		memset(from, 'x', 300);
		long n = 200;
		asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory"); // copies
		printf("copied %.3s\n", copy.text);
	} else if (!strcmp(how, "fast")) {
		int n = atoi(argv[2]);
		stage(0);
		static volatile long elsewhere[4096];
		for (int i = 0; i < n; i++)
			elsewhere[i % 4096] += i;
		printf("fast done\n");
	} else if (!strcmp(how, "loop")) {
		stage(0);
		for (int i = 0; i < atoi(argv[2]); i++)
			page.noise[2]++;
		printf("loop done\n");
	} else {
		stage(0);
		page.counter = 5; // five
		page.counter = 5;
		page.wide.tail[3] = 7; // tail
		page.wide.ratio = 0.5; // ratio
		for (int i = 0; i < 20; i++)
			page.many[i] = i + 1; // many
		long x = page.read_only + 1; // is read
		printf("counter %d x %ld\n", page.counter, x);
	}
	return 0;
}
