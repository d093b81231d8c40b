/*
 * fork - one process becomes two; both go on behind the same call.
 *
 * After fork(2) parent and child have the same memory, page by page, until one
 * of them writes to it: then the kernel copies that page (copy on write). Set a
 * breakpoint in the kernel's page-fault handler and step over "number = 2".
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int number = 1;

int main(void)
{
	pid_t child = fork();

	if (child < 0) {
		perror("fork");
		return 1;
	}
	if (child == 0) {
		number = 2; /* the child's copy of the page */
		printf("child:  pid %d, parent %d, number %d at %p\n", getpid(), getppid(), number, (void *)&number);
		return 7;
	}

	int status;
	if (waitpid(child, &status, 0) < 0) {
		perror("waitpid");
		return 1;
	}
	printf("parent: pid %d, child %d exited with %d\n", getpid(), child, WEXITSTATUS(status));
	printf("parent: number is still %d at %p\n", number, (void *)&number);
	return 0;
}
