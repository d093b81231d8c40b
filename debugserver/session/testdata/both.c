// What tests of both sides look at: a program with functions, data, system calls, and a fault on request.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/wait.h>

struct item {
	int number;
	const char *name;
	struct item *next;
};

int total;
static __thread int calls = 100; // of this thread

__attribute__((noinline)) int add(int a, int b)
{
	int sum = a + b;
	total += sum;
	calls++;
	return sum;
}

__attribute__((noinline)) void say(struct item *i, const char *text)
{
	int length = strlen(text);
	write(1, text, length); // say
	i->number += length;
}

__attribute__((noinline)) double scale(double x, float y)
{
	__asm__ volatile("" : "+x"(x), "+x"(y)); // so that it is called
	return x * y; // scale
}

static void *work(void *arg)
{
	long n = (long)arg;
	for (int i = 0; i < 3; i++)
		add(n, i);
	return NULL;
}

static void crash(char *where)
{
	*where = 1; // crash
}

int main(int argc, char **argv)
{
	struct item second = {2, "second", NULL}, first = {1, "first", &second};
	const char *how = argc > 1 ? argv[1] : "";
	if (!strcmp(how, "crash"))
		crash(NULL);
	if (!strcmp(how, "threads")) {
		pthread_t t[4];
		for (long i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, work, (void *)i);
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
		printf("total %d\n", total);
		return 0;
	}
	if (!strcmp(how, "floats")) {
		printf("scaled %g\n", scale(2, 8.5f));
		return 0;
	}
	if (!strcmp(how, "forks")) {
		int n = argc > 2 ? atoi(argv[2]) : 3;
		for (int i = 0; i < n; i++)
			if (!fork()) {
				add(i, 1000);
				_exit(0);
			}
		while (wait(NULL) > 0)
			;
		printf("forks done\n");
		return 0;
	}
	if (!strcmp(how, "sleep")) {
		write(1, "asleep\n", 7);
		sleep(1000);
	}
	if (!strcmp(how, "spin")) {
		write(1, "spinning\n", 9);
		for (volatile int i = 0;; i++)
			add(i, 1);
	}
	if (!strcmp(how, "loop")) {
		int n = atoi(argv[2]);
		struct timespec a, b;
		clock_gettime(CLOCK_MONOTONIC, &a);
		for (int i = 0; i < n; i++)
			add(i, 1);
		clock_gettime(CLOCK_MONOTONIC, &b);
		printf("loop %ld us\n", (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
		return 0;
	}
	int r = 0;
	for (int i = 0; i < 3; i++)
		r = add(r, i);
	say(&first, "hello\n");
	printf("r %d total %d number %d\n", r, total, first.number);
	return 0;
}
