package cell

import (
	"bytes"
	"encoding/binary"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// code returns the cell's code.
func cellCode() []byte {
	img, end := image()
	return img[codeOff : end-base]
}

// syscallSites returns the addresses of all syscall instructions in the cell.
func syscallSites() (out []uint64) {
	code := cellCode()
	for i := 0; ; {
		k := bytes.Index(code[i:], []byte{0x0f, 0x05})
		if k < 0 {
			return out
		}
		out = append(out, base+codeOff+uint64(i+k))
		i += k + 1
	}
}

// restorer returns the address of the cell's rt_sigreturn.
func restorerVA(t *testing.T) uint64 {
	k := bytes.Index(cellCode(), []byte{0xb8, 15, 0, 0, 0, 0x0f, 0x05})
	if k < 0 {
		t.Fatal("no rt_sigreturn in the cell")
	}
	return base + codeOff + uint64(k)
}

// A guest jumps to the cell's own syscall instructions with registers of its
// choice. Each call must trap, and the cell die.
func TestForgedCallsAreTrapped(t *testing.T) {
	m := newMachine(t)
	sites := syscallSites()
	if len(sites) < 20 {
		t.Fatalf("only %d syscall instructions", len(sites))
	}
	calls := []struct {
		name string
		nr   uint64
		args [6]uint64
	}{
		{"mmap RAM", sysMmap, [6]uint64{dataVA, pg, 3, mapFixed, ramFD, 0}},
		{"mmap control", sysMmap, [6]uint64{areaVA + blockLen, blockLen, 3, mapFixed, ctlFD, 0}},
		{"mmap anonymous", sysMmap, [6]uint64{0, pg, 3, 0x22, ^uint64(0), 0}},
		{"pwrite", sysPwrite, [6]uint64{ctlFD, batchVA, 8, doneOff}},
		{"clone", sysClone, [6]uint64{cloneCell}},
		{"clone thread", sysClone, [6]uint64{cloneThread, areaVA + mboxLen}},
		{"munmap", sysMunmap, [6]uint64{textVA, pg}},
		{"mprotect", sysMprotect, [6]uint64{textVA, pg, 7}},
		{"madvise", sysMadvise, [6]uint64{textVA, pg, madvDontneed}},
		{"userfaultfd", sysUserfaultfd, [6]uint64{uffdFlags}},
		{"exit_group", sysExitGroup, [6]uint64{0}},
		{"prctl", sysPrctl, [6]uint64{1, 9}},
		{"seccomp", sysSeccomp, [6]uint64{1, 0}},
		{"getpid", sysGetpid, [6]uint64{}},
		{"futex requeue", sysFutex, [6]uint64{areaVA, 3, 1}},
		{"futex private", sysFutex, [6]uint64{areaVA, 128, 1}},
		{"futex on data", sysFutex, [6]uint64{dataVA, 1, 1}},
		{"futex on orders", sysFutex, [6]uint64{batchVA + doneOff, 1, 1}},
		{"futex bits", sysFutex, [6]uint64{areaVA, 1<<32 | 1, 1}},
		{"open", 2, [6]uint64{dataVA}},
		{"kill", 62, [6]uint64{1, 9}},
		{"execve", 59, [6]uint64{dataVA}},
		{"socket", 41, [6]uint64{1, 1}},
		{"x32 read", 0x40000000, [6]uint64{0}},
	}
	for i, c := range calls {
		for _, site := range []uint64{sites[i%len(sites)], sites[len(sites)-1], sites[0]} {
			g := m.guest("90")
			g.regs.RIP = site
			g.regs.RAX = c.nr
			g.regs.RDI, g.regs.RSI, g.regs.RDX = c.args[0], c.args[1], c.args[2]
			g.regs.R10, g.regs.R8, g.regs.R9 = c.args[3], c.args[4], c.args[5]
			tr := g.run(platform.KindDead)
			if !strings.Contains(tr.Reason, "forged: user code in the cell") {
				t.Errorf("%s: %s", c.name, tr.Reason)
			}
			g.s.Release()
		}
	}
}

// The same calls from the guest's own text are its system calls and nothing else.
func TestCallsFromGuestTextNeverReachTheHost(t *testing.T) {
	m := newMachine(t)
	g := m.guest(syscallInsn, "eb fc")
	defer g.s.Release()
	for nr := range uint64(470) {
		if nr == 335 || nr == 336 {
			continue // uretprobe and uprobe pass every seccomp filter since Linux 6.14: SIGILL and ENXIO
		}
		g.regs.RAX = nr
		g.run(platform.KindSyscall)
		if g.regs.OrigRAX != nr {
			t.Fatalf("call %d came as %d", nr, g.regs.OrigRAX)
		}
	}
}

// sigreturn makes a guest that calls the host's rt_sigreturn with a frame of its own.
func (g *guest) sigreturn(t *testing.T, change func(uc *amd64.Ucontext)) {
	f := g.m.frames(1)
	g.mapPages(dataVA, f, 1, rw)
	uc := (*amd64.Ucontext)(unsafe.Pointer(&g.m.mem(f)[256]))
	r := amd64.Registers{RIP: textVA, RSP: stackVA}
	r.Store(uc)
	uc.Flags = 6
	uc.StackSP, uc.StackSize = areaVA+stackOff, stackLen
	change(uc)
	g.regs.RIP = restorerVA(t)
	g.regs.RSP = dataVA + 256
}

func TestDeafGuestIsKilled(t *testing.T) {
	for name, change := range map[string]func(uc *amd64.Ucontext){
		"blocked signals": func(uc *amd64.Ucontext) { uc.Sigmask = ^uint64(0) },
		"moved stack":     func(uc *amd64.Ucontext) { uc.StackSP, uc.StackSize = dataVA+2*pg, 0x4000 },
		"hidden stack":    func(uc *amd64.Ucontext) { uc.StackSP, uc.StackSize = dataVA+1<<20, 0x4000 },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			g := m.guest(jmpSelf)
			defer g.s.Release()
			g.mapPages(dataVA+pg, m.frames(8), 8, rw)
			g.sigreturn(t, change)
			time.AfterFunc(20*time.Millisecond, g.x.Interrupt)
			t0 := time.Now()
			tr := g.run(platform.KindDead)
			t.Logf("%s after %v", tr.Reason, time.Since(t0))
		})
	}
}

// A guest that calls the cell's futex(2) to sleep for ever answers a kick, or dies.
func TestGuestSleepingInTheCellIsInterrupted(t *testing.T) {
	m := newMachine(t)
	g := m.guest("90")
	defer g.s.Release()
	g.regs.RIP = syscallSites()[0]
	g.regs.RAX, g.regs.RDI, g.regs.RSI, g.regs.RDX = sysFutex, areaVA+0x800, 0, 0
	time.AfterFunc(20*time.Millisecond, g.x.Interrupt)
	g.run(platform.KindDead)
}

// A guest that writes its own mailbox gets nothing but its own confusion.
func TestForgedMailbox(t *testing.T) {
	m := newMachine(t)
	for _, frame := range []uint64{0, areaVA, areaVA + startOff - 8, areaVA + blockLen, areaVA + stackOff + 1, ^uint64(0) - 7, dataVA, base} {
		g := m.guest("48 89 1e", "89 07", jmpSelf) // mov [rsi], rbx; mov [rdi], eax
		g.regs.RSI, g.regs.RBX = areaVA+16, frame
		g.regs.RDI, g.regs.RAX = areaVA, stReq
		g.run(platform.KindDead)
		g.s.Release()
	}
	// A frame where one may be, full of rubbish.
	for _, fp := range []uint64{1, areaVA + stackOff + 8, areaVA + startOff - 64, areaVA + blockLen, dataVA} {
		g := m.guest("48 89 1e", "89 07", jmpSelf)
		x := g.x.(*context)
		off := uint64(stackOff + 0x400)
		binary.LittleEndian.PutUint64(x.area.mem[off+8+uint64(unsafe.Offsetof(amd64.Ucontext{}.FPState)):], fp)
		g.regs.RSI, g.regs.RBX = areaVA+16, areaVA+off
		g.regs.RDI, g.regs.RAX = areaVA, stReq
		g.run(platform.KindDead)
		g.s.Release()
	}
	if m.p.Stats().Forged < 8 {
		t.Errorf("%+v", m.p.Stats())
	}
}

// A guest that says "trap" and runs on is not pooled.
func TestCellWhoseThreadIsNotAtHomeIsNotReused(t *testing.T) {
	m := newMachine(t)
	// The forged frame tells of a call; the guest then spins on in the cell's own
	// code, where a fake mailbox keeps it.
	g := m.guest("48 89 1e", "48 89 de", "c7 46 00 1f 00 00 00", "89 07", jmpSelf)
	x := g.x.(*context)
	pid := g.s.HostPID()
	off := uint64(stackOff + 0x400)
	x.area.mem[0x0c] = 31
	uc := (*amd64.Ucontext)(unsafe.Pointer(&x.area.mem[off+8]))
	uc.RIP = textVA
	binary.LittleEndian.PutUint32(x.area.mem[off+8+304+28:], archX8664)
	g.regs.RSI, g.regs.RBX = areaVA+16, areaVA+off
	g.regs.RDI, g.regs.RAX = areaVA, stReq
	x.box.sig = 31
	tr := g.x.Switch(&g.regs)
	if tr.Kind == platform.KindSyscall {
		g.s.Release()
		for t0 := time.Now(); time.Since(t0) < 2*time.Second; time.Sleep(10 * time.Millisecond) {
			m.p.mu.Lock()
			_, live := m.p.live[pid]
			m.p.mu.Unlock()
			if !live {
				return
			}
		}
		// It came home: its text was unmapped, so it faulted into the handler. That is clean as well.
		return
	}
	g.s.Release()
}

func TestGuestSeesNothingOfTheKernel(t *testing.T) {
	m := newMachine(t)
	g := prober(m)
	defer g.s.Release()
	secret := new([64]byte)
	for _, va := range []uint64{
		uint64(uintptr(unsafe.Pointer(secret))) &^ 7,
		uint64(uintptr(unsafe.Pointer(&m.ram[0]))),
		0x7ffff7ff0000, base - pg, base + imgSize, batchVA - pg, batchVA + blockLen, areaVA + blockLen,
	} {
		if va == textVA {
			continue
		}
		g.aim(va, platform.AccessRead)
		if tr := g.run(platform.KindPageFault); tr.Addr != va {
			t.Errorf("read of %#x: %+v", va, tr)
		}
	}
	for _, va := range []uint64{base, base + dataOff, base + 0x1000, batchVA, batchVA + 64, batchVA + doneOff} {
		g.aim(va, platform.AccessWrite)
		if tr := g.run(platform.KindPageFault); tr.Addr != va || tr.Access != platform.AccessWrite {
			t.Errorf("write to %#x: %+v", va, tr)
		}
	}
	if tr := (&guest{m: m, s: g.s, x: g.x, regs: amd64.Registers{RIP: areaVA + 0x800}}).run(platform.KindPageFault); tr.Access != platform.AccessExec {
		t.Errorf("the thread area is executable: %+v", tr)
	}
}

func TestKilledCellIsDead(t *testing.T) {
	m := newMachine(t)
	for _, busy := range []bool{false, true} {
		g := m.guest(jmpSelf)
		y, err := g.s.NewContext()
		if err != nil {
			t.Fatal(err)
		}
		pid := g.s.HostPID()
		if busy {
			time.AfterFunc(30*time.Millisecond, func() { syscall.Kill(pid, syscall.SIGKILL) })
		} else {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		done := make(chan platform.Trap)
		go func() {
			r := g.regs
			done <- y.Switch(&r)
		}()
		tr := g.run(platform.KindDead)
		if !strings.Contains(tr.Reason, "killed") {
			t.Error(tr.Reason)
		}
		if tr := <-done; tr.Kind != platform.KindDead {
			t.Errorf("the other thread: %+v", tr)
		}
		g.s.Map(platform.Range{VA: dataVA, Frame: 1, Pages: 1}, rw, platform.Range{VA: dataVA, Frame: 1, Pages: 1})
		g.s.Commit()
		g.s.Unmap(dataVA, pg)
		if _, err := g.s.NewContext(); err == nil {
			t.Error("a thread in a dead cell")
		}
		g.x.Interrupt()
		g.s.Commit()
		g.s.Release()
	}
}

func TestKilledTemplateIsReplaced(t *testing.T) {
	m := newMachine(t)
	for range 3 {
		syscall.Kill(m.p.awaitTemplate().pid, syscall.SIGKILL)
		for range 10 {
			s, _, err := m.p.NewAddressSpace()
			if err == nil {
				s.Release()
			}
			time.Sleep(2 * time.Millisecond)
		}
		g := m.guest("b8", 1, syscallInsn)
		g.run(platform.KindSyscall)
		g.s.Release()
	}
}
