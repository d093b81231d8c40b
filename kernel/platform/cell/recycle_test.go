package cell

import (
	"testing"
	"time"
)

// A thread that was released before its space is the first of the cell's next program, and nobody's second.
func TestRecycledCellHasNoIdleThread(t *testing.T) {
	m := newMachine(t)
	s, x, err := m.p.NewAddressSpace()
	if err != nil {
		t.Fatal(err)
	}
	c := s.(*space).cell
	x.Release()
	s.Release()
	pooled := func() bool {
		m.p.mu.Lock()
		defer m.p.mu.Unlock()
		for _, d := range m.p.pool {
			if d == c {
				return true
			}
		}
		return false
	}
	for t0 := time.Now(); !pooled(); time.Sleep(time.Millisecond) {
		if time.Since(t0) > 10*time.Second {
			t.Fatal("the cell is not used again")
		}
	}
	if len(c.idle) != 0 {
		t.Error("the thread would have two Contexts")
	}
}
