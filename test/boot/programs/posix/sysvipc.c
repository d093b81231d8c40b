#include "check.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static int nattch(int id) {
	struct shmid_ds ds;
	CHECK(shmctl(id, IPC_STAT, &ds) == 0);
	return ds.shm_nattch;
}

TEST(ipc_shm) {
	key_t key = 0x56495400 + getpid();
	FAILS(shmget(key, 4096, 0600), ENOENT);
	int id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0600);
	CHECK(id >= 0 && shmget(key, 0, 0) == id);
	FAILS(shmget(key, 5000, IPC_CREAT | IPC_EXCL), EEXIST);
	FAILS(shmget(key, 9000, 0), EINVAL);
	char *a = shmat(id, 0, 0), *b = shmat(id, 0, SHM_RDONLY);
	CHECK(a != (void *)-1 && b != (void *)-1 && a != b && nattch(id) == 2);
	strcpy(a + 4990, "shared");
	CHECK(!strcmp(b + 4990, "shared"));
	FAILS(mprotect(b, 4096, PROT_READ | PROT_WRITE), EACCES);
	CHECK(shmat(id, a + 1, 0) == (void *)-1 && errno == EINVAL);
	CHECK(shmat(id, a, 0) == (void *)-1 && errno == EINVAL);
	CHECK(shmat(id, a + 1, SHM_RND | SHM_REMAP) == a && !strcmp(a + 4990, "shared"));
	pid_t k = fork();
	if (!k) {
		if (nattch(id) != 4)
			_exit(1);
		strcpy(a, "from the child");
		_exit(0); // detaches
	}
	CHECK(reap(k) == 0 && !strcmp(b, "from the child"));
	while (nattch(id) != 2) // wait(2) may return before the child's memory is gone
		sched_yield();
	CHECK(munmap(b + 4096, 4096) == 0 && shmdt(b) == 0);
	FAILS(shmdt(b), EINVAL);
	CHECK(shmctl(id, IPC_RMID, 0) == 0);
	FAILS(shmget(key, 0, 0), ENOENT);
	struct shmid_ds ds;
	CHECK(shmctl(id, IPC_STAT, &ds) == 0 && ds.shm_perm.mode & 01000 && ds.shm_segsz == 5000 && ds.shm_cpid == getpid());
	CHECK(!strcmp(a, "from the child") && shmdt(a) == 0);
	FAILS(shmctl(id, IPC_STAT, &ds), EINVAL);
}

static int semdo(int id, int num, int op, int flags) {
	struct sembuf b = {num, op, flags};
	return semop(id, &b, 1);
}

TEST(ipc_sem) {
	int id = semget(IPC_PRIVATE, 3, 0600);
	unsigned short v[3] = {1, 2, 3};
	CHECK(id >= 0 && semctl(id, 0, SETALL, v) == 0 && semctl(id, 1, GETVAL) == 2 && semctl(id, 1, SETVAL, 0) == 0);
	FAILS(semctl(id, 3, GETVAL), EINVAL);
	FAILS(semctl(id, 0, SETVAL, 40000), ERANGE);
	FAILS(semdo(id, 3, 1, 0), EFBIG);
	FAILS(semdo(id, 1, -1, IPC_NOWAIT), EAGAIN);
	struct sembuf both[2] = {{0, -1, 0}, {1, -1, IPC_NOWAIT}};
	FAILS(semop(id, both, 2), EAGAIN);
	CHECK(semctl(id, 0, GETVAL) == 1);
	struct timespec soon = {0, 20000000};
	FAILS(semtimedop(id, &both[1], 0, 0), EINVAL);
	both[1].sem_flg = 0;
	FAILS(semtimedop(id, &both[1], 1, &soon), EAGAIN);
	pid_t k = fork();
	if (!k) {
		struct sembuf take[2] = {{1, -2, 0}, {2, -3, SEM_UNDO}};
		_exit(semop(id, take, 2));
	}
	while (semctl(id, 1, GETNCNT) != 1)
		sched_yield();
	CHECK(semdo(id, 1, 2, 0) == 0 && reap(k) == 0);
	CHECK(semctl(id, 1, GETVAL) == 0 && semctl(id, 2, GETVAL) == 3 && semctl(id, 1, GETPID) == k);
	k = fork();
	if (!k)
		_exit(semdo(id, 1, -1, 0) == -1 && errno == EIDRM ? 0 : 1);
	while (semctl(id, 1, GETNCNT) != 1)
		sched_yield();
	CHECK(semctl(id, 0, IPC_RMID) == 0 && reap(k) == 0);
	CHECK(semctl(id, 0, GETVAL) == -1 && (errno == EINVAL || errno == EIDRM));
}

static void nothing(int s) {}

TEST(ipc_sem_signal) {
	int id = semget(IPC_PRIVATE, 1, 0600);
	struct sigaction sa = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	sigaction(SIGALRM, &sa, 0);
	ualarm(20000, 0);
	FAILS(semdo(id, 0, -1, 0), EINTR); // whatever SA_RESTART says
	CHECK(semctl(id, 0, GETNCNT) == 0 && semctl(id, 0, IPC_RMID) == 0);
}

TEST(ipc_msg) {
	struct {
		long type;
		char text[9000];
	} m = {7, "seven"};
	int id = msgget(IPC_PRIVATE, 0600);
	CHECK(id >= 0 && msgsnd(id, &m, 6, 0) == 0);
	FAILS(msgsnd(id, &m, 8193, 0), EINVAL);
	m.type = 0;
	FAILS(msgsnd(id, &m, 1, 0), EINVAL);
	FAILS(msgrcv(id, &m, 5, 0, 0), E2BIG);
	FAILS(msgrcv(id, &m, 9000, 3, IPC_NOWAIT), ENOMSG);
	CHECK(msgrcv(id, &m, 9000, -9, 0) == 6 && m.type == 7 && !strcmp(m.text, "seven"));
	m.type = 1;
	int n = 0;
	while (msgsnd(id, &m, 1000, IPC_NOWAIT) == 0)
		n++;
	CHECK(errno == EAGAIN && n == 16);
	pid_t k = fork();
	if (!k) {
		m.type = 2;
		_exit(msgsnd(id, &m, 8000, 0));
	}
	for (int i = 0; i < n; i++)
		CHECK(msgrcv(id, &m, 9000, 1, 0) == 1000);
	CHECK(msgrcv(id, &m, 10, 2, MSG_NOERROR) == 10 && m.type == 2 && reap(k) == 0);
	struct msqid_ds ds;
	CHECK(msgctl(id, IPC_STAT, &ds) == 0 && ds.msg_qnum == 0 && ds.msg_lspid == k && ds.msg_lrpid == getpid());
	CHECK(msgctl(id, IPC_RMID, 0) == 0);
}
