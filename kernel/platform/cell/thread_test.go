package cell

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

func TestThreadsShareMemoryButNotRegisters(t *testing.T) {
	both(t, func(t *testing.T, m *machine) {
		// lock add [rsi], 1; getpid; jump back
		g := m.guest("f0 83 06 01", "b8", 39, syscallInsn, "eb f3")
		defer g.s.Release()
		f := m.frames(1)
		g.mapPages(dataVA, f, 1, rw)
		const threads, rounds = 5, 200
		var wg sync.WaitGroup
		for i := range threads {
			x := g.x
			if i > 0 {
				var err error
				if x, err = g.s.NewContext(); err != nil {
					t.Fatal(err)
				}
			}
			regs := amd64.Registers{RIP: textVA, RSI: dataVA, RBX: uint64(i), FSBase: uint64(i) << 12}
			wg.Go(func() {
				for range rounds {
					if tr := x.Switch(&regs); tr.Kind != platform.KindSyscall || regs.RBX != uint64(i) || regs.FSBase != uint64(i)<<12 {
						t.Errorf("thread %d: %+v %+v", i, tr, regs)
						return
					}
				}
			})
		}
		wg.Wait()
		if n := int(m.mem(f)[0]) | int(m.mem(f)[1])<<8; n != threads*rounds {
			t.Errorf("%d additions", n)
		}
	})
}

// While one thread runs, mappings change under the other.
func TestMappingWhileAnotherThreadRuns(t *testing.T) {
	both(t, func(t *testing.T, m *machine) {
		g := prober(m)
		defer g.s.Release()
		y, err := g.s.NewContext()
		if err != nil {
			t.Fatal(err)
		}
		spin := m.frames(1)
		copy(m.mem(spin), asm(jmpSelf))
		g.mapPages(textVA+pg, spin, 1, platform.Read|platform.Exec)
		done := make(chan platform.Trap, 1)
		go func() {
			r := amd64.Registers{RIP: textVA + pg}
			done <- y.Switch(&r)
		}()
		time.Sleep(5 * time.Millisecond)
		f := m.frames(64)
		res := platform.Range{VA: dataVA, Frame: f, Pages: 64}
		for i := range uint64(64) {
			m.mem(f + i)[0] = byte(i)
			g.fault(dataVA+i*pg, platform.AccessRead)
			prot := rw
			if i%3 == 0 {
				prot = platform.Read
			}
			g.s.Map(platform.Range{VA: dataVA + i*pg, Frame: f + i, Pages: 1}, prot, res)
			g.read(dataVA+i*pg, byte(i))
		}
		g.fault(dataVA+3*pg, platform.AccessWrite)
		y.Interrupt()
		if tr := <-done; tr.Kind != platform.KindInterrupt {
			t.Errorf("%+v", tr)
		}
	})
}

func TestReleasedThreadIsUsedAgain(t *testing.T) {
	m := newMachine(t)
	g := m.guest("b8", 5, syscallInsn)
	defer g.s.Release()
	before := m.p.Stats().Threads
	for range 20 {
		x, err := g.s.NewContext()
		if err != nil {
			t.Fatal(err)
		}
		if x.FPU() != nil {
			t.Error("a used thread has a state")
		}
		r := amd64.Registers{RIP: textVA}
		if tr := x.Switch(&r); tr.Kind != platform.KindSyscall {
			t.Fatalf("%+v", tr)
		}
		x.Release()
	}
	if n := m.p.Stats().Threads - before; n > 1+4 { // the pool may refill meanwhile
		t.Errorf("%d threads made", n)
	}
}

func TestInterrupt(t *testing.T) {
	for _, w := range []Wait{WaitAuto, WaitSpin, WaitYield, WaitSleep} {
		m := newMachine(t, func(c *Config) { c.Wait = w })
		g := m.guest(jmpSelf)
		// Before the Switch.
		g.x.Interrupt()
		g.run(platform.KindInterrupt)
		// During it.
		for range 20 {
			go func() { time.Sleep(200 * time.Microsecond); g.x.Interrupt() }()
			g.run(platform.KindInterrupt)
			if g.regs.RIP != textVA {
				t.Fatalf("%+v", g.regs)
			}
		}
		g.s.Release()
	}
}

// Interrupts race with system calls: none may be lost, none invented.
func TestInterruptsAreNeitherLostNorInvented(t *testing.T) {
	m := newMachine(t)
	g := m.guest("b8", 5, syscallInsn, "eb f7")
	defer g.s.Release()
	var sent, seen, stop atomic.Int64
	wake := make(chan bool, 1)
	go func() {
		for stop.Load() == 0 {
			sent.Add(1)
			g.x.Interrupt()
			<-wake
		}
	}()
	calls := 0
	for t0 := time.Now(); time.Since(t0) < 300*time.Millisecond; {
		switch tr := g.x.Switch(&g.regs); tr.Kind {
		case platform.KindSyscall:
			calls++
		case platform.KindInterrupt:
			seen.Add(1)
			wake <- true
		default:
			t.Fatalf("%+v", tr)
		}
	}
	stop.Store(1)
	select {
	case wake <- true:
	default:
	}
	t.Logf("%d calls, %d interrupts", calls, seen.Load())
	if d := sent.Load() - seen.Load(); d < 0 || d > 2 {
		t.Errorf("%d sent, %d seen", sent.Load(), seen.Load())
	}
}

func TestTwoHundredCells(t *testing.T) {
	m := newMachine(t)
	var gs []*guest
	for range 200 {
		gs = append(gs, m.guest("b8", 3, syscallInsn, "eb f7"))
	}
	var wg sync.WaitGroup
	for _, g := range gs {
		wg.Go(func() {
			for range 20 {
				if tr := g.x.Switch(&g.regs); tr.Kind != platform.KindSyscall {
					t.Errorf("%+v", tr)
					return
				}
			}
		})
	}
	wg.Wait()
	pids := map[int]bool{}
	for _, g := range gs {
		pids[g.s.HostPID()] = true
		g.s.Release()
	}
	if len(pids) != 200 {
		t.Errorf("%d processes", len(pids))
	}
	m.p.Close()
	if st := m.p.Stats(); st.Live != 0 {
		t.Errorf("%+v", st)
	}
	for pid := range pids {
		if syscall.Kill(pid, 0) == nil {
			t.Errorf("process %d is left", pid)
		}
	}
	for _, b := range m.reg {
		if b != 0 {
			t.Error("the registry is not empty")
			break
		}
	}
}

func TestRegistryListsCells(t *testing.T) {
	m := newMachine(t)
	g := m.guest("90")
	defer g.s.Release()
	found := false
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	for _, e := range m.p.reg.ent {
		if int(e.PID) == g.s.HostPID() && e.Flags&RegLive != 0 {
			found = true
		}
		if e.Flags&RegGroup != 0 {
			if pgid, _ := syscall.Getpgid(g.s.HostPID()); pgid != int(e.PID) {
				t.Errorf("group %d, not %d", pgid, e.PID)
			}
		}
	}
	if !found {
		t.Error("not in the registry")
	}
}

// The kernel is killed; its cells must not outlive it.
func TestNoCellOutlivesTheKernel(t *testing.T) {
	if os.Getenv("CELL_VICTIM") != "" {
		m := newMachine(t)
		g := m.guest(jmpSelf)
		h := m.guest("90")
		time.Sleep(5 * time.Millisecond)
		m.p.mu.Lock()
		var pids []string
		for pid := range m.p.live {
			pids = append(pids, strconv.Itoa(pid))
		}
		m.p.mu.Unlock()
		go g.x.Switch(&g.regs)
		time.Sleep(20 * time.Millisecond)
		_ = h
		os.Stdout.WriteString("pids " + strings.Join(pids, " ") + "\n")
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestNoCellOutlivesTheKernel")
	cmd.Env = append(os.Environ(), "CELL_VICTIM=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, _ := out.Read(buf)
	f := strings.Fields(string(buf[:n]))
	if len(f) < 3 || f[0] != "pids" {
		t.Fatalf("the victim said %q", buf[:n])
	}
	cmd.Process.Kill()
	cmd.Wait()
	for _, s := range f[1:] {
		pid, _ := strconv.Atoi(s)
		alive := true
		for i := 0; alive && i < 200; i++ {
			b, err := os.ReadFile("/proc/" + s + "/stat")
			alive = err == nil && !strings.Contains(string(b), ") Z ")
			time.Sleep(10 * time.Millisecond)
		}
		if alive {
			t.Errorf("cell %d outlives its kernel", pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func TestReleasedSpaceIsDead(t *testing.T) {
	m := newMachine(t)
	g := m.guest("b8", 5, syscallInsn)
	g.run(platform.KindSyscall)
	g.s.Release()
	g.s.Release()
	g.x.Interrupt()
	g.run(platform.KindDead)
	if n := m.p.Stats(); n.Deaf+n.Forged != 0 {
		t.Errorf("%+v", n)
	}
	if n := g.s.(*space).cell.running.Load(); n != 0 {
		t.Errorf("%d contexts run", n)
	}
}

// Orders to the mm thread are handed off by guest threads that wait; none of
// them may miss a trap, nor an order its doing.
func TestOrdersWhileThreadsTrap(t *testing.T) {
	both(t, func(t *testing.T, m *machine) {
		g := m.guest("b8", 39, syscallInsn, "eb f7")
		defer g.s.Release()
		f := m.frames(4)
		var stop atomic.Bool
		var wg sync.WaitGroup
		for range 3 {
			x, err := g.s.NewContext()
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				r := amd64.Registers{RIP: textVA}
				for !stop.Load() {
					if tr := x.Switch(&r); tr.Kind != platform.KindSyscall {
						t.Errorf("%+v", tr)
						return
					}
				}
			})
		}
		for i := range uint64(300) {
			g.mapPages(dataVA+i%7*pg, f+i%4, 1, rw)
			if i%3 == 0 {
				g.s.Commit()
			}
			g.run(platform.KindSyscall)
			g.s.Unmap(dataVA+i%5*pg, pg)
			if i%4 == 0 {
				g.s.Commit()
			}
		}
		stop.Store(true)
		wg.Wait()
	})
}
