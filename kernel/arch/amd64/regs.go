// Package amd64 holds what belongs to the x86-64 architecture and to nothing
// else: the user registers, the page-table format, the signal frame and the
// auxiliary vector. An arm64 port would write this package anew.
package amd64

// Registers are a user thread's general registers, in the order of Linux's
// struct user_regs_struct (asm/user_64.h), which is also the order that
// debuggers expect.
type Registers struct {
	R15, R14, R13, R12 uint64
	RBP, RBX           uint64
	R11, R10, R9, R8   uint64
	RAX, RCX, RDX      uint64
	RSI, RDI           uint64
	OrigRAX            uint64 // the system call's number, or ^0 when not in one
	RIP                uint64
	CS                 uint64
	RFLAGS             uint64
	RSP                uint64
	SS                 uint64
	FSBase, GSBase     uint64
	DS, ES, FS, GS     uint64
}

// Flags of RFLAGS that the kernel touches (Intel SDM vol. 1, 3.4.3).
const (
	FlagTF = 1 << 8  // single-step trap
	FlagDF = 1 << 10 // direction, clear at function and signal entry
	FlagIF = 1 << 9
)

// UserFlags are the bits of RFLAGS that a user may choose (as Linux's FIX_EFLAGS).
const UserFlags = 0x00254dd5

// UserCS and UserSS are the selectors of 64-bit user code on Linux.
const (
	UserCS = 0x33
	UserSS = 0x2b
)

// SyscallInsn is the length in bytes of the syscall instruction: a call is
// restarted by moving RIP back by it.
const SyscallInsn = 2

// Syscall returns the number of the system call under way.
func (r *Registers) Syscall() uint64 { return r.OrigRAX }

// Args returns the six arguments of the system call under way.
func (r *Registers) Args() [6]uint64 {
	return [6]uint64{r.RDI, r.RSI, r.RDX, r.R10, r.R8, r.R9}
}

// SetReturn stores the result of a system call.
func (r *Registers) SetReturn(v uint64) { r.RAX = v }

// UserTop is the first address above user space that a guest can use. The cell's own
// code and data live above it, below the host's 47-bit limit.
const UserTop = 0x7ff0_0000_0000 - PageSize

// Page geometry (Intel SDM vol. 3, 4.5).
const (
	PageShift = 12
	PageSize  = 1 << PageShift
	PageMask  = PageSize - 1
)
