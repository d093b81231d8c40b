package vfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// Read reads at the file's position and moves it.
func (f *File) Read(t *sched.Thread, dst *mm.IO) (int, error) {
	r, err := f.reader()
	if err != nil {
		return 0, err
	}
	if f.mode&fmodeSeek == 0 {
		return r.Read(t, f, dst, 0)
	}
	f.posMu.Lock(t)
	defer f.posMu.Unlock(t)
	if err := checkRange(f.pos, dst.Len()); err != nil {
		return 0, err
	}
	n, err := r.Read(t, f, dst, f.pos)
	f.pos += int64(n)
	return n, err
}

// ReadAt reads at off.
func (f *File) ReadAt(t *sched.Thread, dst *mm.IO, off int64) (int, error) {
	r, err := f.reader()
	if err != nil {
		return 0, err
	}
	if f.mode&fmodeSeek == 0 {
		return 0, errno.ESPIPE
	}
	if err := checkRange(off, dst.Len()); err != nil {
		return 0, err
	}
	return r.Read(t, f, dst, off)
}

func (f *File) reader() (Reader, error) {
	if !f.CanRead() {
		return nil, errno.EBADF.Because("not open for reading")
	}
	r, ok := f.Impl.(Reader)
	if !ok {
		if f.Inode.IsDir() {
			return nil, errno.EISDIR
		}
		return nil, errno.EINVAL.Because("the file can't be read")
	}
	return r, nil
}

// Write writes at the file's position, or at its end with O_APPEND, and moves it.
func (f *File) Write(t *sched.Thread, src *mm.IO) (int, error) {
	w, err := f.writer()
	if err != nil {
		return 0, err
	}
	if f.mode&fmodeSeek == 0 {
		return w.Write(t, f, src, 0)
	}
	f.posMu.Lock(t)
	defer f.posMu.Unlock(t)
	if err := checkRange(f.pos, src.Len()); err != nil {
		return 0, err
	}
	n, err := w.Write(t, f, src, f.pos)
	if n > 0 {
		f.pos += int64(n)
		if f.Append() {
			f.pos = f.appended.Load()
		}
	}
	return n, err
}

// WriteAt writes at off.
func (f *File) WriteAt(t *sched.Thread, src *mm.IO, off int64) (int, error) {
	w, err := f.writer()
	if err != nil {
		return 0, err
	}
	if f.mode&fmodeSeek == 0 {
		return 0, errno.ESPIPE
	}
	if err := checkRange(off, src.Len()); err != nil {
		return 0, err
	}
	return w.Write(t, f, src, off)
}

func (f *File) writer() (Writer, error) {
	if !f.CanWrite() {
		return nil, errno.EBADF.Because("not open for writing")
	}
	w, ok := f.Impl.(Writer)
	if !ok {
		return nil, errno.EINVAL.Because("the file can't be written")
	}
	return w, nil
}

// GenericRead is Reader for files with a page cache.
func GenericRead(t *sched.Thread, f *File, dst *mm.IO, off int64) (int, error) {
	n, err := f.Inode.Pages.Read(t, dst, off)
	if f.flags.Load()&abi.O_NOATIME == 0 {
		f.Inode.Accessed(t, f.Path.Mount)
	}
	return n, err
}

// GenericWrite is Writer for files with a page cache. The checks are called with the inode locked, before
// anything is changed: off and n are where the bytes will go.
func GenericWrite(t *sched.Thread, f *File, src *mm.IO, off int64, checks ...func(off int64, n int) error) (int, error) {
	return GenericWriteTo(t, f, f.Inode, src, off, checks...)
}

// GenericWriteTo is GenericWrite where the pages are those of inode i: a filesystem on top of another.
func GenericWriteTo(t *sched.Thread, f *File, i *Inode, src *mm.IO, off int64, checks ...func(off int64, n int) error) (int, error) {
	n := src.Len()
	if n == 0 {
		return 0, nil
	}
	i.mu.Lock(t)
	defer i.mu.Unlock(t)
	if f.Append() {
		off = i.size.Load()
		if err := checkRange(off, n); err != nil {
			return 0, err
		}
	}
	limit := f.v.sizeLimit(t)
	if off >= limit {
		return 0, errno.EFBIG
	}
	for _, check := range checks {
		if err := check(off, n); err != nil {
			return 0, err
		}
	}
	if err := i.removeSuid(t); err != nil {
		return 0, err
	}
	n, err := i.Pages.Write(t, src, off, limit-off)
	if n > 0 {
		i.Changed()
		f.Wrote(off + int64(n))
		if f.flags.Load()&abi.O_DSYNC != 0 {
			if err := i.Pages.Sync(t, uint64(off)>>mm.PageShift, pagesOf(off+int64(n))); err != nil {
				return n, err
			}
		}
	}
	return n, err
}

// Wrote tells where a write ended: with O_APPEND the position goes there.
func (f *File) Wrote(end int64) { f.appended.Store(end) }

// Pos returns the position; for views.
func (f *File) Pos(t *sched.Thread) int64 {
	f.posMu.Lock(t)
	defer f.posMu.Unlock(t)
	return f.pos
}

// Seek is lseek(2).
func (f *File) Seek(t *sched.Thread, off int64, whence int) (int64, error) {
	if f.mode&fmodePath != 0 {
		return 0, errno.EBADF
	}
	if f.mode&fmodeSeek == 0 {
		return 0, errno.ESPIPE
	}
	f.posMu.Lock(t)
	defer f.posMu.Unlock(t)
	var pos int64
	var err error
	if s, ok := f.Impl.(Seeker); ok {
		pos, err = s.Seek(t, f, off, whence)
	} else {
		pos, err = f.seek(t, off, whence)
	}
	if err != nil {
		return 0, err
	}
	f.pos = pos
	return pos, nil
}

// Position returns the position for a Seeker, which is called with it locked.
func (f *File) Position(t *sched.Thread) int64 {
	f.posMu.AssertHeld(t)
	return f.pos
}

// SetPosition moves the position; for a DirReader or Seeker, which is called with it locked.
func (f *File) SetPosition(t *sched.Thread, pos int64) {
	f.posMu.AssertHeld(t)
	f.pos = pos
}

// GenericSeek is lseek(2) on a file of the inode's size, for Seekers that change details.
func (f *File) GenericSeek(t *sched.Thread, off int64, whence int) (int64, error) {
	return f.seek(t, off, whence)
}

func (f *File) seek(t *sched.Thread, off int64, whence int) (int64, error) {
	size := f.Inode.Size()
	var base int64
	switch whence {
	case abi.SEEK_SET:
	case abi.SEEK_CUR:
		base = f.pos
	case abi.SEEK_END:
		base = size
	case abi.SEEK_DATA, abi.SEEK_HOLE:
		if off < 0 || off >= size {
			return 0, errno.ENXIO
		}
		if f.Inode.Pages != nil {
			return f.Inode.Pages.seekData(t, off, size, whence == abi.SEEK_HOLE)
		}
		if whence == abi.SEEK_HOLE {
			return size, nil
		}
		return off, nil
	default:
		return 0, errno.EINVAL.Because("no such whence")
	}
	if off > 0 && base > maxFileSize-off {
		return 0, errno.EOVERFLOW
	}
	if base+off < 0 {
		return 0, errno.EINVAL.Because("a position before the beginning")
	}
	return base + off, nil
}

// ReadDir lists the directory from f's position: emit returns false to stop before the entry it was given.
func (f *File) ReadDir(t *sched.Thread, emit func(DirEntry) bool) error {
	if f.mode&fmodePath != 0 || !f.CanRead() {
		return errno.EBADF
	}
	r, ok := f.Impl.(DirReader)
	if !ok || !f.Inode.IsDir() {
		return errno.ENOTDIR
	}
	f.posMu.Lock(t)
	defer f.posMu.Unlock(t)
	f.Inode.mu.Lock(t)
	defer f.Inode.mu.Unlock(t)
	if f.Inode.dead.Load() {
		return errno.ENOENT.Because("the directory was removed")
	}
	err := r.ReadDir(t, f, func(e DirEntry) bool {
		if !emit(e) {
			return false
		}
		f.pos = e.Next
		return true
	})
	f.Inode.Accessed(t, f.Path.Mount)
	return err
}

// Sync is fsync(2), with dataOnly fdatasync(2).
func (f *File) Sync(t *sched.Thread, dataOnly bool) error {
	if f.mode&fmodePath != 0 {
		return errno.EBADF
	}
	if s, ok := f.Impl.(Syncer); ok {
		return s.Sync(t, f, dataOnly)
	}
	switch f.Inode.Mode().Type() {
	case abi.S_IFREG, abi.S_IFDIR, abi.S_IFBLK:
		if f.Inode.Pages != nil {
			return f.Inode.Pages.Sync(t, 0, ^uint64(0)>>mm.PageShift)
		}
		return nil
	}
	return errno.EINVAL.Because("the file can't be synchronised")
}

// Mmap completes a mapping of the file: who its pager is.
func (f *File) Mmap(t *sched.Thread, req *mm.MapRequest) error {
	if f.mode&fmodePath != 0 {
		return errno.EBADF
	}
	if !f.CanRead() {
		return errno.EACCES.Because("not open for reading")
	}
	if req.Prot&mm.Exec != 0 && f.Path.Mount != nil && f.Path.Mount.NoExec() {
		return errno.EPERM.Because("the mount is noexec")
	}
	req.File = f
	req.ReadOnlyFile = !f.CanWrite()
	if req.Name == "" {
		req.Name = f.Name(t)
	}
	if m, ok := f.Impl.(Mapper); ok {
		return m.Mmap(t, f, req)
	}
	if f.Inode.Pages == nil {
		return errno.ENODEV.Because("the file can't be mapped")
	}
	req.Pager = f.Inode.Pages
	f.Inode.Accessed(t, f.Path.Mount)
	return nil
}
