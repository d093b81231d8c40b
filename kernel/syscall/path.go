package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

// name is a path name from user memory with the directory that it starts from.
type name struct {
	text string
	at   vfs.Path  // zero: the working directory, or the name is absolute
	dir  *vfs.File // keeps at alive; may be nil
}

// nameAt reads the name at addr, seen from the directory dirfd (the *at calls).
func nameAt(t *task.Task, dirfd int, addr mm.UAddr) (name, error) {
	text, err := mm.CopyInString(t.Thread, addr, abi.PATH_MAX-1)
	if err != nil {
		return name{}, err
	}
	n := name{text: text}
	if dirfd != abi.AT_FDCWD && (text == "" || text[0] != '/') {
		if n.dir, err = t.File(dirfd); err != nil {
			return name{}, err
		}
		n.at = n.dir.Path
	}
	return n, nil
}

// done gives up the starting directory.
func (n name) done(t *task.Task) {
	if n.dir != nil {
		n.dir.DecRef(t.Thread)
	}
}

// resolve finds the file; the result has references.
func (n name) resolve(t *task.Task, how vfs.Lookup) (vfs.Path, error) {
	return t.Sys.VFS.Resolve(t.Thread, t.FS, n.at, n.text, how)
}

// lookupFlags translates AT_* flags; others than those allowed are EINVAL.
func lookupFlags(flags, allowed int) (vfs.Lookup, error) {
	if flags&^allowed != 0 {
		return 0, errno.EINVAL.Because("unknown AT_ flag")
	}
	how := vfs.Follow
	if flags&abi.AT_SYMLINK_NOFOLLOW != 0 {
		how = 0
	}
	if flags&abi.AT_EMPTY_PATH != 0 {
		how |= vfs.EmptyPath
	}
	return how, nil
}

// withPath calls f with the file that the name at addr means.
func withPath(t *task.Task, dirfd int, addr mm.UAddr, how vfs.Lookup, f func(p vfs.Path) error) error {
	n, err := nameAt(t, dirfd, addr)
	if err != nil {
		return err
	}
	defer n.done(t)
	p, err := n.resolve(t, how)
	if err != nil {
		return err
	}
	defer p.DecRef(t.Thread)
	return f(p)
}

// withFile calls f with the open file of a descriptor.
func withFile(t *task.Task, fd int, f func(file *vfs.File) error) error {
	file, err := t.File(fd)
	if err != nil {
		return err
	}
	defer file.DecRef(t.Thread)
	return f(file)
}

// Flags in the way of the manual pages.
var (
	OpenFlags = Format(formatOpenFlags)

	AtFlags = Flags(Flag{abi.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"}, Flag{abi.AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW"},
		Flag{abi.AT_EMPTY_PATH, "AT_EMPTY_PATH"}, Flag{abi.AT_EACCESS, "AT_EACCESS"}, Flag{abi.AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT"})
)

var openBits = Flags(Flag{abi.O_TMPFILE, "O_TMPFILE"}, Flag{abi.O_SYNC, "O_SYNC"}, Flag{abi.O_CREAT, "O_CREAT"}, Flag{abi.O_EXCL, "O_EXCL"},
	Flag{abi.O_NOCTTY, "O_NOCTTY"}, Flag{abi.O_TRUNC, "O_TRUNC"}, Flag{abi.O_APPEND, "O_APPEND"}, Flag{abi.O_NONBLOCK, "O_NONBLOCK"},
	Flag{abi.O_DSYNC, "O_DSYNC"}, Flag{abi.O_ASYNC, "O_ASYNC"}, Flag{abi.O_DIRECT, "O_DIRECT"}, Flag{abi.O_LARGEFILE, "O_LARGEFILE"},
	Flag{abi.O_DIRECTORY, "O_DIRECTORY"}, Flag{abi.O_NOFOLLOW, "O_NOFOLLOW"}, Flag{abi.O_NOATIME, "O_NOATIME"},
	Flag{abi.O_CLOEXEC, "O_CLOEXEC"}, Flag{abi.O_PATH, "O_PATH"})

// formatOpenFlags shows the access mode, which is a field and not a bit, and then the bits.
func formatOpenFlags(t *task.Task, v uint64, a Args, ret int64) string {
	s := [...]string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"}[v&abi.O_ACCMODE]
	if v &= 0xffffffff &^ abi.O_ACCMODE; v != 0 {
		s += "|" + openBits(t, v, a, ret)
	}
	return s
}
