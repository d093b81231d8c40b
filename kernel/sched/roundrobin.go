package sched

import "slices"

func init() { RegisterPolicy("rr", func() Policy { return &roundRobin{} }) }

// roundRobin runs threads in the order in which they became runnable, a slice each.
type roundRobin struct{ queue []*Thread }

func (r *roundRobin) Enqueue(t *Thread, woken bool) { r.queue = append(r.queue, t) }

func (r *roundRobin) Dequeue(t *Thread) {
	if i := slices.Index(r.queue, t); i >= 0 {
		r.queue = slices.Delete(r.queue, i, i+1)
	}
}

func (r *roundRobin) Pick(c *CPU) *Thread {
	for i, t := range r.queue {
		if t.mayRunOn(c) {
			r.queue = slices.Delete(r.queue, i, i+1)
			return t
		}
	}
	return nil
}

func (r *roundRobin) Ran(t *Thread, ns int64) bool {
	t.slice += ns
	return t.slice >= Slice
}

func (r *roundRobin) Preempts(woken, curr *Thread) bool { return false }

func (r *roundRobin) Queue() []*Thread { return r.queue }
