package ktrace

import "testing"

var evTest = Event("test_event", "a", "b")

func TestBuffer(t *testing.T) {
	var none *Buffer
	evTest.Emit(none, 1, 1) // nobody listens

	b := NewBuffer(3)
	evTest.Emit(b, 1, 1, 10)
	if n := len(b.Records()); n != 0 {
		t.Fatalf("%d records while switched off", n)
	}
	b.Enable(true)
	for i := range 5 {
		evTest.Emit(b, int64(i), i, uint64(i), uint64(i*i))
	}
	r := b.Records()
	if len(r) != 3 || r[0].TID != 2 || r[2].Args[1] != 16 {
		t.Errorf("the ring does not hold the last three: %v", r)
	}
	if got, want := r[2].String(), "0.000000 [4] test_event a=4 b=16"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
