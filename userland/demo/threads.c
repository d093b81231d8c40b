/*
 * threads - several tasks in one address space, and the futex between them.
 *
 *   cc -static -g -pthread -o threads threads.c
 *
 * pthread_create is clone(2) with CLONE_VM and friends; a mutex that is free is
 * taken without the kernel, and only one that is held leads to futex(2).
 */
#include <pthread.h>
#include <stdio.h>

enum { threads = 4, rounds = 10000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long counter; /* guarded by lock */

static void *work(void *arg)
{
	(void)arg;
	for (int i = 0; i < rounds; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

int main(void)
{
	pthread_t t[threads];

	for (int i = 0; i < threads; i++) {
		int err = pthread_create(&t[i], NULL, work, NULL);
		if (err) {
			fprintf(stderr, "pthread_create: %d\n", err);
			return 1;
		}
	}
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	printf("%d threads counted to %ld\n", threads, counter);
	return counter != threads * rounds;
}
