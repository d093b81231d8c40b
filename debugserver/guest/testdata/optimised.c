// A program for -O2 that stops where its arguments are in registers, or lost: it writes its registers and its XSAVE area, and waits.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

struct pair {
	double ratio;
	long count;
};

static void handler(int sig, siginfo_t *info, void *context)
{
	mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
	static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
		REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
	for (int i = 0; i < 17; i++)
		printf("%llx ", (unsigned long long)m->gregs[order[i]]);
	printf("\n");
	const unsigned char *area = (const unsigned char *)m->fpregs;
	uint32_t magic, size = 512;
	memcpy(&magic, area + 464, 4);
	if (magic == 0x46505853)
		memcpy(&size, area + 480, 4);
	for (uint32_t i = 0; i < size; i++)
		printf("%02x", area[i]);
	printf("\n");
	fflush(stdout);
	pause();
}

__attribute__((noipa)) long here(struct pair p, float f, long n)
{
	__asm__ volatile("int3" : : "x"(p.ratio), "r"(p.count), "x"(f)); // n is of no use any more
	return p.count;
}

__attribute__((noipa)) long lost(long n, long also)
{
	__asm__ volatile("" : : : "rdi", "rsi");
	struct pair p = {1.5, 7};
	return here(p, 2.25f, 5) + 1;
}

int main(int argc, char **argv)
{
	struct sigaction s = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGTRAP, &s, NULL);
	return lost(42, argc + 1) + argc;
}
