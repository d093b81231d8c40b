// A program that stops in the middle of things: it writes its registers to standard output and waits.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

enum colour { RED, GREEN = 5 };
typedef struct point {
	int x, y;
	const char *name;
	unsigned small : 3, wide : 9;
	enum colour colour;
	double weight;
} point;

int counter = 41;
static long numbers[4] = {10, 20, 30, -40};

static void handler(int sig, siginfo_t *info, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
		REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
	for (int i = 0; i < 17; i++)
		printf("%llx ", (unsigned long long)g[order[i]]);
	printf("\n");
	fflush(stdout);
	pause();
}

static inline __attribute__((always_inline)) int twice(int n)
{
	int doubled = 2 * n;
	__asm__ volatile("int3" : : "r"(doubled)); // here
	return doubled;
}

__attribute__((noinline)) int inner(point *p, const char *text)
{
	char buffer[16] = "a buffer";
	int r = twice(p->x + buffer[0] - 'a');
	return r + text[0];
}

int compare(const void *a, const void *b)
{
	point p = {.x = *(const int *)a, .y = 7, .name = "origin", .small = 5, .wide = 300, .colour = GREEN, .weight = 1.5};
	int r = inner(&p, "hello");
	return r - p.y;
}

int main(int argc, char **argv)
{
	struct sigaction s = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGTRAP, &s, NULL);
	int values[] = {3, 4};
	qsort(values, 2, sizeof values[0], compare); // through libc
	return counter + numbers[0];
}
