package amd64

import "unsafe"

// Ucontext is Linux's struct ucontext of x86-64 (asm-generic/ucontext.h with
// asm/sigcontext.h inside): the registers in a signal frame.
type Ucontext struct {
	Flags, Link uint64
	StackSP     uint64 // uc_stack: the alternate stack that sigreturn sets again
	StackFlags  uint32
	_           uint32
	StackSize   uint64

	R8, R9, R10, R11, R12, R13, R14, R15 uint64
	RDI, RSI, RBP, RBX, RDX, RAX, RCX    uint64
	RSP, RIP, RFLAGS                     uint64
	CS, GS, FS, SS                       uint16
	Err, TrapNo, OldMask, CR2            uint64
	FPState                              uint64 // user address of the XSAVE area, or 0: the initial state
	_                                    [8]uint64
	Sigmask                              uint64
}

// Bits of Ucontext.Flags (asm/ucontext.h).
const (
	UCFPXState        = 1 // the extended state is in XSAVE format
	UCSigcontextSS    = 2 // SS is saved and restored
	UCStrictRestoreSS = 4 // … even when it looks odd
)

// UcontextSize is the size of Ucontext; FrameSize that of Linux's struct
// rt_sigframe: the return address, the Ucontext and the siginfo.
const (
	UcontextSize = unsafe.Sizeof(Ucontext{})
	FrameSize    = 8 + UcontextSize + 128
)

// Store copies the general registers into u. Flags that a user may not choose
// keep out, and the selectors are forced to those of 64-bit code, so what u
// holds is safe to return to.
func (r *Registers) Store(u *Ucontext) {
	u.R8, u.R9, u.R10, u.R11 = r.R8, r.R9, r.R10, r.R11
	u.R12, u.R13, u.R14, u.R15 = r.R12, r.R13, r.R14, r.R15
	u.RDI, u.RSI, u.RBP, u.RBX = r.RDI, r.RSI, r.RBP, r.RBX
	u.RDX, u.RAX, u.RCX = r.RDX, r.RAX, r.RCX
	u.RSP, u.RIP = r.RSP, r.RIP
	u.RFLAGS = r.RFLAGS&UserFlags | FlagIF | 2
	u.CS, u.GS, u.FS, u.SS = UserCS, 0, 0, UserSS
}

// Load copies the general registers out of u; the segment bases stay.
func (r *Registers) Load(u *Ucontext) {
	r.R8, r.R9, r.R10, r.R11 = u.R8, u.R9, u.R10, u.R11
	r.R12, r.R13, r.R14, r.R15 = u.R12, u.R13, u.R14, u.R15
	r.RDI, r.RSI, r.RBP, r.RBX = u.RDI, u.RSI, u.RBP, u.RBX
	r.RDX, r.RAX, r.RCX = u.RDX, u.RAX, u.RCX
	r.RSP, r.RIP, r.RFLAGS = u.RSP, u.RIP, u.RFLAGS
	r.CS, r.SS = UserCS, UserSS
	r.DS, r.ES, r.FS, r.GS = 0, 0, 0, 0
	r.OrigRAX = ^uint64(0)
}
