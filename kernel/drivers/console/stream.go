package console

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// stream is an open port that is no terminal. All opens of a port see one stream of bytes.
type stream struct{ p *Port }

var (
	_ vfs.Reader   = (*stream)(nil)
	_ vfs.Writer   = (*stream)(nil)
	_ vfs.Poller   = (*stream)(nil)
	_ vfs.Releaser = (*stream)(nil)
)

func (p *Port) openStream(t *sched.Thread) (any, error) {
	if err := p.start(t); err != nil {
		return nil, err
	}
	p.setOpen(t, true)
	return &stream{p}, nil
}

// Release implements vfs.Releaser.
func (s *stream) Release(t *sched.Thread, _ *vfs.File) { s.p.setOpen(t, false) }

// first returns the oldest buffer with bytes, or nil.
func (p *Port) first(t *sched.Thread) *buf {
	p.lock.Lock(t)
	defer p.lock.Unlock(t)
	if len(p.full) == 0 {
		return nil
	}
	return p.full[0]
}

// Read implements vfs.Reader. It returns what is there; 0 when nothing is and the host has closed its side.
func (s *stream) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	p := s.p
	if dst.Len() == 0 {
		return 0, nil
	}
	p.readMu.Lock(t)
	defer p.readMu.Unlock(t)
	if p.first(t) == nil && p.HostOpen.Load() && f.Nonblock() {
		return 0, errno.EAGAIN
	}
	err := p.readers.WaitLocked(t, "console_read", &p.readMu, func() bool {
		// The order matters: bytes that came before the close are seen.
		closed := !p.HostOpen.Load()
		return p.first(t) != nil || closed
	})
	if err != nil {
		return 0, err
	}
	done := 0
	for dst.Len() > 0 {
		b := p.first(t)
		if b == nil {
			break
		}
		n, err := dst.CopyOut(t, b.bytes[b.from:b.Written])
		b.from += n
		done += n
		if err != nil {
			if done > 0 {
				err = nil
			}
			return done, err
		}
		if b.from == int(b.Written) {
			p.lock.Lock(t)
			p.full = p.full[1:]
			p.lock.Unlock(t)
			p.resubmit(t, b)
		}
	}
	return done, nil
}

// Write implements vfs.Writer. It returns when the bytes are in the device's buffers.
func (s *stream) Write(t *sched.Thread, f *vfs.File, src *mm.IO, _ int64) (int, error) {
	p := s.p
	done := 0
	for src.Len() > 0 {
		n, err := p.writeSome(t, f.Nonblock(), src)
		done += n
		if err != nil {
			if done > 0 {
				err = nil
			}
			return done, err
		}
	}
	return done, nil
}

// writeSome sends a buffer's worth.
func (p *Port) writeSome(t *sched.Thread, nonblock bool, src *mm.IO) (int, error) {
	var b *buf
	err := error(nil)
	take := func() bool {
		if p.HostOpen.Load() {
			b = p.getFree(t)
			return b != nil
		}
		return true
	}
	if !take() {
		if nonblock {
			return 0, errno.EAGAIN
		}
		err = p.writers.Wait(t, "console_write", take)
	}
	switch {
	case err != nil:
		return 0, err
	case b == nil:
		return 0, errno.EPIPE.Because("the host has closed the port")
	}
	n, err := src.CopyIn(t, b.bytes[:min(len(b.bytes), src.Len())])
	if n == 0 {
		p.putFree(t, b)
		return 0, err
	}
	if serr := p.send(t, b, n); serr != nil {
		return 0, serr
	}
	return n, err
}

// Poll implements vfs.Poller.
func (s *stream) Poll(t *sched.Thread, f *vfs.File, pt *vfs.PollTable) vfs.Events {
	p := s.p
	pt.Add(&p.readers)
	pt.Add(&p.writers)
	var e vfs.Events
	closed := !p.HostOpen.Load()
	if p.first(t) != nil || closed {
		e |= abi.POLLIN | abi.POLLRDNORM
	}
	if closed {
		e |= abi.POLLHUP
		if f.CanWrite() {
			e |= abi.POLLERR
		}
	} else if p.room.Load() > 0 {
		e |= abi.POLLOUT | abi.POLLWRNORM
	}
	return e
}
