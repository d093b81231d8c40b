package host

import (
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// rule lets the kernel process make a host call. Each has its reason; what
// has none is refused.
type rule struct {
	nr    uint32
	why   string
	alts  []args // any of these must hold; none: all arguments are allowed
	after uint32 // what an argument that fits no alternative gets; 0: EPERM
}

// args are checks that must all hold.
type args []arg

// arg is a check of one argument, all 64 bits of it: under mask it is one of the values.
type arg struct {
	n      uint32
	mask   uint64 // 0: all bits
	values []uint64
}

func is(n uint32, values ...uint64) arg { return arg{n: n, values: values} }

// rules lists every call. Calls that are made often come first: they are compared in this order
// (calls whose arguments don't matter cost nothing, for Linux keeps a bitmap of them).
//
// Cells that are born after Confine inherit this filter below their own. Its
// refusal is therefore an error number, which is weaker than a cell's TRAP: a
// guest's system call reaches the kernel whatever stands here. What cells themselves need is
// marked "cell".
func rules(self int) []rule {
	me := uint64(self)
	return []rule{
		{nr: unix.SYS_FUTEX, why: "Go runtime; wait for cells and wake them"},
		{nr: unix.SYS_IOCTL, why: "userfaultfd: map pages", alts: []args{{is(1,
			0xc018aa3f, // UFFDIO_API
			0xc020aa00, // UFFDIO_REGISTER
			0x8010aa01, // UFFDIO_UNREGISTER
			0x8010aa02, // UFFDIO_WAKE
			0xc028aa03, // UFFDIO_COPY
			0xc020aa04, // UFFDIO_ZEROPAGE
			0xc018aa06, // UFFDIO_WRITEPROTECT
			0xc020aa07, // UFFDIO_CONTINUE
		)}}},
		{nr: unix.SYS_SCHED_YIELD, why: "Go runtime; wait for cells"},
		{nr: unix.SYS_EPOLL_PWAIT, why: "Go runtime; interrupts"},
		{nr: unix.SYS_TIMERFD_SETTIME, why: "the clock's alarm"},
		{nr: unix.SYS_WRITE, why: "doorbell, control channel, last words"},
		{nr: unix.SYS_READ, why: "interrupts, control channel"},
		{
			nr: unix.SYS_TGKILL, why: "Go runtime: preemption; kick a cell's thread",
			alts: []args{{is(0, me)}, {is(2, 0, uint64(unix.SIGUSR1), uint64(unix.SIGURG))}},
		},
		{nr: unix.SYS_RT_SIGRETURN, why: "Go runtime: end of a signal handler"},
		{nr: unix.SYS_NANOSLEEP, why: "Go runtime: short sleeps"},
		{nr: unix.SYS_CLOCK_NANOSLEEP, why: "Go runtime"},
		{nr: unix.SYS_CLOCK_GETTIME, why: "time, where the host's vDSO can't tell"},
		{nr: unix.SYS_GETPID, why: "Go runtime: signals"},
		{nr: unix.SYS_GETTID, why: "Go runtime: signals"},
		{nr: unix.SYS_GETRANDOM, why: "entropy"},
		{nr: unix.SYS_MMAP, why: "heap; control memory of cells. cell: guest pages"},
		{nr: unix.SYS_MUNMAP, why: "heap; control memory of cells. cell: guest pages"},
		{nr: unix.SYS_MPROTECT, why: "cell: guest pages"},
		{nr: unix.SYS_MADVISE, why: "Go runtime: give memory back"},
		{nr: unix.SYS_BRK, why: "a process's start"},
		{
			nr: unix.SYS_PRCTL, why: "Go runtime: names of mappings. cell: dies with its parent, RDTSC",
			alts: []args{{is(0, unix.PR_SET_VMA, unix.PR_SET_PDEATHSIG, unix.PR_SET_NO_NEW_PRIVS, unix.PR_SET_TSC,
				unix.PR_SET_DUMPABLE, unix.PR_SET_NAME, unix.PR_SET_TIMERSLACK)}},
		},
		{
			nr: unix.SYS_CLONE, why: "Go runtime: threads. cell: its threads and the template's children",
			// No namespaces; and nothing that shares memory but is no thread, save vfork.
			alts: []args{{arg{0, cloneNew, []uint64{0}}, arg{0, unix.CLONE_UNTRACED | unix.CLONE_PTRACE, []uint64{0}}}},
		},
		{nr: unix.SYS_CLONE3, why: "its arguments can't be seen: the caller takes clone instead", alts: []args{{is(1, 0)}}, after: uint32(unix.ENOSYS)},
		{nr: unix.SYS_EXIT, why: "Go runtime: end of a thread"},
		{nr: unix.SYS_EXIT_GROUP, why: "halt"},
		{nr: unix.SYS_SIGALTSTACK, why: "Go runtime: new threads. cell"},
		{nr: unix.SYS_RT_SIGPROCMASK, why: "Go runtime: new threads. cell"},
		{nr: unix.SYS_RT_SIGACTION, why: "Go runtime: panic. cell"},
		{nr: unix.SYS_SCHED_GETAFFINITY, why: "Go runtime: number of processors"},
		{nr: unix.SYS_SCHED_SETAFFINITY, why: "placement of cells"},
		{nr: unix.SYS_GETCPU, why: "placement of cells"},
		{nr: unix.SYS_PREAD64, why: "Go runtime: limits of its control group"},
		{nr: unix.SYS_PWRITE64, why: "cell: acknowledgements"},
		{nr: unix.SYS_EPOLL_CTL, why: "Go runtime"},
		{nr: unix.SYS_EPOLL_CREATE1, why: "Go runtime"},
		{nr: unix.SYS_EVENTFD2, why: "Go runtime: wake its poller"},
		{nr: unix.SYS_CLOSE, why: "userfaultfd and pidfd of ended cells"},
		{nr: unix.SYS_FCNTL, why: "Go runtime: descriptors", alts: []args{{is(1, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_DUPFD_CLOEXEC)}}},
		{nr: unix.SYS_FSTAT, why: "Go library: descriptors"},
		{nr: unix.SYS_FTRUNCATE, why: "control memory of cells"},
		{nr: unix.SYS_FALLOCATE, why: "give RAM and control memory back to the host"},
		{nr: unix.SYS_WAIT4, why: "reap cells"},
		{nr: unix.SYS_WAITID, why: "reap cells"},
		{nr: unix.SYS_KILL, why: "end a cell that does not answer: SIGKILL to one process", alts: []args{{is(1, uint64(unix.SIGKILL)), arg{0, 1 << 31, []uint64{0}}}}},
		{nr: unix.SYS_PIDFD_OPEN, why: "reach a cell's userfaultfd"},
		{nr: unix.SYS_PIDFD_GETFD, why: "take a cell's userfaultfd"},
		{nr: unix.SYS_USERFAULTFD, why: "cell: opens one for the kernel"},
		{nr: unix.SYS_RESTART_SYSCALL, why: "a stop by a debugger"},
		{nr: unix.SYS_SECCOMP, why: "cell: its own filters", alts: []args{{is(0, 1)}}}, // SECCOMP_SET_MODE_FILTER
		// A new template cell, if somebody has killed the first.
		{nr: unix.SYS_DUP2, why: "cell: its two descriptors", alts: []args{{is(1, 3, 4)}}},
		{nr: unix.SYS_DUP3, why: "cell: its image", alts: []args{{is(1, 5), is(2, unix.O_CLOEXEC)}}},
		{nr: unix.SYS_CLOSE_RANGE, why: "cell: all other descriptors"},
		{nr: unix.SYS_EXECVEAT, why: "cell: its image, by descriptor, never a path", alts: []args{{is(0, 5), is(4, unix.AT_EMPTY_PATH)}}},
		{nr: unix.SYS_GETPPID, why: "cell: is its parent still there?"},
		{nr: unix.SYS_PRLIMIT64, why: "cell: limits of its own", alts: []args{{is(0, 0)}}},
		{nr: unix.SYS_SETPGID, why: "cell: the template leads a group", alts: []args{{is(0, 0), is(1, 0)}}},
		{nr: unix.SYS_ARCH_PRCTL, why: "cell: FS and GS of guest threads"},
		{nr: unix.SYS_SET_TID_ADDRESS, why: "cell"},
		{nr: unix.SYS_RSEQ, why: "a kernel built with the race detector: glibc's threads"},
		{nr: unix.SYS_SET_ROBUST_LIST, why: "the same"},
	}
}

const cloneNew = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// Confine takes the process's rights away: from now on every thread of it may make
// the calls above and no others; the rest fails with EPERM. There is no way back.
//
// Call it when the platform has made its first cell and everything is open.
func Confine() error {
	// Nobody's memory is to be found in a core file, and the files cannot grow: a
	// kernel that runs wild fills no disk.
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("confine: no_new_privs: %w", err)
	}
	prog, err := bpf.Assemble(filter(rules(unix.Getpid())))
	if err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	// bpf.RawInstruction has the layout of struct sock_filter.
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: (*unix.SockFilter)(unsafe.Pointer(&prog[0]))}
	const setModeFilter, tsync = 1, 1
	if r, _, e := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, tsync, uintptr(unsafe.Pointer(&fprog))); e != 0 {
		return fmt.Errorf("confine: seccomp: %w", e)
	} else if r != 0 {
		return fmt.Errorf("confine: thread %d has a filter of its own", r)
	}
	return nil
}

// Offsets in struct seccomp_data.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
)

const (
	retAllow   = 0x7fff0000
	retErrno   = 0x00050000
	auditAMD64 = 0xc000003e
)

// filter compiles the rules.
func filter(rules []rule) []bpf.Instruction {
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditAMD64, SkipTrue: 1},
		bpf.RetConstant{Val: retErrno | uint32(unix.ENOSYS)},
		bpf.LoadAbsolute{Off: offNr, Size: 4},
	}
	for _, r := range rules {
		var body []bpf.Instruction
		if r.alts == nil {
			body = append(body, bpf.RetConstant{Val: retAllow})
		} else {
			for _, alt := range r.alts {
				body = append(body, alt.compile()...)
			}
			body = append(body, bpf.RetConstant{Val: retErrno | max(r.after, uint32(unix.EPERM))})
		}
		prog = append(prog, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: r.nr, SkipTrue: uint8(len(body))})
		prog = append(prog, body...)
	}
	return append(prog, bpf.RetConstant{Val: retErrno | uint32(unix.EPERM)})
}

// compile allows the call if all checks hold and else falls through.
func (as args) compile() []bpf.Instruction {
	if len(as) == 0 {
		return []bpf.Instruction{bpf.RetConstant{Val: retAllow}}
	}
	rest := as[1:].compile()
	a := as[0]
	mask := a.mask
	if mask == 0 {
		mask = ^uint64(0)
	}
	// BPF compares 32 bits at a time. All values have the same upper half, 0.
	var low []bpf.Instruction
	low = append(low,
		bpf.LoadAbsolute{Off: offArgs + 8*a.n, Size: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: uint32(mask)})
	for i, v := range a.values {
		left := len(a.values) - i - 1
		j := bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(v), SkipTrue: uint8(left)}
		if left == 0 {
			j.SkipFalse = uint8(len(rest))
		}
		low = append(low, j)
	}
	skip := uint8(len(low) + len(rest))
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArgs + 8*a.n + 4, Size: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: uint32(mask >> 32)},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipFalse: skip},
	}
	return append(append(prog, low...), rest...)
}
