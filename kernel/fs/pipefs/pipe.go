package pipefs

import (
	"fmt"
	"math/bits"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Sizes of a pipe's buffer: as it begins (pipe(7)), the least, and the most that anybody may ask for by
// fcntl(F_SETPIPE_SZ) and that root may.
const (
	DefaultSize = 65536
	MinSize     = 4096
	MaxUserSize = 1 << 20
	MaxSize     = 1 << 28
)

var classPipe = ksync.Class{Name: "pipe", Rank: ksync.RankPipe}

// Pipe is a stream of bytes from writers to readers.
type Pipe struct {
	mu ksync.Mutex

	// Guarded by mu.
	buf     []byte // the ring; it grows up to size
	r, n    int    // the bytes are at r … r+n, round the end
	size    int    // what the buffer may hold
	readers int    // open files that read, and that write
	writers int
	packets []int  // with O_DIRECT: the lengths of what was written, oldest first
	fifo    bool   // has a name
	opens   [2]int // how often a reader, a writer has opened it

	rq, wq ksync.WaitQueue // readers wait for bytes, writers for room
}

var (
	_ vfs.Reader   = (*Pipe)(nil)
	_ vfs.Writer   = (*Pipe)(nil)
	_ vfs.Poller   = (*Pipe)(nil)
	_ vfs.Ioctler  = (*Pipe)(nil)
	_ vfs.Fcntler  = (*Pipe)(nil)
	_ vfs.Releaser = (*Pipe)(nil)
)

func newPipe() *Pipe { return &Pipe{mu: ksync.NewMutex(&classPipe), size: DefaultSize} }

// New returns the two ends of a new pipe. Flags are of O_NONBLOCK and O_DIRECT.
func New(t *sched.Thread, v *vfs.VFS, flags int) (r, w *vfs.File) {
	p := newPipe()
	p.readers, p.writers = 1, 1
	ino := v.NextAnonIno()
	i := v.AnonSB().NewInode(ino, abi.S_IFIFO|0o600, p)
	i.SetOwner(t.Cred.FSUID, t.Cred.FSGID)
	i.Lock(t)
	i.SetSpecial(t, p) // for an open by /proc/PID/fd
	i.Unlock(t)
	i.IncRef()
	name := fmt.Sprintf("pipe:[%d]", ino)
	flags &= abi.O_NONBLOCK | abi.O_DIRECT
	r = v.NewAnonFileInode(t, name, i, p, abi.O_RDONLY|flags)
	w = v.NewAnonFileInode(t, name, i, p, abi.O_WRONLY|flags)
	return r, w
}

// Read implements vfs.Reader: it waits for at least one byte.
func (p *Pipe) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	if dst.Len() == 0 {
		return 0, nil
	}
	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	for p.n == 0 {
		if p.writers == 0 {
			return 0, nil
		}
		if f.Nonblock() {
			return 0, errno.EAGAIN
		}
		err := p.rq.WaitLocked(t, "pipe_read", &p.mu, func() bool { return p.n > 0 || p.writers == 0 })
		if err != nil {
			return 0, err
		}
	}
	full := p.room() < abi.PIPE_BUF
	n, err := p.copyOut(t, dst, p.n)
	if full && p.room() >= abi.PIPE_BUF || len(p.packets) > 0 {
		p.wq.WakeKey(abi.POLLOUT | abi.POLLWRNORM)
	}
	return n, err
}

// room is how many bytes may be added.
func (p *Pipe) room() int { return p.size - p.n }

// copyOut moves bytes to a reader. Caller holds mu.
func (p *Pipe) copyOut(t *sched.Thread, dst *mm.IO, avail int) (int, error) {
	packet := len(p.packets) > 0
	if packet {
		avail = p.packets[0]
	}
	done := 0
	var err error
	for done < avail && dst.Len() > 0 && err == nil {
		at := (p.r + done) % len(p.buf)
		var n int
		n, err = dst.CopyOut(t, p.buf[at:min(at+avail-done, len(p.buf))])
		done += n
	}
	take := done
	if packet && err == nil { // what of a packet was not asked for is lost
		take = avail
		p.packets = p.packets[1:]
	}
	p.n -= take
	if p.r += take; p.r >= len(p.buf) {
		p.r -= len(p.buf)
	}
	if p.n == 0 {
		p.r = 0
	}
	if done > 0 {
		err = nil
	}
	return done, err
}

// Write implements vfs.Writer: up to PIPE_BUF bytes go in at once, or not at all. EPIPE if nobody reads: the caller
// sends SIGPIPE.
func (p *Pipe) Write(t *sched.Thread, f *vfs.File, src *mm.IO, _ int64) (int, error) {
	total := src.Len()
	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	if p.readers == 0 {
		return 0, errno.EPIPE
	}
	done := 0
	direct := f.Flags()&abi.O_DIRECT != 0
	for done < total {
		need := 1
		if total <= abi.PIPE_BUF {
			need = total
		} else if direct {
			need = min(total-done, abi.PIPE_BUF)
		}
		if p.room() >= need && (!direct || len(p.packets) < p.size/abi.PIPE_BUF) {
			n, err := p.copyIn(t, src, min(total-done, p.room()), direct)
			done += n
			if n > 0 {
				p.rq.WakeKey(abi.POLLIN | abi.POLLRDNORM)
			}
			if err != nil {
				return partial(done, err)
			}
			continue
		}
		if f.Nonblock() {
			return partial(done, errno.EAGAIN)
		}
		err := p.wq.WaitLocked(t, "pipe_write", &p.mu, func() bool {
			return p.readers == 0 || p.room() >= need && (!direct || len(p.packets) < p.size/abi.PIPE_BUF)
		})
		if err == nil && p.readers == 0 {
			err = errno.EPIPE
		}
		if err != nil {
			return partial(done, err)
		}
	}
	return done, nil
}

// partial is the result of a write that ended early: the count, if there is one.
func partial(done int, err error) (int, error) {
	if done > 0 {
		return done, nil
	}
	return 0, err
}

// copyIn moves n bytes, for which there is room, from a writer. Caller holds mu.
func (p *Pipe) copyIn(t *sched.Thread, src *mm.IO, n int, direct bool) (int, error) {
	if direct {
		n = min(n, abi.PIPE_BUF)
	}
	if p.n+n > len(p.buf) {
		p.grow(p.n + n)
	}
	done := 0
	for done < n {
		at := p.r + p.n + done
		if at >= len(p.buf) {
			at -= len(p.buf)
		}
		m, err := src.CopyIn(t, p.buf[at:min(at+n-done, len(p.buf))])
		done += m
		if err != nil {
			if direct { // a packet is whole or isn't
				return 0, err
			}
			p.n += done
			return done, err
		}
		if m == 0 {
			break
		}
	}
	p.n += done
	if direct {
		p.packets = append(p.packets, done)
	}
	return done, nil
}

// grow makes the ring hold n bytes: most pipes never need all of their size.
func (p *Pipe) grow(n int) {
	b := make([]byte, min(p.size, max(MinSize, 1<<bits.Len(uint(n-1)))))
	k := copy(b, p.buf[p.r:min(p.r+p.n, len(p.buf))])
	copy(b[k:p.n], p.buf)
	p.buf, p.r = b, 0
}

// Poll implements vfs.Poller.
func (p *Pipe) Poll(t *sched.Thread, f *vfs.File, pt *vfs.PollTable) vfs.Events {
	if f.CanRead() {
		pt.Add(&p.rq)
	}
	if f.CanWrite() {
		pt.Add(&p.wq)
	}
	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	var e vfs.Events
	if f.CanRead() {
		if p.n > 0 {
			e |= abi.POLLIN | abi.POLLRDNORM
		}
		// A FIFO whose writer is yet to come is not at its end.
		if p.writers == 0 && (!p.fifo || f.Data != p.opens[1]) {
			e |= abi.POLLHUP
		}
	}
	if f.CanWrite() {
		if p.room() >= abi.PIPE_BUF {
			e |= abi.POLLOUT | abi.POLLWRNORM
		}
		if p.readers == 0 {
			e |= abi.POLLERR
		}
	}
	return e
}

// Ioctl implements vfs.Ioctler: FIONREAD.
func (p *Pipe) Ioctl(t *sched.Thread, f *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	if cmd != abi.FIONREAD {
		return 0, errno.ENOTTY
	}
	p.mu.Lock(t)
	n := int32(p.n)
	p.mu.Unlock(t)
	return 0, mm.CopyOutStruct(t, mm.UAddr(arg), &n)
}

// Fcntl implements vfs.Fcntler: the buffer's size.
func (p *Pipe) Fcntl(t *sched.Thread, f *vfs.File, cmd int, arg uint64) (uint64, error) {
	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	switch cmd {
	case abi.F_GETPIPE_SZ:
		return uint64(p.size), nil
	case abi.F_SETPIPE_SZ:
	default:
		return 0, errno.EINVAL
	}
	if arg > MaxSize {
		return 0, errno.EINVAL
	}
	size := max(MinSize, 1<<bits.Len64(max(arg, 1)-1))
	if size > MaxUserSize && size > p.size && !t.Cred.Has(cred.CapSysResource) {
		return 0, errno.EPERM.Because("above /proc/sys/fs/pipe-max-size")
	}
	if size < p.n {
		return 0, errno.EBUSY.Because("more bytes wait than the new size holds")
	}
	p.size = size
	if len(p.buf) > size {
		p.grow(max(p.n, 1))
	}
	p.wq.WakeKey(abi.POLLOUT | abi.POLLWRNORM)
	return uint64(size), nil
}

// Release implements vfs.Releaser: an end is closed.
func (p *Pipe) Release(t *sched.Thread, f *vfs.File) {
	p.mu.Lock(t)
	if f.CanRead() {
		p.readers--
	}
	if f.CanWrite() {
		p.writers--
	}
	if p.readers == 0 && p.writers == 0 {
		p.buf, p.r, p.n, p.packets = nil, 0, 0, nil
	}
	noReader, noWriter := p.readers == 0, p.writers == 0
	p.mu.Unlock(t)
	if noReader {
		p.wq.WakeKey(abi.POLLOUT | abi.POLLWRNORM | abi.POLLERR)
	}
	if noWriter {
		p.rq.WakeKey(abi.POLLIN | abi.POLLRDNORM | abi.POLLHUP)
	}
}

// Peek copies the first bytes without taking them: tee(2).
func (p *Pipe) Peek(t *sched.Thread, b []byte) int {
	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	n := min(len(b), p.n)
	k := copy(b[:n], p.buf[p.r:min(p.r+n, len(p.buf))])
	copy(b[k:n], p.buf)
	return n
}

// Wait waits until the pipe can be read, or written if write is set; as a read or write of f would.
func (p *Pipe) Wait(t *sched.Thread, f *vfs.File, write bool) error {
	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	ready := func() bool {
		if write {
			return p.readers == 0 || p.room() >= 1
		}
		return p.writers == 0 || p.n > 0
	}
	switch {
	case ready():
	case f.Nonblock():
		return errno.EAGAIN
	case write:
		return p.wq.WaitLocked(t, "pipe_write", &p.mu, ready)
	default:
		return p.rq.WaitLocked(t, "pipe_read", &p.mu, ready)
	}
	return nil
}

// Buffered returns how many bytes wait, and how many more fit; for views.
func (p *Pipe) Buffered(t *sched.Thread) (n, room int) {
	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	return p.n, p.room()
}
