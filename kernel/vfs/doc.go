// Package vfs is the virtual file system switch: names, inodes, open files and
// mounts, and the page cache. Filesystems plug in below it by small
// interfaces, system calls call it from above.
//
//	FDTable[fd]
//	    │
//	    ▼            Path                        Mount tree
//	  File ─────▶ (Mount, Dentry)            "/" rootfs
//	    │ Impl          │    │                ├─ "/proc" proc
//	    ▼               │    └─ Superblock ◀──┘
//	  Reader,           ▼
//	  Writer,    Dentry "a" ── parent ──▶ Dentry "/"
//	  Poller …     │ children: "b", "c" (negative: c does not exist)
//	               ▼
//	             Inode ── Ops: Lookuper, Creater, Unlinker …
//	               │
//	               └─ Pages: PageCache ◀── mm.Pager ── VMA
//
// An Inode is a file. A Dentry is a name of it in a directory, cached; it may
// be negative. A Mount joins a Superblock's tree to the mount tree. A File is
// an open file description.
//
// # References
//
// Dentry, Inode, Mount and File count references. The cache itself holds one
// on each hashed dentry, so a count that falls to 0 is final. A child dentry holds its
// parent, a dentry its inode, a Path its mount and dentry, a File its Path.
//
// # Lock order
//
//	VFS.mountMu        changes of the mount tree
//	  VFS.renameMu     one rename that moves a directory at a time
//	    File.posMu     a file's position
//	      Inode.mu     a directory's entries, a file's size and attributes; parent
//	                   before child, two of a kind by number (lockTwo)
//	        PageCache.mu
//	          VFS.dcache (spin)  names, parents, children, the mount hash, FS.Root and Cwd
//	            VFS.locksMu (spin)  record locks and flocks of all files
//
// Attributes of an Inode are words that anybody may read; Inode.mu is held to change them
// together. A walk over cached names takes the dcache lock once and nothing else.
//
// First breakpoint: (*VFS).Resolve, or (*walker).step for one component.
package vfs
