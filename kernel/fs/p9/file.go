package p9

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/machine/p9"
)

// file is a regular file. It is opened on the server once for reading and once for writing, whoever opens it
// here, for all read and write by the page cache.
type file struct {
	node

	mu     ksync.Mutex
	reader uint32 // fid that is open for reading; NoFid: none; guarded by mu
	writer uint32 // fid that is open for reading and writing; guarded by mu
	listed bool   // in FS.written; guarded by FS.mu
}

var (
	_ vfs.Opener    = (*file)(nil)
	_ vfs.Reader    = (*file)(nil)
	_ vfs.Writer    = (*file)(nil)
	_ vfs.Syncer    = (*file)(nil)
	_ vfs.Flusher   = (*file)(nil)
	_ vfs.Getattrer = (*file)(nil)
	_ vfs.Setattrer = (*file)(nil)
	_ vfs.Evicter   = (*file)(nil)
	_ vfs.Backing   = (*file)(nil)
)

// The lock is held while the server opens a file, below the page cache's wait for it.
var classFile = &ksync.Class{Name: "9p_file", Rank: ksync.RankFSInternal - 1}

const allPages = ^uint64(0) >> mm.PageShift

// maxWritten bounds the files that are kept in memory because they may have pages to write.
const maxWritten = 256

func newFile(n node) *file {
	return &file{node: n, mu: ksync.NewMutex(classFile), reader: p9.NoFid, writer: p9.NoFid}
}

// Open implements vfs.Opener: the server says whether its user may.
func (f *file) Open(t *sched.Thread, i *vfs.Inode, vf *vfs.File) error {
	if _, err := f.openFid(t, vf.CanWrite()); err != nil {
		return err
	}
	if vf.CanWrite() {
		return f.keep(t, i)
	}
	return nil
}

// openFid returns a fid that is open for reading, or for writing, too.
func (f *file) openFid(t *sched.Thread, write bool) (uint32, error) {
	f.mu.Lock(t)
	defer f.mu.Unlock(t)
	switch {
	case f.writer != p9.NoFid:
		return f.writer, nil
	case !write && f.reader != p9.NoFid:
		return f.reader, nil
	}
	c := f.fs.Client
	if !write && f.fs.sb.ReadOnly() {
		// walk(5) wants fids that are not open, but a file needs no other fid than this where nothing is written.
		if err := c.open(t, f.fid, abi.O_RDONLY); err != nil {
			return 0, err
		}
		f.reader = f.fid
		return f.reader, nil
	}
	fid, err := c.walk(t, f.fid)
	if err != nil {
		return 0, err
	}
	flags := abi.O_RDONLY
	if write {
		flags = abi.O_RDWR
	}
	err = c.open(t, fid, flags)
	if err != nil && write && errno.Of(err) == errno.EACCES {
		err = c.open(t, fid, abi.O_WRONLY) // a file that its owner may write but not read
	}
	if err != nil {
		c.clunk(t, fid)
		return 0, err
	}
	if write {
		f.writer = fid
	} else {
		f.reader = fid
	}
	return fid, nil
}

// keep holds a file that is opened for writing in memory until its pages are written: also those that a
// mapping changes after the last close.
func (f *file) keep(t *sched.Thread, i *vfs.Inode) error {
	f.fs.mu.Lock(t)
	if !f.listed {
		f.listed = true
		i.IncRef()
		f.fs.written = append(f.fs.written, i)
	}
	many := len(f.fs.written) > maxWritten
	f.fs.mu.Unlock(t)
	if many {
		return f.fs.SyncFS(t, f.fs.sb)
	}
	return nil
}

// Evict implements vfs.Evicter.
func (f *file) Evict(t *sched.Thread, i *vfs.Inode) {
	if f.reader != f.fid {
		f.fs.Client.clunk(t, f.reader)
	}
	f.fs.Client.clunk(t, f.writer)
	f.node.Evict(t, i)
}

// Read implements vfs.Reader.
func (f *file) Read(t *sched.Thread, vf *vfs.File, dst *mm.IO, off int64) (int, error) {
	return vfs.GenericRead(t, vf, dst, off)
}

// Write implements vfs.Writer.
func (f *file) Write(t *sched.Thread, vf *vfs.File, src *mm.IO, off int64) (int, error) {
	return vfs.GenericWrite(t, vf, src, off)
}

// Flush implements vfs.Flusher: what was written is the host's when close(2) returns.
func (f *file) Flush(t *sched.Thread, vf *vfs.File) error {
	if !vf.CanWrite() {
		return nil
	}
	return vf.Inode.Pages.Sync(t, 0, allPages)
}

// Sync implements vfs.Syncer.
func (f *file) Sync(t *sched.Thread, vf *vfs.File, dataOnly bool) error {
	if err := vf.Inode.Pages.Sync(t, 0, allPages); err != nil {
		return err
	}
	f.mu.Lock(t)
	fid := f.writer
	f.mu.Unlock(t)
	if fid == p9.NoFid {
		return nil
	}
	only := uint32(0)
	if dataOnly {
		only = 1
	}
	return f.fs.Client.change(t, p9.Tfsync, func(m *message) {
		m.U32(fid)
		m.U32(only)
	})
}

// ReadPages implements vfs.Backing: the server reads straight into the page cache's frames.
func (f *file) ReadPages(t *sched.Thread, i *vfs.Inode, index uint64, buf []byte) error {
	fid, err := f.openFid(t, false)
	if err != nil {
		return err
	}
	off := index << mm.PageShift
	for len(buf) > 0 {
		n, err := f.fs.Client.read(t, p9.Tread, "9p_read", fid, off, buf)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		buf = buf[n:]
		off += uint64(n)
		if off >= uint64(i.Size()) {
			break // nothing is left to be asked for
		}
	}
	clear(buf)
	return nil
}

// WritePages implements vfs.Backing.
func (f *file) WritePages(t *sched.Thread, i *vfs.Inode, off int64, data []byte) error {
	fid, err := f.openFid(t, true)
	if err != nil {
		return err
	}
	for len(data) > 0 {
		n, err := f.fs.Client.write(t, fid, uint64(off), data)
		if err != nil {
			return err
		}
		if n == 0 {
			return errno.EIO.Because("the 9P server wrote nothing")
		}
		data = data[n:]
		off += int64(n)
	}
	return nil
}
