package cell

import (
	"encoding/binary"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

const (
	textVA  = 0x400000
	dataVA  = 0x10000000
	stackVA = 0x20000000
	pg      = amd64.PageSize

	testRAM = 64 << 20
)

// machine is a platform with RAM and a crude frame allocator.
type machine struct {
	t    testing.TB
	p    *Platform
	ram  []byte
	reg  []byte
	next uint64
}

func newMachine(t testing.TB, change ...func(*Config)) *machine {
	t.Helper()
	fd, err := memfd("test-ram", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Ftruncate(fd, testRAM); err != nil {
		t.Fatal(err)
	}
	ram, err := syscall.Mmap(fd, 0, testRAM, 3, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, ram: ram, reg: make([]byte, 8*1024), next: 16}
	cfg := Config{RAMFD: fd, RAM: ram, Registry: m.reg, Log: t.Logf}
	for _, f := range change {
		f(&cfg)
	}
	if m.p, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.p.Close()
		syscall.Close(fd)
		syscall.Munmap(ram)
	})
	return m
}

func (m *machine) frames(n uint64) uint64 {
	f := m.next
	m.next += n
	return f
}

func (m *machine) mem(frame uint64) []byte { return m.ram[frame*pg : (frame+1)*pg] }

// guest is an address space with one Context and code at textVA.
type guest struct {
	m    *machine
	s    platform.AddressSpace
	x    platform.Context
	regs amd64.Registers
}

func (m *machine) guest(code ...any) *guest {
	m.t.Helper()
	s, x, err := m.p.NewAddressSpace()
	if err != nil {
		m.t.Fatal(err)
	}
	g := &guest{m: m, s: s, x: x}
	g.load(code...)
	g.regs.RSP = stackVA
	return g
}

// load puts code at textVA and points RIP there.
func (g *guest) load(code ...any) {
	f := g.m.frames(1)
	b := asm(code...)
	copy(g.m.mem(f), b)
	r := platform.Range{VA: textVA, Frame: f, Pages: 1}
	g.s.Map(r, platform.Read|platform.Exec, r)
	g.regs.RIP = textVA
}

// asm joins bytes: strings of hex, uint64 as eight bytes, ints as four.
func asm(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			for _, w := range strings.Fields(v) {
				var b byte
				for _, c := range w {
					b = b<<4 | byte(strings.IndexRune("0123456789abcdef", c))
				}
				out = append(out, b)
			}
		case uint64:
			out = binary.LittleEndian.AppendUint64(out, v)
		case int:
			out = binary.LittleEndian.AppendUint32(out, uint32(v))
		}
	}
	return out
}

const (
	syscallInsn = "0f 05"
	jmpSelf     = "eb fe"
)

// run switches and checks the kind of the trap.
func (g *guest) run(want platform.Kind) platform.Trap {
	g.m.t.Helper()
	tr := g.x.Switch(&g.regs)
	if tr.Kind != want {
		g.m.t.Fatalf("trap %v %+v at %#x, want %v", tr.Kind, tr, g.regs.RIP, want)
	}
	return tr
}

func (g *guest) mapPages(va, frame, n uint64, prot platform.Prot) {
	r := platform.Range{VA: va, Frame: frame, Pages: n}
	g.s.Map(r, prot, r)
}

const rw = platform.Read | platform.Write

func TestSyscallTrapsAndReturns(t *testing.T) {
	m := newMachine(t)
	g := m.guest("b8", 39, syscallInsn, "48 89 c3", "b8", 1, "bf", 7, syscallInsn)
	defer g.s.Release()
	g.run(platform.KindSyscall)
	if g.regs.OrigRAX != 39 || g.regs.RIP != textVA+7 {
		t.Fatalf("%+v", g.regs)
	}
	g.regs.RAX = 0x1234567890
	g.run(platform.KindSyscall)
	if g.regs.OrigRAX != 1 || g.regs.RBX != 0x1234567890 || g.regs.Args()[0] != 7 {
		t.Fatalf("%+v", g.regs)
	}
}

func TestMain(m *testing.M) {
	// A test that hangs shows where it does.
	time.AfterFunc(5*time.Minute, func() { panic("tests take too long") })
	os.Exit(m.Run())
}
