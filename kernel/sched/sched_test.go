package sched

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vitrine/kernel/ktime"
)

// stepClock advances a little with every look, so that time passes without a host.
type stepClock struct {
	now   atomic.Int64
	mu    sync.Mutex
	alarm int64
	s     *Scheduler
}

func (c *stepClock) Now() int64 { return c.now.Add(1000) }

func (c *stepClock) SetAlarm(d int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarm = d
}

// jump moves time to the alarm and interrupts, as an idle machine would.
func (c *stepClock) jump() {
	c.mu.Lock()
	d := c.alarm
	c.alarm = ktime.Forever
	c.mu.Unlock()
	if d != ktime.Forever {
		for n := c.now.Load(); n < d && !c.now.CompareAndSwap(n, d); n = c.now.Load() {
		}
		c.s.Interrupt(0)
	}
}

func newScheduler(t testing.TB, cpus int, policy string) (*Scheduler, *stepClock) {
	t.Helper()
	p, err := NewPolicy(policy)
	if err != nil {
		t.Fatal(err)
	}
	c := &stepClock{alarm: ktime.Forever}
	s := New(cpus, ktime.New(c, 0), p)
	c.s = s
	s.HandleIRQ = func(*Thread, uint64) { s.Timers.Expire() }
	t.Cleanup(s.Stop)
	return s, c
}

// TestOneCPURunsOneThread lets threads yield to each other and counts those inside at once.
func TestOneCPURunsOneThread(t *testing.T) {
	for _, policy := range []string{"fair", "rr"} {
		for _, cpus := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s/%d", policy, cpus), func(t *testing.T) {
				s, _ := newScheduler(t, cpus, policy)
				var inside, most atomic.Int64
				var done sync.WaitGroup
				for i := range 20 {
					done.Add(1)
					s.Spawn(fmt.Sprint("w", i), func(th *Thread) {
						defer done.Done()
						for range 200 {
							n := inside.Add(1)
							for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
							}
							inside.Add(-1)
							th.Yield()
						}
					})
				}
				s.Balance()
				done.Wait()
				if m := most.Load(); m > int64(cpus) {
					t.Errorf("%d threads at once on %d CPUs", m, cpus)
				}
			})
		}
	}
}

// TestDeterminism runs the same load twice on one CPU: the switches are the same whatever Go does.
func TestDeterminism(t *testing.T) {
	run := func(procs int) string {
		old := runtime.GOMAXPROCS(procs)
		defer runtime.GOMAXPROCS(old)
		s, _ := newScheduler(t, 1, "fair")
		var trace strings.Builder
		var done sync.WaitGroup
		done.Add(1)
		s.Spawn("main", func(m *Thread) {
			defer done.Done()
			left := 5
			for i := range 5 {
				s.Spawn(fmt.Sprint("w", i), func(th *Thread) {
					for j := range 50 {
						fmt.Fprintf(&trace, "%s.%d ", th.Name, j)
						if (i+j)%3 == 0 {
							th.Yield()
						}
					}
					left--
				})
			}
			for left > 0 {
				m.Yield()
			}
		})
		s.Balance()
		done.Wait()
		return trace.String()
	}
	first := run(1)
	for _, procs := range []int{2, 8} {
		if got := run(procs); got != first {
			t.Errorf("GOMAXPROCS=%d gave another order", procs)
		}
	}
}

// TestWakeBeforeSleepIsNotLost wakes threads at every stage of their way to sleep.
func TestWakeBeforeSleepIsNotLost(t *testing.T) {
	s, _ := newScheduler(t, 4, "fair")
	var done sync.WaitGroup
	var turn atomic.Int64
	var threads [2]*Thread
	const rounds = 2000
	for i := range threads {
		done.Add(1)
		id, err := s.AllocID()
		if err != nil {
			t.Fatal(err)
		}
		threads[i] = s.NewThread(id, fmt.Sprint("p", i), func(th *Thread) {
			defer done.Done()
			for turn.Load() < rounds {
				for {
					th.SetSleep(Sleeping, "turn")
					if v := turn.Load(); v >= rounds || v%2 == int64(i) {
						th.SetRunning()
						break
					}
					th.Schedule()
				}
				turn.Add(1)
				s.Wake(threads[1-i])
				s.Balance()
			}
		})
	}
	for _, th := range threads {
		th.Start()
	}
	s.Balance()
	done.Wait()
}

// TestTickPreempts lets a thread that never sleeps share one CPU with another.
func TestTickPreempts(t *testing.T) {
	s, c := newScheduler(t, 1, "fair")
	var done sync.WaitGroup
	var other atomic.Bool
	done.Add(2)
	s.Spawn("hog", func(th *Thread) {
		defer done.Done()
		for !other.Load() {
			c.jump()
			th.CondResched()
		}
	})
	s.Spawn("other", func(*Thread) {
		defer done.Done()
		other.Store(true)
	})
	s.Balance()
	done.Wait()
}

func TestNiceGetsLess(t *testing.T) {
	s, c := newScheduler(t, 1, "fair")
	var ran [2]atomic.Int64
	var done sync.WaitGroup
	for i, nice := range []int{0, 10} {
		done.Add(1)
		th := s.Spawn(fmt.Sprint("n", nice), func(th *Thread) {
			defer done.Done()
			for ran[0].Load()+ran[1].Load() < 20000 {
				ran[i].Add(1)
				c.jump()
				th.CondResched()
			}
		})
		s.SetNice(th, nice)
	}
	s.Balance()
	done.Wait()
	if a, b := ran[0].Load(), ran[1].Load(); a < 3*b {
		t.Errorf("nice 0 ran %d times, nice 10 %d; want at least three times as often", a, b)
	}
}

func TestIDs(t *testing.T) {
	s, _ := newScheduler(t, 1, "rr")
	seen := map[int]bool{}
	for {
		id, err := s.AllocID()
		if err != nil {
			break
		}
		if seen[id] || id <= 0 || id >= MaxPID {
			t.Fatalf("ID %d twice or out of range", id)
		}
		seen[id] = true
	}
	if len(seen) != MaxPID-1 {
		t.Errorf("%d IDs; want %d", len(seen), MaxPID-1)
	}
	s.FreeID(1234)
	if id, err := s.AllocID(); err != nil || id != 1234 {
		t.Errorf("AllocID = %d, %v; want the one that was freed", id, err)
	}
}

func TestLockOrderPanics(t *testing.T) {
	s, _ := newScheduler(t, 1, "rr")
	got := make(chan any, 1)
	s.OnPanic = func(_ *Thread, v any, _ []byte) { got <- v }
	s.Spawn("bad", func(th *Thread) {
		th.PushLock(HeldLock{Lock: 1, Class: "inner", Rank: 20})
		th.PushLock(HeldLock{Lock: 2, Class: "outer", Rank: 10})
	})
	s.Balance()
	if v := fmt.Sprint(<-got); !strings.Contains(v, "outer") || !strings.Contains(v, "inner") {
		t.Errorf("panic %q does not name both locks", v)
	}
}

func TestExclusiveIsAlone(t *testing.T) {
	s, _ := newScheduler(t, 4, "fair")
	var inside atomic.Int64
	var done sync.WaitGroup
	for i := range 8 {
		done.Add(1)
		s.Spawn(fmt.Sprint("w", i), func(th *Thread) {
			defer done.Done()
			for j := range 300 {
				inside.Add(1)
				runtime.Gosched()
				inside.Add(-1)
				if j%10 == i {
					th.Exclusive(func() {
						if n := inside.Load(); n != 0 {
							t.Errorf("%d other threads run", n)
						}
					})
				}
				th.Yield()
			}
		})
	}
	s.Balance()
	done.Wait()
}

func BenchmarkSwitch(b *testing.B) {
	s, _ := newScheduler(b, 1, "rr")
	var done sync.WaitGroup
	for range 2 {
		done.Add(1)
		s.Spawn("y", func(th *Thread) {
			defer done.Done()
			for range b.N / 2 {
				th.Yield()
			}
		})
	}
	s.Balance()
	done.Wait()
}
