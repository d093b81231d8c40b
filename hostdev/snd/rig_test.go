package snd

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"vitrine/hostdev/virtio/virtiotest"
)

// testClock moves when it is told to. Whoever waits is woken at each move: Now counts.
type testClock struct {
	mu     sync.Mutex
	now    int64
	alarms []*testAlarm
}

// testAlarm is an alarm of a testClock, which guards it.
type testAlarm struct {
	clock *testClock
	armed bool
	rings chan struct{}
}

func (c *testClock) Now() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) NewAlarm() (Alarm, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &testAlarm{clock: c, rings: make(chan struct{}, 1)}
	c.alarms = append(c.alarms, a)
	return a, nil
}

func (a *testAlarm) Set(moment int64) {
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	if a.armed = moment > a.clock.now && moment != never; moment <= a.clock.now {
		a.ring()
	}
}

// ring wakes who waits. Caller holds clock.mu.
func (a *testAlarm) ring() {
	select {
	case a.rings <- struct{}{}:
	default:
	}
}

func (a *testAlarm) Wait() bool {
	_, ok := <-a.rings
	return ok
}

func (a *testAlarm) Close() {
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	close(a.rings)
	a.clock.alarms = slices.DeleteFunc(a.clock.alarms, func(o *testAlarm) bool { return o == a })
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += int64(d)
	for _, a := range c.alarms {
		if a.armed {
			a.armed = false
			a.ring()
		}
	}
}

// awaited returns when somebody waits for the clock: a stream that has begun a piece.
func (c *testClock) awaited() {
	for {
		c.mu.Lock()
		waits := slices.ContainsFunc(c.alarms, func(a *testAlarm) bool { return a.armed })
		c.mu.Unlock()
		if waits {
			return
		}
		runtime.Gosched()
	}
}

// rig is a device with its driver's end of the queues.
type rig struct {
	*virtiotest.Driver
	dev   *Device
	mem   *Memory
	clock *testClock
	q     []*virtiotest.Queue
}

func newRig(t *testing.T) *rig { return newRigWith(t, 0) }

// newRigWith returns one whose driver knows features.
func newRigWith(t *testing.T, features uint64) *rig {
	t.Helper()
	r := &rig{mem: &Memory{}, clock: &testClock{now: 12345}}
	r.dev = New(Options{Backend: r.mem, Clock: r.clock})
	r.Driver = virtiotest.New(t, r.dev)
	r.q = r.SetUp(features, 4, 64)
	return r
}

func words(ws ...uint32) []byte {
	var b []byte
	for _, w := range ws {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// control sends a request and returns its status.
func (r *rig) control(ws ...uint32) uint32 {
	r.T.Helper()
	status, _ := r.request(ws...)
	return status
}

// request sends a request and returns its status and what follows.
func (r *rig) request(ws ...uint32) (status uint32, answer []byte) {
	r.T.Helper()
	r.q[queueControl].Send(words(ws...), 4+ctlValueSize)
	in := r.q[queueControl].Wait()
	if len(in) < 4 {
		r.T.Fatalf("%#x: an answer of %d bytes", ws[0], len(in))
	}
	return binary.LittleEndian.Uint32(in), in[4:]
}

func (r *rig) must(ws ...uint32) {
	r.T.Helper()
	if st := r.control(ws...); st != sOK {
		r.T.Fatalf("request %#x: status %#x", ws, st)
	}
}

// setUp prepares a stream: 1000 frames of S16 are 4000 bytes, 125 ms at 8 kHz.
func (r *rig) setUp(stream uint32) {
	r.T.Helper()
	r.must(rPCMSetParams, stream, 16000, 4000, 0, 2|uint32(S16)<<8|1<<16)
	r.must(rPCMPrepare, stream)
}

func random(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// play sends samples as a piece; done waits for it.
func (r *rig) play(samples []byte) {
	r.T.Helper()
	r.q[queueTx].Send(append(words(Play), samples...), statusSize)
	r.settle()
}

// settle waits until the device has looked at its queues. Its worker takes them in order, control first: so twice.
func (r *rig) settle() {
	r.T.Helper()
	r.control(rPCMInfo, 0, 1, infoSize)
	r.control(rPCMInfo, 0, 1, infoSize)
}

func (r *rig) done(queue int) (samples []byte, status uint32) {
	r.T.Helper()
	in := r.q[queue].Wait()
	return in[:len(in)-statusSize], binary.LittleEndian.Uint32(in[len(in)-statusSize:])
}

// busy reports that the piece is not back.
func (r *rig) busy(queue int) bool {
	r.T.Helper()
	r.settle()
	_, ok := r.q[queue].Done()
	return !ok
}
