// Package p9 is the message format of 9P2000.L, which the file server in
// hostdev/fs and the filesystem in kernel/fs/p9 speak over a virtio device of type 9.
//
//	size[4] type[1] tag[2] …       little-endian; strings are len[2] bytes
//
// The sources are the Plan 9 manual, section 5 (intro, attach, walk, read, flush …), and
// the 9P2000.L protocol description of the diod project, which Linux and QEMU implement.
// A request is a T-message, its answer the R-message of the next number or Rlerror.
//
// Encoder and Decoder never panic on bad input: an Encoder that is full and a Decoder that ran
// out of bytes remember it in Err.
package p9

// Message types.
const (
	Rlerror      = 7
	Tstatfs      = 8
	Tlopen       = 12
	Tlcreate     = 14
	Tsymlink     = 16
	Tmknod       = 18
	Trename      = 20
	Treadlink    = 22
	Tgetattr     = 24
	Tsetattr     = 26
	Txattrwalk   = 30
	Txattrcreate = 32
	Treaddir     = 40
	Tfsync       = 50
	Tlock        = 52
	Tgetlock     = 54
	Tlink        = 70
	Tmkdir       = 72
	Trenameat    = 74
	Tunlinkat    = 76
	Tversion     = 100
	Tauth        = 102
	Tattach      = 104
	Tflush       = 108
	Twalk        = 110
	Tread        = 116
	Twrite       = 118
	Tclunk       = 120
	Tremove      = 122
)

// Version is the protocol's name in Tversion.
const Version = "9P2000.L"

// Sizes and special numbers.
const (
	HeaderSize   = 7          // size, type, tag
	ErrorSize    = 11         // Rlerror
	IOHeaderSize = 11         // Rread, Rwrite and Rreaddir: header and count
	WriteHeader  = 23         // Twrite up to its data
	NoTag        = ^uint16(0) // of Tversion
	NoFid        = ^uint32(0) // afid without authentication
	NoUID        = ^uint32(0) // n_uname: the string counts
	MaxWalk      = 16         // MAXWELEM: names in a Twalk
	QIDSize      = 13
	MinMsize     = 4096 // least message size that makes sense
	MaxName      = 255  // NAME_MAX
	MaxLink      = 4096 // PATH_MAX: a symbolic link's target
)

// QID types.
const (
	QTDir     = 0x80
	QTSymlink = 0x02
	QTFile    = 0x00
)

// QID is a server's name for a file: unique among all its files.
type QID struct {
	Type    uint8
	Version uint32 // changes with the content
	Path    uint64
}

// Masks of Tgetattr.
const (
	GetattrMode   = 0x1
	GetattrNlink  = 0x2
	GetattrUID    = 0x4
	GetattrGID    = 0x8
	GetattrRdev   = 0x10
	GetattrAtime  = 0x20
	GetattrMtime  = 0x40
	GetattrCtime  = 0x80
	GetattrIno    = 0x100
	GetattrSize   = 0x200
	GetattrBlocks = 0x400
	GetattrBasic  = 0x7ff
	GetattrBtime  = 0x800
)

// Attr is Rgetattr. Times are nanoseconds since 1970.
type Attr struct {
	Valid                      uint64
	QID                        QID
	Mode, UID, GID             uint32
	Nlink, Rdev                uint64
	Size, BlkSize, Blocks      uint64
	Atime, Mtime, Ctime, Btime int64
}

// Masks of Tsetattr.
const (
	SetattrMode     = 0x1
	SetattrUID      = 0x2
	SetattrGID      = 0x4
	SetattrSize     = 0x8
	SetattrAtime    = 0x10
	SetattrMtime    = 0x20
	SetattrCtime    = 0x40
	SetattrAtimeSet = 0x80
	SetattrMtimeSet = 0x100
)

// SetAttr is Tsetattr.
type SetAttr struct {
	Valid, Mode, UID, GID uint32
	Size                  uint64
	Atime, Mtime          int64
}

// StatFS is Rstatfs.
type StatFS struct {
	Type, BlkSize                             uint32
	Blocks, Bfree, Bavail, Files, Ffree, FSID uint64
	NameLen                                   uint32
}

// Dirent is an entry of Rreaddir. Offset is the cookie of the entry after it.
type Dirent struct {
	QID    QID
	Offset uint64
	Type   uint8
	Name   string
}

// DirentSize is how many bytes an entry takes.
func DirentSize(name string) int { return QIDSize + 8 + 1 + 2 + len(name) }

// UnlinkDir is Tunlinkat's flag for directories.
const UnlinkDir = 0x200

// Valid reports whether name can name a file in a directory.
func Valid(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > MaxName {
		return false
	}
	for i := range len(name) {
		if name[i] == '/' || name[i] == 0 {
			return false
		}
	}
	return true
}
