package sched

// Exclusive runs f while no other thread runs kernel code: user code goes on, and waits
// at the kernel's door. It is for looking at structures without their locks. The caller
// holds no lock; f must not sleep.
func (t *Thread) Exclusive(f func()) {
	if len(t.sched.CPUs) == 1 {
		f() // whoever holds the only CPU is alone
		return
	}
	t.leaveWorld()
	t.sched.world.Lock()
	f()
	t.sched.world.Unlock()
	t.enterWorld()
}

// enterWorld is called when t begins to run kernel code, leaveWorld when it
// stops to: it gives the CPU away or runs user code.
func (t *Thread) enterWorld() {
	if len(t.sched.CPUs) > 1 && !t.inWorld {
		t.sched.world.RLock()
		t.inWorld = true
	}
}

func (t *Thread) leaveWorld() {
	if t.inWorld {
		t.inWorld = false
		t.sched.world.RUnlock()
	}
}
