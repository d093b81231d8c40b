// Package initramfs unpacks the initial root archive: cpio in the "newc" format
// (cpio(5)), plain or compressed by gzip, several one after the other, as Linux takes it.
//
//	data ─▶ gzip? ─▶ header name data │ header name data │ … TRAILER!!!
//	                   │
//	                   ▼ Mkdir, Open, Symlink, Mknod, Link by way of vfs
//
// The archive is not trusted: sizes in it allocate nothing, names stay below the root that the
// caller's FS has, and what does not fit ends with ENOSPC.
//
// First breakpoint: (*unpacker).member.
package initramfs
