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
	var again *cell
	for t0 := time.Now(); again == nil; time.Sleep(time.Millisecond) {
		if again = m.p.washed(); time.Since(t0) > 10*time.Second {
			t.Fatal("the cell is not used again")
		}
	}
	if again != c {
		t.Fatal("not that cell")
	}
	if len(c.idle) != 0 {
		t.Error("the thread would have two Contexts")
	}
}
