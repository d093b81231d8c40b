package sched

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// user is user code that tells when it stays away.
type user struct {
	stay  func()
	parks atomic.Int64
}

func (u *user) Interrupt()           {}
func (u *user) OnStay(f func()) bool { u.stay = f; return true }
func (u *user) Park()                { u.parks.Add(1) }

// A woken thread waits for the waker's CPU over one way out to user code, in case the waker sleeps next; it doesn't if user
// code stays away.
func TestWokenThreadWaitsForTheWakersCPU(t *testing.T) {
	s, _ := newScheduler(t, 2, "fair")
	u := &user{}
	var done sync.WaitGroup
	done.Add(1)
	s.Spawn("waker", func(w *Thread) {
		defer done.Done()
		w.SetUser(u)
		waits := func(x *Thread) bool {
			state, _ := s.Snapshot(x)
			return state == Runnable
		}
		ran := make(chan int, 3)
		alone := func() { // the other CPU is idle
			for _, n := s.Count(); n > 1; _, n = s.Count() {
				runtime.Gosched()
			}
		}
		spawn := func() *Thread {
			return s.Spawn("woken", func(x *Thread) {
				ran <- x.CPU.ID
				s.Wake(w)
			})
		}

		x := spawn()
		w.BalanceSoon()
		if !waits(x) {
			t.Error("placed at the first way out")
		}
		w.BalanceSoon()
		if waits(x) {
			t.Error("not placed at the second way out")
		}
		<-ran
		alone()

		x = spawn()
		w.BalanceSoon()
		u.stay()
		if waits(x) {
			t.Error("not placed when user code stayed away")
		}
		<-ran
		alone()

		mine := w.CPU.ID
		spawn()
		w.BalanceSoon()
		parks := u.parks.Load()
		w.SetSleep(Blocked, "test")
		w.Schedule()
		if u.parks.Load() == parks {
			t.Error("user code's processor was not given up")
		}
		if id := <-ran; id != mine {
			t.Errorf("ran on CPU %d, the waker's is %d", id, mine)
		}
	})
	s.Balance()
	done.Wait()
}
