package tracer

import (
	"errors"
	"os"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// HitKind says why a thread stopped.
type HitKind uint8

// Reasons of a thread's stop.
const (
	HitNone       HitKind = iota
	HitBreakpoint         // an int3 of ours
	HitWatch              // a watched place was written or read
	HitStep               // one instruction was executed
	HitHardcoded          // an int3 that is part of the program
	hitFiltered           // no owner's filter said yes
	hitGuard              // a guarded page was touched; the instruction is still to be executed
	hitRefused            // a system call has met a guarded page, perhaps; it is still to be executed
)

func (k HitKind) String() string {
	return [...]string{"none", "breakpoint", "watch", "step", "hardcoded breakpoint", "filtered", "guard", "refused"}[k]
}

// Hit describes a thread's stop.
type Hit struct {
	Kind    HitKind
	Addr    uint64  // of the breakpoint, or the watch
	Owners  []Owner // who asked for it, filters passed; not to be changed
	Watches []Watch // HitWatch: all that were touched at once
}

// By tells whether the hit is (also) o's.
func (h Hit) By(o Owner) bool { return slices.Contains(h.Owners, o) }

// StopKind says why the whole process stopped.
type StopKind uint8

// Reasons of a stop.
const (
	StopHit         StopKind = iota // a thread has a Hit
	StopInterrupted                 // by Interrupt
	StopExited                      // the process is gone
)

// Stop is the outcome of Resume and Step.
type Stop struct {
	Kind   StopKind
	TID    int // the thread it is about
	Status int // StopExited: the exit status; negative: killed by that signal
}

// StatusUnknown is the status of a process whose parent reaped it before the tracer could look.
const StatusUnknown = 1 << 16

// ErrExited is returned once the process is gone, or detached from.
var ErrExited = errors.New("the process has exited")

// ErrInterrupted is returned by an operation that an Interrupt cut short.
var ErrInterrupted = errors.New("interrupted")

// Thread is the tracer's record of one thread.
type Thread struct {
	ID  int
	Hit Hit // of the last Resume or Step

	running  bool
	group    bool  // job-control stop (SIGSTOP), not ours to end
	event    bool  // stopped inside a system call: its registers are not yet its own again
	starting bool  // clone seen, first stop still to come
	over     bool  // the breakpoint at PC was reported: step over it on resume
	sigs     []int // signals to deliver at the next continue
	regs     unix.PtraceRegs
	regsOK   bool
	dirty    bool   // regs are to be written
	armed    bool   // debug registers are in use
	fault    uint64 // hitGuard: the address
}

// Stats counts what the tracer did.
type Stats struct {
	Waits     int // events taken from the kernel
	Signals   int // of them: signals on their way to the process
	Hits      int // breakpoints hit and reported
	Filtered  int // breakpoints hit and refused by filters
	Displaced int // breakpoints left through a copy or by emulation
	InPlace   int // breakpoints left while all others stood still
	StopAlls  int
	Phantoms  int // int3s executed but not reported when the thread was stopped
	Clones    int
	Foreign   int // clones that are no threads of the process
	Guards    int // accesses to watched places, or beside them, that changed nothing
	Refused   int // system calls that were executed again, as a guard may have been in their way
}

// Tracer traces one process.
type Tracer struct {
	Stats Stats

	// OnRun is called before the process's threads run, OnStop when all stand still: for who keeps its time. Either may be nil.
	OnRun, OnStop func()

	pid      int
	exitKill bool
	reap     bool // the process's end is ours to reap, too
	mem      *os.File
	threads  map[int]*Thread
	bps      map[uint64]*breakpoint
	writable map[uint64]bool // pages into which a breakpoint was written before
	high     uint64          // no breakpoint or slot is at or above
	watches  []*watchpoint
	debug    [4]debugReg
	guards   map[uint64]*guard // by page
	sysInsn  uint64            // a syscall instruction's address, if one was needed
	scratch  scratch
	exited   bool // or detached from
	status   int
	last     int // thread to prefer when interrupted, and to continue first
	turn     int // thread that was continued last

	running atomic.Bool
	stopReq atomic.Bool
	kickTID atomic.Int64
}

// Pid returns the process id.
func (t *Tracer) Pid() int { return t.pid }

// Exited tells whether the process is gone, and its status as in Stop.
func (t *Tracer) Exited() (bool, int) { return t.exited, t.status }

// Running tells whether the process runs. Safe from any goroutine.
func (t *Tracer) Running() bool { return t.running.Load() }

// Interrupt makes a Resume or Step in progress return, or the next one if none is. Safe from any goroutine.
//
// The wait is broken by a SIGURG to the process: every ptrace stop looks at the request, so no bookkeeping is needed,
// and a SIGURG that comes too late does no harm to a Go program.
func (t *Tracer) Interrupt() {
	t.stopReq.Store(true)
	if t.running.Load() {
		unix.Tgkill(t.pid, int(t.kickTID.Load()), unix.SIGURG)
	}
}

// ClearInterrupt forgets an Interrupt that came when nothing ran.
func (t *Tracer) ClearInterrupt() { t.stopReq.Store(false) }

// Threads returns the threads, ordered by id.
func (t *Tracer) Threads() []*Thread {
	r := make([]*Thread, 0, len(t.threads))
	for _, th := range t.threads {
		r = append(r, th)
	}
	slices.SortFunc(r, func(a, b *Thread) int { return a.ID - b.ID })
	return r
}

// Thread returns the thread with the given id, or nil.
func (t *Tracer) Thread(tid int) *Thread { return t.threads[tid] }

// Prefer names the thread that an interrupted Resume should report.
func (t *Tracer) Prefer(tid int) { t.last = tid }
