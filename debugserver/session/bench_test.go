package session

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// atUname stops a machine in sysUname, again and again: a shell loop in the guest comes by.
func atUname(b *testing.B, cpus int) (*vm, *Session, *Client, *Breakpoint) {
	b.Helper()
	m := start(b, cpus)
	s := New(m)
	m.run("echo r''eady", "ready")
	c := connect(b, s, false)
	bp := must[*Breakpoint](b)(c.Set(Spec{Kind: Function, Func: "sysUname"}))
	m.typed("names 1000000000")
	stopEvent(b, c)
	return m, s, c, bp
}

// BenchmarkHit is one stop of the machine at a breakpoint, told to a client, and continued.
func BenchmarkHit(b *testing.B) {
	for _, cpus := range []int{1, 4} {
		b.Run(fmt.Sprintf("smp%d", cpus), func(b *testing.B) {
			needC(b)
			_, _, c, _ := atUname(b, cpus)
			for b.Loop() {
				c.Continue()
				stopEvent(b, c)
			}
		})
	}
}

// BenchmarkFalseCondition is a hit whose condition is false; the guest's loop counts them.
func BenchmarkFalseCondition(b *testing.B) {
	needC(b)
	for _, cond := range []string{"t.Thread.ID == 100000", `t.Thread.Name == "nobody"`} {
		b.Run(cond, func(b *testing.B) {
			m := start(b, 1)
			s := New(m)
			m.run("echo r''eady", "ready")
			c := connect(b, s, false)
			must[*Breakpoint](b)(c.Set(Spec{Kind: Function, Func: "sysUname", Cond: cond}))
			b.ResetTimer()
			m.run(fmt.Sprintf("names %d", b.N), "names done")
		})
	}
}

func BenchmarkNext(b *testing.B) {
	needC(b)
	_, _, c, bp := atUname(b, 1)
	c.Clear(bp.ID)
	for b.Loop() {
		c.Step(0, StepOver)
		stopEvent(b, c)
	}
}

func BenchmarkStepInstruction(b *testing.B) {
	needC(b)
	_, _, c, _ := atUname(b, 1)
	for b.Loop() {
		c.Step(0, StepInstruction)
		stopEvent(b, c)
	}
}

func BenchmarkStack20(b *testing.B) {
	needC(b)
	_, _, c, _ := atUname(b, 1)
	for b.Loop() {
		if _, _, err := c.Stack(0, 0, 20); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkThreads lists a thousand tasks, anew at each stop.
func BenchmarkThreads(b *testing.B) {
	needC(b)
	m := start(b, 1)
	s := New(m)
	m.run("sleepers 1000 &", "sleeping")
	c := connect(b, s, true)
	stopEvent(b, c)
	n := 0
	for b.Loop() {
		s.do(func() error { s.standstillOver(); return nil })
		threads, err := c.Threads()
		if err != nil {
			b.Fatal(err)
		}
		n = len(threads)
	}
	b.ReportMetric(float64(n), "threads")
}

// BenchmarkAttached is how much slower a guest is with a debugger attached and no breakpoint.
func BenchmarkAttached(b *testing.B) {
	needC(b)
	m := start(b, 1)
	s := New(m)
	m.run("echo r''eady", "ready")
	work := func() time.Duration {
		begin := time.Now()
		m.run("names 200000; forks 2 60", "forks: 0 bad")
		return time.Since(begin)
	}
	work()
	var without, with []time.Duration
	for b.Loop() {
		without = append(without, work(), work())
		c, err := s.Connect("bench", false)
		if err != nil {
			b.Fatal(err)
		}
		work() // symbols are read meanwhile
		with = append(with, work(), work())
		c.Close()
	}
	slices.Sort(without) // the lower quartile: others have the host, too
	slices.Sort(with)
	b.ReportMetric(float64(with[len(with)/4])/float64(without[len(without)/4]), "ratio")
}
