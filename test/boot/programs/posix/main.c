#include "check.h"

struct test *tests;

// Runs the named tests, or all; the exit status says whether all are well.
int main(int argc, char **argv) {
	int bad = 0, n = 0;
	for (struct test *t = tests; t; t = t->next) {
		int want = argc < 2;
		for (int i = 1; i < argc; i++)
			want |= !strcmp(argv[i], t->name);
		if (!want)
			continue;
		n++;
		pid_t p = fork();
		if (!p) {
			setpgid(0, 0);
			alarm(30);
			t->run();
			_exit(0);
		}
		int s = reap(p);
		kill(-p, SIGKILL);
		if (s) {
			bad++;
			printf("FAIL %s: status %#x\n", t->name, s);
			fflush(stdout);
		}
	}
	printf("%d tests, %d failed\n", n, bad);
	return bad != 0;
}
