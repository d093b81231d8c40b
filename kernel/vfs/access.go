package vfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
)

// GenericPermission checks mask (abi.R_OK, W_OK, X_OK) against owner, group and mode (path_resolution(7)).
func (i *Inode) GenericPermission(c *cred.Cred, mask int) error {
	mode := i.Mode()
	var bits Mode
	switch {
	case c.FSUID == i.UID():
		bits = mode >> 6
	case c.InGroup(i.GID()):
		bits = mode >> 3
	default:
		bits = mode
	}
	if int(bits&7)&mask == mask {
		return nil
	}
	if mode.IsDir() {
		if c.Has(cred.CapDACOverride) || mask&abi.W_OK == 0 && c.Has(cred.CapDACReadSearch) {
			return nil
		}
	} else {
		if mask == abi.R_OK && c.Has(cred.CapDACReadSearch) {
			return nil
		}
		// Even root executes only what somebody may execute.
		if (mask&abi.X_OK == 0 || mode&0o111 != 0) && c.Has(cred.CapDACOverride) {
			return nil
		}
	}
	return errno.EACCES
}

// Permission checks mask for the current task.
func (i *Inode) Permission(t *sched.Thread, mask int) error {
	if i.quirks&quirkPermission != 0 {
		return i.Ops.(Permissioner).Permission(t, i, mask)
	}
	return i.GenericPermission(t.Cred, mask)
}

// Access checks mask at p as open(2) and access(2) do: also that the filesystem is writable.
func (p Path) Access(t *sched.Thread, mask int) error {
	i := p.Inode()
	if mask&abi.W_OK != 0 && p.readOnly() {
		return errno.EROFS
	}
	if mask&abi.X_OK != 0 && i.Mode().IsReg() && p.Mount != nil && p.Mount.NoExec() {
		return errno.EACCES.Because("the mount is noexec")
	}
	return i.Permission(t, mask)
}

// readOnly reports whether p's content can't be changed because of its mount. FIFOs, sockets and devices are
// not content of it.
func (p Path) readOnly() bool {
	switch p.Inode().Mode().Type() {
	case abi.S_IFREG, abi.S_IFDIR, abi.S_IFLNK:
		return p.Mount != nil && p.Mount.ReadOnly()
	}
	return false
}

func (i *Inode) ownerOrCapable(t *sched.Thread) bool {
	return t.Cred.FSUID == i.UID() || t.Cred.Has(cred.CapFowner)
}

// mayCreate checks that a name may be added to dir.
func mayCreate(t *sched.Thread, dir *Inode) error {
	if dir.dead.Load() {
		return errno.ENOENT.Because("the directory was removed")
	}
	return dir.Permission(t, abi.W_OK|abi.X_OK)
}

// mayDelete checks that child may be taken out of dir: sticky directories ask for the owner.
func mayDelete(t *sched.Thread, dir, child *Inode) error {
	if err := dir.Permission(t, abi.W_OK|abi.X_OK); err != nil {
		return err
	}
	c := t.Cred
	if dir.Mode()&abi.S_ISVTX != 0 && c.FSUID != child.UID() && c.FSUID != dir.UID() && !c.Has(cred.CapFowner) {
		return errno.EPERM.Because("the directory is sticky and the file is another's")
	}
	return nil
}

// newNode returns owner, group and mode of a file that the current task makes in dir (inode(7), S_ISGID).
func newNode(t *sched.Thread, dir *Inode, mode Mode, umask Mode) NewNode {
	c := t.Cred
	n := NewNode{Mode: mode &^ (umask & 0o777), UID: uint32(c.FSUID), GID: uint32(c.FSGID)}
	if dir.Mode()&abi.S_ISGID != 0 {
		n.GID = uint32(dir.GID())
		if mode.IsDir() {
			n.Mode |= abi.S_ISGID
		} else if n.Mode&(abi.S_ISGID|abi.S_IXGRP) == abi.S_ISGID|abi.S_IXGRP &&
			!c.InGroup(dir.GID()) && !c.Has(cred.CapFsetid) {
			n.Mode &^= abi.S_ISGID
		}
	}
	return n
}

// checkSetAttr checks that the current task may make the change, and adjusts it: bits that it may not set fall
// away, setuid bits end at chown. Caller holds inode.mu.
func (i *Inode) checkSetAttr(t *sched.Thread, s *SetAttr) error {
	c := t.Cred
	mode := i.Mode()
	if s.Mask&AttrUID != 0 && s.UID != i.UID() || s.Mask&AttrUID != 0 && c.FSUID != i.UID() {
		if !c.Has(cred.CapChown) {
			return errno.EPERM.Because("only root gives files away")
		}
	}
	if s.Mask&AttrGID != 0 && !c.Has(cred.CapChown) {
		if c.FSUID != i.UID() || !c.InGroup(s.GID) && s.GID != i.GID() {
			return errno.EPERM.Because("not the owner, or not a member of the group")
		}
	}
	if s.Mask&AttrMode != 0 {
		if !i.ownerOrCapable(t) {
			return errno.EPERM.Because("not the owner")
		}
		gid := i.GID()
		if s.Mask&AttrGID != 0 {
			gid = s.GID
		}
		if s.Mode&abi.S_ISGID != 0 && !c.InGroup(gid) && !c.Has(cred.CapFsetid) {
			s.Mode &^= abi.S_ISGID
		}
		s.Mode = mode.Type() | s.Mode.Perm()
	}
	if s.Mask&(AttrUID|AttrGID) != 0 && s.Mask&AttrMode == 0 && !mode.IsDir() {
		// A file that changes hands must not keep the old owner's powers.
		m := dropSuid(mode)
		if m != mode {
			s.Mask |= AttrMode
			s.Mode = m
		}
	}
	return nil
}

// dropSuid returns mode without setuid, and without setgid where it means one.
func dropSuid(m Mode) Mode {
	if m.IsDir() {
		return m
	}
	m &^= abi.S_ISUID
	if m&abi.S_IXGRP != 0 {
		m &^= abi.S_ISGID
	}
	return m
}

// removeSuid takes setuid bits off a file that is written to. Caller holds i.mu.
func (i *Inode) removeSuid(t *sched.Thread) error {
	m := i.Mode()
	if m&(abi.S_ISUID|abi.S_ISGID) == 0 || t.Cred.Has(cred.CapFsetid) {
		return nil
	}
	if n := dropSuid(m); n != m {
		return i.setattr(t, &SetAttr{Mask: AttrMode, Mode: n})
	}
	return nil
}

// Change is a change of attributes that the kernel itself makes, without checks. Caller holds i.mu.
func (i *Inode) Change(t *sched.Thread, s *SetAttr) error { return i.setattr(t, s) }

// setattr hands a checked change to the filesystem. Caller holds i.mu.
func (i *Inode) setattr(t *sched.Thread, s *SetAttr) error {
	i.mu.AssertHeld(t)
	if s.Mask&AttrCtime == 0 {
		s.Mask |= AttrCtime
		s.Ctime = i.SB.VFS.Now()
	}
	if o, ok := i.Ops.(Setattrer); ok {
		return o.Setattr(t, i, s)
	}
	i.Apply(t, s)
	return nil
}

// Apply changes the attributes in memory: the common part of every Setattrer. A new size also cuts the
// page cache. Caller holds i.mu.
func (i *Inode) Apply(t *sched.Thread, s *SetAttr) {
	if s.Mask&AttrMode != 0 {
		i.SetMode(i.Mode().Type() | s.Mode.Perm())
	}
	if s.Mask&AttrUID != 0 {
		i.uid.Store(uint32(s.UID))
	}
	if s.Mask&AttrGID != 0 {
		i.gid.Store(uint32(s.GID))
	}
	if s.Mask&AttrSize != 0 {
		i.resize(t, s.Size)
	}
	if s.Mask&AttrAtime != 0 {
		i.atime.Store(s.Atime)
	}
	if s.Mask&AttrMtime != 0 {
		i.mtime.Store(s.Mtime)
	}
	if s.Mask&AttrCtime != 0 {
		i.ctime.Store(s.Ctime)
	}
}

// resize changes the size; pages beyond it go. Caller holds i.mu.
func (i *Inode) resize(t *sched.Thread, size int64) {
	old := i.size.Swap(size)
	switch {
	case i.Pages == nil:
	case size < old:
		i.Pages.Truncate(t, size)
	case size > old:
		i.Pages.zeroTail(t, old)
	}
}
