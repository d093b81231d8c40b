package cell

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"unsafe"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// Processor exceptions (Intel SDM vol. 3, 6.3.1) and page-fault error bits (4.7).
const (
	trapGP = 13
	trapPF = 14

	pfWrite = 1 << 1
	pfExec  = 1 << 4
)

const (
	siKernel = 0x80
	segvMaps = 1 // SEGV_MAPERR

	vsyscallVA = 0xffffffffff600000 // three 1 KB entries in one page
)

// decode turns the signal frame of a trap into registers and a Trap. It
// reports false for a stray kick, after which user code goes on.
//
// All of the mailbox and the frame can be forged. Each word is read once, into
// the kernel's own memory, and only then looked at. What decode must make sure
// of is that the kernel reads and writes inside the area; whatever registers
// the guest makes up are registers it could have had.
func (x *context) decode(regs *amd64.Registers) (platform.Trap, bool) {
	b := x.box
	sig := load(&b.sig)
	off := b.frame - x.va
	if off < stackOff || off > startOff-uint64(amd64.FrameSize) || off&7 != 0 {
		return x.misbehaved(fmt.Sprintf("signal frame at %#x", b.frame)), true
	}
	mem := x.area.mem
	uc := *(*amd64.Ucontext)(unsafe.Pointer(&mem[off+8]))
	var info [32]byte
	copy(info[:], mem[off+8+uint64(amd64.UcontextSize):])

	x.fp = 0
	if uc.FPState != 0 {
		fp := uc.FPState - x.va
		if fp < stackOff || fp > startOff-uint64(x.cell.p.format.Total()) || fp&63 != 0 {
			return x.misbehaved(fmt.Sprintf("XSAVE area at %#x", uc.FPState)), true
		}
		x.fp = fp
	}
	x.fs, x.gs = b.fs, b.gs
	regs.Load(&uc)
	regs.FSBase, regs.GSBase = x.fs, x.gs
	if uc.RIP >= base && uc.RIP <= x.cell.p.codeEnd {
		return x.misbehaved(fmt.Sprintf("user code in the cell at +%#x: signal %d, rax %#x", uc.RIP-base, sig, uc.RAX)), true
	}

	le := binary.LittleEndian
	t := platform.Trap{
		Kind:   platform.KindException,
		Signal: int(sig),
		Code:   int(int32(le.Uint32(info[8:]))),
		Addr:   le.Uint64(info[16:]),
		Err:    uc.Err,
		TrapNo: uc.TrapNo,
	}
	st := &x.cell.p.stats
	switch syscall.Signal(sig) {
	case syscall.SIGSYS:
		call, arch := le.Uint64(info[16:]), le.Uint32(info[28:])
		switch {
		case call&^0xfff == vsyscallVA:
			// The host has already done the ret of the vsyscall entry: undo
			// it, so that this looks as on a host without vsyscall.
			regs.RIP = call
			regs.RSP -= 8
			return exception(syscall.SIGSEGV, segvMaps, call), true
		case arch != archX8664: // int $0x80 or a 32-bit syscall: Linux without IA32 emulation
			regs.RIP -= 2 // a fault: it points to the instruction
			return exception(syscall.SIGSEGV, siKernel, 0), true
		}
		st.syscalls.Add(1)
		regs.OrigRAX = uc.RAX
		return platform.Trap{Kind: platform.KindSyscall}, true
	case syscall.SIGSEGV, syscall.SIGBUS:
		if uc.TrapNo != trapPF {
			break
		}
		if uc.CR2&^0xfff == vsyscallVA && uc.RIP == uc.CR2 {
			return exception(syscall.SIGSEGV, segvMaps, uc.CR2), true
		}
		st.faults.Add(1)
		t = platform.Trap{Kind: platform.KindPageFault, Addr: uc.CR2, Err: uc.Err, TrapNo: uc.TrapNo}
		switch {
		case uc.Err&pfExec != 0:
			t.Access = platform.AccessExec
		case uc.Err&pfWrite != 0:
			t.Access = platform.AccessWrite
		}
	case sigKick:
		if !x.intr.Swap(false) {
			return t, false // it was meant for an earlier Switch
		}
		return platform.Trap{Kind: platform.KindInterrupt}, true
	case syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP:
	default:
		return x.misbehaved(fmt.Sprintf("signal %d", sig)), true
	}
	return t, true
}

func exception(sig syscall.Signal, code int, addr uint64) platform.Trap {
	return platform.Trap{Kind: platform.KindException, Signal: int(sig), Code: code, Addr: addr, TrapNo: trapGP}
}

// misbehaved kills the cell of a guest that did what no honest program does.
func (x *context) misbehaved(what string) platform.Trap {
	x.cell.p.stats.forged.Add(1)
	x.cell.kill("forged: " + what)
	return platform.Trap{Kind: platform.KindDead, Reason: x.cell.deadReason()}
}
