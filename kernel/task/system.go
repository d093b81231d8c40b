package task

import (
	"encoding/binary"
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/epoll"
	"vitrine/kernel/futex"
	"vitrine/kernel/ipc"
	"vitrine/kernel/klog"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/loader"
	"vitrine/kernel/mm"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/machine"
)

// Lock classes.
var (
	classTasks      = &ksync.Class{Name: "tasks", Rank: ksync.RankTasks}
	classSignals    = &ksync.Class{Name: "signals", Rank: ksync.RankSignal}
	classSigActions = &ksync.Class{Name: "sigactions", Rank: ksync.RankSigActions}
	classFDTable    = &ksync.Class{Name: "fdtable", Rank: ksync.RankFDTable}
)

// DefaultMaxThreads bounds the number of tasks (/proc/sys/kernel/threads-max).
const DefaultMaxThreads = 4096

// Config is what a System is made of: the services below it.
type Config struct {
	Hooks

	Machine  machine.Machine
	Sched    *sched.Scheduler
	Timers   *ktime.Timers
	Memory   *mm.Memory
	Platform platform.Platform
	VFS      *vfs.VFS
	Log      *klog.Log

	// RunUser is a task's life in user mode: kernel/trap's loop. It returns only by (*Task).Exit.
	RunUser func(*Task)

	// OnHalt ends the machine. Nil means Machine.Halt.
	OnHalt func(machine.Halt)

	// OnImage hears of every image that execve(2) has mapped, before it runs. Nil-able.
	OnImage func(t *Task, path string, file *vfs.File)

	// VDSO is mapped into every process; nil: none. It may be set until the first program is executed.
	VDSO *loader.VDSO

	// Randomize places stacks and mappings at random addresses.
	Randomize bool

	// Release and Version are what uname(2) shows; "" means the defaults.
	Release, Version string

	// MaxThreads bounds the number of tasks; 0 means DefaultMaxThreads.
	MaxThreads int
}

// System is what all tasks of one kernel share. Create it with New.
type System struct {
	Config  // immutable
	Futexes *futex.Table

	Quiescence Quiescence
	IPC        *ipc.Table   // sockets
	Epolls     *epoll.Table // epoll instances
	SysV       *ipc.SysV    // shared memory, semaphores, message queues

	leaving atomic.Int64     // tasks that are gone for their parents and have not given their memory back yet
	unknown [9]atomic.Uint64 // calls asked for in vain: see FirstUnknown

	mu                   ksync.SpinLock // RankTasks
	ids                  map[int]*ID    // in use; guarded by mu
	first                *ThreadGroup   // all processes, in order of creation; guarded by mu
	last                 *ThreadGroup
	initPID              int              // immutable
	init                 *ThreadGroup     // guarded by mu
	users                map[uint32]*User // guarded by mu
	nthreads             int              // tasks that were not released; guarded by mu
	forks                int64            // since boot; guarded by mu
	hostname, domainname string           // guarded by mu
	halted               bool             // guarded by mu
	load                 loadAverage      // guarded by mu
	faultLog             klog.Limit

	// CallStops says by number which system calls a debugger watches (kernel/syscall/stops.go). Only it writes here,
	// while the kernel stands still.
	CallStops [512]uint8

	// Syslog is how far the readers of syslog(2) are.
	Syslog SyslogState
	// WallSet is woken when the wall clock has been set.
	WallSet ksync.WaitQueue
}

// SyslogState holds positions in the log: Read goes with READ, Cleared with READ_CLEAR and CLEAR.
type SyslogState struct {
	Read, Cleared atomic.Uint64
	SavedLevel    atomic.Int64 // the console's level before CONSOLE_OFF; 0: not off
}

// ID is a number and all that it names; it is in use until it names nothing. Guarded by System.mu.
type ID struct {
	Nr      int
	Task    *Task
	Group   *ProcessGroup
	Session *Session
}

// User counts what a user has. The fields are guarded by System.mu; pending signals are counted apart.
type User struct {
	UID       uint32
	Processes int // tasks with this real user ID
	Signals   Counter
}

// New returns a system without tasks. It takes the first free thread ID for init, so call it before any
// kernel thread is spawned: then init is 1.
func New(cfg Config) *System {
	if cfg.MaxThreads == 0 {
		cfg.MaxThreads = DefaultMaxThreads
	}
	if cfg.Release == "" {
		cfg.Release, cfg.Version = "6.1.0-vitrine", "#1 SMP PREEMPT Vitrine"
	}
	if cfg.OnHalt == nil {
		cfg.OnHalt = func(h machine.Halt) { cfg.Machine.Halt(h) }
	}
	id, err := cfg.Sched.AllocID()
	if err != nil {
		panic("task.New: no thread ID for init")
	}
	return &System{
		Config: cfg, Futexes: futex.NewTable(), IPC: ipc.NewTable(), Epolls: epoll.NewTable(), SysV: ipc.NewSysV(cfg.Memory), mu: ksync.NewSpinLock(classTasks), initPID: id,
		ids: map[int]*ID{}, users: map[uint32]*User{}, hostname: "vitrine", domainname: "(none)",
	}
}

// random16 returns 16 random bytes: AT_RANDOM.
func (s *System) random16() (b [16]byte) {
	s.Machine.Entropy(b[:])
	return b
}

// layoutSeed returns what a new image's addresses are derived from; 0: always the same.
func (s *System) layoutSeed(t *Task) uint64 {
	if !s.Randomize || t.Personality&abi.ADDR_NO_RANDOMIZE != 0 {
		return 0
	}
	b := s.random16()
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// idOf returns the entry of nr, making it if need be. Caller holds s.mu.
func (s *System) idOf(nr int) *ID {
	p := s.ids[nr]
	if p == nil {
		p = &ID{Nr: nr}
		s.ids[nr] = p
	}
	return p
}

// putID forgets an entry that names nothing any more, and frees its number. Caller holds s.mu.
func (s *System) putID(p *ID) {
	if p.Task == nil && p.Group == nil && p.Session == nil {
		delete(s.ids, p.Nr)
		s.Sched.FreeID(p.Nr)
	}
}

// Task returns the task with that thread ID; nil if there is none.
func (s *System) Task(t *sched.Thread, tid int) *Task {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	return s.task(tid)
}

func (s *System) task(tid int) *Task {
	if p := s.ids[tid]; p != nil {
		return p.Task
	}
	return nil
}

// Process returns the process with that ID, which may be a zombie; nil if there is none.
func (s *System) Process(t *sched.Thread, pid int) *ThreadGroup {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	return s.process(pid)
}

func (s *System) process(pid int) *ThreadGroup {
	if t := s.task(pid); t != nil && t.Group.ID == pid {
		return t.Group
	}
	return nil
}

// Processes returns all processes, zombies too, in order of creation.
func (s *System) Processes(t *sched.Thread) []*ThreadGroup {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	var all []*ThreadGroup
	for g := s.first; g != nil; g = g.next {
		all = append(all, g)
	}
	return all
}

// Init returns the first process, to which orphans go; nil before it starts.
func (s *System) Init(t *sched.Thread) *ThreadGroup {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	return s.init
}

// Threads returns the number of tasks and of forks since boot.
func (s *System) Threads(t *sched.Thread) (tasks int, forks int64) {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	return s.nthreads, s.forks
}

// Hostname returns the names that uname(2) shows.
func (s *System) Hostname(t *sched.Thread) (host, domain string) {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	return s.hostname, s.domainname
}

// SetHostname is sethostname(2).
func (s *System) SetHostname(t *sched.Thread, name string) error {
	if len(name) > 64 {
		return errno.EINVAL.Because("the name is longer than 64 bytes")
	}
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	s.hostname = name
	return nil
}

// SetDomainname is setdomainname(2).
func (s *System) SetDomainname(t *sched.Thread, name string) error {
	if len(name) > 64 {
		return errno.EINVAL.Because("the name is longer than 64 bytes")
	}
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	s.domainname = name
	return nil
}

// user returns the record of a user, making it if need be. Caller holds s.mu.
func (s *System) user(uid uint32) *User {
	u := s.users[uid]
	if u == nil {
		u = &User{UID: uid}
		s.users[uid] = u
	}
	return u
}

// putUser takes a task off a user's count. Caller holds s.mu.
func (s *System) putUser(u *User) {
	if u.Processes--; u.Processes == 0 && s.users[u.UID] == u {
		delete(s.users, u.UID)
	}
}

// halt ends the machine, once.
func (s *System) halt(t *sched.Thread, h machine.Halt) {
	s.mu.Lock(t)
	again := s.halted
	s.halted = true
	s.mu.Unlock(t)
	if !again {
		s.OnHalt(h)
	}
}

// Halt ends the machine, as reboot(2).
func (s *System) Halt(t *sched.Thread, h machine.Halt) { s.halt(t, h) }
