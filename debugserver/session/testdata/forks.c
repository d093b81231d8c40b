// Forks and waits in several processes, and checks every exit status; the result says whether one was wrong.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
	int jobs = atoi(argv[1]), n = atoi(argv[2]), bad = 0;
	for (int j = 0; j < jobs; j++)
		if (!fork()) {
			for (int i = 0; i < n; i++) {
				int s, want = (j * 31 + i) & 127;
				pid_t p = i % 2 ? fork() : vfork();
				if (!p) {
					if (i % 8 == 0)
						execl("/bin/true", "true", (char *)0);
					_exit(i % 8 == 0 ? 255 : want);
				}
				if (p < 0 || waitpid(p, &s, 0) != p || !WIFEXITED(s) || WEXITSTATUS(s) != (i % 8 == 0 ? 0 : want))
					_exit(1);
			}
			_exit(0);
		}
	for (int j = 0; j < jobs; j++) {
		int s;
		if (wait(&s) < 0 || s)
			bad++;
	}
	printf("forks: %d bad\n", bad);
	return bad;
}
