package task

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Task is a thread of a user program: what Linux calls a task_struct.
//
// A field without a lock's name belongs to the task's own thread; others keep off.
type Task struct {
	*sched.Thread
	Sys   *System      // immutable
	Group *ThreadGroup // immutable

	// Registers, and where user code runs.
	Regs    amd64.Registers
	Context platform.Context // changes under Group.mu

	FDs *FDTable         // changes under Group.mu
	FS  *vfs.FS          // changes under Group.mu
	mm  *mm.AddressSpace // changes under Group.mu; nil once the task has left it; Thread.MM is the thread's own copy

	comm  string                    // guarded by Group.mu
	creds atomic.Pointer[cred.Cred] // what others see of Thread.Cred
	user  *User                     // whose process it counts as; guarded by System.mu

	next, prev *Task // Group's threads

	begin  func(t *Task) // what it does before user code; set before it starts
	setTID mm.UAddr      // where it stores its thread ID first: CLONE_CHILD_SETTID

	sig SigState

	// ClearTID is where the thread ID is cleared at the end (set_tid_address(2)).
	ClearTID mm.UAddr
	// RobustList is the head of the futexes that it holds (set_robust_list(2)).
	RobustList mm.UAddr
	// Restart is how a call that ended with errno.RestartBlock goes on.
	Restart Restarter

	// Last is the system call under way, or the last one: for views.
	Last LastSyscall
	// Strace asks for its system calls in the log; children inherit it.
	Strace atomic.Bool

	// TimerSlack and Dumpable and the like are prctl(2)'s.
	TimerSlack  int64
	pdeathSig   abi.Signal // guarded by System.mu
	Personality uint32     // personality(2)
	sched       SchedParam // guarded by Group.mu

	startTime int64      // monotonic; immutable
	exitCode  int        // status word; guarded by System.mu
	exiting   bool       // guarded by Group.mu
	dead      bool       // has left the group for good; changes under System.mu and Group.mu
	vfork     *vforkDone // whom to wake when the address space is left

	usage Usage

	// Debug is what a debugger has the task do (kernel/debug_guest.go).
	Debug any
}

// LastSyscall is what a task does, or did last, in the kernel.
type LastSyscall struct {
	Nr      uint64
	Args    [6]uint64
	Entered int64 // monotonic time of entry
	Active  bool
	Count   uint64
}

// Restarter is an interrupted call that keeps its progress: restart_syscall(2) goes on with it.
type Restarter interface {
	RestartCall(t *Task) (uint64, error)
}

// Usage counts what getrusage(2) tells.
type Usage struct {
	MinFaults, MajFaults atomic.Int64
	Signals              atomic.Int64
}

// Current returns the task that t is the kernel side of; nil for a kernel thread.
func Current(t *sched.Thread) *Task {
	task, _ := t.Owner.(*Task)
	return task
}

// TID is the thread ID.
func (t *Task) TID() int { return t.ID }

// PID is the process ID: getpid(2).
func (t *Task) PID() int { return t.Group.ID }

// Comm is the command's name as ps(1) shows it.
func (t *Task) Comm(by *sched.Thread) string {
	t.Group.mu.Lock(by)
	defer t.Group.mu.Unlock(by)
	return t.comm
}

// SetComm changes it: 15 bytes at most count.
func (t *Task) SetComm(by *sched.Thread, name string) {
	if len(name) > 15 {
		name = name[:15]
	}
	t.Group.mu.Lock(by)
	t.comm = name
	t.Group.mu.Unlock(by)
	if by == t.Thread {
		t.Rename(name)
	}
}

// Credentials returns what the task may do; any thread may ask.
func (t *Task) Credentials() *cred.Cred { return t.creds.Load() }

// SetCredentials installs new credentials. Only the task itself may.
func (t *Task) SetCredentials(c *cred.Cred) {
	old := t.Cred
	t.Thread.Cred = c
	t.creds.Store(c)
	if old == nil || old.UID != c.UID {
		s := t.Sys
		s.mu.Lock(t.Thread)
		was := t.user
		t.user = s.user(uint32(c.UID))
		t.user.Processes++
		if was != nil {
			s.putUser(was)
		}
		t.Group.mu.Lock(t.Thread)
		t.Group.sigUser = t.user
		t.Group.mu.Unlock(t.Thread)
		s.mu.Unlock(t.Thread)
	}
}

// AddressSpace returns the task's address space with a reference, for other threads; nil when it has none any more.
func (t *Task) AddressSpace(by *sched.Thread) *mm.AddressSpace {
	t.Group.mu.Lock(by)
	defer t.Group.mu.Unlock(by)
	if t.mm != nil {
		t.mm.IncRef()
	}
	return t.mm
}
