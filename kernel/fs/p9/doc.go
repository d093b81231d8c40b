// Package p9 is the filesystem of type "9p": files of the host, by 9P2000.L (machine/p9)
// over a virtio transport (kernel/drivers/p9). The server is hostdev/fs.
//
//	mount -t 9p root /mnt
//
//	Inode.Ops ─▶ *dir, *file, *link, *special ── fid ──▶ server
//	                │ Pages: vfs.PageCache, its Backing
//	                ▼
//	             client ── slots: {T-message, R-message, tag} ── virtio.Queue
//	                              + the page cache's own frames for data
//
// What has been seen is believed to stay (Linux: cache=loose): names, attributes and pages are asked for once.
// That is right for a root directory that nobody changes, and for one that only we change.
//
// An inode is the server's QID; two names of one file have one inode. It holds one fid, clunked when it leaves memory.
//
// # Waits and signals
//
// A request that only looks (walk, getattr, read …) may be abandoned at a signal: the caller gets
// RestartSys at once, the slot stays in use until the answer has come, with references on the frames that the device
// may still write, and what the answer brought (a fid) is given back. Requests that change something are waited for.
//
// # Lock order
//
//	Inode.mu, PageCache.mu (not held during a transfer)
//	  FS.mu           the table of inodes
//	    client.lock   (spin) slots, fids
//
// First breakpoint: (*dir).Lookup for a name, (*client).send for any message.
package p9
