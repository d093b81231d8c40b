// Package overlay shows several directory trees as one (Linux:
// Documentation/filesystems/overlayfs.rst): read-only lower layers, and an upper
// one that takes all changes.
//
//	mount -t overlay -o lowerdir=/host,upperdir=/rw none /root
//
//	            Inode /etc ── Ops: *dir ── upper ─▶ tmpfs  etc/   passwd'  (hosts: whiteout)
//	                                    └─ lower ─▶ 9p     etc/   passwd hosts fstab
//	            shows: passwd' fstab
//
// An inode here has real inodes beneath it. What is about to change is copied up
// first: the file, and the directories above it. A name that is removed but exists below is covered by
// a whiteout, a device node 0:0 in the upper layer. Marks in extended attributes of the upper layer:
//
//	trusted.overlay.opaque    nothing of the lower layers shows in this directory
//	trusted.overlay.redirect  the directory's place in the lower layers, after a rename
//	trusted.overlay.origin    the lower file that this is the copy of: it lends its inode number
//
// Reads and mappings use the real file's page cache, so that a program's text is in memory once.
//
// # Lock order
//
//	Inode.mu of this filesystem
//	  FS.mu           one change of the upper layer's names, one copy-up, at a time (RankInode)
//	    Inode.mu of the layers
//	      FS.tabMu    the table of inodes (RankFSInternal)
//
// A node's upper inode appears once, under FS.mu, and stays.
//
// First breakpoint: (*dir).Lookup, and (*FS).copyUp for the first write.
package overlay
