package fs

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"vitrine/machine/p9"
)

// withFile calls fn with the descriptor of an open fid. A descriptor that was closed to make room
// is opened again.
func (s *server) withFile(f *fid, fn func(fd int) error) error {
	fd := s.files.use(f)
	if fd < 0 {
		f.mu.Lock()
		if fd = s.files.use(f); fd < 0 { // nobody else was quicker
			if err := s.reopen(f); err != nil {
				f.mu.Unlock()
				return err
			}
			fd = f.fd // it is in use: it stays
		}
		f.mu.Unlock()
	}
	defer s.files.unuse(f)
	return fn(fd)
}

// reopen opens a fid's file again. f is in use afterwards. Caller holds f.mu.
func (s *server) reopen(f *fid) error {
	if !f.open {
		return unix.EBADF
	}
	path, err := s.tree.path(f.node)
	if err != nil {
		return err
	}
	fd, err := s.host.open(path, f.flags, 0)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Dev != f.dev || st.Ino != f.ino {
		unix.Close(fd)
		return unix.ESTALE
	}
	f.at = 0
	return s.files.install(f, fd, true)
}

// openFlags are what a client may ask for; the values are Linux's on x86.
const openFlags = unix.O_ACCMODE | unix.O_APPEND | unix.O_TRUNC | unix.O_DIRECTORY | unix.O_DSYNC | unix.O_SYNC

// lopen opens a fid's file.
func (s *server) lopen(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	flags := int(r.args.U32())
	if r.args.Err != nil {
		return r.args.Err
	}
	if !s.writable && (flags&unix.O_ACCMODE != unix.O_RDONLY || flags&unix.O_TRUNC != 0) {
		return unix.EROFS
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open {
		return unix.EBADF
	}
	path, err := s.tree.path(f.node)
	if err != nil {
		return err
	}
	// What it is decides whether it is opened at all: opening a device or a FIFO of the host
	// does things. That it may be exchanged at this moment is why open has O_NONBLOCK.
	st, err := s.host.stat(path)
	if err != nil {
		return err
	}
	if !openable(st.Mode) {
		return unix.EOPNOTSUPP
	}
	fd, err := s.host.open(path, flags&openFlags, 0)
	if err != nil {
		return err
	}
	return s.opened(r, f, fd, flags)
}

func openable(mode uint32) bool {
	return mode&unix.S_IFMT == unix.S_IFREG || mode&unix.S_IFMT == unix.S_IFDIR
}

// opened makes fd the open file of f and answers Tlopen or Tlcreate. Caller holds f.mu.
func (s *server) opened(r *request, f *fid, fd, flags int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	if !openable(st.Mode) {
		unix.Close(fd)
		return unix.EOPNOTSUPP
	}
	// Where the kernel can remove names, a file that was opened by its name may not be found by it again.
	if err := s.files.install(f, fd, !s.writable); err != nil {
		return err
	}
	s.files.unuse(f)
	f.open, f.flags = true, flags&openFlags&^unix.O_TRUNC
	f.dir = st.Mode&unix.S_IFMT == unix.S_IFDIR
	f.dev, f.ino, f.at = st.Dev, st.Ino, 0
	r.re.QID(s.host.qid(&st))
	r.re.U32(0) // iounit: no other limit than msize
	return nil
}

// getattr answers with a file's attributes.
func (s *server) getattr(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	st, err := s.statFid(f)
	if err != nil {
		return err
	}
	a := s.host.attr(&st)
	r.re.Attr(&a)
	return nil
}

func (s *server) statFid(f *fid) (st unix.Stat_t, err error) {
	if f.isOpen() && s.writable { // it may have no name any more
		err = s.withFile(f, func(fd int) error { return unix.Fstat(fd, &st) })
		return st, err
	}
	path, err := s.tree.path(f.node)
	if err != nil {
		return st, err
	}
	return s.host.stat(path)
}

// read reads from an open file into the kernel's own buffers: read(5).
func (s *server) read(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	off, count := r.args.U64(), r.args.U32()
	if r.args.Err != nil {
		return r.args.Err
	}
	if int64(off) < 0 {
		return unix.EINVAL
	}
	// The data follows the header and count, which are written when it is known how much it is.
	r.pieces = r.chain.Rooms(r.pieces[:0], p9.IOHeaderSize, uint64(min(count, maxMsize)))
	if f.isDir() {
		return unix.EISDIR
	}
	var n int
	err = s.withFile(f, func(fd int) (err error) {
		n, err = preadv(fd, r.pieces, int64(off))
		return err
	})
	if err != nil {
		return err
	}
	r.re.U32(uint32(n))
	r.data = n
	return nil
}

func (f *fid) isDir() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dir
}

// maxIov is IOV_MAX.
const maxIov = 1024

func preadv(fd int, pieces [][]byte, off int64) (int, error) {
	total := 0
	for len(pieces) > 0 {
		n, err := unix.Preadv(fd, pieces[:min(len(pieces), maxIov)], off+int64(total))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil && total == 0:
			return 0, err
		case err != nil || n == 0:
			return total, nil
		}
		total += n
		pieces = advance(pieces, n)
	}
	return total, nil
}

// advance drops the first n bytes.
func advance(pieces [][]byte, n int) [][]byte {
	for len(pieces) > 0 && n >= len(pieces[0]) {
		n -= len(pieces[0])
		pieces = pieces[1:]
	}
	if n > 0 {
		pieces[0] = pieces[0][n:]
	}
	return pieces
}

// readdir lists a directory from a cookie on.
func (s *server) readdir(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	off, count := r.args.U64(), int(r.args.U32())
	if r.args.Err != nil {
		return r.args.Err
	}
	if int64(off) < 0 {
		return unix.EINVAL
	}
	if !f.isDir() {
		return unix.ENOTDIR
	}
	r.re.U32(0)
	start := r.re.Len()
	err = s.withFile(f, func(fd int) error {
		f.mu.Lock() // fd's position is the fid's
		defer f.mu.Unlock()
		return s.list(r, f, fd, off, min(count, r.re.Room()))
	})
	if err != nil {
		return err
	}
	r.re.PutU32(start-4, uint32(r.re.Len()-start))
	return nil
}

// list appends entries, at most room bytes of them. Caller holds f.mu.
func (s *server) list(r *request, f *fid, fd int, off uint64, room int) error {
	if f.at != off {
		if _, err := unix.Seek(fd, int64(off), unix.SEEK_SET); err != nil {
			return err
		}
		f.at = off
	}
	top := f.node == &s.tree.root
	any := false
	for {
		// An entry of the protocol takes about as much as the host's.
		n, err := unix.Getdents(fd, r.dents[:min(len(r.dents), max(room, 512))])
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		for b := r.dents[:n]; len(b) > 0; {
			d, size := s.dirent(b, top)
			if size == 0 {
				return unix.EIO
			}
			if p9.DirentSize(d.Name) > room {
				// The host is ahead: the next call seeks back.
				f.at = ^uint64(0)
				if !any {
					return unix.EINVAL // getdents(2): "Result buffer is too small"
				}
				return nil
			}
			r.re.Dirent(d)
			room -= p9.DirentSize(d.Name)
			f.at, any = d.Offset, true
			b = b[size:]
		}
	}
}

// dirent decodes a struct linux_dirent64: ino[8] off[8] reclen[2] type[1] name.
func (s *server) dirent(b []byte, top bool) (d p9.Dirent, size int) {
	if len(b) < 20 {
		return d, 0
	}
	size = int(binary.LittleEndian.Uint16(b[16:]))
	if size < 20 || size > len(b) {
		return d, 0
	}
	d.QID.Path = binary.LittleEndian.Uint64(b)
	d.Offset = binary.LittleEndian.Uint64(b[8:])
	d.Type = b[18]
	switch d.Type {
	case unix.DT_DIR:
		d.QID.Type = p9.QTDir
	case unix.DT_LNK:
		d.QID.Type = p9.QTSymlink
	}
	name := b[19:size]
	for i, c := range name {
		if c == 0 {
			name = name[:i]
			break
		}
	}
	d.Name = string(name)
	if top && d.Name == ".." {
		d.QID.Path = s.host.rootIno // what is above root is nobody's business
	}
	return d, size
}

// readlink answers with a symbolic link's target, for the client to follow.
func (s *server) readlink(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	path, err := s.tree.path(f.node)
	if err != nil {
		return err
	}
	target, err := s.host.readlink(path)
	if err != nil {
		return err
	}
	r.re.Str(target)
	return nil
}

// statfs answers with the sizes of the host's file system.
func (s *server) statfs(r *request) error {
	if _, err := s.fid(r); err != nil {
		return err
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(s.host.root, &st); err != nil {
		return err
	}
	r.re.StatFS(&p9.StatFS{
		Type: v9fsMagic, BlkSize: uint32(st.Bsize), Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail,
		Files: st.Files, Ffree: st.Ffree, FSID: s.host.rootDev, NameLen: uint32(st.Namelen),
	})
	return nil
}

const v9fsMagic = 0x01021997 // V9FS_MAGIC

// fsync brings an open file to the host's disk.
func (s *server) fsync(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	if !s.writable || !f.isOpen() {
		return nil
	}
	dataOnly := r.args.U32() != 0
	return s.withFile(f, func(fd int) error {
		if dataOnly {
			return unix.Fdatasync(fd)
		}
		return unix.Fsync(fd)
	})
}
