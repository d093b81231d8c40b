package virtio

import (
	"sync/atomic"
	"testing"
	"time"

	"vitrine/hostdev/virtio/virtiotest"
	"vitrine/machine/layout"
	"vitrine/machine/virtq"
)

// upper is a device that answers each request with its bytes plus one.
type upper struct {
	*Device
	started, resets atomic.Int32
	serving         chan struct{} // if not nil: Serve announces itself and waits for go
	goOn            chan struct{}
}

func (u *upper) Started() { u.started.Add(1) }
func (u *upper) Reset()   { u.resets.Add(1) }

func (u *upper) Serve(q *Queue) {
	if u.serving != nil {
		u.serving <- struct{}{}
		<-u.goOn
	}
	var c virtq.Chain
	q.Quiet()
	for {
		ok, _ := q.Pop(&c)
		if !ok {
			if !q.Listen() {
				return
			}
			continue
		}
		b := make([]byte, 8)
		n, _ := c.Read(b)
		for i := range b[:n] {
			b[i]++
		}
		c.Write(b[:n])
		q.Push(&c)
	}
}

func newUpper(t *testing.T) (*upper, *virtiotest.Driver) {
	t.Helper()
	u := &upper{}
	u.Device = New(Spec{Name: "upper", ID: 77, Features: 1, Queues: []int{8, 8}, Config: []byte("conf")}, u)
	return u, virtiotest.New(t, u)
}

const queueAt = 0x80000

func TestHandshakeServeAndReset(t *testing.T) {
	u, d := newUpper(t)
	if d.Regs.DeviceID.Load() != 77 || d.Regs.NumQueues.Load() != 2 || d.Regs.ConfigSize.Load() != 4 {
		t.Error("the registers are not filled")
	}
	for round := range int32(3) {
		q := d.SetUp(0, 2, 8)[1]
		for i := range byte(100) {
			q.Send([]byte{i, i + 5}, 8)
			if got := q.Wait(); string(got) != string([]byte{i + 1, i + 6}) {
				t.Fatalf("answer %d to %d", got, i)
			}
		}
		if u.started.Load() != round+1 {
			t.Error("the back-end does not know that it started")
		}
		d.Reset()
		if u.resets.Load() != round+1 {
			t.Error("the back-end does not know that it was reset")
		}
	}
}

func TestFeaturesThatWereNotOffered(t *testing.T) {
	for _, f := range []uint64{virtq.Features | 2, virtq.Features | 1<<63, 1, 0} {
		_, d := newUpper(t)
		if d.Negotiate(f) {
			t.Errorf("features %#x are accepted", f)
		}
		d.Ready(0, virtq.Place(queueAt, 8)) // all the same
		if d.Regs.DeviceStatus.Load()&layout.StatusDriverOK != 0 {
			t.Errorf("features %#x: the device goes on without an agreement", f)
		}
	}
}

func TestHostileRegisters(t *testing.T) {
	for name, l := range map[string]virtq.Layout{
		"outside RAM": virtq.Place(1<<40, 8), "unaligned": virtq.Place(queueAt+1, 8), "size 3": virtq.Place(queueAt, 3),
		"size 0": {}, "bigger than offered": virtq.Place(queueAt, 16), "at the end": virtq.Place(4<<20-16, 8),
	} {
		_, d := newUpper(t)
		d.Negotiate(virtq.Features)
		d.Ready(0, l)
		if !d.NeedsReset() || d.Regs.InterruptStatus.Load()&layout.InterruptConfig == 0 {
			t.Errorf("%s: the device does not ask for a reset", name)
		}
		for _, q := range []int{0, 1, 99, -1} {
			d.Dev.Kick(q)
		}
		d.Reset() // helps
		q := d.SetUp(0, 1, 8)[0]
		q.Send([]byte{1}, 1)
		q.Wait()
	}
}

// TestQueueKickedBeforeReady: with several workers a queue's kick can be seen before the command that came first is done.
func TestQueueKickedBeforeReady(t *testing.T) {
	u := &upper{}
	u.Device = New(Spec{Name: "upper", ID: 77, Queues: []int{8}, Workers: 4}, u)
	d := virtiotest.New(t, u)
	l := virtq.Place(queueAt, 8)
	for range 200 {
		d.Negotiate(virtq.Features)
		ring, err := virtq.NewQueue(d.RAM, l, virtq.Features)
		if err != nil {
			t.Fatal(err)
		}
		ring.Add([]virtq.Buf{{Addr: 0x90000, Len: 1}}, []virtq.Buf{{Addr: 0x90010, Len: 1}}, virtq.Buf{}, t)
		ring.Publish()
		u.Kick(0) // too early: nobody will kick again
		d.Ready(0, l)
		d.Until("the request", func() bool {
			tok, _, _ := ring.Get()
			return tok != nil
		})
		d.Reset()
	}
}

func TestBrokenRingAsksForReset(t *testing.T) {
	_, d := newUpper(t)
	q := d.SetUp(0, 1, 8)[0]
	d.RAM[q.Layout.Avail+2] = 200 // more than the ring holds
	d.Dev.Kick(0)
	d.Until("DEVICE_NEEDS_RESET", d.NeedsReset)
}

// TestPauseHoldsWorkBack: after Pause has returned nothing is written to RAM and no interrupt raised; nothing is lost.
func TestPauseHoldsWorkBack(t *testing.T) {
	u, d := newUpper(t)
	q := d.SetUp(0, 1, 8)[0]
	q.Send([]byte{1}, 1)
	q.Wait()
	u.Pause()
	for len(d.IRQs) > 0 {
		<-d.IRQs
	}
	used := d.RAM[q.Layout.Used:][:64]
	before := string(used)
	q.Send([]byte{5}, 1)
	time.Sleep(20 * time.Millisecond) // time for a mistake; the test is right without it
	if before != string(used) || len(d.IRQs) != 0 {
		t.Error("the device works while it is paused")
	}
	u.Resume()
	if got := q.Wait(); got[0] != 6 {
		t.Errorf("after Resume the answer is %d", got)
	}
}

// TestPauseWaitsForWork: Pause returns only when work inside the gate is done.
func TestPauseWaitsForWork(t *testing.T) {
	u, d := newUpper(t)
	u.serving, u.goOn = make(chan struct{}), make(chan struct{})
	q := d.SetUp(0, 1, 8)[0]
	q.Send([]byte{7}, 1)
	<-u.serving
	paused := make(chan struct{})
	go func() {
		u.Pause()
		close(paused)
	}()
	select {
	case <-paused:
		t.Fatal("Pause returned while the device was at work")
	case <-time.After(10 * time.Millisecond):
	}
	close(u.goOn)
	<-paused
	if _, ok := q.Done(); !ok {
		t.Error("the work was not finished before Pause returned")
	}
	u.Close() // paused
}

func TestCloseWithoutAttach(t *testing.T) {
	u := &upper{}
	u.Device = New(Spec{Name: "upper", Queues: []int{4}}, u)
	u.Kick(0)
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	u.Close()
	if u.Do(func() { t.Error("Do runs on a closed device") }) {
		t.Error("Do says that it ran")
	}
}
