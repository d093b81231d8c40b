package vfs

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// Path is a place in the mount tree. It is a plain pair: who keeps one takes references with IncRef.
type Path struct {
	Mount  *Mount
	Dentry *Dentry
}

// OK reports whether p is a place at all.
func (p Path) OK() bool { return p.Dentry != nil }

// Inode returns the file at p.
func (p Path) Inode() *Inode { return p.Dentry.Inode() }

// IncRef takes references.
func (p Path) IncRef() {
	if p.Mount != nil {
		p.Mount.refs.Add(1)
	}
	p.Dentry.IncRef()
}

// DecRef drops them.
func (p Path) DecRef(t *sched.Thread) {
	p.Dentry.DecRef(t)
	if p.Mount != nil {
		p.Mount.decRef(t)
	}
}

// FS is a task's view of the mount tree: root, working directory and umask. Tasks made with CLONE_FS share it.
type FS struct {
	v     *VFS
	root  Path // guarded by VFS.dcache
	cwd   Path // guarded by VFS.dcache
	umask atomic.Uint32
	refs  atomic.Int32

	next, prev *FS // guarded by VFS.dcache: all of them
}

// link adds fs to the list of all. Caller holds dcache.
func (fs *FS) link() {
	if fs.next = fs.v.fsList; fs.next != nil {
		fs.next.prev = fs
	}
	fs.v.fsList = fs
}

func (fs *FS) unlink() {
	if fs.prev != nil {
		fs.prev.next = fs.next
	} else {
		fs.v.fsList = fs.next
	}
	if fs.next != nil {
		fs.next.prev = fs.prev
	}
	fs.next, fs.prev = nil, nil
}

// NewFS returns a view with root and working directory at the root of the mount tree, with one reference.
func (v *VFS) NewFS(t *sched.Thread) *FS {
	fs := &FS{v: v}
	fs.refs.Store(1)
	fs.umask.Store(0o022)
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	fs.link()
	if v.rootMount != nil {
		fs.root = v.top(Path{v.rootMount, v.rootMount.Root})
		fs.cwd = fs.root
		fs.root.IncRef()
		fs.cwd.IncRef()
	}
	return fs
}

// VFS returns the switch that fs belongs to.
func (fs *FS) VFS() *VFS { return fs.v }

// Clone returns a copy: fork without CLONE_FS.
func (fs *FS) Clone(t *sched.Thread) *FS {
	n := &FS{v: fs.v}
	n.refs.Store(1)
	n.umask.Store(fs.umask.Load())
	fs.v.dcache.Lock(t)
	defer fs.v.dcache.Unlock(t)
	n.root, n.cwd = fs.root, fs.cwd
	n.root.IncRef()
	n.cwd.IncRef()
	n.link()
	return n
}

// IncRef takes a reference: CLONE_FS.
func (fs *FS) IncRef() { fs.refs.Add(1) }

// DecRef drops one.
func (fs *FS) DecRef(t *sched.Thread) {
	if fs.refs.Add(-1) > 0 {
		return
	}
	fs.v.dcache.Lock(t)
	fs.unlink()
	fs.v.dcache.Unlock(t)
	for _, p := range []Path{fs.root, fs.cwd} {
		if p.OK() {
			p.DecRef(t)
		}
	}
}

// Refs returns the number of tasks that share it.
func (fs *FS) Refs() int { return int(fs.refs.Load()) }

// Root returns the root directory with references.
func (fs *FS) Root(t *sched.Thread) Path {
	fs.v.dcache.Lock(t)
	defer fs.v.dcache.Unlock(t)
	fs.root.IncRef()
	return fs.root
}

// Cwd returns the working directory with references.
func (fs *FS) Cwd(t *sched.Thread) Path {
	fs.v.dcache.Lock(t)
	defer fs.v.dcache.Unlock(t)
	fs.cwd.IncRef()
	return fs.cwd
}

// SetRoot changes the root; it takes over p's references.
func (fs *FS) SetRoot(t *sched.Thread, p Path) {
	fs.v.dcache.Lock(t)
	old := fs.root
	fs.root = p
	fs.v.dcache.Unlock(t)
	if old.OK() {
		old.DecRef(t)
	}
}

// SetCwd changes the working directory; it takes over p's references.
func (fs *FS) SetCwd(t *sched.Thread, p Path) {
	fs.v.dcache.Lock(t)
	old := fs.cwd
	fs.cwd = p
	fs.v.dcache.Unlock(t)
	if old.OK() {
		old.DecRef(t)
	}
}

// Umask returns the permission bits that new files don't get.
func (fs *FS) Umask() Mode { return Mode(fs.umask.Load()) }

// SetUmask replaces them and returns the old ones.
func (fs *FS) SetUmask(m Mode) Mode { return Mode(fs.umask.Swap(uint32(m & 0o777))) }

// PathString returns the absolute name of p as seen from fs's root. A removed file's ends in " (deleted)"; a
// place outside the root begins with "(unreachable)".
func (v *VFS) PathString(t *sched.Thread, fs *FS, p Path) string {
	s, reached, deleted := v.pathName(t, fs, p)
	if !reached {
		s = "(unreachable)" + s
	}
	if deleted {
		s += " (deleted)"
	}
	return s
}

// Getcwd returns the working directory's name; ENOENT if it was removed.
func (v *VFS) Getcwd(t *sched.Thread, fs *FS) (string, error) {
	p := fs.Cwd(t)
	defer p.DecRef(t)
	s, reached, deleted := v.pathName(t, fs, p)
	if deleted {
		return "", errno.ENOENT.Because("the working directory was removed")
	}
	if !reached {
		s = "(unreachable)" + s
	}
	if len(s) >= abi.PATH_MAX {
		return "", errno.ENAMETOOLONG
	}
	return s, nil
}

func (v *VFS) pathName(t *sched.Thread, fs *FS, p Path) (name string, reached, deleted bool) {
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	var root Path
	if fs != nil {
		root = fs.root
	} else if v.rootMount != nil {
		root = v.top(Path{v.rootMount, v.rootMount.Root})
	}
	if p.Mount == nil { // a file without a name: its dentry's is all there is
		return p.Dentry.name, true, false
	}
	var parts []string
	size := 0
	d, m := p.Dentry, p.Mount
	deleted = !d.root && !d.hashed
	for {
		if d == root.Dentry && m == root.Mount {
			reached = true
			break
		}
		if d == m.Root {
			if m.parent == nil {
				reached = fs == nil
				break
			}
			d, m = m.point, m.parent
			continue
		}
		if d.root {
			break
		}
		parts = append(parts, d.name)
		size += 1 + len(d.name)
		d = d.parent
	}
	if len(parts) == 0 {
		return "/", reached, deleted
	}
	b := make([]byte, 0, size)
	for i := len(parts) - 1; i >= 0; i-- {
		b = append(b, '/')
		b = append(b, parts[i]...)
	}
	return string(b), reached, deleted
}
