/*
 * pipe - two processes and the buffer between them.
 *
 * The writer puts more into the pipe than it holds (64 KiB on Linux), so it
 * must sleep in write(2) until the reader has made room: look at the list of
 * tasks and their wait reasons meanwhile.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { total = 200 * 1000, chunk = 1000 };

int main(void)
{
	int fd[2]; /* fd[0] is read from, fd[1] is written to */
	char buf[chunk];

	if (pipe(fd) < 0) {
		perror("pipe");
		return 1;
	}
	pid_t writer = fork();
	if (writer < 0) {
		perror("fork");
		return 1;
	}
	if (writer == 0) {
		close(fd[0]);
		memset(buf, 'x', sizeof buf);
		for (int sent = 0; sent < total; sent += chunk)
			if (write(fd[1], buf, sizeof buf) != sizeof buf)
				_exit(1);
		_exit(0);
	}

	/* Without this close there would always be a writer, ourselves, and the
	 * loop below would wait for an end of file that never comes. */
	close(fd[1]);

	long got = 0, calls = 0;
	ssize_t n;
	while ((n = read(fd[0], buf, sizeof buf)) > 0) {
		got += n;
		calls++;
	}
	waitpid(writer, NULL, 0);
	printf("read %ld bytes in %ld calls\n", got, calls);
	return got != total;
}
