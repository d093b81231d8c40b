// Package rng drives the entropy device (OASIS virtio 1.2, 5.4): random bytes of the host, for /dev/hwrng.
// The back-end is hostdev/rng.
//
//	read(2) ─▶ Device.Read ─▶ have ◀── Request (one page) ◀── device
//
// Lock order: Device.mu, then the queue's.
//
// First breakpoint: (*Device).Read.
package rng

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
	"vitrine/machine/virtq"
)

func init() {
	virtio.Register(virtio.Driver{Name: "rng", ID: virtio.IDEntropy, Probe: probe})
}

// /dev/hwrng's number (Linux: Documentation/admin-guide/devices.txt).
const (
	hwrngMajor = 10
	hwrngMinor = 183
)

// chunk is how many bytes are asked for at a time.
const chunk = 256

var classRNG = &ksync.Class{Name: "hwrng", Rank: ksync.RankPipe}

// Device is an entropy device.
type Device struct {
	queue *virtio.Queue // immutable
	buf   *virtio.Buffer

	mu    ksync.Mutex
	asked bool           // req is the device's; guarded by mu
	have  []byte         // of buf, not given out yet; guarded by mu
	req   virtio.Request // guarded by mu while it is not asked

	came ksync.WaitQueue
}

func probe(t *sched.Thread, d *virtio.Device) error {
	if err := d.SetQueues(t, virtio.QueueSpec{Name: "requests", Size: 4}); err != nil {
		return err
	}
	r := &Device{queue: d.Queues[0], mu: ksync.NewMutex(classRNG)}
	buf, err := d.Bus.NewBuffer(t, chunk)
	if err != nil {
		return err
	}
	r.buf = buf
	r.req.In = []virtq.Buf{buf.Buf(0, chunk)}
	r.req.Done = func(*sched.Thread, *virtio.Request) { r.came.WakeAll() }
	d.Private = r
	d.Ready(t)
	if v, ok := virtio.Core[*vfs.VFS](d.Bus); ok {
		return v.RegisterChar(t, vfs.CharDev{
			Major: hwrngMajor, Minor: hwrngMinor, Name: "hwrng", Mode: 0o600,
			Open: func(*sched.Thread, *vfs.Inode, *vfs.File) (any, error) { return file{r}, nil },
		})
	}
	return nil
}

// Read fills p with random bytes. A signal ends the wait for the device; what came before it counts.
func (r *Device) Read(t *sched.Thread, p []byte) (int, error) {
	return r.each(t, len(p), false, func(b []byte, at int) (int, error) { return copy(p[at:], b), nil })
}

// each calls take with random bytes until n were taken.
func (r *Device) each(t *sched.Thread, n int, nonblock bool, take func(b []byte, at int) (int, error)) (int, error) {
	r.mu.Lock(t)
	defer r.mu.Unlock(t)
	for done := 0; ; {
		if done == n {
			return done, nil
		}
		err := r.fill(t, nonblock)
		if err == nil {
			var k int
			k, err = take(r.have[:min(len(r.have), n-done)], done)
			done += k
			clear(r.have[:k]) // given out once
			r.have = r.have[k:]
		}
		if err != nil {
			if done > 0 {
				return done, nil
			}
			return 0, err
		}
	}
}

// fill sees that there are bytes. Caller holds mu, which is given back during the wait.
func (r *Device) fill(t *sched.Thread, nonblock bool) error {
	for len(r.have) == 0 {
		if !r.asked {
			if err := r.queue.Submit(t, &r.req); err != nil {
				return err
			}
			r.asked = true
		}
		if nonblock && !r.req.Finished(t) {
			return errno.EAGAIN
		}
		if err := r.came.WaitLocked(t, "hwrng", &r.mu, func() bool { return !r.asked || r.req.Finished(t) }); err != nil {
			return err
		}
		if !r.asked {
			continue // somebody else took it over
		}
		r.asked = false
		r.came.WakeAll()
		if r.req.Err != nil {
			return r.req.Err
		}
		if r.req.Written == 0 {
			return errno.EIO.Because("the device wrote nothing")
		}
		r.have = r.buf.Bytes[:r.req.Written]
	}
	return nil
}

// file is /dev/hwrng.
type file struct{ r *Device }

// Read implements vfs.Reader.
func (f file) Read(t *sched.Thread, vf *vfs.File, dst *mm.IO, _ int64) (int, error) {
	return f.r.each(t, dst.Len(), vf.Nonblock(), func(b []byte, _ int) (int, error) { return dst.CopyOut(t, b) })
}

var _ vfs.Reader = file{}
