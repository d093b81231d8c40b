package cell

import (
	"testing"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// both runs a test with and without userfaultfd.
func both(t *testing.T, f func(t *testing.T, m *machine)) {
	for _, off := range []bool{false, true} {
		name := "uffd"
		if off {
			name = "mm thread"
		}
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, func(c *Config) { c.NoUserfaultfd = off })
			if !off && !m.p.uffd {
				t.Skip("no userfaultfd here")
			}
			f(t, m)
		})
	}
}

// prober is a guest that reads at rsi, or writes al to rdi, and calls.
func prober(m *machine) *guest {
	return m.guest("8a 06", syscallInsn, "eb fa", "88 07", syscallInsn, "eb fa", "ff e2") // 0: read, 6: write, 12: jump
}

func (g *guest) fault(va uint64, acc platform.Access) {
	g.m.t.Helper()
	g.aim(va, acc)
	if tr := g.run(platform.KindPageFault); tr.Addr != va || tr.Access != acc {
		g.m.t.Fatalf("fault at %#x access %d, want %#x %d", tr.Addr, tr.Access, va, acc)
	}
}

func (g *guest) aim(va uint64, acc platform.Access) {
	g.regs.RSI, g.regs.RDI, g.regs.RDX = va, va, va
	g.regs.RIP = textVA + 6*uint64(acc)
}

func (g *guest) read(va uint64, want byte) {
	g.m.t.Helper()
	g.aim(va, platform.AccessRead)
	g.run(platform.KindSyscall)
	if got := byte(g.regs.OrigRAX); got != want {
		g.m.t.Fatalf("read %q at %#x, want %q", got, va, want)
	}
}

func (g *guest) write(va uint64, b byte) {
	g.m.t.Helper()
	g.aim(va, platform.AccessWrite)
	g.regs.RAX = uint64(b)
	g.run(platform.KindSyscall)
}

func TestPageFaultSaysAddressAndAccess(t *testing.T) {
	both(t, func(t *testing.T, m *machine) {
		g := prober(m)
		defer g.s.Release()
		g.fault(dataVA+5, platform.AccessRead)
		g.fault(dataVA+6, platform.AccessWrite)
		g.fault(dataVA+7, platform.AccessExec)
		g.fault(0, platform.AccessRead)
		g.fault(amd64.UserTop, platform.AccessWrite)
		f := m.frames(1)
		g.mapPages(dataVA, f, 1, platform.Read)
		g.read(dataVA, 0)
		g.fault(dataVA+6, platform.AccessWrite)
		g.fault(dataVA+7, platform.AccessExec)
		g.fault(textVA, platform.AccessWrite)
	})
}

func TestReservationIsGivenPageByPage(t *testing.T) {
	both(t, func(t *testing.T, m *machine) {
		g := prober(m)
		defer g.s.Release()
		f := m.frames(16)
		for i := range uint64(16) {
			m.mem(f + i)[0] = byte('a' + i)
		}
		res := platform.Range{VA: dataVA, Frame: f, Pages: 16}
		one := func(i uint64) platform.Range { return platform.Range{VA: dataVA + i*pg, Frame: f + i, Pages: 1} }
		g.s.Map(one(3), rw, res)
		g.read(dataVA+3*pg, 'd')
		g.fault(dataVA+4*pg, platform.AccessRead)
		g.fault(dataVA+2*pg, platform.AccessWrite)
		g.s.Map(one(4), rw, res)
		g.read(dataVA+4*pg, 'e')
		g.write(dataVA+4*pg, 'E')
		if m.mem(f + 4)[0] != 'E' {
			t.Error("the write is not in RAM")
		}
		// Forgotten pages fault again, their neighbours do not.
		g.s.Unmap(dataVA+3*pg, pg)
		g.s.Commit()
		g.fault(dataVA+3*pg, platform.AccessRead)
		g.read(dataVA+4*pg, 'E')
		// Another frame takes the place.
		o := m.frames(1)
		m.mem(o)[0] = 'o'
		r := platform.Range{VA: dataVA + 3*pg, Frame: o, Pages: 1}
		g.s.Map(r, platform.Read, r)
		g.read(dataVA+3*pg, 'o')
		g.fault(dataVA+3*pg, platform.AccessWrite)
		g.read(dataVA+4*pg, 'E')
		// … and the own frame its place again.
		g.s.Map(one(3), rw, res)
		g.read(dataVA+3*pg, 'd')
		// Protections.
		g.s.Protect(dataVA+4*pg, pg, platform.Read)
		g.read(dataVA+4*pg, 'E')
		g.fault(dataVA+4*pg, platform.AccessWrite)
		g.write(dataVA+3*pg, 'D')
		g.s.Map(one(4), rw, res)
		g.write(dataVA+4*pg, 'X')
		g.s.Map(one(5), platform.Read, res)
		g.read(dataVA+5*pg, 'f')
		g.fault(dataVA+5*pg, platform.AccessWrite)
		g.s.Protect(dataVA, 16*pg, 0)
		g.fault(dataVA+4*pg, platform.AccessRead)
		g.s.Protect(dataVA, 16*pg, rw)
		// All of it goes.
		g.s.Unmap(dataVA-pg, 32*pg)
		g.fault(dataVA+4*pg, platform.AccessRead)
		// Map and Unmap in one go leave nothing.
		g.s.Map(one(7), rw, res)
		g.s.Unmap(dataVA+7*pg, pg)
		g.fault(dataVA+7*pg, platform.AccessRead)
		g.s.Map(one(8), rw, res)
		g.s.Unmap(dataVA, 16*pg)
		g.fault(dataVA+8*pg, platform.AccessRead)
	})
}

func TestHoleInRAMCanBeMapped(t *testing.T) {
	both(t, func(t *testing.T, m *machine) {
		g := prober(m)
		defer g.s.Release()
		f := m.frames(16) // never touched by the kernel
		res := platform.Range{VA: dataVA, Frame: f, Pages: 16}
		g.s.Map(platform.Range{VA: dataVA + pg, Frame: f + 1, Pages: 2}, rw, res)
		g.read(dataVA+pg, 0)
		g.read(dataVA+2*pg, 0)
		g.fault(dataVA+3*pg, platform.AccessRead)
	})
}

func TestManyMappings(t *testing.T) {
	both(t, func(t *testing.T, m *machine) {
		g := prober(m)
		defer g.s.Release()
		f := m.frames(1)
		m.mem(f)[0] = 'm'
		const n = 1500 // more than one order holds, none joins another
		for i := range uint64(n) {
			g.mapPages(dataVA+i*2*pg, f, 1, platform.Read)
		}
		for i := uint64(0); i < n; i += 97 {
			g.read(dataVA+i*2*pg, 'm')
			g.fault(dataVA+i*2*pg+pg, platform.AccessRead)
		}
		g.s.Unmap(dataVA, 2*n*pg)
		g.fault(dataVA, platform.AccessRead)
	})
}

func TestHostMappingsAreBounded(t *testing.T) {
	m := newMachine(t)
	m.p.maxSegs = 20
	g := prober(m)
	defer g.s.Release()
	f := m.frames(1)
	for i := range uint64(100) {
		g.mapPages(dataVA+i*2*pg, f, 1, rw)
		if i%10 == 0 {
			g.s.Commit()
		}
	}
	if m.p.Stats().Flushes == 0 {
		t.Error("no flush")
	}
	g.aim(dataVA, platform.AccessRead)
	for range 3 { // code and data come back by faults
		switch tr := g.x.Switch(&g.regs); tr.Kind {
		case platform.KindSyscall:
			return
		case platform.KindPageFault:
			if tr.Addr>>12 == textVA>>12 {
				g.mapPages(textVA, 17-1, 1, platform.Read|platform.Exec)
			} else {
				g.mapPages(tr.Addr&^(pg-1), f, 1, rw)
			}
		default:
			t.Fatalf("%+v", tr)
		}
	}
	t.Error("the program does not get on")
}

func TestResetEmptiesAndReuses(t *testing.T) {
	both(t, func(t *testing.T, m *machine) {
		g := prober(m)
		defer g.s.Release()
		pid := g.s.HostPID()
		f := m.frames(4)
		g.mapPages(dataVA, f, 4, rw)
		g.read(dataVA, 0)
		y, err := g.s.NewContext()
		if err != nil {
			t.Fatal(err)
		}
		_ = y
		g.s.Reset(g.x)
		g.aim(dataVA, platform.AccessRead)
		if tr := g.run(platform.KindPageFault); tr.Addr != textVA || tr.Access != platform.AccessExec {
			t.Fatalf("%+v", tr)
		}
		g.load("b8", 77, syscallInsn)
		g.run(platform.KindSyscall)
		if g.regs.OrigRAX != 77 || g.s.HostPID() != pid {
			t.Error("not the new program in the old cell")
		}
	})
}

func TestCellsAreReusedClean(t *testing.T) {
	m := newMachine(t, func(c *Config) { c.Pool = 1 })
	seen := map[int]bool{}
	again := 0
	for range 20 {
		g := prober(m)
		if seen[g.s.HostPID()] {
			again++
		}
		seen[g.s.HostPID()] = true
		x := g.x.(*context)
		for i, b := range x.area.mem[stackOff:startOff] {
			if b != 0 && i < 0x8000 {
				t.Fatalf("byte %#x of the area is %#x", i, b)
			}
		}
		g.fault(dataVA, platform.AccessWrite)
		f := m.frames(1)
		g.mapPages(dataVA, f, 1, rw)
		g.write(dataVA, 'x')
		g.regs.FSBase = 0x1234000
		g.regs.RFLAGS |= 0x40
		g.write(dataVA, 'y')
		g.s.Release()
	}
	if again == 0 {
		t.Error("no cell was used twice")
	}
}

// Pages at both sides of a border between host mappings come in one go.
func TestPagesAcrossTwoReservations(t *testing.T) {
	both(t, func(t *testing.T, m *machine) {
		g := prober(m)
		defer g.s.Release()
		f, h := m.frames(8), m.frames(8)
		m.mem(f + 7)[0], m.mem(h)[0] = 'f', 'h'
		g.s.Map(platform.Range{VA: dataVA + 6*pg, Frame: f + 6, Pages: 2}, rw, platform.Range{VA: dataVA, Frame: f, Pages: 8})
		g.s.Map(platform.Range{VA: dataVA + 8*pg, Frame: h, Pages: 2}, rw, platform.Range{VA: dataVA + 8*pg, Frame: h, Pages: 8})
		g.read(dataVA+7*pg, 'f')
		g.read(dataVA+8*pg, 'h')
		g.fault(dataVA+5*pg, platform.AccessRead)
		g.fault(dataVA+10*pg, platform.AccessRead)
	})
}
