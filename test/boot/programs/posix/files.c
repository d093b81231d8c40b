#include "check.h"
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>

static char dir[] = "/tmp/filesXXXXXX";
static void enter(void) { CHECK(mkdtemp(dir) && chdir(dir) == 0); }

TEST(file_open_flags) {
	enter();
	int fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0640);
	CHECK(fd >= 0);
	FAILS(open("f", O_CREAT | O_EXCL, 0600), EEXIST);
	FAILS(open("f", O_DIRECTORY), ENOTDIR);
	FAILS(open(".", O_WRONLY), EISDIR);
	CHECK(symlink("f", "l") == 0);
	FAILS(open("l", O_NOFOLLOW), ELOOP);
	FAILS(open("none/x", O_RDONLY), ENOENT);
	FAILS(open("f/x", O_RDONLY), ENOTDIR);
	char longname[5000];
	memset(longname, 'a', sizeof longname);
	longname[300] = 0;
	FAILS(open(longname, O_RDONLY), ENAMETOOLONG);
	longname[300] = 'a', longname[4999] = 0;
	FAILS(open(longname, O_RDONLY), ENAMETOOLONG);
	CHECK(symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0);
	FAILS(open("loop1", O_RDONLY), ELOOP);
	int p = open("l", O_PATH | O_NOFOLLOW);
	struct stat st;
	CHECK(p >= 0 && fstat(p, &st) == 0 && S_ISLNK(st.st_mode));
	FAILS(read(p, longname, 1), EBADF);
	CHECK(write(fd, "hello", 5) == 5 && lseek(fd, 100, SEEK_END) == 105 && write(fd, "x", 1) == 1);
	CHECK(fstat(fd, &st) == 0 && st.st_size == 106 && (st.st_mode & 0777) == 0640);
	int a = open("f", O_WRONLY | O_APPEND), t;
	CHECK(pwrite(a, "y", 1, 0) == 1 && fstat(fd, &st) == 0 && st.st_size == 107);
	CHECK((t = open("f", O_WRONLY | O_TRUNC)) >= 0 && fstat(fd, &st) == 0 && st.st_size == 0);
	int tmp = open(".", O_TMPFILE | O_RDWR, 0600);
	CHECK(tmp >= 0 && write(tmp, "t", 1) == 1);
	char proc[64];
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", tmp);
	CHECK(linkat(AT_FDCWD, proc, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0 && access("named", R_OK) == 0);
}

TEST(file_names) {
	enter();
	CHECK(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
	FAILS(mkdir("d", 0755), EEXIST);
	FAILS(rmdir("d"), ENOTEMPTY);
	FAILS(unlink("d"), EISDIR);
	FAILS(rename("d", "d/e/x"), EINVAL);
	int fd = open("a", O_CREAT | O_RDWR, 0644);
	CHECK(link("a", "b") == 0);
	struct stat st;
	CHECK(fstat(fd, &st) == 0 && st.st_nlink == 2 && unlink("a") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1);
	CHECK(rename("b", "d/c") == 0 && access("d/c", F_OK) == 0);
	FAILS(rename("d/c", "d/e"), EISDIR);
	FAILS(rename("d/e", "d/c"), ENOTDIR);
	CHECK(syscall(SYS_renameat2, AT_FDCWD, "d/c", AT_FDCWD, "d/e", 2) == 0); // RENAME_EXCHANGE
	CHECK(stat("d/c", &st) == 0 && S_ISDIR(st.st_mode));
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "d/c", AT_FDCWD, "d/e", 1), EEXIST);
	for (int i = 0; i < 1000; i++) {
		char n[20];
		sprintf(n, "d/file%d", i);
		CHECK(mknod(n, S_IFREG | 0600, 0) == 0);
	}
	DIR *d = opendir("d");
	int n = 0, removed = 0;
	struct dirent *e;
	while ((e = readdir(d))) {
		n++;
		if (e->d_name[0] == 'f') {
			CHECK(unlinkat(dirfd(d), e->d_name, 0) == 0);
			removed++;
		}
	}
	CHECK(n == 1004 && removed == 1000);
	char cwd[200];
	CHECK(chdir("d/c") == 0 && rmdir("../c") == 0);
	CHECK(!getcwd(cwd, sizeof cwd) && errno == ENOENT);
	FAILS(open("x", O_CREAT | O_WRONLY, 0600), ENOENT);
}

TEST(file_times_modes) {
	enter();
	int fd = open("f", O_CREAT | O_RDWR, 0666);
	struct timespec ts[2] = {{1000, 5}, {2000, 7}};
	struct stat st;
	CHECK(futimens(fd, ts) == 0 && fstat(fd, &st) == 0 && st.st_atim.tv_nsec == 5 && st.st_mtim.tv_sec == 2000);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = UTIME_NOW;
	CHECK(utimensat(AT_FDCWD, "f", ts, 0) == 0 && stat("f", &st) == 0 && st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec > 1500000000);
	CHECK(fchmod(fd, 04755) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 04755);
	CHECK(fchown(fd, 5, 6) == 0 && stat("f", &st) == 0 && st.st_uid == 5 && st.st_gid == 6 && (st.st_mode & 07777) == 0755);
	CHECK(umask(077) == 022 && close(creat("g", 0666)) == 0 && stat("g", &st) == 0 && (st.st_mode & 0777) == 0600);
	struct statvfs v;
	CHECK(statvfs(".", &v) == 0 && v.f_bsize == 4096 && v.f_namemax == 255);
	pid_t k = fork();
	if (!k) {
		CHECK(chmod(".", 0755) == 0 && chmod("g", 0600) == 0 && setgid(100) == 0 && setuid(100) == 0);
		FAILS(open("g", O_RDONLY), EACCES);
		FAILS(open("new", O_CREAT | O_WRONLY, 0600), EACCES);
		FAILS(chmod("f", 0777), EPERM);
		CHECK(access("f", R_OK) == 0);
		FAILS(access("f", W_OK), EACCES);
		_exit(0);
	}
	CHECK(reap(k) == 0);
}

TEST(file_vectors) {
	enter();
	int fd = open("f", O_CREAT | O_RDWR, 0666);
	struct iovec v[3] = {{"abc", 3}, {"", 0}, {"defgh", 5}};
	CHECK(writev(fd, v, 3) == 8);
	char a[2], b[10] = "";
	struct iovec r[2] = {{a, 2}, {b, 10}};
	CHECK(preadv(fd, r, 2, 1) == 7 && a[0] == 'b' && !strcmp(b, "defgh"));
	v[1].iov_base = (void *)8;
	v[1].iov_len = 5;
	int n = pwritev(fd, v, 3, 0);
	CHECK(n == 3); // up to the bad address
	FAILS(writev(fd, v, -1), EINVAL);
	FAILS(writev(fd, v, 2000), EINVAL);
	int out = open("g", O_CREAT | O_RDWR, 0666);
	off_t off = 2;
	CHECK(sendfile(out, fd, &off, 100) == 6 && off == 8 && pread(out, b, 10, 0) == 6);
	off_t o1 = 0, o2 = 10;
	CHECK(copy_file_range(fd, &o1, out, &o2, 4, 0) == 4 && o1 == 4 && o2 == 14);
	CHECK(fallocate(out, 0, 0, 10000) == 0 && lseek(out, 0, SEEK_END) == 10000);
	CHECK(ftruncate(out, 5) == 0 && truncate("g", 3) == 0);
	int p[2];
	pipe(p);
	off = 0;
	CHECK(splice(fd, &off, p[1], 0, 5, 0) == 5 && read(p[0], b, 10) == 5 && !memcmp(b, "abcde", 5));
	FAILS(tee(p[0], p[1], 1, 1 << 20), EINVAL);
}

TEST(file_locks) {
	enter();
	int fd = open("f", O_CREAT | O_RDWR, 0666), p[2];
	char c;
	pipe(p);
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
	CHECK(fcntl(fd, F_SETLK, &l) == 0);
	pid_t k = fork();
	if (!k) {
		struct flock m = {.l_type = F_RDLCK, .l_start = 15, .l_len = 1};
		FAILS(fcntl(fd, F_SETLK, &m), EAGAIN);
		CHECK(fcntl(fd, F_GETLK, &m) == 0 && m.l_type == F_WRLCK && m.l_pid == getppid() && m.l_start == 10 && m.l_len == 10);
		struct flock ok = {.l_type = F_WRLCK, .l_start = 20, .l_len = 0};
		CHECK(fcntl(fd, F_SETLK, &ok) == 0);
		write(p[1], "x", 1);
		struct flock w = {.l_type = F_WRLCK, .l_start = 0, .l_len = 0};
		CHECK(fcntl(fd, F_SETLKW, &w) == 0 || errno == EDEADLK);
		_exit(0);
	}
	read(p[0], &c, 1);
	// Both wait for each other: one of them is told.
	struct flock w = {.l_type = F_WRLCK, .l_start = 25, .l_len = 1};
	int r = fcntl(fd, F_SETLKW, &w);
	CHECK(r == 0 || errno == EDEADLK);
	l.l_type = F_UNLCK, l.l_start = l.l_len = 0;
	CHECK(fcntl(fd, F_SETLK, &l) == 0 && reap(k) == 0);
	// flock and OFD locks belong to the open file.
	int g = open("f", O_RDWR);
	CHECK(flock(fd, LOCK_EX) == 0);
	FAILS(flock(g, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK(flock(fd, LOCK_UN) == 0 && flock(g, LOCK_SH | LOCK_NB) == 0);
	struct flock o = {.l_type = F_WRLCK};
	CHECK(fcntl(fd, 37, &o) == 0); // F_OFD_SETLK
	struct flock o2 = {.l_type = F_WRLCK};
	FAILS(fcntl(g, 37, &o2), EAGAIN);
}

TEST(file_descriptors) {
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC && dup2(fd, 100) == 100 && fcntl(100, F_GETFD) == 0);
	CHECK(fcntl(fd, F_DUPFD_CLOEXEC, 200) == 200 && fcntl(200, F_GETFD) == FD_CLOEXEC);
	FAILS(dup2(fd, 1 << 20), EBADF);
	FAILS(dup3(fd, fd, 0), EINVAL);
	CHECK(syscall(SYS_close_range, 100, ~0u, 0) == 0);
	FAILS(fcntl(100, F_GETFD), EBADF);
	FAILS(fcntl(200, F_GETFD), EBADF);
	FAILS(close(-1), EBADF);
	CHECK(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND) == 0 && (fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND)) == (O_NONBLOCK | O_APPEND));
}

TEST(io_pipe) {
	int p[2], n;
	char b[70000];
	CHECK(pipe2(p, O_NONBLOCK) == 0);
	FAILS(read(p[0], b, 1), EAGAIN);
	CHECK(write(p[1], b, sizeof b) == 65536);
	FAILS(write(p[1], b, 1), EAGAIN);
	CHECK(ioctl(p[0], FIONREAD, &n) == 0 && n == 65536);
	CHECK(read(p[0], b, 4096) == 4096 && write(p[1], b, 5000) == 4096);
	struct pollfd pf[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
	CHECK(poll(pf, 2, 0) == 1 && pf[0].revents == POLLIN);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	FAILS(write(p[1], b, 1), EPIPE);
	pf[1].revents = 0;
	CHECK(poll(pf + 1, 1, -1) == 1 && pf[1].revents & POLLERR);
	FAILS(lseek(p[1], 0, SEEK_SET), ESPIPE);
	CHECK(fcntl(p[1], F_SETPIPE_SZ, 100000) == 131072);
}

TEST(io_epoll) {
	int ep = epoll_create1(EPOLL_CLOEXEC), ev = eventfd(0, EFD_NONBLOCK), p[2];
	pipe(p);
	struct epoll_event e = {EPOLLIN, {.u32 = 1}}, out[4];
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e) == 0);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e), EEXIST);
	e.events = EPOLLIN | EPOLLET;
	e.data.u32 = 2;
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e) == 0 && epoll_wait(ep, out, 4, 0) == 0);
	uint64_t v = 3;
	CHECK(write(ev, &v, 8) == 8 && write(p[1], "ab", 2) == 2 && epoll_wait(ep, out, 4, 1000) == 2);
	CHECK(epoll_wait(ep, out, 4, 0) == 1 && out[0].data.u32 == 1); // the edge is gone, the level not
	CHECK(read(ev, &v, 8) == 8 && v == 3 && epoll_wait(ep, out, 4, 0) == 0);
	write(p[1], "c", 1);
	CHECK(epoll_wait(ep, out, 4, 0) == 1 && out[0].data.u32 == 2);
	e.events = EPOLLIN | EPOLLONESHOT;
	CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e) == 0 && epoll_wait(ep, out, 4, 0) == 1 && epoll_wait(ep, out, 4, 0) == 0);
	CHECK(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], 0) == 0);
	FAILS(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], 0), ENOENT);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, open("/tmp", O_RDONLY), &e), EPERM);
	int ep2 = epoll_create1(0);
	e.events = EPOLLIN;
	CHECK(epoll_ctl(ep2, EPOLL_CTL_ADD, ep, &e) == 0);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, ep2, &e), ELOOP);
	v = 1;
	write(ev, &v, 8);
	CHECK(epoll_wait(ep2, out, 4, 0) == 1);
	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec its = {{0, 1000000}, {0, 1000000}};
	CHECK(timerfd_settime(t, 0, &its, 0) == 0);
	e.data.u32 = 9;
	CHECK(epoll_ctl(ep2, EPOLL_CTL_DEL, ep, 0) == 0 && epoll_ctl(ep2, EPOLL_CTL_ADD, t, &e) == 0);
	for (int i = 0; i < 5; i++)
		CHECK(epoll_wait(ep2, out, 4, 5000) == 1 && out[0].data.u32 == 9 && read(t, &v, 8) == 8 && v >= 1);
}

TEST(io_select) {
	int p[2], q[2];
	pipe(p), pipe(q);
	fd_set r, w;
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(q[0], &r);
	FD_SET(q[1], &w);
	struct timeval tv = {5, 0};
	write(p[1], "x", 1);
	CHECK(select(20, &r, &w, 0, &tv) == 2 && FD_ISSET(p[0], &r) && !FD_ISSET(q[0], &r) && FD_ISSET(q[1], &w));
	FD_ZERO(&r);
	FD_SET(q[0], &r);
	tv.tv_sec = 0, tv.tv_usec = 20000;
	double t = now();
	CHECK(select(20, &r, 0, 0, &tv) == 0 && now() - t > 0.015 && !FD_ISSET(q[0], &r));
	FD_SET(15, &r);
	close(15);
	FAILS(select(20, &r, 0, 0, &tv), EBADF);
}

TEST(io_unix_socket) {
	enter();
	struct sockaddr_un a = {AF_UNIX, "sock"}, peer;
	socklen_t n = sizeof peer;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(s >= 0 && bind(s, (void *)&a, sizeof a) == 0 && listen(s, 5) == 0);
	struct stat st;
	CHECK(stat("sock", &st) == 0 && S_ISSOCK(st.st_mode));
	pid_t k[4];
	for (int i = 0; i < 4; i++)
		if (!(k[i] = fork())) {
			int c = socket(AF_UNIX, SOCK_STREAM, 0);
			char b[100000];
			memset(b, 'a' + i, sizeof b);
			CHECK(connect(c, (void *)&a, sizeof a) == 0);
			for (size_t o = 0; o < sizeof b;) {
				ssize_t m = write(c, b + o, sizeof b - o);
				CHECK(m > 0);
				o += m;
			}
			CHECK(shutdown(c, SHUT_WR) == 0 && read(c, b, 10) == 2 && !memcmp(b, "ok", 2) && read(c, b, 1) == 0);
			_exit(0);
		}
	for (int i = 0; i < 4; i++) {
		int c = accept(s, (void *)&peer, &n);
		char b[5000];
		size_t total = 0, m;
		struct { int pid, uid, gid; } cred;
		socklen_t cl = sizeof cred;
		CHECK(c >= 0 && getsockopt(c, SOL_SOCKET, SO_PEERCRED, &cred, &cl) == 0 && cred.uid == 0);
		while ((m = read(c, b, sizeof b)) > 0)
			total += m;
		CHECK(total == 100000 && write(c, "ok", 2) == 2 && close(c) == 0);
	}
	for (int i = 0; i < 4; i++)
		CHECK(reap(k[i]) == 0);
	FAILS(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a), EADDRINUSE);
	close(s);
	FAILS(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a), ECONNREFUSED);
	// A descriptor travels.
	int sv[2], p[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0 && pipe(p) == 0);
	char cb[CMSG_SPACE(sizeof(int))] = "", byte = 'z';
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = cb, .msg_controllen = sizeof cb};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &p[1], sizeof(int));
	CHECK(sendmsg(sv[0], &m, 0) == 1);
	memset(cb, 0, sizeof cb);
	CHECK(recvmsg(sv[1], &m, MSG_CMSG_CLOEXEC) == 1 && m.msg_controllen >= CMSG_LEN(sizeof(int)));
	int got;
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
	CHECK(got != p[1] && fcntl(got, F_GETFD) == FD_CLOEXEC && write(got, "q", 1) == 1 && read(p[0], &byte, 1) == 1 && byte == 'q');
}
