/*
 * hello - the smallest program with something to see.
 *
 *   cc -static -g -o hello hello.c
 *
 * Step into write(2): the stack shows main() under the kernel's sysWrite.
 */
#include <string.h>
#include <unistd.h>

int main(void)
{
	const char *text = "Hello from user space.\n";

	/* printf would collect the text in a buffer first; write does not. */
	return write(STDOUT_FILENO, text, strlen(text)) < 0;
}
