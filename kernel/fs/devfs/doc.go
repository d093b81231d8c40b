// Package devfs is /dev: a filesystem in memory in which nodes appear as drivers
// register their devices (devtmpfs), and the memory devices (null(4), full(4), random(4)).
//
//	driver ─ vfs.RegisterChar("input/event0") ─▶ VFS ─ OnCharDev ─▶ node in the one instance
//	                                                                   │
//	                              mount -t devtmpfs … shows it ◀───────┘
//
// All mounts show the same instance, as on Linux. It is a tmpfs inside: programs may add,
// change and remove nodes.
//
// First breakpoint: (*instance).addNode.
package devfs
