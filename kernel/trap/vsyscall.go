package trap

import (
	"encoding/binary"

	"vitrine/kernel/mm"
	"vitrine/kernel/syscall"
	"vitrine/kernel/task"
)

// The vsyscall page of old x86-64 programs: three functions at fixed addresses
// above user space, which the kernel emulates (Linux: arch/x86/entry/vsyscall).
const vsyscallPage = 0xffff_ffff_ff60_0000

var vsyscalls = [...]uint64{96, 201, 309} // gettimeofday, time, getcpu; 1024 bytes apart

// emulateVsyscall runs the function at addr, if it is one, as a system call
// and returns from it as its ret would.
func emulateVsyscall(t *task.Task, addr uint64) bool {
	off := addr - vsyscallPage
	if addr < vsyscallPage || off%1024 != 0 || off/1024 >= uint64(len(vsyscalls)) {
		return false
	}
	var ret [8]byte
	if mm.CopyIn(t.Thread, ret[:], mm.UAddr(t.Regs.RSP)) != nil {
		return false
	}
	t.Regs.OrigRAX = vsyscalls[off/1024]
	syscall.Dispatch(t)
	t.Regs.OrigRAX = ^uint64(0)
	t.Regs.RIP = binary.LittleEndian.Uint64(ret[:])
	t.Regs.RSP += 8
	return true
}
