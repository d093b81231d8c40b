package tracer

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// System calls and guarded pages: while there are any, the threads also stop where system calls begin and end.
//
//	read(fd, buf in a guarded page) ──► EFAULT ──► the thread goes back to its syscall instruction
//	                                                    │ all threads stop
//	                                                    │ all guards are opened
//	                                                    │ one instruction of this thread alone: the call
//	                                                    ▼ guards are closed; have watched bytes changed? a hit : go on
//
// A call that fails for a reason of its own fails again. What Linux takes from a file before it writes to memory, a datagram or
// an eventfd's count, is lost by the first try: the kernel process reads such things to its stacks only. A short result, of a
// buffer that is guarded in the middle, stays: whoever reads has to reckon with it.
//
// What is seen is a change: that a call has read a watched place is not.
//
// A call costs two stops, some 20 µs, but only while pages are guarded.

// sysGood marks a stop at a system call (PTRACE_O_TRACESYSGOOD).
const sysGood = 0x80

// contRequest is how threads are continued.
func (t *Tracer) contRequest() int {
	if len(t.guards) > 0 {
		return unix.PTRACE_SYSCALL
	}
	return unix.PTRACE_CONT
}

// syscallStop digests a stop at a system call's beginning or end.
func (t *Tracer) syscallStop(th *Thread) (*Thread, bool) {
	const (
		getSyscallInfo = 0x420e // PTRACE_GET_SYSCALL_INFO
		entry, exit    = 1, 2   // the first byte
		result         = 24     // offset of an exit's
	)
	var info [88]byte
	if ptrace(getSyscallInfo, th.ID, uintptr(len(info)), uintptr(unsafe.Pointer(&info))) != nil {
		return th, false
	}
	switch info[0] {
	case entry:
		th.event = true
	case exit:
		if len(t.guards) > 0 && refusal(binary.NativeEndian.Uint64(info[result:])) && t.rewind(th) {
			th.Hit = Hit{Kind: hitRefused}
			return th, true
		}
	}
	return th, false
}

func refusal(result uint64) bool { return int64(result) == -int64(unix.EFAULT) }

// rewind takes a thread back to the system call that it has executed.
func (t *Tracer) rewind(th *Thread) bool {
	r, err := t.Regs(th.ID)
	if err != nil || int64(r.Orig_rax) < 0 {
		return false
	}
	t.Stats.Refused++
	th.fault = 0
	r.Rip -= syscallLen
	r.Rax, r.Orig_rax = r.Orig_rax, ^uint64(0)
	th.dirty = true
	th.over = t.bps[r.Rip] != nil
	return true
}

const syscallLen = 2

// refusedStep tells whether a thread that was at pc has executed a system call that a guard may have been in the way of. It is
// then to be executed again.
func (t *Tracer) refusedStep(th *Thread, pc uint64) bool {
	if len(t.guards) == 0 {
		return false
	}
	r, err := t.Regs(th.ID)
	if err != nil || r.Rip != pc+syscallLen || !refusal(r.Rax) {
		return false
	}
	var code [syscallLen]byte
	if n, _ := t.Read(code[:], pc); n < len(code) || code != [...]byte{0x0f, 0x05} {
		return false
	}
	return t.rewind(th)
}

// openAll takes all guards away, to be given back by reclose.
func (t *Tracer) openAll(th *Thread) (opened []uint64, err error) {
	for page, g := range t.guards {
		if err := t.protect(th, page, g.prot); err != nil {
			return opened, err
		}
		opened = append(opened, page)
	}
	return opened, nil
}
