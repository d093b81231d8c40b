package session

import (
	"fmt"
	"math/rand"
	"regexp"
	"strconv"
	"testing"
	"time"
)

func needC(t testing.TB) {
	t.Helper()
	prepare(t)
	if parts.noC != nil {
		t.Skipf("this test needs a C compiler: apt-get install gcc libc6-dev (%v)", parts.noC)
	}
}

// A program that watches its clocks notices nothing of stops, wherever it is when they come.
func TestTimeStandsStill(t *testing.T) {
	needC(t)
	for _, cpus := range []int{1, 4} {
		m := start(t, cpus)
		s := New(m)
		m.run("echo r''eady", "ready")
		c := connect(t, s, false)
		m.run("clock &", "watching")
		const long = 1500 * time.Millisecond
		stopped := time.Duration(0)
		hold := func(d time.Duration) {
			t.Helper()
			begin := time.Now()
			time.Sleep(d) // the stop itself, not a wait for something
			if err := c.Continue(); err != nil {
				t.Fatal(err)
			}
			stopped += time.Since(begin)
		}
		for range 2 { // wherever it is
			if err := c.Pause(); err != nil {
				t.Fatal(err)
			}
			stopEvent(t, c)
			hold(long)
		}
		for _, fn := range []string{"sysClockNanosleep", "sysAccess", "ktime.(*Timers).Expire"} { // in the kernel
			b := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: fn, Temporary: true}))
			if !b.Verified {
				t.Fatalf("%+v", b)
			}
			stopEvent(t, c)
			hold(long)
		}
		go func() {
			for ev := range c.Events {
				if ev.Stopped != nil {
					t.Errorf("smp %d: an unexpected stop: %+v", cpus, ev.Stopped)
					fs, _, _ := c.Stack(0, 0, 30)
					for _, f := range fs {
						t.Logf("%+v", f)
					}
				}
			}
		}()
		m.typed("echo >/tmp/end; wait")
		m.out.expect("ms: ")
		line := m.out.until("\n")
		f := regexp.MustCompile(`\d+`).FindAllString(line, -1)
		if len(f) != 5 {
			t.Fatalf("%q", line)
		}
		for i, what := range []string{"monotonic", "realtime", "sleep"} {
			if ms, _ := strconv.Atoi(f[i]); ms > 1000 {
				t.Errorf("smp %d: %s has a gap of %d ms after stops of %v", cpus, what, ms, long)
			}
		}
		ticks, _ := strconv.Atoi(f[3])
		want, _ := strconv.Atoi(f[4])
		if ticks > want+1 {
			t.Errorf("smp %d: %d ticks of a timer in the time for %d", cpus, ticks, want)
		}
		t.Logf("smp %d: %s", cpus, line)
	}
}

// Stops at random moments under a load of forks lose nothing.
func TestRandomStops(t *testing.T) {
	needC(t)
	for _, cpus := range []int{1, 4} {
		m := start(t, cpus)
		s := New(m)
		m.run("echo r''eady", "ready")
		c := connect(t, s, false)
		rnd := rand.New(rand.NewSource(1))
		m.typed("(while forks 4 30; [ ! -e /tmp/end ]; do echo rou''nd; done; echo al''l right) &")
		const stops = 1000
		for i := range stops {
			time.Sleep(time.Duration(rnd.Intn(3000)) * time.Microsecond) // a random moment
			if err := c.Pause(); err != nil {
				t.Fatalf("stop %d: %v", i, err)
			}
			if st := stopEvent(t, c); st.Text != "" && st.Text != idleText {
				t.Fatalf("stop %d: %+v", i, st)
			}
			if i%10 == 0 {
				if _, err := c.Threads(); err != nil {
					t.Errorf("stop %d: %v", i, err)
				}
			}
			if err := c.Continue(); err != nil {
				t.Fatalf("stop %d: %v", i, err)
			}
		}
		m.typed("echo >/tmp/end")
		m.out.expect("all right")
		if bad := m.out.all.String(); regexp.MustCompile(`forks: [1-9]`).MatchString(bad) {
			t.Errorf("smp %d: %s", cpus, bad)
		}
	}
}

// Every one of 1,000 hits of a condition is seen while four programs fork and exec, and no program ends otherwise than it should.
func TestEveryHitOfACondition(t *testing.T) {
	needC(t)
	for _, cpus := range []int{1, 4} {
		m := start(t, cpus)
		s := New(m)
		m.run("echo r''eady", "ready")
		c := connect(t, s, false)
		const jobs, n = 4, 250
		b := must[*Breakpoint](t)(c.Set(Spec{Kind: Syscall, Syscall: "getpgid", Cond: "pid == 7"}))
		never := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysExecve", Cond: "t.Thread.ID == 123456"}))
		hits := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysWait4", Cond: `t.Thread.Name == "forks"`}))
		if !b.Verified || !never.Verified || !hits.Verified {
			t.Fatalf("%+v %+v %+v", b, never, hits)
		}
		m.typed(fmt.Sprintf("forks %d %d", jobs, n))
		waits := jobs*n + jobs
		count := func() int {
			for _, p := range c.Breakpoints() {
				if p.ID == hits.ID {
					return p.Count
				}
			}
			return 0
		}
		go func() {
			for ev := range c.Events {
				if ev.Stopped != nil {
					c.Continue()
				}
			}
		}()
		m.out.expect("forks: 0 bad")
		if n := count(); n != waits {
			t.Errorf("smp %d: %d hits of %d", cpus, n, waits)
		}
	}
}
