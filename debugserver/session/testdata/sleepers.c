// Makes so many threads that sleep.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *asleep(void *p) {
	pause();
	return 0;
}

int main(int argc, char **argv) {
	pthread_attr_t a;
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 16384);
	for (int n = atoi(argv[1]); n > 0; n--) {
		pthread_t t;
		if (pthread_create(&t, &a, asleep, 0)) {
			perror("pthread_create");
			return 1;
		}
	}
	puts("sleeping");
	fflush(stdout);
	pause();
}
