package irq_test

import (
	"testing"

	"vitrine/kernel/ktest"
	"vitrine/kernel/sched"
	"vitrine/machine"
)

func TestHandlersRunOnce(t *testing.T) {
	k := ktest.New(t, ktest.Options{CPUs: 2})
	count := map[int]int{}
	for _, line := range []int{machine.LineDevice0, machine.LineDevice0 + 1} {
		if err := k.IRQ.Request(line, "test", func(*sched.Thread) { count[line]++ }); err != nil {
			t.Fatal(err)
		}
	}
	k.Run(func(th *sched.Thread) {
		k.Machine.Raise(machine.LineDevice0) // an idle CPU may take it, or this one
		k.Machine.Raise(machine.LineDevice0 + 9)
		for k.IRQ.Lines[machine.LineDevice0].Count.Load() == 0 {
			th.Yield()
		}
	})
	if n := k.IRQ.Lines[machine.LineDevice0].Count.Load(); n != 1 {
		t.Errorf("the handler ran %d times", n)
	}
	if n := k.IRQ.Lines[machine.LineDevice0+1].Count.Load(); n != 0 {
		t.Errorf("the other line's handler ran %d times", n)
	}
	if n := k.IRQ.Spurious.Load(); n != 1 {
		t.Errorf("%d spurious interrupts, want 1", n)
	}
}

func TestRequestRefuses(t *testing.T) {
	k := ktest.New(t, ktest.Options{})
	h := func(*sched.Thread) {}
	if k.IRQ.Request(machine.LineTimer, "second", h) == nil {
		t.Error("a line has two handlers")
	}
	if k.IRQ.Request(machine.NumLines, "beyond", h) == nil || k.IRQ.Request(-1, "before", h) == nil {
		t.Error("a line that isn't there has a handler")
	}
}
