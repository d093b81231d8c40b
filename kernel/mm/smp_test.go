package mm

import (
	"errors"
	"sync/atomic"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
)

// TestManyCPUs lets threads of two processes map, write, fork, and unmap at once while others look on.
func TestManyCPUs(t *testing.T) {
	h := newHost(t, 1500)
	h.check = false
	var shared *AddressSpace
	onThreads(t, 1, func(th *sched.Thread) {
		shared = h.newSpace(root(th))
		anon(t, th, shared, base, 200, Read|Write, abi.MAP_SHARED)
		for range 3 {
			shared.IncRef()
		}
	})
	var counter atomic.Uint64
	worker := func(n uint64) func(th *sched.Thread) {
		return func(th *sched.Thread) {
			root(th)
			th.MM = shared
			mine := uint64(base + 0x1000_0000*(n+1))
			for round := range uint64(30) {
				anon(t, th, shared, mine, 80, Read|Write, 0)
				for i := range uint64(80) {
					v := n<<32 | round<<16 | i
					if err := CopyOutStruct(th, UAddr(mine+i*PageSize), &v); err != nil {
						t.Error(err)
						return
					}
				}
				child, err := h.fork(th, shared)
				if err != nil {
					if !errors.Is(err, ErrOOM) {
						t.Error(err)
					}
				} else {
					th.MM = child
					for i := range uint64(80) {
						v, err := CopyInStruct[uint64](th, UAddr(mine+i*PageSize))
						if err != nil || v != n<<32|round<<16|i {
							t.Errorf("the child sees %#x, %v", v, err)
						}
						v = 0
						if err := CopyOutStruct(th, UAddr(mine+i*PageSize), &v); err != nil && !errors.Is(err, ErrOOM) {
							t.Error(err)
						}
					}
					for {
						old, err := LoadUint32(th, base)
						if err != nil {
							t.Error(err)
							break
						}
						if prev, err := CompareAndSwapUint32(th, base, old, old+1); prev == old && err == nil {
							counter.Add(1)
							break
						}
						th.CondResched()
					}
					th.MM = shared
					child.Release(th)
				}
				for i := range uint64(80) {
					if v, err := CopyInStruct[uint64](th, UAddr(mine+i*PageSize)); err != nil || v != n<<32|round<<16|i {
						t.Errorf("the parent sees %#x, %v", v, err)
					}
				}
				if err := shared.Munmap(th, UAddr(mine), 80*PageSize); err != nil {
					t.Error(err)
				}
				shared.Maps(th, true)
				h.mem.Stats(th)
				th.Yield()
			}
			shared.Release(th)
		}
	}
	onThreads(t, 4, worker(0), worker(1), worker(2))
	onThreads(t, 1, func(th *sched.Thread) {
		th.MM = shared
		if v, err := LoadUint32(th, base); err != nil || uint64(v) != counter.Load() {
			t.Errorf("the shared counter is %d, not %d; %v", v, counter.Load(), err)
		}
		shared.Release(th)
		h.leakCheck(th)
	})
}
