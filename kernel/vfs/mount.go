package vfs

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// Mount joins a superblock's tree, or a part of it, to the mount tree.
type Mount struct {
	ID     int         // immutable
	SB     *Superblock // immutable; counted in SB.mounts
	Root   *Dentry     // immutable; counted: SB.Root, or the source of a bind mount
	Source string      // immutable: as /proc/mounts shows it

	parent   *Mount   // guarded by VFS.dcache; nil for the root and for a detached mount
	point    *Dentry  // guarded by VFS.dcache; counted: what it covers, in parent
	children []*Mount // guarded by VFS.dcache
	attached bool     // guarded by VFS.dcache

	flags   atomic.Uint32 // abi.MS_RDONLY, MS_NOSUID …: those of mountFlags
	refs    atomic.Int32  // one for being attached, one for each Path
	writers atomic.Int32  // files open for writing by way of it
}

type mountKey struct {
	m *Mount
	d *Dentry
}

// mountFlags belong to a mount, the others to the superblock.
const mountFlags = abi.MS_RDONLY | abi.MS_NOSUID | abi.MS_NODEV | abi.MS_NOEXEC | abi.MS_NOATIME |
	abi.MS_NODIRATIME | abi.MS_RELATIME | abi.MS_STRICTATIME | abi.MS_NOSYMFOLLOW

// MaxMounts bounds the mount tree (/proc/sys/fs/mount-max).
const MaxMounts = 10000

// Flags returns the mount's flags (abi.MS_…).
func (m *Mount) Flags() int { return int(m.flags.Load()) }

// NoExec reports whether programs on it may not be executed.
func (m *Mount) NoExec() bool { return m.Flags()&abi.MS_NOEXEC != 0 }

// NoSuid reports whether setuid bits on it don't count.
func (m *Mount) NoSuid() bool { return m.Flags()&abi.MS_NOSUID != 0 }

// ReadOnly reports whether nothing may be changed by way of it.
func (m *Mount) ReadOnly() bool { return m.Flags()&abi.MS_RDONLY != 0 || m.SB.ReadOnly() }

// Refs returns the number of references; for views and tests.
func (m *Mount) Refs() int { return int(m.refs.Load()) }

func (m *Mount) decRef(t *sched.Thread) {
	if m.refs.Add(-1) > 0 {
		return
	}
	m.Root.DecRef(t)
	m.SB.put(t)
}

// newMount makes an unattached mount of the tree at root, with one reference.
func (v *VFS) newMount(sb *Superblock, root *Dentry, source string, flags int) *Mount {
	v.lastMount++
	m := &Mount{ID: v.lastMount, SB: sb, Root: root, Source: source}
	root.IncRef()
	sb.mounts.Add(1)
	m.refs.Store(1)
	if flags&(abi.MS_NOATIME|abi.MS_STRICTATIME) == 0 {
		flags |= abi.MS_RELATIME
	}
	m.flags.Store(uint32(flags & mountFlags))
	return m
}

// attach puts m on p, of which it takes references of its own. Caller holds dcache.
func (v *VFS) attach(t *sched.Thread, m *Mount, p Path) {
	v.dcache.AssertHeld(t)
	m.parent, m.point = p.Mount, p.Dentry
	p.Dentry.IncRef()
	p.Dentry.mounted++
	p.Mount.children = append(p.Mount.children, m)
	v.mounts[mountKey{p.Mount, p.Dentry}] = m
	if !m.attached {
		m.attached = true
		v.allMounts = append(v.allMounts, m)
	}
}

// detach takes m off its place and returns the covered dentry, whose reference the caller drops. Caller holds dcache.
func (v *VFS) detach(t *sched.Thread, m *Mount) *Dentry {
	v.dcache.AssertHeld(t)
	d := m.point
	delete(v.mounts, mountKey{m.parent, d})
	m.parent.children = without(m.parent.children, m)
	d.mounted--
	m.parent, m.point = nil, nil
	return d
}

func without[T comparable](s []T, x T) []T {
	for i := range s {
		if s[i] == x {
			return append(s[:i:i], s[i+1:]...)
		}
	}
	return s
}

// top follows mounts on p to what is visible there. Caller holds dcache.
func (v *VFS) top(p Path) Path {
	for p.Dentry.mounted > 0 {
		m := v.mounts[mountKey{p.Mount, p.Dentry}]
		if m == nil {
			break
		}
		p = Path{m, m.Root}
	}
	return p
}

// MountRoot makes a new instance of a filesystem the root of the mount tree: FS views made from now on begin there.
func (v *VFS) MountRoot(t *sched.Thread, typeName string, r MountRequest) (*Mount, error) {
	ft, err := fsType(typeName)
	if err != nil {
		return nil, err
	}
	sb, err := ft.Mount(t, v, r)
	if err != nil {
		return nil, err
	}
	return v.MountSuperRoot(t, sb, r.Source, r.Flags), nil
}

// MountSuperRoot is MountRoot with a superblock that NewSuper made.
func (v *VFS) MountSuperRoot(t *sched.Thread, sb *Superblock, source string, flags int) *Mount {
	v.mountMu.Lock(t)
	defer v.mountMu.Unlock(t)
	m := v.newMount(sb, sb.Root, source, flags)
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	m.attached = true
	v.allMounts = append(v.allMounts, m)
	v.rootMount = m
	return m
}

// NewSuper makes an instance of a filesystem without mounting it.
func (v *VFS) NewSuper(t *sched.Thread, typeName string, r MountRequest) (*Superblock, error) {
	ft, err := fsType(typeName)
	if err != nil {
		return nil, err
	}
	return ft.Mount(t, v, r)
}

// Private returns a view of sb alone, by a mount that nobody else sees and that keeps sb for ever: for
// filesystems that make files themselves.
func (v *VFS) Private(t *sched.Thread, sb *Superblock) *FS {
	v.mountMu.Lock(t)
	m := v.newMount(sb, sb.Root, sb.Source, 0)
	v.mountMu.Unlock(t)
	fs := &FS{v: v, root: Path{m, m.Root}, cwd: Path{m, m.Root}}
	fs.refs.Store(1)
	fs.root.IncRef()
	fs.cwd.IncRef()
	v.dcache.Lock(t)
	fs.link()
	v.dcache.Unlock(t)
	return fs
}

// MountNew mounts a new instance of a filesystem on target, as mount(2) without special flags.
func (v *VFS) MountNew(t *sched.Thread, target Path, typeName string, r MountRequest) error {
	if !target.Inode().IsDir() {
		return errno.ENOTDIR
	}
	ft, err := fsType(typeName)
	if err != nil {
		return err
	}
	sb, err := ft.Mount(t, v, r)
	if err != nil {
		return err
	}
	if r.Flags&abi.MS_RDONLY != 0 && sb.mounts.Load() == 0 {
		sb.SetReadOnly(true)
	}
	v.mountMu.Lock(t)
	defer v.mountMu.Unlock(t)
	m := v.newMount(sb, sb.Root, r.Source, r.Flags)
	if err := v.graft(t, m, target); err != nil {
		m.decRef(t)
		return err
	}
	return nil
}

// graft puts a new mount on target. Caller holds mountMu.
func (v *VFS) graft(t *sched.Thread, m *Mount, target Path) error {
	v.mountMu.AssertHeld(t)
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	if len(v.allMounts) >= MaxMounts {
		return errno.ENOSPC.Because("too many mounts")
	}
	if m.Root.Inode().IsDir() != target.Inode().IsDir() {
		return errno.ENOTDIR
	}
	if !target.Mount.attached {
		return errno.EINVAL.Because("the target is not in the mount tree")
	}
	if !target.Dentry.root && !target.Dentry.hashed {
		return errno.ENOENT.Because("the mount point was removed")
	}
	v.attach(t, m, v.top(target))
	return nil
}

// Bind makes the tree at source visible on target too; with rec also what is mounted below source.
func (v *VFS) Bind(t *sched.Thread, source, target Path, rec bool) error {
	v.mountMu.Lock(t)
	defer v.mountMu.Unlock(t)
	m := v.newMount(source.Mount.SB, source.Dentry, source.Mount.Source, source.Mount.Flags())
	if err := v.graft(t, m, target); err != nil {
		m.decRef(t)
		return err
	}
	if !rec {
		return nil
	}
	// The copies are listed first: the new mounts may lie below the source and must not be copied in turn.
	type pair struct{ old, new *Mount }
	todo := []pair{{source.Mount, m}}
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		v.dcache.Lock(t)
		kids := append([]*Mount(nil), p.old.children...)
		v.dcache.Unlock(t)
		for _, c := range kids {
			v.dcache.Lock(t)
			point := c.point
			skip := c == m || p.old == source.Mount && !within(point, source.Dentry) || len(v.allMounts) >= MaxMounts
			v.dcache.Unlock(t)
			if skip {
				continue
			}
			n := v.newMount(c.SB, c.Root, c.Source, c.Flags())
			v.dcache.Lock(t)
			v.attach(t, n, Path{p.new, point})
			v.dcache.Unlock(t)
			todo = append(todo, pair{c, n})
		}
	}
	return nil
}

// within reports whether d is dir or below it, in one superblock. Caller holds dcache.
func within(d, dir *Dentry) bool {
	for {
		if d == dir {
			return true
		}
		if d.root {
			return false
		}
		d = d.parent
	}
}

// MoveMount moves the mount whose root source is to target.
func (v *VFS) MoveMount(t *sched.Thread, source, target Path) error {
	v.mountMu.Lock(t)
	defer v.mountMu.Unlock(t)
	v.dcache.Lock(t)
	var old *Dentry
	err := func() error {
		m := source.Mount
		if source.Dentry != m.Root || m.parent == nil {
			return errno.EINVAL.Because("the source is not a mount point")
		}
		if m.Root.Inode().IsDir() != target.Inode().IsDir() {
			return errno.ENOTDIR
		}
		if !target.Mount.attached {
			return errno.EINVAL.Because("the target is not in the mount tree")
		}
		for a := target.Mount; a != nil; a = a.parent {
			if a == m {
				return errno.ELOOP.Because("the target lies below the source")
			}
		}
		to := v.top(target)
		old = v.detach(t, m)
		v.attach(t, m, to)
		return nil
	}()
	v.dcache.Unlock(t)
	if old != nil {
		old.DecRef(t)
	}
	return err
}

// Remount changes flags: of the mount alone with MS_BIND, else of its filesystem too.
func (v *VFS) Remount(t *sched.Thread, p Path, flags int, data string) error {
	v.mountMu.Lock(t)
	defer v.mountMu.Unlock(t)
	m := p.Mount
	if p.Dentry != m.Root {
		return errno.EINVAL.Because("not a mount point")
	}
	if flags&abi.MS_RDONLY != 0 && m.Flags()&abi.MS_RDONLY == 0 && m.writers.Load() > 0 {
		return errno.EBUSY.Because("files are open for writing")
	}
	if flags&abi.MS_BIND == 0 {
		if o, ok := m.SB.Ops.(Optioner); ok {
			if err := o.Remount(t, m.SB, data); err != nil {
				return err
			}
		}
		m.SB.SetReadOnly(flags&abi.MS_RDONLY != 0)
	}
	if flags&(abi.MS_NOATIME|abi.MS_STRICTATIME) == 0 {
		flags |= abi.MS_RELATIME
	}
	m.flags.Store(uint32(flags & mountFlags))
	return nil
}

// Umount takes the mount at p away: EBUSY while it is in use, unless flags has MNT_DETACH, which hides it
// now and ends it when its last user is gone. The caller's own references to p are allowed for, and dropped.
func (v *VFS) Umount(t *sched.Thread, p Path, flags int) error {
	m := p.Mount
	isRoot := p.Dentry == m.Root
	p.Dentry.DecRef(t)
	v.mountMu.Lock(t)
	defer v.mountMu.Unlock(t)
	var points []*Dentry
	var gone []*Mount
	v.dcache.Lock(t)
	err := func() error {
		if !isRoot || !m.attached {
			return errno.EINVAL.Because("not a mount point")
		}
		if m == v.rootMount || m.parent == nil {
			return errno.EBUSY.Because("the root of the mount tree")
		}
		if flags&abi.MNT_DETACH == 0 {
			if len(m.children) > 0 {
				return errno.EBUSY.Because("something is mounted below")
			}
			if m.refs.Load() > 2 {
				return errno.EBUSY.Because("files, directories or roots of tasks are in use")
			}
		}
		todo := []*Mount{m}
		for len(todo) > 0 {
			x := todo[0]
			todo = append(todo[1:], x.children...)
			x.attached = false
			v.allMounts = without(v.allMounts, x)
			gone = append(gone, x)
		}
		// From the leaves, so that each is detached from a parent that still knows it.
		for i := len(gone) - 1; i >= 0; i-- {
			points = append(points, v.detach(t, gone[i]))
		}
		return nil
	}()
	v.dcache.Unlock(t)
	for _, d := range points {
		d.DecRef(t)
	}
	for _, x := range gone {
		x.decRef(t)
	}
	m.decRef(t)
	return err
}
