package ktest

import (
	"testing"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

func TestSleepTakesVirtualTimeOnly(t *testing.T) {
	k := New(t, Options{})
	k.Run(func(th *sched.Thread) {
		if err := ksync.Sleep(th, "test", th.Now()+3600*ktime.Second); err != nil {
			t.Error(err)
		}
		if now := th.Now(); now < 3600*ktime.Second || now > 3601*ktime.Second {
			t.Errorf("an hour's sleep ended at %d", now)
		}
	})
}

func TestManyThreads(t *testing.T) {
	k := New(t, Options{CPUs: 4})
	mu := ksync.NewMutex(&ksync.Class{Name: "test", Rank: 1})
	n := 0
	var fs []func(*sched.Thread)
	for range 50 {
		fs = append(fs, func(th *sched.Thread) {
			for i := range 20 {
				mu.Lock(th)
				n++
				if i%5 == 0 {
					ksync.Sleep(th, "test", th.Now()+ktime.Millisecond)
				}
				mu.Unlock(th)
			}
		})
	}
	k.RunAll(fs...)
	if n != 50*20 {
		t.Errorf("%d increments, want %d", n, 50*20)
	}
}

func TestWaitQueue(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		k := New(t, Options{CPUs: cpus})
		mu := ksync.NewMutex(&ksync.Class{Name: "test", Rank: 1})
		var full, empty ksync.WaitQueue
		var box []int
		const items = 500
		sum := 0
		k.RunAll(func(th *sched.Thread) {
			for i := range items {
				mu.Lock(th)
				if err := empty.WaitLocked(th, "box_full", &mu, func() bool { return len(box) < 3 }); err != nil {
					t.Error(err)
				}
				box = append(box, i)
				mu.Unlock(th)
				full.WakeAll()
			}
		}, func(th *sched.Thread) {
			for range items {
				mu.Lock(th)
				full.WaitLocked(th, "box_empty", &mu, func() bool { return len(box) > 0 })
				sum += box[0]
				box = box[1:]
				mu.Unlock(th)
				empty.WakeAll()
			}
		})
		if want := items * (items - 1) / 2; sum != want {
			t.Errorf("cpus=%d: sum %d, want %d", cpus, sum, want)
		}
	}
}

func TestWaitEnds(t *testing.T) {
	k := New(t, Options{CPUs: 2})
	var q ksync.WaitQueue
	never := func() bool { return false }
	var sleeper *sched.Thread
	k.RunAll(func(th *sched.Thread) {
		if err := q.WaitUntil(th, "test", th.Now()+ktime.Second, never); err != errno.ETIMEDOUT {
			t.Errorf("deadline: %v", err)
		}
		k.Sched.Signal(sleeper)
	}, func(th *sched.Thread) {
		sleeper = th
		if err := q.Wait(th, "test", never); err != errno.RestartSys {
			t.Errorf("signal: %v", err)
		}
	})
}

func TestRWMutexLetsReadersTogether(t *testing.T) {
	k := New(t, Options{CPUs: 4})
	mu := ksync.NewRWMutex(&ksync.Class{Name: "test", Rank: 1})
	value := 0
	var fs []func(*sched.Thread)
	for i := range 8 {
		fs = append(fs, func(th *sched.Thread) {
			for range 10 {
				if i%4 == 0 {
					mu.Lock(th)
					v := value
					ksync.Sleep(th, "test", th.Now()+ktime.Millisecond)
					value = v + 1
					mu.Unlock(th)
				} else {
					mu.RLock(th)
					v := value
					ksync.Sleep(th, "test", th.Now()+ktime.Millisecond)
					if value != v {
						t.Error("a writer was in with a reader")
					}
					mu.RUnlock(th)
				}
			}
		})
	}
	k.RunAll(fs...)
	if value != 20 {
		t.Errorf("%d writes, want 20", value)
	}
}

func BenchmarkNew(b *testing.B) {
	for range b.N {
		k := New(b, Options{})
		k.Run(func(*sched.Thread) {})
		k.Sched.Stop()
	}
}
