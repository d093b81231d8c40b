package p9

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
	"vitrine/machine/p9"
)

// dir is a directory.
type dir struct{ node }

var (
	_ vfs.Lookuper  = (*dir)(nil)
	_ vfs.Opener    = (*dir)(nil)
	_ vfs.Creater   = (*dir)(nil)
	_ vfs.Mkdirer   = (*dir)(nil)
	_ vfs.Mknoder   = (*dir)(nil)
	_ vfs.Symlinker = (*dir)(nil)
	_ vfs.Linker    = (*dir)(nil)
	_ vfs.Unlinker  = (*dir)(nil)
	_ vfs.Rmdirer   = (*dir)(nil)
	_ vfs.Renamer   = (*dir)(nil)
	_ vfs.Getattrer = (*dir)(nil)
	_ vfs.Setattrer = (*dir)(nil)
	_ vfs.Evicter   = (*dir)(nil)
)

// Lookup implements vfs.Lookuper.
func (d *dir) Lookup(t *sched.Thread, self *vfs.Inode, name string) (*vfs.Inode, error) {
	fid, a, err := d.fs.Client.walkAttr(t, d.fid, name)
	if err != nil {
		return nil, err
	}
	return d.fs.inode(t, fid, &a), nil
}

// Open implements vfs.Opener. The server opens the directory when it is listed first.
func (d *dir) Open(t *sched.Thread, self *vfs.Inode, f *vfs.File) error {
	f.Impl = &openDir{dir: d, fid: p9.NoFid}
	return nil
}

// openDir is an open directory. Its fields are guarded by the directory's Inode.mu.
type openDir struct {
	*dir
	fid   uint32         // opened; NoFid: not yet
	buf   *virtio.Buffer // for Rreaddir
	start int64          // cookie of batch[0]
	batch []p9.Dirent    // what the server sent last
}

var (
	_ vfs.DirReader = (*openDir)(nil)
	_ vfs.Releaser  = (*openDir)(nil)
)

// dirBuf is how much of a listing is asked for at a time.
const dirBuf = 32 << 10

// ReadDir implements vfs.DirReader. Cookies are the server's.
func (o *openDir) ReadDir(t *sched.Thread, f *vfs.File, emit func(vfs.DirEntry) bool) error {
	pos := f.Position(t)
	for {
		at := o.find(pos)
		if at < 0 {
			if err := o.fetch(t, pos); err != nil {
				return err
			}
			if len(o.batch) == 0 {
				return nil
			}
			at = 0
		}
		for _, e := range o.batch[at:] {
			if !emit(vfs.DirEntry{Name: e.Name, Ino: e.QID.Path, Type: e.Type, Next: int64(e.Offset)}) {
				return nil
			}
			pos = int64(e.Offset)
		}
	}
}

// find returns the place of the entry with cookie pos in the batch, or -1.
func (o *openDir) find(pos int64) int {
	for i, from := 0, o.start; i < len(o.batch); i++ {
		if from == pos {
			return i
		}
		from = int64(o.batch[i].Offset)
	}
	return -1
}

// fetch asks for the entries from cookie pos on.
func (o *openDir) fetch(t *sched.Thread, pos int64) error {
	c := o.fs.Client
	if o.fid == p9.NoFid {
		fid, err := c.walk(t, o.dir.fid)
		if err != nil {
			return err
		}
		if err := c.open(t, fid, abi.O_RDONLY|abi.O_DIRECTORY); err != nil {
			c.clunk(t, fid)
			return err
		}
		o.fid = fid
	}
	if o.buf == nil {
		buf, err := c.bus.NewBuffer(t, dirBuf)
		if err != nil {
			return err
		}
		o.buf = buf
	}
	o.batch, o.start = o.batch[:0], pos
	n, err := c.read(t, p9.Treaddir, "9p_readdir", o.fid, uint64(pos), o.buf.Bytes)
	if err != nil {
		return err
	}
	seen := pos
	for body := p9.OpenBody(o.buf.Bytes[:n]); body.Len() > 0; {
		e := body.Dirent()
		if body.Err != nil || int64(e.Offset) < 0 {
			return errBad
		}
		if int64(e.Offset) == seen {
			return errBad // the listing would not go on
		}
		seen = int64(e.Offset)
		if e.Name == "." || e.Name == ".." || p9.Valid(e.Name) {
			o.batch = append(o.batch, e)
		}
	}
	if n > 0 && len(o.batch) == 0 {
		return errBad
	}
	return nil
}

// Release implements vfs.Releaser.
func (o *openDir) Release(t *sched.Thread, f *vfs.File) {
	if o.buf != nil {
		o.buf.Free(t, o.fs.Client.bus)
	}
	o.fs.Client.clunk(t, o.fid)
}

// made returns the inode of a name that was just made.
func (d *dir) made(t *sched.Thread, self *vfs.Inode, name string) (*vfs.Inode, error) {
	self.Changed()
	i, err := d.Lookup(t, self, name)
	if errno.Of(err).Internal() {
		err = errno.EIO // it is made, and the call can't be made again
	}
	return i, err
}

// Create implements vfs.Creater.
func (d *dir) Create(t *sched.Thread, self *vfs.Inode, name string, n vfs.NewNode) (*vfs.Inode, error) {
	c := d.fs.Client
	fid, err := c.walk(t, d.fid)
	if err != nil {
		return nil, err
	}
	// The fid becomes the new file's, open. Reading and writing open their own.
	err = c.change(t, p9.Tlcreate, func(m *message) {
		m.U32(fid)
		m.Str(name)
		m.U32(abi.O_RDONLY | abi.O_CREAT | abi.O_EXCL)
		m.U32(uint32(n.Mode.Perm()))
		m.U32(n.GID)
	})
	c.clunk(t, fid)
	if err != nil {
		return nil, err
	}
	return d.made(t, self, name)
}

// Mkdir implements vfs.Mkdirer.
func (d *dir) Mkdir(t *sched.Thread, self *vfs.Inode, name string, n vfs.NewNode) (*vfs.Inode, error) {
	err := d.fs.Client.change(t, p9.Tmkdir, func(m *message) {
		m.U32(d.fid)
		m.Str(name)
		m.U32(uint32(n.Mode.Perm()))
		m.U32(n.GID)
	})
	if err != nil {
		return nil, err
	}
	self.AddNlink(1)
	return d.made(t, self, name)
}

// Mknod implements vfs.Mknoder.
func (d *dir) Mknod(t *sched.Thread, self *vfs.Inode, name string, n vfs.NewNode) (*vfs.Inode, error) {
	err := d.fs.Client.change(t, p9.Tmknod, func(m *message) {
		m.U32(d.fid)
		m.Str(name)
		m.U32(uint32(n.Mode))
		m.U32(n.Rdev.Major())
		m.U32(n.Rdev.Minor())
		m.U32(n.GID)
	})
	if err != nil {
		return nil, err
	}
	return d.made(t, self, name)
}

// Symlink implements vfs.Symlinker.
func (d *dir) Symlink(t *sched.Thread, self *vfs.Inode, name, target string, n vfs.NewNode) (*vfs.Inode, error) {
	err := d.fs.Client.change(t, p9.Tsymlink, func(m *message) {
		m.U32(d.fid)
		m.Str(name)
		m.Str(target)
		m.U32(n.GID)
	})
	if err != nil {
		return nil, err
	}
	return d.made(t, self, name)
}

// Link implements vfs.Linker.
func (d *dir) Link(t *sched.Thread, self *vfs.Inode, name string, target *vfs.Inode) error {
	err := d.fs.Client.change(t, p9.Tlink, func(m *message) {
		m.U32(d.fid)
		m.U32(nodeOf(target).fid)
		m.Str(name)
	})
	if err == nil {
		target.AddNlink(1)
		target.ChangedAttr()
		self.Changed()
	}
	return err
}

// Unlink implements vfs.Unlinker.
func (d *dir) Unlink(t *sched.Thread, self *vfs.Inode, name string, child *vfs.Inode) error {
	if err := d.unlink(t, name, 0); err != nil {
		return err
	}
	child.AddNlink(-1)
	child.ChangedAttr()
	self.Changed()
	return nil
}

// Rmdir implements vfs.Rmdirer.
func (d *dir) Rmdir(t *sched.Thread, self *vfs.Inode, name string, child *vfs.Inode) error {
	if err := d.unlink(t, name, p9.UnlinkDir); err != nil {
		return err
	}
	child.SetNlink(0)
	self.AddNlink(-1)
	self.Changed()
	return nil
}

func (d *dir) unlink(t *sched.Thread, name string, flags uint32) error {
	return d.fs.Client.change(t, p9.Tunlinkat, func(m *message) {
		m.U32(d.fid)
		m.Str(name)
		m.U32(flags)
	})
}

// Rename implements vfs.Renamer.
func (d *dir) Rename(t *sched.Thread, r *vfs.RenameRequest) error {
	if r.Exchange || r.Whiteout {
		return errno.EINVAL.Because("9P has no such rename")
	}
	to := r.NewDir.Ops.(*dir)
	err := d.fs.Client.change(t, p9.Trenameat, func(m *message) {
		m.U32(d.fid)
		m.Str(r.OldName)
		m.U32(to.fid)
		m.Str(r.NewName)
	})
	if err != nil {
		return err
	}
	if r.New != nil {
		if r.New.IsDir() {
			r.New.SetNlink(0)
			r.NewDir.AddNlink(-1)
		} else {
			r.New.AddNlink(-1)
		}
	}
	if r.Old.IsDir() && r.OldDir != r.NewDir {
		r.OldDir.AddNlink(-1)
		r.NewDir.AddNlink(1)
	}
	r.OldDir.Changed()
	r.NewDir.Changed()
	r.Old.ChangedAttr()
	return nil
}
