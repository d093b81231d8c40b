// Package tmpfs is the filesystem in memory (tmpfs(5)): the root, /tmp, /dev/shm and memfd_create(2).
//
//	Superblock.Fs ─▶ FS            limits, pages and inodes in use
//	      │
//	      ▼ Root
//	    Inode ─ Ops ─▶ *dir        entries by name, and in order of their cookies
//	                     │ entry ─▶ Inode ─ Ops ─▶ *file   Pages: vfs.PageCache
//	                     └ entry ─▶ Inode ─ Ops ─▶ *node   links, FIFOs, sockets, devices
//
// A directory entry holds a reference on its inode, so an inode's last reference goes
// when it has neither name nor user: its pages go with it.
//
// Locks: a directory's entries are guarded by its Inode.mu, extended attributes by the
// inode's. The counts of FS are atomic.
//
// First breakpoint: (*dir).Lookup or (*file).Write.
package tmpfs
