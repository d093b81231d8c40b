package devfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// majorMem is the major number of the memory devices (Linux: Documentation/admin-guide/devices.txt).
const majorMem = 1

// RegisterMem registers null, zero, full, random and urandom. Entropy fills a buffer with random bytes.
func RegisterMem(t *sched.Thread, v *vfs.VFS, entropy func(p []byte)) error {
	rnd := &random{entropy}
	for _, d := range []struct {
		minor uint32
		name  string
		impl  any
	}{{3, "null", null{}}, {5, "zero", zero{}}, {7, "full", full{}}, {8, "random", rnd}, {9, "urandom", rnd}} {
		impl := d.impl
		err := v.RegisterChar(t, vfs.CharDev{
			Major: majorMem, Minor: d.minor, Name: d.name, Mode: 0o666,
			Open: func(*sched.Thread, *vfs.Inode, *vfs.File) (any, error) { return impl, nil },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rewind lets lseek(2) succeed and go nowhere, as these devices do.
type rewind struct{}

// Seek implements vfs.Seeker.
func (rewind) Seek(t *sched.Thread, f *vfs.File, off int64, whence int) (int64, error) { return 0, nil }

// null takes everything and has nothing (null(4)).
type null struct{ rewind }

// Read implements vfs.Reader.
func (null) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, off int64) (int, error) { return 0, nil }

// Write implements vfs.Writer. What it takes is not even looked at, as on Linux.
func (null) Write(t *sched.Thread, f *vfs.File, src *mm.IO, off int64) (int, error) {
	return src.Len(), nil
}

// zero has zeros without end.
type zero struct{ null }

// Read implements vfs.Reader.
func (zero) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, off int64) (int, error) {
	return each(t, dst.Len(), func(n int) (int, error) { return dst.Zero(t, n) })
}

// Mmap implements vfs.Mapper: a private mapping is anonymous memory, and a shared one, too.
func (zero) Mmap(t *sched.Thread, f *vfs.File, req *mm.MapRequest) error {
	req.Flags |= abi.MAP_ANONYMOUS
	req.Pager, req.File, req.Name, req.Offset, req.ReadOnlyFile = nil, nil, "", 0, false
	return nil
}

// full is zero that takes nothing (full(4)).
type full struct{ zero }

// Write implements vfs.Writer.
func (full) Write(t *sched.Thread, f *vfs.File, src *mm.IO, off int64) (int, error) {
	return 0, errno.ENOSPC
}

// random has random bytes; those written to it are forgotten.
type random struct{ entropy func(p []byte) }

var _ vfs.Ioctler = (*random)(nil)

// Read implements vfs.Reader.
func (r *random) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, off int64) (int, error) {
	var b [512]byte
	return each(t, dst.Len(), func(n int) (int, error) {
		p := b[:min(n, len(b))]
		r.entropy(p)
		return dst.CopyOut(t, p)
	})
}

// Write implements vfs.Writer.
func (r *random) Write(t *sched.Thread, f *vfs.File, src *mm.IO, off int64) (int, error) {
	return src.Len(), nil
}

// Seek implements vfs.Seeker.
func (r *random) Seek(t *sched.Thread, f *vfs.File, off int64, whence int) (int64, error) {
	return 0, nil
}

// rndGetEntCnt is RNDGETENTCNT (linux/random.h).
const rndGetEntCnt = 0x80045200

// Ioctl implements vfs.Ioctler.
func (r *random) Ioctl(t *sched.Thread, f *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	if cmd != rndGetEntCnt {
		return 0, errno.ENOTTY
	}
	n := int32(256)
	return 0, mm.CopyOutStruct(t, mm.UAddr(arg), &n)
}

// each calls f until n bytes are done, an error, or a signal: a read of gigabytes must not hold a CPU.
func each(t *sched.Thread, n int, f func(n int) (int, error)) (int, error) {
	done := 0
	for done < n {
		k, err := f(min(n-done, 64<<10))
		done += k
		if err != nil && done == 0 {
			return 0, err
		}
		if err != nil || k == 0 || t.SigPending.Load() && done >= 256 {
			break
		}
		t.CondResched()
	}
	return done, nil
}
