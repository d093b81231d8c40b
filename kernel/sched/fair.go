package sched

import "slices"

func init() { RegisterPolicy("fair", func() Policy { return &fair{} }) }

// fair gives each thread CPU time in proportion to its weight: the one with
// the least weighted run time goes next (the idea of Linux's CFS).
type fair struct {
	queue []*Thread // by VRuntime, then by arrival
	min   int64     // VRuntime of the last one picked; newcomers start here
	seq   uint64
}

// weights of nice -20 … 19: each step is about 10 % of CPU time (kernel/sched/core.c's table has the same ratios).
var weights = func() (w [40]int64) {
	v := 1024.0
	for i := 20; i < 40; i++ {
		w[i] = int64(v)
		v /= 1.25
	}
	v = 1024.0
	for i := 20; i >= 0; i-- {
		w[i] = int64(v)
		v *= 1.25
	}
	return
}()

func (f *fair) Enqueue(t *Thread, woken bool) {
	if woken {
		// A long sleep earns at most half a slice of advantage.
		t.VRuntime = max(t.VRuntime, f.min-Slice/2)
	}
	f.seq++
	t.seq = f.seq
	i, _ := slices.BinarySearchFunc(f.queue, t, func(a, b *Thread) int {
		if a.VRuntime != b.VRuntime {
			if a.VRuntime < b.VRuntime {
				return -1
			}
			return 1
		}
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
	f.queue = slices.Insert(f.queue, i, t)
}

func (f *fair) Dequeue(t *Thread) {
	if i := slices.Index(f.queue, t); i >= 0 {
		f.queue = slices.Delete(f.queue, i, i+1)
	}
}

func (f *fair) Pick(c *CPU) *Thread {
	for i, t := range f.queue {
		if t.mayRunOn(c) {
			f.queue = slices.Delete(f.queue, i, i+1)
			f.min = max(f.min, t.VRuntime)
			return t
		}
	}
	return nil
}

func (f *fair) Ran(t *Thread, ns int64) bool {
	t.VRuntime += ns * 1024 / weights[t.NiceVal+20]
	t.slice += ns
	return t.slice >= Slice
}

func (f *fair) Preempts(woken, curr *Thread) bool {
	return curr.VRuntime-woken.VRuntime > Slice/2
}

func (f *fair) Queue() []*Thread { return f.queue }
