package vfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/cred"
)

// Mode is a file's type and permission bits (st_mode).
type Mode uint32

// Type returns the file type bits (abi.S_IFREG …).
func (m Mode) Type() Mode { return m & abi.S_IFMT }

// Perm returns the permission bits with setuid, setgid and sticky.
func (m Mode) Perm() Mode { return m & 0o7777 }

// IsDir reports whether m is a directory's mode.
func (m Mode) IsDir() bool { return m&abi.S_IFMT == abi.S_IFDIR }

// IsReg reports whether m is a regular file's mode.
func (m Mode) IsReg() bool { return m&abi.S_IFMT == abi.S_IFREG }

// IsSymlink reports whether m is a symbolic link's mode.
func (m Mode) IsSymlink() bool { return m&abi.S_IFMT == abi.S_IFLNK }

// DirType returns the type as in directory entries (abi.DT_REG …).
func (m Mode) DirType() uint8 { return uint8(m & abi.S_IFMT >> 12) }

// String shows the mode as ls(1) does.
func (m Mode) String() string {
	b := []byte("?rwxrwxrwx")
	const types = "?pc?d?b?-?l?s???"
	b[0] = types[m.DirType()]
	for i := range 9 {
		if m&(1<<(8-i)) == 0 {
			b[1+i] = '-'
		}
	}
	special := func(bit Mode, at int, set, only byte) {
		if m&bit == 0 {
			return
		}
		if b[at] == 'x' {
			b[at] = set
		} else {
			b[at] = only
		}
	}
	special(abi.S_ISUID, 3, 's', 'S')
	special(abi.S_ISGID, 6, 's', 'S')
	special(abi.S_ISVTX, 9, 't', 'T')
	return string(b)
}

// Dev is a device number in the encoding of st_dev on x86-64.
type Dev uint64

// MakeDev returns the device number of major and minor.
func MakeDev(major, minor uint32) Dev {
	return Dev(minor&0xff | (major&0xfff)<<8 | (minor&^0xff)<<12)
}

// Major returns the driver's number.
func (d Dev) Major() uint32 { return uint32(d>>8) & 0xfff }

// Minor returns the device's number within its driver.
func (d Dev) Minor() uint32 { return uint32(d)&0xff | uint32(d>>12)&^0xff }

// Attr is what stat(2) says about a file. Times are nanoseconds since 1970.
type Attr struct {
	Dev     Dev
	Ino     uint64
	Mode    Mode
	Nlink   uint32
	UID     cred.ID
	GID     cred.ID
	Rdev    Dev
	Size    int64
	Blocks  int64 // of 512 bytes
	BlkSize int64
	Atime   int64
	Mtime   int64
	Ctime   int64
	Btime   int64 // birth; 0 if unknown
}

// Stat returns a in the form of struct stat.
func (a *Attr) Stat() abi.Stat {
	return abi.Stat{
		Dev: uint64(a.Dev), Ino: a.Ino, Nlink: uint64(a.Nlink), Mode: uint32(a.Mode),
		UID: uint32(a.UID), GID: uint32(a.GID), Rdev: uint64(a.Rdev), Size: a.Size,
		BlkSize: a.BlkSize, Blocks: a.Blocks,
		Atime: timespec(a.Atime), Mtime: timespec(a.Mtime), Ctime: timespec(a.Ctime),
	}
}

func timespec(ns int64) abi.Timespec {
	s, n := floorSec(ns)
	return abi.Timespec{Sec: s, Nsec: n}
}

// floorSec splits ns so that the fraction is never negative, also before 1970.
func floorSec(ns int64) (sec, nsec int64) {
	sec, nsec = ns/1e9, ns%1e9
	if nsec < 0 {
		sec, nsec = sec-1, nsec+1e9
	}
	return sec, nsec
}

// Statx returns a in the form of struct statx.
func (a *Attr) Statx() abi.Statx {
	at := func(ns int64) abi.StatxTime {
		s, n := floorSec(ns)
		return abi.StatxTime{Sec: s, Nsec: uint32(n)}
	}
	x := abi.Statx{
		Mask: abi.STATX_BASIC_STATS, BlkSize: uint32(a.BlkSize), Nlink: a.Nlink, UID: uint32(a.UID), GID: uint32(a.GID),
		Mode: uint16(a.Mode), Ino: a.Ino, Size: uint64(a.Size), Blocks: uint64(a.Blocks),
		Atime: at(a.Atime), Mtime: at(a.Mtime), Ctime: at(a.Ctime),
		RdevMajor: a.Rdev.Major(), RdevMinor: a.Rdev.Minor(), DevMajor: a.Dev.Major(), DevMinor: a.Dev.Minor(),
	}
	if a.Btime != 0 {
		x.Mask |= abi.STATX_BTIME
		x.Btime = at(a.Btime)
	}
	return x
}

// What a SetAttr changes.
const (
	AttrMode = 1 << iota
	AttrUID
	AttrGID
	AttrSize
	AttrAtime
	AttrMtime
	AttrCtime
	attrForce // the file's owner is not asked: the kernel itself changes it
)

// SetAttr is a change of attributes: those in Mask.
type SetAttr struct {
	Mask  int
	Mode  Mode // permission bits
	UID   cred.ID
	GID   cred.ID
	Size  int64
	Atime int64
	Mtime int64
	Ctime int64
}

// StatFS is what statfs(2) says about a file system.
type StatFS struct {
	Type    int64
	BSize   int64
	Blocks  uint64
	BFree   uint64
	BAvail  uint64
	Files   uint64
	FFree   uint64
	NameLen int64
}

// DirEntry is a name in a directory. Next is the cookie of the entry after it.
type DirEntry struct {
	Name string
	Ino  uint64
	Type uint8 // abi.DT_REG …
	Next int64
}
