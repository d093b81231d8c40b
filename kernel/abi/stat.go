package abi

// File types and permission bits of st_mode (linux/stat.h).
const (
	S_IFMT   = 0o170000
	S_IFSOCK = 0o140000
	S_IFLNK  = 0o120000
	S_IFREG  = 0o100000
	S_IFBLK  = 0o060000
	S_IFDIR  = 0o040000
	S_IFCHR  = 0o020000
	S_IFIFO  = 0o010000
	S_ISUID  = 0o4000
	S_ISGID  = 0o2000
	S_ISVTX  = 0o1000
	S_IXGRP  = 0o010
)

// Types in directory entries (dirent.h): the file type bits shifted right by 12.
const (
	DT_UNKNOWN = 0
	DT_FIFO    = 1
	DT_CHR     = 2
	DT_DIR     = 4
	DT_BLK     = 6
	DT_REG     = 8
	DT_LNK     = 10
	DT_SOCK    = 12
)

// Timespec is struct timespec.
type Timespec struct{ Sec, Nsec int64 }

// Timeval is struct timeval.
type Timeval struct{ Sec, Usec int64 }

// Stat is struct stat of x86-64.
type Stat struct {
	Dev, Ino, Nlink uint64
	Mode, UID, GID  uint32
	_               uint32
	Rdev            uint64
	Size            int64
	BlkSize         int64
	Blocks          int64
	Atime           Timespec
	Mtime           Timespec
	Ctime           Timespec
	_               [3]int64
}

// StatxTime is struct statx_timestamp.
type StatxTime struct {
	Sec  int64
	Nsec uint32
	_    int32
}

// Statx is struct statx.
type Statx struct {
	Mask           uint32
	BlkSize        uint32
	Attributes     uint64
	Nlink          uint32
	UID, GID       uint32
	Mode           uint16
	_              uint16
	Ino            uint64
	Size           uint64
	Blocks         uint64
	AttributesMask uint64
	Atime          StatxTime
	Btime          StatxTime
	Ctime          StatxTime
	Mtime          StatxTime
	RdevMajor      uint32
	RdevMinor      uint32
	DevMajor       uint32
	DevMinor       uint32
	MntID          uint64
	DioMemAlign    uint32
	DioOffsetAlign uint32
	_              [12]uint64
}

// Masks and attributes of statx(2) (linux/stat.h).
const (
	STATX_BASIC_STATS = 0x7ff
	STATX_BTIME       = 0x800
	STATX_MNT_ID      = 0x1000
	STATX_RESERVED    = 0x80000000

	STATX_ATTR_MOUNT_ROOT = 0x2000
)

// Statfs is struct statfs of x86-64.
type Statfs struct {
	Type    int64
	BSize   int64
	Blocks  uint64
	BFree   uint64
	BAvail  uint64
	Files   uint64
	FFree   uint64
	FSID    [2]int32
	NameLen int64
	FrSize  int64
	Flags   int64
	_       [4]int64
}

// Flock is struct flock.
type Flock struct {
	Type   int16
	Whence int16
	_      int32
	Start  int64
	Len    int64
	PID    int32
	_      int32
}
