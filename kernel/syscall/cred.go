package syscall

import (
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(102, "getuid", sysGetuid)
	Define(104, "getgid", sysGetgid)
	Define(105, "setuid", sysSetuid, In("uid", Int))
	Define(106, "setgid", sysSetgid, In("gid", Int))
	Define(107, "geteuid", sysGeteuid)
	Define(108, "getegid", sysGetegid)
	Define(113, "setreuid", sysSetreuid, In("ruid", Int), In("euid", Int))
	Define(114, "setregid", sysSetregid, In("rgid", Int), In("egid", Int))
	Define(115, "getgroups", sysGetgroups, In("size", Int), Out("list", Addr))
	Define(116, "setgroups", sysSetgroups, In("size", Int), In("list", Addr))
	Define(117, "setresuid", sysSetresuid, In("ruid", Int), In("euid", Int), In("suid", Int))
	Define(118, "getresuid", sysGetresuid, Out("ruid", Addr), Out("euid", Addr), Out("suid", Addr))
	Define(119, "setresgid", sysSetresgid, In("rgid", Int), In("egid", Int), In("sgid", Int))
	Define(120, "getresgid", sysGetresgid, Out("rgid", Addr), Out("egid", Addr), Out("sgid", Addr))
	Define(122, "setfsuid", sysSetfsuid, In("uid", Int))
	Define(123, "setfsgid", sysSetfsgid, In("gid", Int))
}

// ngroupsMax is NGROUPS_MAX.
const ngroupsMax = 65536

func id(a Args, i int) cred.ID { return cred.ID(a.Uint(i)) }

// sysGetuid implements getuid(2).
func sysGetuid(t *task.Task, a Args) (uint64, error) { return uint64(t.Cred.UID), nil }

// sysGeteuid implements geteuid(2).
func sysGeteuid(t *task.Task, a Args) (uint64, error) { return uint64(t.Cred.EUID), nil }

// sysGetgid implements getgid(2).
func sysGetgid(t *task.Task, a Args) (uint64, error) { return uint64(t.Cred.GID), nil }

// sysGetegid implements getegid(2).
func sysGetegid(t *task.Task, a Args) (uint64, error) { return uint64(t.Cred.EGID), nil }

// setUIDs installs credentials with changed user IDs and what that does to capabilities (capabilities(7), "Effect of
// user ID changes on capabilities").
func setUIDs(t *task.Task, c *cred.Cred) {
	old := t.Cred
	c.FSUID = c.EUID
	if c.SecureBits&abi.SECBIT_NO_SETUID_FIXUP == 0 {
		wasRoot := old.UID == 0 || old.EUID == 0 || old.SUID == 0
		isRoot := c.UID == 0 || c.EUID == 0 || c.SUID == 0
		if wasRoot && !isRoot {
			if c.SecureBits&abi.SECBIT_KEEP_CAPS == 0 {
				c.Permitted, c.Effective = 0, 0
			}
			c.Ambient = 0
		}
		if old.EUID == 0 && c.EUID != 0 {
			c.Effective = 0
		} else if old.EUID != 0 && c.EUID == 0 {
			c.Effective = c.Permitted
		}
		fixFSCaps(old, c)
	}
	t.SetCredentials(c)
}

// fsCaps are the capabilities that go by the filesystem user ID.
const fsCaps = 1<<cred.CapChown | 1<<cred.CapDACOverride | 1<<cred.CapDACReadSearch | 1<<cred.CapFowner | 1<<cred.CapFsetid |
	1<<cred.CapMknod | 1<<9 | 1<<32 // LINUX_IMMUTABLE, MAC_OVERRIDE

func fixFSCaps(old, c *cred.Cred) {
	if old.FSUID == 0 && c.FSUID != 0 {
		c.Effective &^= fsCaps
	} else if old.FSUID != 0 && c.FSUID == 0 {
		c.Effective |= c.Permitted & fsCaps
	}
}

// sysSetuid implements setuid(2).
func sysSetuid(t *task.Task, a Args) (uint64, error) {
	uid, c := id(a, 0), t.Cred.Clone()
	switch {
	case uid == cred.NoID:
		return 0, errno.EINVAL
	case t.Cred.Has(cred.CapSetuid):
		c.UID, c.SUID = uid, uid
	case uid != c.UID && uid != c.SUID:
		return 0, errno.EPERM.Because("neither the real nor the saved user ID, and no CAP_SETUID")
	}
	c.EUID = uid
	setUIDs(t, c)
	return 0, nil
}

// sysSetreuid implements setreuid(2).
func sysSetreuid(t *task.Task, a Args) (uint64, error) {
	ruid, euid, c := id(a, 0), id(a, 1), t.Cred.Clone()
	old, may := t.Cred, t.Cred.Has(cred.CapSetuid)
	if ruid != cred.NoID {
		if ruid != old.UID && ruid != old.EUID && !may {
			return 0, errno.EPERM
		}
		c.UID = ruid
	}
	if euid != cred.NoID {
		if euid != old.UID && euid != old.EUID && euid != old.SUID && !may {
			return 0, errno.EPERM
		}
		c.EUID = euid
	}
	if ruid != cred.NoID || euid != cred.NoID && euid != old.UID {
		c.SUID = c.EUID
	}
	setUIDs(t, c)
	return 0, nil
}

// sysSetresuid implements setresuid(2).
func sysSetresuid(t *task.Task, a Args) (uint64, error) {
	c, old := t.Cred.Clone(), t.Cred
	for i, p := range []*cred.ID{&c.UID, &c.EUID, &c.SUID} {
		v := id(a, i)
		if v == cred.NoID {
			continue
		}
		if v != old.UID && v != old.EUID && v != old.SUID && !old.Has(cred.CapSetuid) {
			return 0, errno.EPERM
		}
		*p = v
	}
	setUIDs(t, c)
	return 0, nil
}

func copyOutIDs(t *task.Task, a Args, ids ...cred.ID) (uint64, error) {
	for i, v := range ids {
		if err := mm.CopyOutStruct(t.Thread, a.Addr(i), &v); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// sysGetresuid implements getresuid(2).
func sysGetresuid(t *task.Task, a Args) (uint64, error) {
	return copyOutIDs(t, a, t.Cred.UID, t.Cred.EUID, t.Cred.SUID)
}

// sysSetgid implements setgid(2).
func sysSetgid(t *task.Task, a Args) (uint64, error) {
	gid, c := id(a, 0), t.Cred.Clone()
	switch {
	case gid == cred.NoID:
		return 0, errno.EINVAL
	case t.Cred.Has(cred.CapSetgid):
		c.GID, c.SGID = gid, gid
	case gid != c.GID && gid != c.SGID:
		return 0, errno.EPERM.Because("neither the real nor the saved group ID, and no CAP_SETGID")
	}
	c.EGID, c.FSGID = gid, gid
	t.SetCredentials(c)
	return 0, nil
}

// sysSetregid implements setregid(2).
func sysSetregid(t *task.Task, a Args) (uint64, error) {
	rgid, egid, c := id(a, 0), id(a, 1), t.Cred.Clone()
	old, may := t.Cred, t.Cred.Has(cred.CapSetgid)
	if rgid != cred.NoID {
		if rgid != old.GID && rgid != old.EGID && !may {
			return 0, errno.EPERM
		}
		c.GID = rgid
	}
	if egid != cred.NoID {
		if egid != old.GID && egid != old.EGID && egid != old.SGID && !may {
			return 0, errno.EPERM
		}
		c.EGID = egid
	}
	if rgid != cred.NoID || egid != cred.NoID && egid != old.GID {
		c.SGID = c.EGID
	}
	c.FSGID = c.EGID
	t.SetCredentials(c)
	return 0, nil
}

// sysSetresgid implements setresgid(2).
func sysSetresgid(t *task.Task, a Args) (uint64, error) {
	c, old := t.Cred.Clone(), t.Cred
	for i, p := range []*cred.ID{&c.GID, &c.EGID, &c.SGID} {
		v := id(a, i)
		if v == cred.NoID {
			continue
		}
		if v != old.GID && v != old.EGID && v != old.SGID && !old.Has(cred.CapSetgid) {
			return 0, errno.EPERM
		}
		*p = v
	}
	c.FSGID = c.EGID
	t.SetCredentials(c)
	return 0, nil
}

// sysGetresgid implements getresgid(2).
func sysGetresgid(t *task.Task, a Args) (uint64, error) {
	return copyOutIDs(t, a, t.Cred.GID, t.Cred.EGID, t.Cred.SGID)
}

// sysSetfsuid implements setfsuid(2). It returns the ID before, and never an error.
func sysSetfsuid(t *task.Task, a Args) (uint64, error) {
	uid, old := id(a, 0), t.Cred
	if uid != cred.NoID && uid != old.FSUID &&
		(uid == old.UID || uid == old.EUID || uid == old.SUID || old.Has(cred.CapSetuid)) {
		c := old.Clone()
		c.FSUID = uid
		if c.SecureBits&abi.SECBIT_NO_SETUID_FIXUP == 0 {
			fixFSCaps(old, c)
		}
		t.SetCredentials(c)
	}
	return uint64(old.FSUID), nil
}

// sysSetfsgid implements setfsgid(2).
func sysSetfsgid(t *task.Task, a Args) (uint64, error) {
	gid, old := id(a, 0), t.Cred
	if gid != cred.NoID && gid != old.FSGID &&
		(gid == old.GID || gid == old.EGID || gid == old.SGID || old.Has(cred.CapSetgid)) {
		c := old.Clone()
		c.FSGID = gid
		t.SetCredentials(c)
	}
	return uint64(old.FSGID), nil
}

// sysGetgroups implements getgroups(2).
func sysGetgroups(t *task.Task, a Args) (uint64, error) {
	n, list := a.Int(0), t.Cred.Groups
	switch {
	case n < 0, n > 0 && n < len(list):
		return 0, errno.EINVAL
	case n > 0:
		if err := mm.CopyOutSlice(t.Thread, a.Addr(1), list); err != nil {
			return 0, err
		}
	}
	return uint64(len(list)), nil
}

// sysSetgroups implements setgroups(2).
func sysSetgroups(t *task.Task, a Args) (uint64, error) {
	if !t.Cred.Has(cred.CapSetgid) {
		return 0, errno.EPERM
	}
	n := a.Int(0)
	if n < 0 || n > ngroupsMax {
		return 0, errno.EINVAL.Because("more than NGROUPS_MAX")
	}
	list, err := mm.CopyInSlice[cred.ID](t.Thread, a.Addr(1), n)
	if err != nil {
		return 0, err
	}
	if slices.Contains(list, cred.NoID) {
		return 0, errno.EINVAL
	}
	slices.Sort(list)
	c := t.Cred.Clone()
	c.Groups = list
	t.SetCredentials(c)
	return 0, nil
}
