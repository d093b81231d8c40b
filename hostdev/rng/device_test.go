package rng

import (
	"bytes"
	"testing"

	"vitrine/hostdev/virtio/virtiotest"
)

func TestBuffersAreFilled(t *testing.T) {
	d := virtiotest.New(t, New(bytes.NewReader(bytes.Repeat([]byte{7}, 1000))))
	q := d.SetUp(0, 1, 4)[0]
	for _, n := range []int{1, 100, 899} {
		q.Send(nil, n)
		if got := q.Wait(); len(got) != n || bytes.Count(got, []byte{7}) != n {
			t.Errorf("%d bytes of %d", len(got), n)
		}
	}
	q.Send(nil, 10) // the source is empty
	if got := q.Wait(); len(got) != 0 {
		t.Errorf("%d bytes from nothing", len(got))
	}
}

// TestOddRequests: readable bytes are ignored, and a device that may not write writes nothing.
func TestOddRequests(t *testing.T) {
	d := virtiotest.New(t, New(nil))
	q := d.SetUp(0, 1, 4)[0]
	q.Send([]byte("what?"), 0)
	if got := q.Wait(); len(got) != 0 {
		t.Errorf("%d bytes written where there is no room", len(got))
	}
	q.Send([]byte("what?"), 32)
	if got := q.Wait(); len(got) != 32 {
		t.Errorf("%d bytes", len(got))
	}
}
