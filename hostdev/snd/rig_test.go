package snd

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"vitrine/hostdev/virtio/virtiotest"
)

// testClock moves when it is told to. Whoever waits is woken at each move: Now counts.
type testClock struct {
	mu   sync.Mutex
	now  int64
	wait []chan time.Time
}

func (c *testClock) Now() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) At(moment int64) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	if c.now >= moment {
		ch <- time.Time{}
	} else {
		c.wait = append(c.wait, ch)
	}
	return ch
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += int64(d)
	for _, ch := range c.wait {
		ch <- time.Time{}
	}
	c.wait = nil
}

// awaited returns when somebody waits for the clock: a stream that has begun a piece.
func (c *testClock) awaited() {
	for {
		c.mu.Lock()
		n := len(c.wait)
		c.mu.Unlock()
		if n > 0 {
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
