package kernel

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

// handClock stands still until it is set.
type handClock struct{ now atomic.Int64 }

func (c *handClock) Now() int64     { return c.now.Load() }
func (c *handClock) SetAlarm(int64) {}

// bench is a scheduler with a watchdog and no machine.
type bench struct {
	*watchdog
	clock   *handClock
	sched   *sched.Scheduler
	reports []string
}

func newBench(t *testing.T, cpus int) *bench {
	c := &handClock{}
	policy, err := sched.NewPolicy("fair")
	if err != nil {
		t.Fatal(err)
	}
	s := sched.New(cpus, ktime.New(c, 0), policy)
	s.HandleIRQ = func(*sched.Thread, uint64) {}
	t.Cleanup(s.Stop)
	b := &bench{clock: c, sched: s}
	b.watchdog = &watchdog{
		sched: s, now: c.Now, stuck: 10 * ktime.Second, hung: 120 * ktime.Second,
		since: map[*sched.Thread]int64{}, told: map[*sched.Thread]int64{}, deadlocks: map[string]bool{},
		report: func(t *sched.Thread, text string, stacks []byte) {
			b.reports = append(b.reports, text+"\n"+string(stacks))
		},
	}
	return b
}

// spawn starts a thread, from outside of the scheduler.
func (b *bench) spawn(name string, fn func(*sched.Thread)) {
	b.sched.Spawn(name, fn)
	b.sched.Balance()
}

// asleep waits until n threads sleep, which they are about to do.
func (b *bench) asleep(n int) {
	for len(b.sched.Waiters()) < n {
		runtime.Gosched()
	}
}

// pass lets seconds go by, with a look at each.
func (b *bench) pass(seconds int) {
	for range seconds {
		b.clock.now.Add(ktime.Second)
		b.look()
	}
}

func TestSoftLockupIsReportedOnce(t *testing.T) {
	b := newBench(t, 2)
	release, inside, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	b.spawn("spinner", func(th *sched.Thread) {
		close(inside)
		<-release // to the scheduler it runs
		th.Window()
		close(done)
	})
	<-inside
	b.pass(9)
	if len(b.reports) > 0 {
		t.Errorf("too early: %q", b.reports)
	}
	b.pass(20)
	if len(b.reports) != 1 || !strings.Contains(b.reports[0], "soft lockup") || !strings.Contains(b.reports[0], "spinner") {
		t.Errorf("reports: %q", b.reports)
	}
	if !strings.Contains(b.reports[0], "TestSoftLockupIsReportedOnce") {
		t.Errorf("without the stack: %q", b.reports[0])
	}
	close(release)
	<-done
}

// A thread that passes windows may take as long as it likes.
func TestBusyThreadIsNoLockup(t *testing.T) {
	b := newBench(t, 1)
	go1, looked, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	b.spawn("busy", func(th *sched.Thread) {
		for range go1 {
			th.Window()
			looked <- struct{}{}
		}
		close(done)
	})
	for range 40 {
		go1 <- struct{}{}
		<-looked
		b.pass(1)
	}
	close(go1)
	<-done
	if len(b.reports) > 0 {
		t.Errorf("%q", b.reports)
	}
}

func TestDeadlockIsReportedOnce(t *testing.T) {
	b := newBench(t, 1)
	class := ksync.Class{Name: "test_lock", Rank: 500}
	x, y := ksync.NewMutex(&class), ksync.NewMutex(&class)
	got := make(chan struct{}, 2)
	var seen atomic.Int32
	both := func(name string, first, second *ksync.Mutex) {
		b.spawn(name, func(th *sched.Thread) {
			first.Lock(th)
			got <- struct{}{}
			for seen.Add(1); seen.Load() < 2; {
				th.Yield()
			}
			second.Lock(th)
		})
	}
	both("one", &x, &y)
	both("two", &y, &x)
	<-got
	<-got
	b.asleep(2)
	b.pass(3)
	if len(b.reports) != 1 {
		t.Fatalf("reports: %q", b.reports)
	}
	for _, want := range []string{"deadlock", "one waits for test_lock", "two waits for test_lock", "Mutex).Lock"} {
		if !strings.Contains(b.reports[0], want) {
			t.Errorf("no %q in %q", want, b.reports[0])
		}
	}
}

func TestHungTaskIsReportedOncePerSleep(t *testing.T) {
	b := newBench(t, 1)
	var q ksync.WaitQueue
	var wake atomic.Bool
	inside := make(chan struct{})
	b.spawn("sleeper", func(th *sched.Thread) {
		th.Owner = b // a task's
		close(inside)
		for range 2 {
			q.WaitUninterruptible(th, "nothing", func() bool { return wake.Swap(false) })
		}
	})
	b.spawn("kworker", func(th *sched.Thread) { q.WaitUninterruptible(th, "work", func() bool { return false }) })
	<-inside
	b.asleep(2)
	b.pass(119)
	if len(b.reports) > 0 {
		t.Errorf("too early: %q", b.reports)
	}
	b.pass(200)
	if len(b.reports) != 1 || !strings.Contains(b.reports[0], "sleeper blocked for more than 120 seconds: nothing") {
		t.Errorf("reports: %q", b.reports)
	}
}
