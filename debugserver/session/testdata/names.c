// Calls uname(2) as often as it is told.
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

int main(int argc, char **argv) {
	struct utsname u;
	for (long n = atol(argv[1]); n > 0; n--)
		uname(&u);
	puts("names done");
}
