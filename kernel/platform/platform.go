// Package platform is the door between the kernel and the code of user
// programs: how an address space is made, how user code runs, and why it came
// back.
//
//	     kernel/trap                    kernel/mm
//	         │ Switch(regs)                │ Map, Unmap, Protect, Commit
//	┌────────▼─────────┐          ┌────────▼──────────┐
//	│ Context          │ 1..n ──1 │ AddressSpace      │
//	│ a user thread    │          │ "the TLB"         │
//	└────────┬─────────┘          └────────┬──────────┘
//	         ▼ user code runs              ▼ translations that it sees
//
// The kernel's page table is the truth; an AddressSpace only caches it, as a
// TLB does. A translation may be missing at any time (the user then faults and
// the kernel maps it again) but must never be wrong: Unmap and Protect hold
// once Commit has returned, and a frame is used again only after that.
//
// platform/cell runs programs natively in host processes. platform/fakeuser
// lets a Go function act as the program, for tests.
package platform

import (
	"vitrine/kernel/arch/amd64"
)

// Prot says what user code may do with a page.
type Prot uint8

// Protections; x86 can't express Write or Exec without Read.
const (
	Read Prot = 1 << iota
	Write
	Exec
)

// Platform makes address spaces.
type Platform interface {
	// Name is "cell" or "fakeuser".
	Name() string

	// NewAddressSpace returns an empty address space with one thread's Context.
	// It fails with an errno (EAGAIN) when the host can give no more.
	NewAddressSpace() (AddressSpace, Context, error)

	// Close ends every address space; nothing of the platform is left on the host.
	Close()
}

// A Range is a run of frames at consecutive user addresses.
type Range struct {
	VA    uint64 // first address, page aligned
	Frame uint64 // first page-frame number: the frame's offset in RAM in pages
	Pages uint64
}

// AddressSpace caches translations for one guest address space. Changes are
// queued and take effect at Commit, or at the latest when a Context of it that
// is in the kernel returns to user code. The caller serialises all calls.
type AddressSpace interface {
	// Map lets user code reach r with prot. The reservation, which contains r, is the
	// contiguous run of frames from which later pages around r will come if they
	// come: the platform may prepare its host mapping so that later Maps in it are cheap,
	// but pages of the reservation that were never mapped must still fault.
	Map(r Range, prot Prot, reservation Range)

	// Unmap forgets translations of [va, va+size). Both are page aligned.
	Unmap(va, size uint64)

	// Protect narrows or widens the protection of whatever is mapped in the range.
	Protect(va, size uint64, prot Prot)

	// Commit makes queued changes effective and returns when no user thread can
	// use a right that was taken away. A cell that does not answer is killed and
	// is seen as dead: Commit then returns nil all the same, for no user code runs in it.
	Commit()

	// Settled reports whether every change so far is effective, as after Commit, without waiting. After Release it
	// says that no frame is mapped any more; Commit then waits for that.
	Settled() bool

	// NewContext adds a user thread.
	NewContext() (Context, error)

	// Reset unmaps everything and releases all Contexts but keep: execve. Frames may be mapped until Commit or Settled.
	Reset(keep Context)

	// Release ends the address space with all its threads. Frames may be mapped until Settled says that they are not.
	Release()

	// HostPID is the host process that runs the user code, or 0.
	HostPID() int
}

// Context is a user thread. One goroutine, the task's own, calls Switch; Interrupt may be
// called from any.
type Context interface {
	// Switch runs user code with the registers regs until it comes back to
	// the kernel, stores the registers and says why. At a system call RIP is
	// after the instruction and OrigRAX holds the number.
	Switch(regs *amd64.Registers) Trap

	// OnStay has Switch call f, on its own goroutine, whenever user code stays away for longer than a few
	// microseconds. It reports whether it will.
	OnStay(f func()) bool

	// Park says that the caller will not call Switch for a while: user code's processor is free for others.
	Park()

	// Interrupt makes the Switch under way, or else the next one, return
	// soon with KindInterrupt.
	Interrupt()

	// FPU returns the extended state (an XSAVE area in the standard format
	// with Linux's software bytes, as in a signal frame) that user code had at the last
	// Switch. It is valid until the next Switch. Nil means the initial state.
	FPU() []byte

	// SetFPU sets the state for the next Switch; nil sets the initial state. A malformed area is
	// EINVAL and changes nothing.
	SetFPU(area []byte) error

	// Clone makes c start with the same extended state as this Context's.
	Clone(c Context)

	// Release ends the thread. The address space lives on.
	Release()
}

// Kind says why user code came back.
type Kind uint8

// Kinds of Trap.
const (
	KindSyscall   Kind = iota // regs hold the call
	KindPageFault             // Addr and Access are set
	KindException             // Signal, Code and Addr say which, as in siginfo
	KindInterrupt             // Context.Interrupt
	KindDead                  // the thread or its host process died, or misbehaved and was killed
)

func (k Kind) String() string {
	return [...]string{"syscall", "page fault", "exception", "interrupt", "dead"}[k]
}

// Access is what user code tried at a page fault.
type Access uint8

// Kinds of access.
const (
	AccessRead Access = iota
	AccessWrite
	AccessExec
)

// Trap is a return from user code.
type Trap struct {
	Kind   Kind
	Addr   uint64 // page fault: the address; exception: siginfo's si_addr
	Access Access // page fault
	Signal int    // exception: the Linux signal number (SIGFPE, SIGILL, SIGTRAP, SIGSEGV …)
	Code   int    // exception: siginfo's si_code
	Err    uint64 // the CPU's error code; trap number in TrapNo
	TrapNo uint64
	Reason string // dead: what was seen, for the log
}
