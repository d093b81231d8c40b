package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	mode := Flags(Flag{0, "F_OK"}, Flag{abi.R_OK, "R_OK"}, Flag{abi.W_OK, "W_OK"}, Flag{abi.X_OK, "X_OK"})
	Define(21, "access", sysAccess, In("path", Path), In("mode", mode))
	Define(269, "faccessat", sysFaccessat, In("dirfd", DirFD), In("path", Path), In("mode", mode))
	Define(439, "faccessat2", sysFaccessat2, In("dirfd", DirFD), In("path", Path), In("mode", mode), In("flags", AtFlags))
}

// access checks with the real IDs, unless AT_EACCESS asks for the effective ones.
func access(t *task.Task, dirfd int, addr mm.UAddr, mode, flags int) error {
	if mode&^(abi.R_OK|abi.W_OK|abi.X_OK) != 0 {
		return errno.EINVAL
	}
	how, err := lookupFlags(flags&^abi.AT_EACCESS, abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH)
	if err != nil {
		return err
	}
	if flags&abi.AT_EACCESS == 0 && (t.Cred.UID != t.Cred.FSUID || t.Cred.GID != t.Cred.FSGID) {
		old := t.Thread.Cred
		c := old.Clone()
		c.FSUID, c.FSGID = c.UID, c.GID
		if c.UID != 0 {
			c.Effective = 0
		} else {
			c.Effective = c.Permitted
		}
		t.Thread.Cred = c
		defer func(c *cred.Cred) { t.Thread.Cred = c }(old)
	}
	return withPath(t, dirfd, addr, how, func(p vfs.Path) error {
		if mode == abi.F_OK {
			return nil
		}
		return p.Access(t.Thread, mode)
	})
}

// sysAccess implements access(2).
func sysAccess(t *task.Task, a Args) (uint64, error) {
	return 0, access(t, abi.AT_FDCWD, a.Addr(0), a.Int(1), 0)
}

// sysFaccessat implements faccessat(2), which has no flags at this level.
func sysFaccessat(t *task.Task, a Args) (uint64, error) {
	return 0, access(t, a.FD(0), a.Addr(1), a.Int(2), 0)
}

// sysFaccessat2 implements faccessat2(2): all flags.
func sysFaccessat2(t *task.Task, a Args) (uint64, error) {
	return 0, access(t, a.FD(0), a.Addr(1), a.Int(2), a.Int(3))
}
