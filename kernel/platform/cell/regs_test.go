package cell

import (
	"bytes"
	"encoding/binary"
	"math"
	"syscall"
	"testing"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

func TestAllRegistersGoThereAndBack(t *testing.T) {
	m := newMachine(t)
	g := m.guest("90 cc 90 cc")
	defer g.s.Release()
	want := amd64.Registers{
		R15: 15, R14: 14, R13: 13, R12: 12, RBP: 1 << 63, RBX: 3, R11: 11, R10: 10, R9: 9, R8: 8,
		RAX: ^uint64(0), RCX: 0xc, RDX: 0xd, RSI: 0x51, RDI: 0xd1, OrigRAX: ^uint64(0),
		RIP: textVA, CS: amd64.UserCS, SS: amd64.UserSS, RFLAGS: 0x202 | 0xcd5, RSP: 0x7777777,
		FSBase: 0x7000_1234_5678, GSBase: 0x1111_0000,
	}
	for i := range 3 {
		want.RIP, want.FSBase, want.RBX = textVA, want.FSBase+uint64(i), uint64(i)
		got := want
		tr := g.x.Switch(&got)
		want.RIP += 2
		if tr.Kind != platform.KindException || tr.Signal != int(syscall.SIGTRAP) || tr.TrapNo != 3 {
			t.Fatalf("%+v", tr)
		}
		if got != want {
			t.Fatalf("\n got %+v\nwant %+v", got, want)
		}
	}
}

func TestRegistersThatUserMayNotHaveAreTamed(t *testing.T) {
	m := newMachine(t)
	g := m.guest("90 cc")
	defer g.s.Release()
	g.regs.RFLAGS = ^uint64(0) &^ amd64.FlagTF
	g.regs.CS, g.regs.SS, g.regs.FSBase = 0, 0, 1<<63
	g.run(platform.KindException)
	// Alignment checks are the user's own affair, IOPL and NT are not.
	if g.regs.RFLAGS&^uint64(amd64.UserFlags|0x202) != 0 || g.regs.CS != amd64.UserCS || g.regs.FSBase != 0 {
		t.Fatalf("%+v", g.regs)
	}
	g.regs.RFLAGS = 0
	g.regs.RIP = 1 << 63 // not canonical
	if tr := g.run(platform.KindException); tr.Signal != int(syscall.SIGSEGV) {
		t.Fatalf("%+v", tr)
	}
}

func TestUserSetsItsOwnSegmentBases(t *testing.T) {
	m := newMachine(t)
	g := m.guest("f3 48 0f ae d0", "f3 48 0f ae db", syscallInsn) // wrfsbase rax; wrgsbase rbx
	defer g.s.Release()
	g.regs.RAX, g.regs.RBX = 0x5000, 0x6000
	g.run(platform.KindSyscall)
	if g.regs.FSBase != 0x5000 || g.regs.GSBase != 0x6000 {
		t.Fatalf("%+v", g.regs)
	}
}

func TestExtendedState(t *testing.T) {
	m := newMachine(t)
	loop := []any{"c5 fc 10 0e", syscallInsn, "c5 fc 11 0f", syscallInsn} // ymm1 from rsi, to rdi
	g := m.guest(loop...)
	defer g.s.Release()
	if g.x.FPU() != nil {
		t.Error("a new thread has a state")
	}
	f := m.frames(1)
	g.mapPages(dataVA, f, 1, rw)
	copy(m.mem(f), "thirty-two bytes for a register!")
	g.regs.RSI, g.regs.RDI = dataVA, dataVA+64
	g.run(platform.KindSyscall)
	state := bytes.Clone(g.x.FPU())
	if len(state) != m.p.format.Total() {
		t.Fatalf("state of %d bytes", len(state))
	}
	if !bytes.Contains(state, []byte("thirty-two bytes")) {
		t.Error("xmm1 is not in the state")
	}

	// Another program starts with this state.
	h := m.guest(loop...)
	defer h.s.Release()
	g.x.Clone(h.x)
	fh := m.frames(1)
	h.mapPages(dataVA, fh, 1, rw)
	h.regs = g.regs
	h.run(platform.KindSyscall)
	if got := string(m.mem(fh)[64:96]); got != "thirty-two bytes for a register!" {
		t.Errorf("cloned %q", got)
	}

	// The state changes under the program's feet.
	copy(state[160+16:], "sixteen of them!")
	if err := g.x.SetFPU(state); err != nil {
		t.Fatal(err)
	}
	g.run(platform.KindSyscall)
	if got := string(m.mem(f)[64:96]); got != "sixteen of them! for a register!" {
		t.Errorf("set %q", got)
	}

	// The initial state.
	if err := g.x.SetFPU(nil); err != nil {
		t.Fatal(err)
	}
	g.regs.RIP = textVA + 6
	g.run(platform.KindSyscall)
	if !bytes.Equal(m.mem(f)[64:96], make([]byte, 32)) {
		t.Error("the initial state is not zero")
	}

	// Plain FXSAVE, as an old program's signal frame may hold.
	old := bytes.Clone(state[:512])
	clear(old[464:])
	if err := g.x.SetFPU(old); err != nil {
		t.Fatal(err)
	}
	g.regs.RIP = textVA + 6
	g.run(platform.KindSyscall)
	if got := string(m.mem(f)[64:80]); got != "sixteen of them!" {
		t.Errorf("from FXSAVE %q", got)
	}
}

func TestMalformedExtendedState(t *testing.T) {
	m := newMachine(t)
	g := m.guest("90", syscallInsn, "eb fb")
	defer g.s.Release()
	g.run(platform.KindSyscall)
	good := bytes.Clone(g.x.FPU())
	if good == nil {
		t.Fatal("no state")
	}
	le := binary.LittleEndian
	for name, spoil := range map[string]func(b []byte) []byte{
		"short":       func(b []byte) []byte { return b[:100] },
		"no magic2":   func(b []byte) []byte { le.PutUint32(b[len(b)-4:], 0); return b },
		"size":        func(b []byte) []byte { le.PutUint32(b[464+16:], 600); return b },
		"cut":         func(b []byte) []byte { return b[:len(b)-4] },
		"huge":        func(b []byte) []byte { le.PutUint32(b[464+4:], math.MaxUint32); return b },
		"only header": func(b []byte) []byte { return b[:576] },
	} {
		if err := g.x.SetFPU(spoil(bytes.Clone(good))); err == nil {
			t.Errorf("%s: no error", name)
		}
		g.run(platform.KindSyscall)
	}
	// Bits on which the processor would fault are cleared.
	for _, off := range []int{512, 520, 528, 568, 24, 467} {
		b := bytes.Clone(good)
		b[off], b[off+1], b[off+7] = 0xff, 0xff, 0xff
		if off == 467 {
			b = append(b, 0xff)
			b[467] = good[467]
		}
		if err := g.x.SetFPU(b); err != nil {
			continue
		}
		g.run(platform.KindSyscall)
	}
}

func TestSingleStep(t *testing.T) {
	m := newMachine(t)
	g := m.guest("48 ff c0 48 ff c0 48 ff c0", syscallInsn, "90")
	defer g.s.Release()
	for i := range 3 {
		g.regs.RFLAGS |= amd64.FlagTF
		tr := g.run(platform.KindException)
		if tr.Signal != int(syscall.SIGTRAP) || tr.Code != 2 || g.regs.RAX != uint64(i+1) || g.regs.RIP != textVA+3*uint64(i+1) {
			t.Fatalf("step %d: %+v %+v", i, tr, g.regs)
		}
	}
	g.run(platform.KindSyscall)
	if g.regs.RFLAGS&amd64.FlagTF == 0 {
		t.Error("the trap flag went lost at the call")
	}
	g.run(platform.KindException)
	g.regs.RFLAGS &^= amd64.FlagTF
}

func TestExceptions(t *testing.T) {
	m := newMachine(t)
	for _, c := range []struct {
		name string
		code string
		sig  syscall.Signal
		si   int
	}{
		{"divide", "31 c9 f7 f1", syscall.SIGFPE, 1},
		{"undefined", "0f 0b", syscall.SIGILL, 2},
		{"privileged", "f4", syscall.SIGSEGV, siKernel},
		{"breakpoint", "cc", syscall.SIGTRAP, siKernel},
		{"int80", "b8 14 00 00 00 cd 80", syscall.SIGSEGV, siKernel},
		{"not canonical", "48 b8 00 00 00 00 00 00 00 80 8a 00", syscall.SIGSEGV, siKernel},
	} {
		g := m.guest(c.code)
		tr := g.run(platform.KindException)
		if tr.Signal != int(c.sig) || tr.Code != c.si {
			t.Errorf("%s: %+v", c.name, tr)
		}
		g.s.Release()
	}
}

func TestVsyscall(t *testing.T) {
	m := newMachine(t)
	for _, nr := range []uint64{0, 1, 2} {
		va := vsyscallVA + nr<<10
		g := m.guest("48 b8", va, "ff d0")
		f := m.frames(1)
		g.mapPages(dataVA, f, 1, rw)
		g.regs.RSP = dataVA + pg
		tr := g.run(platform.KindException)
		if tr.Signal != int(syscall.SIGSEGV) || tr.Addr != va || g.regs.RIP != va || g.regs.RSP != dataVA+pg-8 {
			t.Errorf("%+v %+v", tr, g.regs)
		}
		if ret := binary.LittleEndian.Uint64(m.mem(f)[pg-8:]); ret != textVA+12 {
			t.Errorf("return address %#x", ret)
		}
		g.s.Release()
	}
}

func Test32BitCodeCannotCall(t *testing.T) {
	m := newMachine(t)
	// A far return to the 32-bit code segment, then int $0x80.
	g := m.guest("6a 23", "68", textVA+16, "48 cb", "90 90 90 90 90 90 90", "b8 14 00 00 00 cd 80")
	defer g.s.Release()
	f := m.frames(1)
	g.mapPages(dataVA, f, 1, rw)
	g.regs.RSP = dataVA + pg
	if tr := g.run(platform.KindException); tr.Signal != int(syscall.SIGSEGV) {
		t.Errorf("%+v at %#x", tr, g.regs.RIP)
	}
}
