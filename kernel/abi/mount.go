package abi

// Flags of mount(2) (linux/mount.h).
const (
	MS_RDONLY      = 1
	MS_NOSUID      = 2
	MS_NODEV       = 4
	MS_NOEXEC      = 8
	MS_SYNCHRONOUS = 16
	MS_REMOUNT     = 32
	MS_MANDLOCK    = 64
	MS_DIRSYNC     = 128
	MS_NOSYMFOLLOW = 256
	MS_NOATIME     = 1024
	MS_NODIRATIME  = 2048
	MS_BIND        = 4096
	MS_MOVE        = 8192
	MS_REC         = 16384
	MS_SILENT      = 32768
	MS_UNBINDABLE  = 1 << 17
	MS_PRIVATE     = 1 << 18
	MS_SLAVE       = 1 << 19
	MS_SHARED      = 1 << 20
	MS_RELATIME    = 1 << 21
	MS_STRICTATIME = 1 << 24
	MS_LAZYTIME    = 1 << 25
	MS_MGC_VAL     = 0xC0ED0000
	MS_MGC_MSK     = 0xffff0000
)

// Flags of umount2(2).
const (
	MNT_FORCE       = 1
	MNT_DETACH      = 2
	MNT_EXPIRE      = 4
	UMOUNT_NOFOLLOW = 8
)

// Flags in statfs(2)'s f_flags (linux/statfs.h).
const (
	ST_RDONLY   = 0x0001
	ST_NOSUID   = 0x0002
	ST_NODEV    = 0x0004
	ST_NOEXEC   = 0x0008
	ST_VALID    = 0x0020
	ST_NOATIME  = 0x0400
	ST_RELATIME = 0x1000
)

// File system magic numbers (linux/magic.h).
const (
	TMPFS_MAGIC   = 0x01021994
	PROC_MAGIC    = 0x9fa0
	SYSFS_MAGIC   = 0x62656572
	DEVPTS_MAGIC  = 0x1cd1
	PIPEFS_MAGIC  = 0x50495045
	SOCKFS_MAGIC  = 0x534F434B
	ANON_MAGIC    = 0x09041934
	OVERLAY_MAGIC = 0x794c7630
	V9FS_MAGIC    = 0x01021997
	RAMFS_MAGIC   = 0x858458f6
)
