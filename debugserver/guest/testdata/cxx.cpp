// A C++ program that stops in a method: it writes its registers to standard output and waits.
#include <signal.h>
#include <stdio.h>
#include <string>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

static void handler(int, siginfo_t *, void *context)
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

namespace shapes {
int drawn = 3;

struct Base {
	int id = 9;
};

class Box : public Base {
	std::string label;
	std::vector<int> sizes;
	double area = 2.5;

public:
	Box(const char *l, std::vector<int> s) : label(l), sizes(s) {}
	__attribute__((noinline)) int draw(const std::string &how, int times);
	__attribute__((noinline)) int draw(long times) { return times + drawn; }
	static int count() { return drawn; }
};

int Box::draw(const std::string &how, int times)
{
	std::vector<std::string> words = {"one", how};
	__asm__ volatile("int3");
	drawn += times;
	return drawn + (int)words.size();
}

template <typename T> __attribute__((noinline)) T biggest(T a, T b) { return a > b ? a : b; }

namespace {
__attribute__((noinline)) int hidden(int n) { return n + drawn; }
}
}

int main()
{
	struct sigaction s = {};
	s.sa_sigaction = handler;
	s.sa_flags = SA_SIGINFO;
	sigaction(SIGTRAP, &s, nullptr);
	shapes::Box box("a box, and its label is long enough to be elsewhere", {4, 5, 6});
	return box.draw("twice", 2) + box.draw(5L) + shapes::biggest(1, 2) + (int)shapes::biggest(1.5, 2.5) + shapes::hidden(3) + shapes::Box::count();
}
