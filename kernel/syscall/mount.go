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
	flags := Flags(Flag{abi.MS_RDONLY, "MS_RDONLY"}, Flag{abi.MS_NOSUID, "MS_NOSUID"}, Flag{abi.MS_NODEV, "MS_NODEV"}, Flag{abi.MS_NOEXEC, "MS_NOEXEC"},
		Flag{abi.MS_REMOUNT, "MS_REMOUNT"}, Flag{abi.MS_BIND, "MS_BIND"}, Flag{abi.MS_MOVE, "MS_MOVE"}, Flag{abi.MS_REC, "MS_REC"})
	Define(155, "pivot_root", sysPivotRoot, In("new", Path), In("put_old", Path))
	Define(165, "mount", sysMount, In("source", Path), In("target", Path), In("type", Path), In("flags", flags), In("data", Path),
		Covers("new mounts, MS_BIND, MS_REC, MS_MOVE, MS_REMOUNT, MS_RDONLY, NOSUID, NODEV, NOEXEC, NOATIME"), Lacks("propagation is accepted without effect"))
	Define(166, "umount2", sysUmount2, In("target", Path), In("flags", Flags(Flag{abi.MNT_FORCE, "MNT_FORCE"}, Flag{abi.MNT_DETACH, "MNT_DETACH"},
		Flag{abi.UMOUNT_NOFOLLOW, "UMOUNT_NOFOLLOW"})), Lacks("MNT_EXPIRE"))
}

// optString reads a string that may be absent.
func optString(t *task.Task, addr mm.UAddr, max int) (string, error) {
	if addr == 0 {
		return "", nil
	}
	return mm.CopyInString(t.Thread, addr, max)
}

// sysMount implements mount(2). Propagation types (MS_SHARED and friends) have no effect: there is one namespace.
func sysMount(t *task.Task, a Args) (uint64, error) {
	if !t.Cred.Has(cred.CapSysAdmin) {
		return 0, errno.EPERM
	}
	source, err := optString(t, a.Addr(0), abi.PATH_MAX-1)
	if err != nil {
		return 0, err
	}
	flags := a.Int(3)
	if flags&abi.MS_MGC_MSK == abi.MS_MGC_VAL {
		flags &^= abi.MS_MGC_MSK
	}
	return 0, withPath(t, abi.AT_FDCWD, a.Addr(1), vfs.Follow, func(target vfs.Path) error {
		v := t.Sys.VFS
		switch {
		case flags&abi.MS_REMOUNT != 0:
			data, err := optString(t, a.Addr(4), mm.PageSize-1)
			if err != nil {
				return err
			}
			return v.Remount(t.Thread, target, flags, data)
		case flags&(abi.MS_SHARED|abi.MS_PRIVATE|abi.MS_SLAVE|abi.MS_UNBINDABLE) != 0:
			return nil
		case flags&(abi.MS_BIND|abi.MS_MOVE) != 0:
			from, err := v.Resolve(t.Thread, t.FS, vfs.Path{}, source, vfs.Follow)
			if err != nil {
				return err
			}
			defer from.DecRef(t.Thread)
			if flags&abi.MS_MOVE != 0 {
				return v.MoveMount(t.Thread, from, target)
			}
			return v.Bind(t.Thread, from, target, flags&abi.MS_REC != 0)
		}
		fsType, err := mm.CopyInString(t.Thread, a.Addr(2), 64)
		if err != nil {
			return err
		}
		data, err := optString(t, a.Addr(4), mm.PageSize-1)
		if err != nil {
			return err
		}
		return v.MountNew(t.Thread, target, fsType, vfs.MountRequest{Source: source, Flags: flags, Data: data, FS: t.FS})
	})
}

// sysUmount2 implements umount2(2): MNT_FORCE (as without), MNT_DETACH and UMOUNT_NOFOLLOW.
func sysUmount2(t *task.Task, a Args) (uint64, error) {
	flags := a.Int(1)
	if flags&^(abi.MNT_FORCE|abi.MNT_DETACH|abi.UMOUNT_NOFOLLOW) != 0 {
		return 0, errno.EINVAL
	}
	if !t.Cred.Has(cred.CapSysAdmin) {
		return 0, errno.EPERM
	}
	how := vfs.Follow
	if flags&abi.UMOUNT_NOFOLLOW != 0 {
		how = 0
	}
	n, err := nameAt(t, abi.AT_FDCWD, a.Addr(0))
	if err != nil {
		return 0, err
	}
	p, err := n.resolve(t, how)
	if err != nil {
		return 0, err
	}
	return 0, t.Sys.VFS.Umount(t.Thread, p, flags) // takes over the references, or the mount would be busy with them
}

// sysPivotRoot implements pivot_root(2).
func sysPivotRoot(t *task.Task, a Args) (uint64, error) {
	if !t.Cred.Has(cred.CapSysAdmin) {
		return 0, errno.EPERM
	}
	return 0, withPath(t, abi.AT_FDCWD, a.Addr(0), vfs.Follow|vfs.Directory, func(root vfs.Path) error {
		return withPath(t, abi.AT_FDCWD, a.Addr(1), vfs.Follow|vfs.Directory, func(old vfs.Path) error {
			return t.Sys.VFS.PivotRoot(t.Thread, t.FS, root, old)
		})
	})
}
