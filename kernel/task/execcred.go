package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/vfs"
)

// execCred returns the credentials that a program runs with (capabilities(7), "Transformation of capabilities during
// execve"), and whether it is a privileged one: its environment must not be trusted (AT_SECURE).
func (t *Task) execCred(f *vfs.File) (c *cred.Cred, secure bool) {
	c = t.Cred.Clone()
	mode := f.Inode.Mode()
	if mayRaise(f) && !c.NoNewPrivs && !t.isScript(f) {
		if mode&abi.S_ISUID != 0 {
			c.EUID = f.Inode.UID()
		}
		if mode&(abi.S_ISGID|abi.S_IXGRP) == abi.S_ISGID|abi.S_IXGRP {
			c.EGID = f.Inode.GID()
		}
	}
	c.SUID, c.FSUID = c.EUID, c.EUID
	c.SGID, c.FSGID = c.EGID, c.EGID
	raised := c.EUID != t.Cred.EUID || c.EGID != t.Cred.EGID
	if raised {
		c.Ambient = 0
	}
	// Without capabilities on files only root gets any, and what was made ambient stays.
	var permitted cred.CapSet
	if c.SecureBits&abi.SECBIT_NOROOT == 0 && (c.UID == 0 || c.EUID == 0) {
		permitted = c.Inheritable | c.Bounding
	} else {
		permitted = c.Ambient
	}
	c.Permitted = permitted
	c.Effective = c.Ambient
	if c.EUID == 0 && c.SecureBits&abi.SECBIT_NOROOT == 0 {
		c.Effective = permitted
	}
	c.SecureBits &^= abi.SECBIT_KEEP_CAPS
	secure = raised || c.UID != c.EUID || c.GID != c.EGID
	return c, secure
}

// mayRaise reports whether setuid bits count where the file lies.
func mayRaise(f *vfs.File) bool {
	m := f.Path.Mount
	return m != nil && m.Flags()&abi.MS_NOSUID == 0
}

// isScript reports whether f begins with "#!": the setuid bit of a script never counts.
func (t *Task) isScript(f *vfs.File) bool {
	var b [2]byte
	n, err := f.ReadAt(t.Thread, mm.KernelIO(b[:]), 0)
	return err == nil && n == 2 && string(b[:]) == "#!"
}

// setPdeath is PR_SET_PDEATHSIG.
func (t *Task) setPdeath(sig abi.Signal) {
	t.Sys.mu.Lock(t.Thread)
	t.pdeathSig = sig
	t.Sys.mu.Unlock(t.Thread)
}

// SetParentDeathSignal is PR_SET_PDEATHSIG: sig is sent when the thread that made the process ends; 0: none.
func (t *Task) SetParentDeathSignal(sig abi.Signal) { t.setPdeath(sig) }

// ParentDeathSignal returns it.
func (t *Task) ParentDeathSignal() abi.Signal {
	t.Sys.mu.Lock(t.Thread)
	defer t.Sys.mu.Unlock(t.Thread)
	return t.pdeathSig
}

// SetSubreaper is PR_SET_CHILD_SUBREAPER: orphans among the descendants become children of the process.
func (t *Task) SetSubreaper(on bool) {
	t.Sys.mu.Lock(t.Thread)
	t.Group.subreaper = on
	t.Sys.mu.Unlock(t.Thread)
}

// Subreaper returns it.
func (t *Task) Subreaper() bool {
	t.Sys.mu.Lock(t.Thread)
	defer t.Sys.mu.Unlock(t.Thread)
	return t.Group.subreaper
}
