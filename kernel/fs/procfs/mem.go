package procfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/pseudo"
)

// memFile is /proc/PID/mem: the offset is the address. Whoever may open it may also write where the program may not.
func memFile(x *task.Task) *pseudo.Node {
	return &pseudo.Node{Mode: abi.S_IFREG | 0o600, Open: func(t *sched.Thread, f *vfs.File) (any, error) {
		if err := inspect(t, x); err != nil {
			return nil, err
		}
		as := x.AddressSpace(t)
		if as == nil {
			return nil, errno.EACCES.Because("the process has no memory any more")
		}
		return &mem{as}, nil
	}}
}

// mem is an open memory. It belongs to the address space that was there at open, as on Linux.
type mem struct{ as *mm.AddressSpace }

func (m *mem) access(t *sched.Thread, io *mm.IO, off int64, write bool) (int, error) {
	b := make([]byte, min(io.Len(), 64<<10))
	if write {
		n, err := io.CopyIn(t, b)
		if err != nil {
			return 0, err
		}
		b = b[:n]
	}
	n, err := mm.AccessRemote(t, m.as, mm.UAddr(off), b, write, true)
	if n == 0 && err != nil {
		return 0, errno.EIO
	}
	if !write {
		return io.CopyOut(t, b[:n])
	}
	return n, nil
}

// Read implements vfs.Reader.
func (m *mem) Read(t *sched.Thread, _ *vfs.File, dst *mm.IO, off int64) (int, error) {
	return m.access(t, dst, off, false)
}

// Write implements vfs.Writer.
func (m *mem) Write(t *sched.Thread, _ *vfs.File, src *mm.IO, off int64) (int, error) {
	return m.access(t, src, off, true)
}

// Seek implements vfs.Seeker: addresses have no end to count from.
func (m *mem) Seek(t *sched.Thread, f *vfs.File, off int64, whence int) (int64, error) {
	switch whence {
	case abi.SEEK_SET:
		return off, nil
	case abi.SEEK_CUR:
		return f.Position(t) + off, nil
	}
	return 0, errno.EINVAL
}

// Release implements vfs.Releaser.
func (m *mem) Release(t *sched.Thread, _ *vfs.File) { m.as.Release(t) }
