package amd64

import (
	"encoding/binary"
	"unsafe"
)

// The signal frame as Linux builds it on the user stack (arch/x86/kernel/signal_64.c):
//
//	higher addresses
//	┌──────────────────────┐ ◀─ interrupted RSP - 128 (red zone), or the alternate stack's top
//	│ XSAVE area           │    aligned to 64
//	├──────────────────────┤
//	│ siginfo   128 bytes  │
//	│ ucontext  304 bytes  │
//	│ return address       │ ◀─ RSP at the handler's first instruction: RSP+8 is aligned to 16
//	└──────────────────────┘
//
// The handler returns to the return address, SA_RESTORER's, whose code calls rt_sigreturn(2) with
// RSP just above it.
const (
	RedZone     = 128
	sigInfoSize = 128

	offUcontext = 8
	offSigInfo  = offUcontext + int(UcontextSize)
)

// SigFrame is where the parts of a signal frame lie in user memory.
type SigFrame struct {
	SP       uint64 // of the whole frame: the return address
	Ucontext uint64
	SigInfo  uint64
	FPState  uint64
}

// LayoutSigFrame places a frame with an XSAVE area of fpSize bytes below top. Top is RSP, or the end of
// the alternate stack. It returns false if there is no room in user space.
func LayoutSigFrame(top uint64, redZone bool, fpSize int) (SigFrame, bool) {
	if !Canonical(top) {
		return SigFrame{}, false
	}
	if redZone {
		top -= RedZone
	}
	fp := (top - uint64(fpSize)) &^ 63
	sp := (fp-uint64(FrameSize))&^15 - 8
	if sp >= top || !Canonical(top) {
		return SigFrame{}, false
	}
	return SigFrame{SP: sp, Ucontext: sp + uint64(offUcontext), SigInfo: sp + uint64(offSigInfo), FPState: fp}, true
}

// SigFrameAt returns the frame that rt_sigreturn(2) finds with RSP = sp.
func SigFrameAt(sp uint64) SigFrame {
	sp -= 8
	return SigFrame{SP: sp, Ucontext: sp + uint64(offUcontext), SigInfo: sp + uint64(offSigInfo)}
}

// Bytes returns u as it lies in memory.
func (u *Ucontext) Bytes() []byte { return unsafe.Slice((*byte)(unsafe.Pointer(u)), UcontextSize) }

// EnterHandler sets the registers to the handler's first instruction: handler(sig, siginfo, ucontext).
func (r *Registers) EnterHandler(f SigFrame, handler uint64, sig int) {
	r.RIP, r.RSP = handler, f.SP
	r.RDI, r.RSI, r.RDX = uint64(sig), f.SigInfo, f.Ucontext
	r.RAX = 0
	r.RFLAGS &^= FlagDF | FlagTF | flagRF
	r.CS, r.SS = UserCS, UserSS
	r.OrigRAX = ^uint64(0)
}

const flagRF = 1 << 16

// InitialFPU returns the XSAVE area of a thread that has not touched its FPU: x87 and SSE components only, which
// every processor takes.
func InitialFPU() []byte {
	const size = XsaveLegacySize + XsaveHeaderSize
	b := make([]byte, size+4)
	le := binary.LittleEndian
	le.PutUint16(b, 0x37f) // FCW
	le.PutUint32(b[xsaveMXCSR:], 0x1f80)
	le.PutUint32(b[28:], 0xffff) // MXCSR_MASK
	le.PutUint32(b[xsaveSW:], XsaveMagic1)
	le.PutUint32(b[xsaveSW+4:], size+4)
	le.PutUint64(b[xsaveSW+8:], xsaveFPSSE)
	le.PutUint32(b[xsaveSW+16:], size)
	le.PutUint64(b[xsaveHeader:], xsaveFPSSE)
	le.PutUint32(b[size:], XsaveMagic2)
	return b
}

// maxFPState bounds the XSAVE area that a signal frame may claim to have.
const maxFPState = 16 << 10

// FPStateSize tells from the first XsaveLegacySize bytes of the area in a signal frame how long it is. A frame without
// software bytes holds plain FXSAVE.
func FPStateSize(legacy []byte) int {
	le := binary.LittleEndian
	if le.Uint32(legacy[xsaveSW:]) != XsaveMagic1 {
		return XsaveLegacySize
	}
	if n := le.Uint32(legacy[xsaveSW+4:]); n >= XsaveLegacySize+XsaveHeaderSize && n <= maxFPState {
		return int(n)
	}
	return XsaveLegacySize
}

// PageFaultError returns the error code that a processor gives for a fault (Intel SDM vol. 3, 4.7), for those who show it.
func PageFaultError(present, write, exec bool) uint64 {
	e := uint64(4) // user mode
	if present {
		e |= 1
	}
	if write {
		e |= 2
	}
	if exec {
		e |= 16
	}
	return e
}

// Canonical reports whether an address can be one of user code.
func Canonical(addr uint64) bool { return addr < 1<<47 }
