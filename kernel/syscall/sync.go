package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(74, "fsync", sysFsync, In("fd", FD))
	Define(75, "fdatasync", sysFdatasync, In("fd", FD))
	Define(162, "sync", sysSync)
	Define(277, "sync_file_range", sysSyncFileRange, In("fd", FD), In("offset", Long), In("nbytes", Long), In("flags", Hex))
	Define(306, "syncfs", sysSyncfs, In("fd", FD))
}

// sysFsync implements fsync(2).
func sysFsync(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error { return f.Sync(t.Thread, false) })
}

// sysFdatasync implements fdatasync(2).
func sysFdatasync(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error { return f.Sync(t.Thread, true) })
}

// sysSync implements sync(2).
func sysSync(t *task.Task, a Args) (uint64, error) {
	for _, m := range t.Sys.VFS.Mounts(t.Thread, nil) {
		if err := m.Mount.SB.Sync(t.Thread); err != nil {
			t.Sys.Log.Warnf("sync: %s: %v", m.Point, err)
		}
	}
	return 0, nil
}

// sysSyncfs implements syncfs(2).
func sysSyncfs(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error { return f.Inode.SB.Sync(t.Thread) })
}

// sysSyncFileRange implements sync_file_range(2) as fdatasync of the whole file.
func sysSyncFileRange(t *task.Task, a Args) (uint64, error) {
	if a.Long(1) < 0 || a.Long(2) < 0 || a.Uint(3)&^7 != 0 {
		return 0, errno.EINVAL
	}
	return sysFdatasync(t, a)
}
