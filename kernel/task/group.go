package task

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
)

// Counter is a number that several threads change.
type Counter struct{ atomic.Int64 }

// ThreadGroup is a process: tasks that share an ID, signals, limits and an end.
type ThreadGroup struct {
	Sys *System // immutable
	ID  int     // immutable

	// Tree. Guarded by System.mu.
	Leader         *Task // whose thread ID is ID; changes under mu too
	first, last    *Task // all tasks that were not released, the dead leader too; changes under mu too
	live           int   // tasks that are not dead; changes under mu too
	running        int   // tasks that have not begun to end; guarded by mu
	parent         *ThreadGroup
	children       *ThreadGroup // youngest last, by sibling
	lastChild      *ThreadGroup
	sibling, elder *ThreadGroup
	next, prev     *ThreadGroup // System's list
	pgrp           *ProcessGroup
	pgNext, pgPrev *ThreadGroup
	subreaper      bool       // orphans among the descendants come here
	parentTID      int        // the thread of the parent that made it
	exitSignal     abi.Signal // what the parent gets at the end; 0: nothing
	execed         bool       // setpgid(2) by the parent is over
	zombie         bool       // has ended, waits for wait(2)
	status         int        // status word of the zombie
	reaped         bool       // wait(2) is done with it; it lives on in references only
	usage          GroupUsage // of dead threads, and of children waited for

	// childWait is where its threads wait for children to change.
	childWait ksync.WaitQueue
	// exitWait is woken when the group ends: pidfd.
	exitWait ksync.WaitQueue

	mu ksync.SpinLock // RankSignal

	// Signals. Guarded by mu.
	actions     *SigActions
	sigUser     *User // whose RLIMIT_SIGPENDING its signals count against
	pending     Pending
	groupExit   bool // all threads are ending, with groupStatus
	groupStatus int
	execing     *Task // the thread that ends all others
	unkillable  bool  // init: signals without a handler do nothing
	stop        StopState
	execWait    ksync.WaitQueue

	// SignalWait is woken at every signal to the group or to a thread of it: signalfd, sigtimedwait.
	SignalWait ksync.WaitQueue

	limits [abi.RLIM_NLIMITS]abi.Rlimit // guarded by mu
	timers GroupTimers                  // guarded by mu
	exe    *vfs.File                    // the running image, with a reference; guarded by mu

	oomAdj     int  // guarded by mu; inherited
	undumpable bool // guarded by mu

	hasCPUTimers atomic.Bool // some thread has to look at timers.cpu on its way out

	startTime int64 // monotonic; immutable
}

// GroupUsage adds up what is no longer in living threads. Times are nanoseconds.
type GroupUsage struct {
	Self, Children RusageSum
}

// RusageSum is a sum of resource usage.
type RusageSum struct {
	UTime, STime         int64
	MinFaults, MajFaults int64
	Switches, Preempted  int64
	MaxRSS               int64 // pages
}

func (a *RusageSum) add(b RusageSum) {
	a.UTime += b.UTime
	a.STime += b.STime
	a.MinFaults += b.MinFaults
	a.MajFaults += b.MajFaults
	a.Switches += b.Switches
	a.Preempted += b.Preempted
	a.MaxRSS = max(a.MaxRSS, b.MaxRSS)
}

// ProcessGroup is a job: processes that the terminal signals together. Guarded by System.mu.
type ProcessGroup struct {
	ID      int
	Session *Session
	first   *ThreadGroup // members
	last    *ThreadGroup
}

// Session is a login: process groups with one controlling terminal. Guarded by System.mu.
type Session struct {
	ID     int
	Leader *ThreadGroup // nil once it has ended
	TTY    *tty.TTY     // the controlling terminal, or nil
	groups int          // process groups in it
}

func (s *System) newGroup(id int) *ThreadGroup {
	return &ThreadGroup{Sys: s, ID: id, mu: ksync.NewSpinLock(classSignals), startTime: s.Timers.Now()}
}

// Parent returns the parent's process ID, 0 for init.
func (g *ThreadGroup) Parent(t *sched.Thread) int {
	g.Sys.mu.Lock(t)
	defer g.Sys.mu.Unlock(t)
	if g.parent == nil {
		return 0
	}
	return g.parent.ID
}

// Threads returns the group's tasks, a dead leader too, oldest first.
func (g *ThreadGroup) Threads(t *sched.Thread) []*Task {
	g.Sys.mu.Lock(t)
	defer g.Sys.mu.Unlock(t)
	var all []*Task
	for x := g.first; x != nil; x = x.next {
		all = append(all, x)
	}
	return all
}

// LeaderTask returns the task whose ID is the group's.
func (g *ThreadGroup) LeaderTask(t *sched.Thread) *Task {
	g.Sys.mu.Lock(t)
	defer g.Sys.mu.Unlock(t)
	return g.Leader
}

// Zombie reports whether the process has ended and nobody has waited for it yet.
func (g *ThreadGroup) Zombie(t *sched.Thread) bool {
	g.Sys.mu.Lock(t)
	defer g.Sys.mu.Unlock(t)
	return g.zombie
}

// Exe returns the file that the process runs, with a reference; nil if there is none.
func (g *ThreadGroup) Exe(t *sched.Thread) *vfs.File {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	if g.exe != nil {
		g.exe.IncRef()
	}
	return g.exe
}

// StartTime is when the process began, in monotonic time.
func (g *ThreadGroup) StartTime() int64 { return g.startTime }

// GroupInfo is what ps(1) wants to know about a process.
type GroupInfo struct {
	PID, PPID, PGID, SID int
	TTY                  *tty.TTY
	Zombie               bool
	Threads              int
	Status               int // of a zombie
	ExitSignal           abi.Signal
}

// Info returns a process's place in the world at one moment.
func (g *ThreadGroup) Info(t *sched.Thread) GroupInfo {
	g.Sys.mu.Lock(t)
	defer g.Sys.mu.Unlock(t)
	i := GroupInfo{PID: g.ID, Zombie: g.zombie, Threads: g.live, Status: g.status, ExitSignal: g.exitSignal}
	if g.parent != nil {
		i.PPID = g.parent.ID
	}
	if g.pgrp != nil {
		i.PGID, i.SID, i.TTY = g.pgrp.ID, g.pgrp.Session.ID, g.pgrp.Session.TTY
	}
	return i
}

// addThread puts a new task into the group. Caller holds System.mu and g.mu.
func (g *ThreadGroup) addThread(t *Task) {
	if t.prev = g.last; t.prev != nil {
		t.prev.next = t
	} else {
		g.first = t
	}
	g.last = t
	g.live++
	g.running++
}

// removeThread takes a task out of the list. Caller holds System.mu and g.mu.
func (g *ThreadGroup) removeThread(t *Task) {
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		g.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		g.last = t.prev
	}
	t.next, t.prev = nil, nil
}

// addChild makes c a child of g. Caller holds System.mu.
func (g *ThreadGroup) addChild(c *ThreadGroup) {
	c.parent = g
	if c.elder = g.lastChild; c.elder != nil {
		c.elder.sibling = c
	} else {
		g.children = c
	}
	g.lastChild = c
}

// removeChild takes c off g's children. Caller holds System.mu.
func (g *ThreadGroup) removeChild(c *ThreadGroup) {
	if c.elder != nil {
		c.elder.sibling = c.sibling
	} else {
		g.children = c.sibling
	}
	if c.sibling != nil {
		c.sibling.elder = c.elder
	} else {
		g.lastChild = c.elder
	}
	c.sibling, c.elder, c.parent = nil, nil, nil
}

// link appends g to the list of all processes. Caller holds System.mu.
func (s *System) link(g *ThreadGroup) {
	if g.prev = s.last; g.prev != nil {
		g.prev.next = g
	} else {
		s.first = g
	}
	s.last = g
}

// unlink takes g off it. Caller holds System.mu.
func (s *System) unlink(g *ThreadGroup) {
	if g.prev != nil {
		g.prev.next = g.next
	} else {
		s.first = g.next
	}
	if g.next != nil {
		g.next.prev = g.prev
	} else {
		s.last = g.prev
	}
	g.next, g.prev = nil, nil
}

// Dumpable is PR_GET_DUMPABLE: whether others of the same user may look into the process.
func (g *ThreadGroup) Dumpable(t *sched.Thread) bool {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	return !g.undumpable
}

// SetDumpable changes it.
func (g *ThreadGroup) SetDumpable(t *sched.Thread, on bool) {
	g.mu.Lock(t)
	g.undumpable = !on
	g.mu.Unlock(t)
}
