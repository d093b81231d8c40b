package kernel

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"strings"

	"vitrine/kernel/bootparam"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
	"vitrine/machine"
)

var (
	paramWatchdog = bootparam.Int("watchdog", 10, "seconds in the kernel without a window after which a CPU counts as stuck; 0: never")
	paramHungTask = bootparam.Int("hung_task", 120, "seconds of uninterruptible sleep after which a task counts as hung; 0: never")
)

// Lockup reports a CPU that is stuck, tasks that wait for each other's locks, or one that sleeps too long. Break here to see
// every one of them.
//
//go:noinline
func (k *Kernel) Lockup(t *sched.Thread, text string, stacks []byte) {
	k.lastWords("watchdog: BUG", text, stacks)
}

// watchdog looks, at every NMI, whether the CPUs and tasks get on. It runs on the machine's goroutine: the CPUs may be what is
// broken.
type watchdog struct {
	sched     *sched.Scheduler
	now       func() int64
	report    func(t *sched.Thread, text string, stacks []byte)
	stuck     int64                   // ns; 0: not watched
	hung      int64                   // ns; 0: not watched
	since     map[*sched.Thread]int64 // when a thread was found without a window
	told      map[*sched.Thread]int64 // sleeps that were reported: their beginning
	deadlocks map[string]bool         // deadlocks that were reported
}

func (k *Kernel) bootWatchdog() {
	w := &watchdog{
		sched: k.Sched, now: k.Timers.Now, report: k.Lockup,
		stuck: int64(paramWatchdog.Get(k.Params)) * ktime.Second, hung: int64(paramHungTask.Get(k.Params)) * ktime.Second,
		since: map[*sched.Thread]int64{}, told: map[*sched.Thread]int64{}, deadlocks: map[string]bool{},
	}
	// The line's bit marks CPUs that have not come to a window; when they come there is nothing to do.
	if err := k.IRQ.Request(machine.LineNMI, "watchdog", func(*sched.Thread) {}); err != nil {
		k.Log.Errf("watchdog: %v", err)
		return
	}
	k.IRQ.NMI = func() { k.debugWaits(); w.look() }
}

// look is one round.
func (w *watchdog) look() {
	if w.stuck > 0 {
		w.lookAtCPUs()
	}
	waiters := w.sched.Waiters()
	w.lookForDeadlock(waiters)
	if w.hung > 0 {
		w.lookAtSleepers(waiters)
	}
}

// lookAtCPUs finds soft lockups.
func (w *watchdog) lookAtCPUs() {
	now := w.now()
	late := map[*sched.Thread]int64{}
	for _, t := range w.sched.Overdue(machine.LineNMI) {
		from, ok := w.since[t]
		if !ok {
			from = now
		}
		late[t] = from
		if from >= 0 && now-from >= w.stuck {
			w.report(t, fmt.Sprintf("soft lockup - CPU stuck for %ds! [%d %s]", (now-from)/ktime.Second, t.ID, t.Name), stacksOf(t))
			late[t] = -1 // once
		}
	}
	w.since = late
}

// lookForDeadlock follows from each waiter to the holder of the lock that it wants; a circle is a deadlock.
func (w *watchdog) lookForDeadlock(waiters []sched.Waiter) {
	wants := map[*sched.Thread]*ksync.Mutex{}
	for _, x := range waiters {
		if m, ok := x.Lock.(*ksync.Mutex); ok {
			wants[x.Thread] = m
		}
	}
	for t := range wants {
		var circle []*sched.Thread
		for x := t; wants[x] != nil && len(circle) <= len(wants); {
			circle = append(circle, x)
			if x = wants[x].Owner(); x == t {
				w.deadlock(circle, wants)
				break
			}
		}
	}
}

func (w *watchdog) deadlock(circle []*sched.Thread, wants map[*sched.Thread]*ksync.Mutex) {
	first := 0 // the same circle is found from each of its members
	for i, t := range circle {
		if t.ID < circle[first].ID {
			first = i
		}
	}
	circle = append(circle[first:], circle[:first]...)
	var lines, names []string
	for _, t := range circle {
		lines = append(lines, fmt.Sprintf("%d %s waits for %s, held by %d", t.ID, t.Name, wants[t].Class.Name, wants[t].Owner().ID))
		names = append(names, fmt.Sprint(t.ID))
	}
	key := strings.Join(names, " ")
	if w.deadlocks[key] {
		return
	}
	w.deadlocks[key] = true
	w.report(circle[0], "deadlock: "+strings.Join(lines, "; "), stacksOf(circle...))
}

// lookAtSleepers finds tasks that sleep too long, each sleep once.
func (w *watchdog) lookAtSleepers(waiters []sched.Waiter) {
	now := w.now()
	told := map[*sched.Thread]int64{}
	for _, x := range waiters {
		t := x.Thread
		if t.Owner == nil || now-x.Since < w.hung { // kernel threads wait for work as long as there is none
			continue
		}
		if since, ok := w.told[t]; !ok || since != x.Since {
			text := fmt.Sprintf("task %d %s blocked for more than %d seconds: %s", t.ID, t.Name, w.hung/ktime.Second, x.Wait)
			if m, ok := x.Lock.(*ksync.Mutex); ok {
				if o := m.Owner(); o != nil {
					text += fmt.Sprintf(", held by %d %s", o.ID, o.Name)
				}
			}
			w.report(t, text, stacksOf(t))
		}
		told[t] = x.Since
	}
	w.told = told
}

// stacksOf returns the stacks of threads, found by the label that their goroutines carry.
func stacksOf(threads ...*sched.Thread) []byte {
	var all, out bytes.Buffer
	if p := pprof.Lookup("goroutine"); p == nil || p.WriteTo(&all, 1) != nil {
		return nil
	}
	for _, t := range threads {
		label := fmt.Sprintf(`# labels: {"task":"%d `, t.ID)
		for _, g := range strings.Split(all.String(), "\n\n") {
			if strings.Contains(g, label) {
				out.WriteString(g + "\n")
			}
		}
	}
	return out.Bytes()
}
