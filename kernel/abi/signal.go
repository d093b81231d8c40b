package abi

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// Signal is a signal number (signal(7)).
type Signal int32

// Signals of x86-64.
const (
	SIGHUP    Signal = 1
	SIGINT    Signal = 2
	SIGQUIT   Signal = 3
	SIGILL    Signal = 4
	SIGTRAP   Signal = 5
	SIGABRT   Signal = 6
	SIGBUS    Signal = 7
	SIGFPE    Signal = 8
	SIGKILL   Signal = 9
	SIGUSR1   Signal = 10
	SIGSEGV   Signal = 11
	SIGUSR2   Signal = 12
	SIGPIPE   Signal = 13
	SIGALRM   Signal = 14
	SIGTERM   Signal = 15
	SIGSTKFLT Signal = 16
	SIGCHLD   Signal = 17
	SIGCONT   Signal = 18
	SIGSTOP   Signal = 19
	SIGTSTP   Signal = 20
	SIGTTIN   Signal = 21
	SIGTTOU   Signal = 22
	SIGURG    Signal = 23
	SIGXCPU   Signal = 24
	SIGXFSZ   Signal = 25
	SIGVTALRM Signal = 26
	SIGPROF   Signal = 27
	SIGWINCH  Signal = 28
	SIGIO     Signal = 29
	SIGPWR    Signal = 30
	SIGSYS    Signal = 31
	SIGRTMIN  Signal = 32
	SIGRTMAX  Signal = 64

	NSIG = 64
)

var signalNames = [...]string{
	1: "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
	"SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",
	"SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
}

// String returns the C name: "SIGINT", "SIGRT_2" for the real-time ones.
func (s Signal) String() string {
	switch {
	case s > 0 && int(s) < len(signalNames):
		return signalNames[s]
	case s >= SIGRTMIN && s <= SIGRTMAX:
		return "SIGRT_" + strconv.Itoa(int(s-SIGRTMIN))
	}
	return strconv.Itoa(int(s))
}

// Valid reports whether s is a signal's number.
func (s Signal) Valid() bool { return s >= 1 && s <= NSIG }

// RealTime reports whether several of s may be pending at once.
func (s Signal) RealTime() bool { return s >= SIGRTMIN }

// SigSet is a set of signals (sigset_t): bit n-1 for signal n.
type SigSet uint64

// SetOf returns the set of the given signals.
func SetOf(sigs ...Signal) (m SigSet) {
	for _, s := range sigs {
		m |= 1 << (s - 1)
	}
	return
}

// Has reports whether s is in the set.
func (m SigSet) Has(s Signal) bool { return m&(1<<(s-1)) != 0 }

// First returns the lowest signal of a set that is not empty.
func (m SigSet) First() Signal { return Signal(bits.TrailingZeros64(uint64(m)) + 1) }

// Actions of a signal (sigaction(2)).
const (
	SIG_DFL = 0
	SIG_IGN = 1

	SA_NOCLDSTOP      = 0x00000001
	SA_NOCLDWAIT      = 0x00000002
	SA_SIGINFO        = 0x00000004
	SA_UNSUPPORTED    = 0x00000400
	SA_EXPOSE_TAGBITS = 0x00000800
	SA_RESTORER       = 0x04000000
	SA_ONSTACK        = 0x08000000
	SA_RESTART        = 0x10000000
	SA_NODEFER        = 0x40000000
	SA_RESETHAND      = 0x80000000
)

// SigAction is struct kernel_sigaction as rt_sigaction(2) takes it.
type SigAction struct {
	Handler  uint64 // SIG_DFL, SIG_IGN or an address
	Flags    uint64
	Restorer uint64
	Mask     SigSet
}

// Arguments of rt_sigprocmask(2).
const (
	SIG_BLOCK   = 0
	SIG_UNBLOCK = 1
	SIG_SETMASK = 2
)

// StackT is stack_t of sigaltstack(2).
type StackT struct {
	SP    uint64
	Flags uint32
	_     uint32
	Size  uint64
}

// Flags of an alternate stack.
const (
	SS_ONSTACK    = 1
	SS_DISABLE    = 2
	SS_AUTODISARM = 1 << 31
	MINSIGSTKSZ   = 2048
)

// Values of si_code (sigaction(2)).
const (
	SI_USER    = 0
	SI_KERNEL  = 0x80
	SI_QUEUE   = -1
	SI_TIMER   = -2
	SI_MESGQ   = -3
	SI_ASYNCIO = -4
	SI_SIGIO   = -5
	SI_TKILL   = -6

	ILL_ILLOPC = 1
	ILL_ILLOPN = 2

	FPE_INTDIV = 1
	FPE_FLTDIV = 3

	SEGV_MAPERR = 1
	SEGV_ACCERR = 2

	BUS_ADRALN = 1
	BUS_ADRERR = 2

	TRAP_BRKPT = 1
	TRAP_TRACE = 2

	CLD_EXITED    = 1
	CLD_KILLED    = 2
	CLD_DUMPED    = 3
	CLD_TRAPPED   = 4
	CLD_STOPPED   = 5
	CLD_CONTINUED = 6

	POLL_IN  = 1
	POLL_OUT = 2
	POLL_HUP = 6
)

// Kinds of notification in a struct sigevent.
const (
	SIGEV_SIGNAL    = 0
	SIGEV_NONE      = 1
	SIGEV_THREAD    = 2
	SIGEV_THREAD_ID = 4
)

// SigEvent is struct sigevent (64 bytes).
type SigEvent struct {
	Value  uint64
	Signo  int32
	Notify int32
	TID    int32
	_      [44]byte
}

// SigInfo is siginfo_t, 128 bytes exactly as user programs see it. What the
// union holds depends on Signo and Code; the accessors name its views.
type SigInfo struct {
	Signo Signal
	Errno int32
	Code  int32
	_     int32
	union [112]byte
}

// NewSigInfo returns a siginfo without union.
func NewSigInfo(sig Signal, code int32) *SigInfo { return &SigInfo{Signo: sig, Code: code} }

// UserSigInfo returns what a signal sent by process pid of user uid carries.
func UserSigInfo(sig Signal, code int32, pid int, uid uint32) *SigInfo {
	i := NewSigInfo(sig, code)
	i.SetPID(int32(pid))
	i.SetUID(uid)
	return i
}

// FaultSigInfo returns what a fault at addr carries.
func FaultSigInfo(sig Signal, code int32, addr uint64) *SigInfo {
	i := NewSigInfo(sig, code)
	i.SetAddr(addr)
	return i
}

func (i *SigInfo) u32(off int) uint32      { return binary.LittleEndian.Uint32(i.union[off:]) }
func (i *SigInfo) put32(off int, v uint32) { binary.LittleEndian.PutUint32(i.union[off:], v) }
func (i *SigInfo) u64(off int) uint64      { return binary.LittleEndian.Uint64(i.union[off:]) }
func (i *SigInfo) put64(off int, v uint64) { binary.LittleEndian.PutUint64(i.union[off:], v) }

// PID is si_pid: the sender or the child.
func (i *SigInfo) PID() int32       { return int32(i.u32(0)) }
func (i *SigInfo) SetPID(pid int32) { i.put32(0, uint32(pid)) }

// UID is si_uid, beside PID.
func (i *SigInfo) UID() uint32       { return i.u32(4) }
func (i *SigInfo) SetUID(uid uint32) { i.put32(4, uid) }

// Value is si_value of sigqueue(3) and of timers.
func (i *SigInfo) Value() uint64     { return i.u64(8) }
func (i *SigInfo) SetValue(v uint64) { i.put64(8, v) }

// Status is si_status of SIGCHLD: exit code or signal.
func (i *SigInfo) Status() int32     { return int32(i.u32(8)) }
func (i *SigInfo) SetStatus(s int32) { i.put32(8, uint32(s)) }

// SetTimes stores si_utime and si_stime of SIGCHLD, in clock ticks.
func (i *SigInfo) SetTimes(utime, stime int64) {
	i.put64(16, uint64(utime))
	i.put64(24, uint64(stime))
}

// Times returns what SetTimes stored.
func (i *SigInfo) Times() (utime, stime int64) { return int64(i.u64(16)), int64(i.u64(24)) }

// TimerID is si_tid of a POSIX timer's signal.
func (i *SigInfo) TimerID() int32      { return int32(i.u32(0)) }
func (i *SigInfo) SetTimerID(id int32) { i.put32(0, uint32(id)) }

// Overrun is si_overrun, beside TimerID.
func (i *SigInfo) Overrun() int32     { return int32(i.u32(4)) }
func (i *SigInfo) SetOverrun(n int32) { i.put32(4, uint32(n)) }

// Addr is si_addr of a fault.
func (i *SigInfo) Addr() uint64     { return i.u64(0) }
func (i *SigInfo) SetAddr(a uint64) { i.put64(0, a) }

// Band and FD are si_band and si_fd of SIGIO.
func (i *SigInfo) Band() int64     { return int64(i.u64(0)) }
func (i *SigInfo) SetBand(b int64) { i.put64(0, uint64(b)) }
func (i *SigInfo) FD() int32       { return int32(i.u32(8)) }
func (i *SigInfo) SetFD(fd int32)  { i.put32(8, uint32(fd)) }

// SetSyscall stores si_call_addr, si_syscall and si_arch of SIGSYS.
func (i *SigInfo) SetSyscall(addr uint64, nr int32, arch uint32) {
	i.put64(0, addr)
	i.put32(8, uint32(nr))
	i.put32(12, arch)
}
