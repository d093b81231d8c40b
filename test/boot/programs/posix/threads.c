#include "check.h"
#include <semaphore.h>
#include <sys/resource.h>

static __thread int tls = 5;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
static long count;

static void start(pthread_t *t, void *(*f)(void *), void *arg) { CHECK(pthread_create(t, 0, f, arg) == 0); }

static void *adder(void *a) {
	CHECK(tls == 5);
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mu);
		count++;
		pthread_mutex_unlock(&mu);
		tls++;
	}
	CHECK(tls == 20005);
	return a;
}
TEST(thr_mutex_contention) {
	pthread_t t[8];
	for (long i = 0; i < 8; i++)
		start(&t[i], adder, (void *)i);
	for (long i = 0; i < 8; i++) {
		void *r;
		CHECK(pthread_join(t[i], &r) == 0);
		CHECK(r == (void *)i);
	}
	CHECK(count == 160000);
}

// Producers and consumers over a bounded queue.
static int q[16], qn, ended;
static void *produce(void *a) {
	for (int i = 1; i <= 3000; i++) {
		pthread_mutex_lock(&mu);
		while (qn == 16)
			pthread_cond_wait(&cv, &mu);
		q[qn++] = i;
		pthread_cond_broadcast(&cv);
		pthread_mutex_unlock(&mu);
	}
	return 0;
}
static void *consume(void *a) {
	for (;;) {
		pthread_mutex_lock(&mu);
		while (qn == 0 && !ended)
			pthread_cond_wait(&cv, &mu);
		if (qn == 0) {
			pthread_mutex_unlock(&mu);
			return 0;
		}
		count += q[--qn];
		pthread_cond_broadcast(&cv);
		pthread_mutex_unlock(&mu);
	}
}
TEST(thr_condvar) {
	pthread_t p[3], c[3];
	for (int i = 0; i < 3; i++) {
		start(&p[i], produce, 0);
		start(&c[i], consume, 0);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(p[i], 0);
	pthread_mutex_lock(&mu);
	ended = 1;
	pthread_cond_broadcast(&cv);
	pthread_mutex_unlock(&mu);
	for (int i = 0; i < 3; i++)
		pthread_join(c[i], 0);
	CHECK(count == 3l * 3000 * 3001 / 2);
}

TEST(thr_timedwait) {
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	double t0 = now();
	ts.tv_nsec += 30000000;
	if (ts.tv_nsec >= 1000000000)
		ts.tv_sec++, ts.tv_nsec -= 1000000000;
	pthread_mutex_lock(&mu);
	CHECK(pthread_cond_timedwait(&cv, &mu, &ts) == ETIMEDOUT);
	CHECK(now() - t0 >= 0.02);
	sem_t s;
	sem_init(&s, 0, 0);
	FAILS(sem_timedwait(&s, &ts), ETIMEDOUT);
}

static sem_t ready;
static int cleaned;
static void clean(void *a) { cleaned++; }
static void *victim(void *a) {
	int p[2];
	char c;
	pipe(p);
	pthread_cleanup_push(clean, 0);
	sem_post(&ready);
	if (a)
		for (;;)
			pthread_testcancel();
	read(p[0], &c, 1);
	pthread_cleanup_pop(0);
	return 0;
}
TEST(thr_cancel) {
	sem_init(&ready, 0, 0);
	for (long i = 0; i < 20; i++) {
		pthread_t t;
		void *r;
		start(&t, victim, (void *)(i & 1));
		while (sem_wait(&ready))
			;
		CHECK(pthread_cancel(t) == 0);
		CHECK(pthread_join(t, &r) == 0 && r == PTHREAD_CANCELED);
	}
	CHECK(cleaned == 20);
}

TEST(thr_robust) {
	pthread_mutex_t *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	CHECK(pthread_mutex_init(m, &a) == 0);
	for (int how = 0; how < 3; how++) {
		int p[2];
		char c;
		pipe(p);
		pid_t k = fork();
		if (!k) {
			CHECK(pthread_mutex_lock(m) == 0);
			write(p[1], "x", 1);
			if (how == 0)
				_exit(0);
			if (how == 1)
				raise(SIGKILL);
			execl("/proc/self/exe", "posix", "nothing", (char *)0);
			_exit(99);
		}
		read(p[0], &c, 1);
		CHECK(pthread_mutex_lock(m) == EOWNERDEAD);
		CHECK(pthread_mutex_consistent(m) == 0 && pthread_mutex_unlock(m) == 0);
		reap(k);
	}
}

static pthread_barrier_t bar;
static void *meet(void *a) {
	for (int i = 0; i < 200; i++) {
		__atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST);
		pthread_barrier_wait(&bar);
		CHECK(__atomic_load_n(&count, __ATOMIC_SEQ_CST) == (i + 1) * 6);
		pthread_barrier_wait(&bar);
	}
	return 0;
}
TEST(thr_barrier) {
	pthread_t t[6];
	pthread_barrier_init(&bar, 0, 6);
	for (int i = 0; i < 6; i++)
		start(&t[i], meet, 0);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], 0);
}

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static long x, y;
static void *rwork(void *a) {
	for (int i = 0; i < 5000; i++)
		if (i % 10 == 0) {
			pthread_rwlock_wrlock(&rw);
			x++, y++;
			pthread_rwlock_unlock(&rw);
		} else {
			pthread_rwlock_rdlock(&rw);
			CHECK(x == y);
			pthread_rwlock_unlock(&rw);
		}
	return 0;
}
TEST(thr_rwlock) {
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		start(&t[i], rwork, 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
	CHECK(x == 2000 && y == 2000);
}

static int pi_supported;
static void *pi(void *m) {
	for (int i = 0; i < 2000; i++) {
		CHECK(pthread_mutex_lock(m) == 0);
		count++;
		CHECK(pthread_mutex_unlock(m) == 0);
	}
	return 0;
}
TEST(thr_pi_mutex) {
	pthread_mutexattr_t a;
	pthread_mutex_t m;
	pthread_t t[4];
	pthread_mutexattr_init(&a);
	pi_supported = pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) == 0;
	if (!pi_supported || pthread_mutex_init(&m, &a))
		return;
	for (int i = 0; i < 4; i++)
		start(&t[i], pi, &m);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
	CHECK(count == 8000);
}

static volatile int got[8];
static __thread int me;
static void mark(int s) { got[me]++; }
static volatile int go, up;
static void *target(void *a) {
	me = (long)a;
	__atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
	while (!go)
		if (me & 1)
			sched_yield();
	return 0;
}
TEST(thr_kill) {
	pthread_t t[8];
	signal(SIGUSR1, mark);
	for (long i = 0; i < 8; i++)
		start(&t[i], target, (void *)i);
	while (up < 8)
		sched_yield();
	for (int i = 0; i < 8; i++) {
		CHECK(pthread_kill(t[i], SIGUSR1) == 0);
		double limit = now() + 10;
		while (!got[i] && now() < limit)
			sched_yield();
		for (int k = 0; k < 8; k++)
			CHECK(got[k] == (k <= i));
	}
	go = 1;
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], 0);
}

static void *nothing(void *a) { return a; }
TEST(thr_many) {
	for (int round = 0; round < 10; round++) {
		pthread_t t[50];
		for (int i = 0; i < 50; i++)
			start(&t[i], nothing, 0);
		for (int i = 0; i < 50; i++)
			pthread_join(t[i], 0);
	}
}

static void *bigstack(void *a) {
	volatile char b[14 << 20];
	for (int i = 0; i < sizeof b; i += 4096)
		b[i] = 1;
	return 0;
}
TEST(thr_big_stack) {
	pthread_attr_t a;
	pthread_t t;
	pthread_attr_init(&a);
	CHECK(pthread_attr_setstacksize(&a, 16 << 20) == 0);
	CHECK(pthread_create(&t, &a, bigstack, 0) == 0);
	pthread_join(t, 0);
}

// exec and exit with threads alive; setuid reaches all.
static void *forever(void *a) {
	for (;;)
		if (a)
			pause();
}
TEST(thr_exit_and_exec) {
	for (int how = 0; how < 4; how++) {
		pid_t k = fork();
		if (!k) {
			pthread_t t;
			for (long i = 0; i < 4; i++)
				start(&t, forever, (void *)(i & 1));
			if (how == 0)
				exit(7);
			if (how == 1)
				execl("/proc/self/exe", "posix", "nothing", (char *)0);
			if (how == 2)
				raise(SIGSEGV);
			if (how == 3) {
				CHECK(setgid(7) == 0 && setuid(1000) == 0 && getuid() == 1000);
				exit(getegid());
			}
			_exit(99);
		}
		int s = reap(k);
		CHECK(how == 2 ? WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV : s == (how == 1 ? 0 : 7 << 8));
	}
}

#ifdef __GLIBC__ // in a forked child of musl 1.2.3 nobody could join the first thread
static void *last_one(void *a) {
	pthread_join(*(pthread_t *)a, 0);
	exit(33);
}
TEST(thr_leader_exits) {
	pid_t k = fork();
	if (!k) {
		static pthread_t self, t;
		self = pthread_self();
		start(&t, last_one, &self);
		pthread_exit(0);
	}
	CHECK(reap(k) == 33 << 8);
}
#endif

static int fifo[2];
static void *fork_in_thread(void *a) {
	for (int i = 0; i < 10; i++) {
		pid_t k = fork();
		if (!k)
			_exit(getpid() == gettid() ? 3 : 4);
		CHECK(reap(k) == 3 << 8);
	}
	return 0;
}
TEST(thr_fork) {
	pthread_t t[4];
	(void)fifo;
	for (int i = 0; i < 4; i++)
		start(&t[i], fork_in_thread, 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
}
