package snd

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
	"vitrine/kernel/sound"
	"vitrine/kernel/virtio"
	"vitrine/machine/virtq"
)

const (
	numPieces = 64 // of a stream
	numPosts  = 8  // starts and stops that wait for an answer

	// Bytes in the stream's buffer: for a piece struct virtio_snd_pcm_xfer and …_status, for a post the request and its status.
	slotSize = 16

	backTime = 5 * ktime.Second // in which the device must give pieces back
)

// stream is a stream of the device: the sound core's hardware.
type stream struct {
	x   *Sound
	id  int // immutable, as dir, queue and pcm
	dir int
	pcm *sound.Substream

	queue *virtio.Queue

	lock   ksync.SpinLock
	free   []*piece // guarded by lock, as all below
	posts  []*post  // free ones
	posted int      // under way
	failed error    // what became of one
	out    int      // pieces that the device has

	changed ksync.WaitQueue // posted, out
}

// piece is a piece of the ring on its way.
type piece struct {
	virtio.Request
	bytes []byte // xfer, status
	at    virtq.Buf
	n     int
}

// post is a START or STOP on its way.
type post struct {
	virtio.Request
	bytes []byte
}

func newStream(t *sched.Thread, x *Sound, id, dir int) (*stream, error) {
	st := &stream{x: x, id: id, dir: dir, queue: x.Device.Queues[queueTx+dir], lock: ksync.NewSpinLock(classStream)}
	u, err := x.Device.Bus.NewBuffer(t, (numPieces+numPosts)*slotSize)
	if err != nil {
		return nil, err
	}
	for i := range numPieces {
		p := &piece{bytes: u.Bytes[i*slotSize:][:slotSize], at: u.Buf(i*slotSize, slotSize)}
		p.Owner, p.Done = p, st.done
		st.free = append(st.free, p)
	}
	for i := range numPosts {
		at := (numPieces + i) * slotSize
		p := &post{bytes: u.Bytes[at:][:slotSize]}
		p.Owner, p.Done = p, st.answered
		p.Out, p.In = []virtq.Buf{u.Buf(at, 8)}, []virtq.Buf{u.Buf(at+8, 4)}
		st.posts = append(st.posts, p)
	}
	return st, nil
}

// SetParams implements sound.Hardware.
func (st *stream) SetParams(t *sched.Thread, p sound.Params) error {
	format, rate := codes(p)
	// struct virtio_snd_pcm_set_params: buffer_bytes, period_bytes, features; channels, format, rate, padding.
	_, err := st.x.request(t, 0, rPCMSetParams, uint32(st.id), uint32(p.BufferSize*p.FrameBytes), uint32(p.PeriodSize*p.FrameBytes), 0,
		uint32(p.Channels)|format<<8|rate<<16)
	return st.check(t, err)
}

// Prepare implements sound.Hardware.
func (st *stream) Prepare(t *sched.Thread) error {
	_, err := st.x.request(t, 0, rPCMPrepare, uint32(st.id))
	return st.check(t, err)
}

// check tells the core when the device is lost.
func (st *stream) check(t *sched.Thread, err error) error {
	if err != nil && st.x.Device.State.Load() == uint32(virtio.Broken) {
		st.pcm.Lost(t)
	}
	return err
}

// Release implements sound.Hardware.
func (st *stream) Release(t *sched.Thread) {
	_, err := st.x.request(t, 0, rPCMRelease, uint32(st.id))
	if err == nil {
		// 5.14.6.6.5.1: all pieces are done before the answer; interrupts see them in the order of the queues, though.
		deadline := t.Now() + backTime
		for err = errno.RestartSys; err == errno.RestartSys; t.CondResched() {
			err = st.changed.WaitUntil(t, "snd_release", deadline, func() bool { return st.held(t) == 0 })
			if err == errno.RestartSys && t.Now() >= deadline {
				break
			}
		}
	}
	if err != nil {
		st.x.Device.Bus.Log.Warnf("snd: stream %d: release: %v", st.id, err)
		st.pcm.Lost(t)
	}
}

func (st *stream) held(t *sched.Thread) int {
	st.lock.Lock(t)
	defer st.lock.Unlock(t)
	return st.out
}

// Post implements sound.Hardware.
func (st *stream) Post(t *sched.Thread, start bool) {
	st.lock.Lock(t)
	defer st.lock.Unlock(t)
	if len(st.posts) == 0 {
		st.failed = errno.EIO.Because("the sound device does not answer")
		return
	}
	p := st.posts[len(st.posts)-1]
	code := uint32(rPCMStop)
	if start {
		code = rPCMStart
	}
	binary.LittleEndian.PutUint32(p.bytes, code)
	binary.LittleEndian.PutUint32(p.bytes[4:], uint32(st.id))
	clear(p.bytes[8:])
	if st.failed = st.x.Device.Queues[queueControl].Submit(t, &p.Request); st.failed == nil {
		st.posts = st.posts[:len(st.posts)-1]
		st.posted++
	}
}

// answered takes the answer to a post, in an interrupt window.
func (st *stream) answered(t *sched.Thread, r *virtio.Request) {
	p := r.Owner.(*post)
	err := r.Err
	if err == nil {
		err = statusError(binary.LittleEndian.Uint32(p.bytes[8:]))
	}
	st.lock.Lock(t)
	st.posts = append(st.posts, p)
	st.posted--
	if err != nil {
		st.failed = err
	}
	st.lock.Unlock(t)
	st.changed.WakeAll()
	if r.Err != nil {
		st.pcm.Lost(t)
	}
}

// Sync implements sound.Hardware.
func (st *stream) Sync(t *sched.Thread) error {
	st.changed.WaitUninterruptible(t, "snd_sync", func() bool {
		st.lock.Lock(t)
		defer st.lock.Unlock(t)
		return st.posted == 0
	})
	st.lock.Lock(t)
	err := st.failed
	st.failed = nil
	st.lock.Unlock(t)
	return st.check(t, err)
}

// Transfer implements sound.Hardware.
func (st *stream) Transfer(t *sched.Thread, addr uint64, n int) bool {
	st.lock.Lock(t)
	defer st.lock.Unlock(t)
	if len(st.free) == 0 {
		return false
	}
	p := st.free[len(st.free)-1]
	binary.LittleEndian.PutUint32(p.bytes, uint32(st.id))
	clear(p.bytes[4:])
	xfer := virtq.Buf{Addr: p.at.Addr, Len: 4}
	status := virtq.Buf{Addr: p.at.Addr + 4, Len: 8}
	samples := virtq.Buf{Addr: addr, Len: uint32(n)}
	if st.dir == abi.SNDRV_PCM_STREAM_CAPTURE {
		p.Out, p.In = append(p.Out[:0], xfer), append(p.In[:0], samples, status)
	} else {
		p.Out, p.In = append(p.Out[:0], xfer, samples), append(p.In[:0], status)
	}
	p.n = n
	if st.queue.Submit(t, &p.Request) != nil {
		return false
	}
	st.free = st.free[:len(st.free)-1]
	st.out++
	return true
}

// done takes a piece back, in an interrupt window.
func (st *stream) done(t *sched.Thread, r *virtio.Request) {
	p := r.Owner.(*piece)
	st.lock.Lock(t)
	st.free = append(st.free, p)
	st.out--
	st.lock.Unlock(t)
	if r.Err != nil {
		st.pcm.Lost(t)
	}
	st.pcm.Elapsed(t, p.n) // what became of it, the device's status tells, but the time is over anyway
	st.changed.WakeAll()
}

var _ sound.Hardware = (*stream)(nil)
