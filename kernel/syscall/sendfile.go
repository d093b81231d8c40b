package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/fs/pipefs"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	flags := Flags(Flag{abi.SPLICE_F_MOVE, "SPLICE_F_MOVE"}, Flag{abi.SPLICE_F_NONBLOCK, "SPLICE_F_NONBLOCK"}, Flag{abi.SPLICE_F_MORE, "SPLICE_F_MORE"})
	Define(40, "sendfile", sysSendfile, In("out", FD), In("in", FD), In("offset", Addr), In("count", Size))
	Define(275, "splice", sysSplice, In("in", FD), In("off_in", Addr), In("out", FD), In("off_out", Addr), In("len", Size), In("flags", flags))
	Define(276, "tee", sysTee, In("in", FD), In("out", FD), In("len", Size), In("flags", flags))
	Define(326, "copy_file_range", sysCopyFileRange, In("in", FD), In("off_in", Addr), In("out", FD), In("off_out", Addr), In("len", Size), In("flags", Hex))
}

const spliceFlags = abi.SPLICE_F_MOVE | abi.SPLICE_F_NONBLOCK | abi.SPLICE_F_MORE | abi.SPLICE_F_GIFT

// chunk is how much is copied at a time.
const chunk = 64 << 10

// end is one side of a copy: a file at its own position, or at an offset that the caller keeps.
type end struct {
	f    *vfs.File
	addr mm.UAddr // where the caller keeps the offset; 0: the file's position
	off  int64
}

func newEnd(t *task.Task, fd int, addr mm.UAddr) (e end, err error) {
	if e.f, err = t.File(fd); err != nil {
		return e, err
	}
	if e.addr = addr; addr != 0 {
		if e.off, err = mm.CopyInStruct[int64](t.Thread, addr); err == nil && e.off < 0 {
			err = errno.EINVAL
		}
	}
	if err != nil {
		e.f.DecRef(t.Thread)
	}
	return e, err
}

// done tells the caller where the offset is now.
func (e *end) done(t *task.Task) error {
	defer e.f.DecRef(t.Thread)
	if e.addr == 0 {
		return nil
	}
	return mm.CopyOutStruct(t.Thread, e.addr, &e.off)
}

// peek reads without taking: what the other side then can't hold must not be lost.
func (e *end) peek(t *task.Task, b []byte) (int, error) {
	if p, ok := e.f.Impl.(*pipefs.Pipe); ok {
		if err := p.Wait(t.Thread, e.f, false); err != nil {
			return 0, err
		}
		return p.Peek(t.Thread, b), nil
	}
	off := e.off
	if e.addr == 0 {
		off = e.f.Pos(t.Thread)
	}
	return e.f.ReadAt(t.Thread, mm.KernelIO(b), off)
}

// take moves on by the n bytes of b that the other side took.
func (e *end) take(t *task.Task, b []byte, n int) error {
	if _, ok := e.f.Impl.(*pipefs.Pipe); ok {
		_, err := e.f.Read(t.Thread, mm.KernelIO(b[:n]))
		return err
	}
	if e.addr != 0 {
		e.off += int64(n)
		return nil
	}
	_, err := e.f.Seek(t.Thread, int64(n), abi.SEEK_CUR)
	return err
}

func (e *end) write(t *task.Task, b []byte) (int, error) {
	if e.addr == 0 {
		return e.f.Write(t.Thread, mm.KernelIO(b))
	}
	n, err := e.f.WriteAt(t.Thread, mm.KernelIO(b), e.off)
	e.off += int64(n)
	return n, err
}

// copyEnds copies up to size bytes. After some bytes an error is kept back.
func copyEnds(t *task.Task, in, out *end, size uint64) (total uint64, err error) {
	buf := make([]byte, min(size, chunk))
	for total < size {
		var n, w int
		if n, err = in.peek(t, buf[:min(uint64(len(buf)), size-total)]); n == 0 || err != nil {
			break
		}
		w, err = out.write(t, buf[:n])
		if w > 0 {
			if e := in.take(t, buf, w); err == nil {
				err = e
			}
			total += uint64(w)
		}
		if err != nil || w < n {
			break
		}
		if _, pipe := in.f.Impl.(*pipefs.Pipe); pipe {
			break // a pipe's reader takes what is there
		}
		t.CondResched()
		if t.SigPending.Load() {
			break
		}
	}
	if total > 0 {
		return total, nil
	}
	if errno.Of(err) == errno.EPIPE {
		t.SignalSelf(abi.SIGPIPE)
	}
	return 0, err
}

// sysSendfile implements sendfile(2): the source must be a file that can be read at an offset.
func sysSendfile(t *task.Task, a Args) (uint64, error) {
	in, err := newEnd(t, a.FD(1), a.Addr(2))
	if err != nil {
		return 0, err
	}
	out, err := newEnd(t, a.FD(0), 0)
	if err != nil {
		in.f.DecRef(t.Thread)
		return 0, err
	}
	defer out.done(t)
	var n uint64
	switch {
	case !in.f.CanRead() || !out.f.CanWrite():
		err = errno.EBADF
	case !in.f.Seekable():
		err = errno.EINVAL.Because("the source has no offsets")
	case out.f.Append():
		err = errno.EINVAL.Because("the target is open with O_APPEND")
	default:
		n, err = copyEnds(t, &in, &out, min(a[3], abi.MaxRW))
	}
	if e := in.done(t); err == nil {
		err = e
	}
	return n, err
}

// between opens both ends, checks them and copies.
func between(t *task.Task, a Args, size uint64, check func(in, out *end) error) (n uint64, err error) {
	in, err := newEnd(t, a.FD(0), a.Addr(1))
	if err != nil {
		return 0, err
	}
	out, err := newEnd(t, a.FD(2), a.Addr(3))
	if err != nil {
		in.f.DecRef(t.Thread)
		return 0, err
	}
	if !in.f.CanRead() || !out.f.CanWrite() {
		err = errno.EBADF
	} else if err = check(&in, &out); err == nil {
		n, err = copyEnds(t, &in, &out, size)
	}
	for _, e := range []*end{&in, &out} {
		if e2 := e.done(t); err == nil {
			err = e2
		}
	}
	return n, err
}

// sysCopyFileRange implements copy_file_range(2), also between filesystems.
func sysCopyFileRange(t *task.Task, a Args) (uint64, error) {
	if a[5] != 0 {
		return 0, errno.EINVAL
	}
	return between(t, a, min(a[4], abi.MaxRW), func(in, out *end) error {
		switch {
		case in.f.Inode.IsDir() || out.f.Inode.IsDir():
			return errno.EISDIR
		case !in.f.Inode.Mode().IsReg() || !out.f.Inode.Mode().IsReg():
			return errno.EINVAL.Because("not regular files")
		case out.f.Append():
			return errno.EBADF.Because("the target is open with O_APPEND")
		}
		return nil
	})
}

// sysSplice implements splice(2): one end is a pipe. SPLICE_F_MOVE and MORE are hints; SPLICE_F_NONBLOCK is
// heeded where the pipe itself is non-blocking.
func sysSplice(t *task.Task, a Args) (uint64, error) {
	if a.Uint(5)&^spliceFlags != 0 {
		return 0, errno.EINVAL
	}
	if a[4] == 0 {
		return 0, nil
	}
	return between(t, a, min(a[4], abi.MaxRW), func(in, out *end) error {
		pin, inPipe := in.f.Impl.(*pipefs.Pipe)
		pout, outPipe := out.f.Impl.(*pipefs.Pipe)
		switch {
		case inPipe && in.addr != 0 || outPipe && out.addr != 0:
			return errno.ESPIPE
		case !inPipe && !outPipe:
			return errno.EINVAL.Because("neither end is a pipe")
		case inPipe && outPipe && pin == pout:
			return errno.EINVAL.Because("both ends are the same pipe")
		case !outPipe && out.f.Append():
			return errno.EINVAL
		case a.Uint(5)&abi.SPLICE_F_NONBLOCK != 0 && inPipe:
			if n, _ := pin.Buffered(t.Thread); n == 0 {
				return errno.EAGAIN
			}
		}
		return nil
	})
}

// sysTee implements tee(2): it copies from pipe to pipe and takes nothing.
func sysTee(t *task.Task, a Args) (n uint64, err error) {
	if a.Uint(3)&^spliceFlags != 0 {
		return 0, errno.EINVAL
	}
	err = withFile(t, a.FD(0), func(in *vfs.File) error {
		return withFile(t, a.FD(1), func(out *vfs.File) error {
			pin, ok1 := in.Impl.(*pipefs.Pipe)
			pout, ok2 := out.Impl.(*pipefs.Pipe)
			if !ok1 || !ok2 || pin == pout {
				return errno.EINVAL
			}
			if !in.CanRead() || !out.CanWrite() {
				return errno.EBADF
			}
			if held, _ := pin.Buffered(t.Thread); held == 0 && a.Uint(3)&abi.SPLICE_F_NONBLOCK != 0 {
				return errno.EAGAIN
			}
			if err := pin.Wait(t.Thread, in, false); err != nil {
				return err
			}
			buf := make([]byte, min(a[2], chunk))
			k, err := out.Write(t.Thread, mm.KernelIO(buf[:pin.Peek(t.Thread, buf)]))
			n = uint64(k)
			return err
		})
	})
	return n, err
}
