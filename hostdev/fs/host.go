package fs

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/machine/p9"
)

// host is the host's file system below one directory. No method follows a
// symbolic link or leaves the directory, whatever others do to it meanwhile.
type host struct {
	root     int    // O_PATH descriptor
	rootDev  uint64 // st_dev of root
	rootIno  uint64
	uid, gid uint32 // of this process
	openat2  bool   // the host has it and lets us use it
}

func openHost(dir string) (*host, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("9p: %s: %w", dir, err)
	}
	h := &host{root: fd, uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("9p: %s: %w", dir, err)
	}
	h.rootDev, h.rootIno = st.Dev, st.Ino
	probe, err := unix.Openat2(fd, ".", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolve})
	if err == nil {
		h.openat2 = true
		unix.Close(probe)
	}
	return h, nil
}

// resolve keeps openat2(2) beneath root and off all links.
const resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

// open opens path, which is relative to root ("" is root itself). The last component may be a symbolic link
// if flags has O_PATH|O_NOFOLLOW.
func (h *host) open(path string, flags int, mode uint32) (int, error) {
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC
	if flags&unix.O_PATH == 0 {
		flags |= unix.O_NOCTTY | unix.O_NONBLOCK // a FIFO or a terminal must not hold the server
	}
	if path == "" {
		path = "."
	}
	if !h.openat2 {
		return h.walkOpen(path, flags, mode)
	}
	how := unix.OpenHow{Flags: uint64(flags), Resolve: resolve}
	if flags&(unix.O_CREAT|unix.O_TMPFILE) != 0 {
		how.Mode = uint64(mode)
	}
	if flags&unix.O_PATH != 0 {
		// RESOLVE_NO_SYMLINKS refuses a link as the last component, too, unless
		// it is opened itself: O_PATH|O_NOFOLLOW.
		how.Flags = uint64(flags & (unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_DIRECTORY))
	}
	for range 8 {
		fd, err := unix.Openat2(h.root, path, &how)
		// EAGAIN: somebody renamed on the way, the host can't tell whether ".." was passed.
		if err != unix.EAGAIN && err != unix.EINTR {
			return fd, err
		}
	}
	return -1, unix.EAGAIN
}

// walkOpen is open on hosts without openat2(2): one component at a time.
func (h *host) walkOpen(path string, flags int, mode uint32) (int, error) {
	dir := h.root
	defer func() {
		if dir != h.root {
			unix.Close(dir)
		}
	}()
	for {
		name, rest, more := strings.Cut(path, "/")
		if !more {
			return openat(dir, name, flags, mode)
		}
		fd, err := openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		if dir != h.root {
			unix.Close(dir)
		}
		dir, path = fd, rest
	}
}

func openat(dir int, name string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// stat returns the attributes of path itself.
func (h *host) stat(path string) (st unix.Stat_t, err error) {
	if path == "" {
		err = unix.Fstat(h.root, &st)
		return st, err
	}
	fd, err := h.open(path, unix.O_PATH, 0)
	if err != nil {
		return st, err
	}
	defer unix.Close(fd)
	err = unix.Fstat(fd, &st)
	return st, err
}

// readlink returns a symbolic link's target.
func (h *host) readlink(path string) (string, error) {
	fd, err := h.open(path, unix.O_PATH, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var buf [p9.MaxLink]byte
	n, err := unix.Readlinkat(fd, "", buf[:])
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// inDir calls f with a descriptor of the directory that holds path, and the last component.
func (h *host) inDir(path string, f func(dir int, name string) error) error {
	i := strings.LastIndexByte(path, '/')
	dir, err := h.open(path[:max(i, 0)], unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return f(dir, path[i+1:])
}

// attr turns host attributes into the protocol's. The server's user is root inside.
func (h *host) attr(st *unix.Stat_t) p9.Attr {
	a := p9.Attr{
		Valid: p9.GetattrBasic, QID: h.qid(st), Mode: st.Mode, UID: st.Uid, GID: st.Gid,
		Nlink: st.Nlink, Rdev: st.Rdev, Size: uint64(max(st.Size, 0)),
		BlkSize: uint64(st.Blksize), Blocks: uint64(st.Blocks),
		Atime: st.Atim.Nano(), Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano(),
	}
	if a.UID == h.uid {
		a.UID = 0
	}
	if a.GID == h.gid {
		a.GID = 0
	}
	return a
}

// qid makes a QID: the inode number, with what tells other file systems mounted below root apart.
func (h *host) qid(st *unix.Stat_t) p9.QID {
	q := p9.QID{Path: st.Ino, Version: uint32(st.Mtim.Nano()>>20) ^ uint32(st.Size)}
	if st.Dev != h.rootDev {
		q.Path ^= st.Dev * 0x9e3779b97f4a7c15 << 32 // the upper half is free in practice
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		q.Type = p9.QTDir
	case unix.S_IFLNK:
		q.Type = p9.QTSymlink
	}
	return q
}

// errnoOf is the number that goes into Rlerror.
func errnoOf(err error) unix.Errno {
	var e unix.Errno
	switch {
	case errors.As(err, &e) && e != 0:
		switch e {
		case unix.EXDEV:
			return unix.ENOENT // openat2(2): it left root, where the client can name nothing
		}
		return e
	case errors.Is(err, p9.ErrShort):
		return unix.EINVAL
	case errors.Is(err, p9.ErrFull):
		return unix.EMSGSIZE
	}
	return unix.EIO
}
