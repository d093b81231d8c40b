package ksync

// Class is a kind of lock. All locks of a class have one rank.
type Class struct {
	Name string
	Rank int
}

// The lock order of the kernel: a lock is taken only while all locks held have
// lower ranks (or the same, where the code has an order of its own among them). Sleeping locks come first, then
// spinlocks; DESIGN: docs/locking.md tells the story.
const (
	RankExec        = 100 // task: one execve of a process at a time
	RankDebug       = 150 // kernel: what debuggers have set in programs
	RankMount       = 200 // vfs: the mount tree
	RankRename      = 210 // vfs: one rename of directories at a time
	RankFilePos     = 215 // vfs: a File's position
	RankInode       = 220 // vfs: a directory's entries, a file's size
	RankEpollTable  = 238 // epoll: which instance watches which
	RankEpoll       = 240 // epoll: an instance
	RankTTYTable    = 245 // tty: the list of terminals
	RankTTY         = 250 // tty: a terminal with its line discipline
	RankSocketTable = 255 // ipc: abstract names, files in flight
	RankPipe        = 260 // pipefs, sockets: a stream's buffer
	RankFDTable     = 290 // task: descriptors
	RankAddrSpace   = 300 // mm: VMAs and page table; user memory is touched below here
	RankPageCache   = 320 // vfs, mm: pages of a file
	RankFSInternal  = 340 // a filesystem's own structures
	RankClient      = 360 // 9p: requests under way
	RankDcache      = 480 // vfs: cached names and the mount hash (spin)
	RankFileLocks   = 490 // vfs: record locks, flocks, a File's hooks (spin)
	RankFutex       = 500 // futex: a bucket (spin)
	RankTasks       = 510 // task: IDs, groups, sessions, parents and children (spin)
	RankSignal      = 520 // task: a group's signals, limits and timers (spin)
	RankSigActions  = 530 // task: what a process does on signals (spin)
	RankIPC         = 550 // ipc: an eventfd, a timerfd (spin)
	RankDriver      = 600 // a driver's rings (spin)
	RankSoundTimer  = 605 // sound: what a timer's reader has not heard yet (spin)
	RankTTYInput    = 610 // tty: what an interrupt received (spin)
	RankFrames      = 700 // mm: the frame allocator (spin)
	RankWaitQueue   = 900 // any wait queue (spin)
	RankLog         = 950 // klog (spin)
)
