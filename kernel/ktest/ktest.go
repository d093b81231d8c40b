// Package ktest runs kernel code in a `go test`: a real scheduler on a fake
// machine, and as much of the kernel above it as the test wants.
//
//	func TestPipe(t *testing.T) {
//		k := ktest.New(t, ktest.Options{CPUs: 4})
//		k.Run(func(th *sched.Thread) {
//			…
//		})
//	}
//
// Time is virtual: when every CPU is idle the clock jumps to the next timer,
// so a sleep of an hour takes no time; when nothing is left to wait for and
// Run's function has not returned, that is a deadlock and the test fails with all threads' states.
package ktest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vitrine/kernel/cred"
	"vitrine/kernel/irq"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/fake"
)

// Options say what the machine is like. The zero Options are one CPU and the fair policy.
type Options struct {
	CPUs    int
	Policy  string
	Machine fake.Options
}

// Kernel is the lowest part of a kernel: CPUs, timers, interrupts.
type Kernel struct {
	T       testing.TB
	Machine *fake.Machine
	Timers  *ktime.Timers
	Sched   *sched.Scheduler
	IRQ     *irq.Controller

	idle chan struct{} // a token when the last CPU became idle
	mu   sync.Mutex
	bugs []string
}

// New puts a machine together and starts its scheduler. It ends with the test.
func New(tb testing.TB, o Options) *Kernel {
	tb.Helper()
	o.Machine.CPUs = max(o.CPUs, 1)
	m := fake.New(o.Machine)
	k := Start(tb, m, o.Policy)
	tb.Cleanup(func() {
		k.Sched.Stop()
		m.Close()
	})
	return k
}

// Start starts a scheduler on a machine that the caller made and will close.
func Start(tb testing.TB, m *fake.Machine, policy string) *Kernel {
	tb.Helper()
	if policy == "" {
		policy = "fair"
	}
	p, err := sched.NewPolicy(policy)
	if err != nil {
		tb.Fatal(err)
	}
	k := Watch(tb, m, sched.New(m.Boot().CPUs, ktime.New(m.Clock(), m.Boot().WallTime), p))
	k.IRQ = irq.New(k.Sched)
	if err := k.IRQ.Request(machine.LineTimer, "timer", func(*sched.Thread) { k.Timers.Expire() }); err != nil {
		tb.Fatal(err)
	}
	k.IRQ.Connect(m)
	return k
}

// Watch drives the virtual time of a machine whose scheduler somebody else has made, before its first thread runs.
func Watch(tb testing.TB, m *fake.Machine, s *sched.Scheduler) *Kernel {
	k := &Kernel{T: tb, Machine: m, Timers: s.Timers, Sched: s, idle: make(chan struct{}, 1)}
	s.OnIdle = k.Poke
	onPanic := s.OnPanic
	s.OnPanic = func(t *sched.Thread, v any, stack []byte) {
		if onPanic != nil {
			onPanic(t, v, stack)
		}
		k.Bug(fmt.Sprintf("thread %d %s: %v\n%s", t.ID, t.Name, v, stack))
	}
	return k
}

// Bug records that kernel code failed; the Run under way ends with it.
func (k *Kernel) Bug(text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bugs = append(k.bugs, text)
}

func (k *Kernel) takeBugs() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	text := strings.Join(k.bugs, "\n")
	k.bugs = nil
	return text
}

// Run runs f on a kernel thread as root and returns when it has returned.
func (k *Kernel) Run(f func(t *sched.Thread)) {
	k.T.Helper()
	k.RunAll(f)
}

// RunAll runs each f on a thread of its own and returns when all have returned.
func (k *Kernel) RunAll(fs ...func(t *sched.Thread)) {
	k.T.Helper()
	var left atomic.Int64
	left.Store(int64(len(fs)))
	for i, f := range fs {
		k.Sched.Spawn(fmt.Sprintf("test/%d", i), func(t *sched.Thread) {
			defer func() {
				left.Add(-1)
				k.Poke()
			}()
			t.Cred = cred.Root()
			f(t)
		})
	}
	k.Sched.Balance()
	k.Wait(func() bool { return left.Load() == 0 })
}

// Poke makes Wait look again.
func (k *Kernel) Poke() {
	select {
	case k.idle <- struct{}{}:
	default:
	}
}

// Wait lets virtual time run until ended. What makes it true calls Poke after.
func (k *Kernel) Wait(ended func() bool) {
	k.T.Helper()
	k.Poke() // the machine may be quiet already
	for {
		<-k.idle
		if b := k.takeBugs(); b != "" {
			k.T.Fatal(b)
		}
		if ended() {
			return
		}
		// Only a quiet machine's time moves.
		if k.Sched.Quiet() && !k.Machine.Idle() && k.Sched.Quiet() && !ended() {
			k.T.Fatalf("deadlock: every thread waits\n%s", k.Threads())
		}
	}
}

// Threads lists all threads with their states, for a failure's message.
func (k *Kernel) Threads() string {
	var b strings.Builder
	k.Sched.Threads(func(t *sched.Thread) {
		fmt.Fprintf(&b, "%5d %s %-16s %s\n", t.ID, t.State, t.Name, t.WaitName)
	})
	return b.String()
}
