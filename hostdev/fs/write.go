package fs

import (
	"strconv"

	"golang.org/x/sys/unix"

	"vitrine/machine/p9"
)

// write writes the kernel's own buffers to an open file: write(5).
func (s *server) write(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	off, count := r.args.U64(), uint64(r.args.U32())
	if r.args.Err != nil {
		return r.args.Err
	}
	// Some of the data was read with the header, the rest waits in the chain.
	head := r.args.Rest()
	if int64(off) < 0 || count > uint64(len(head))+r.chain.ReadLen() || count > maxMsize {
		return unix.EINVAL
	}
	head = head[:min(uint64(len(head)), count)]
	r.pieces = append(r.pieces[:0], head)
	if rest := count - uint64(len(head)); rest > 0 {
		r.pieces = r.chain.Pieces(r.pieces, rest)
	}
	var n int
	err = s.withFile(f, func(fd int) (err error) {
		n, err = pwritev(fd, r.pieces, int64(off))
		return err
	})
	if err != nil {
		return err
	}
	r.re.U32(uint32(n))
	return nil
}

func pwritev(fd int, pieces [][]byte, off int64) (int, error) {
	total := 0
	for len(pieces) > 0 {
		if len(pieces[0]) == 0 {
			pieces = pieces[1:]
			continue
		}
		n, err := unix.Pwritev(fd, pieces[:min(len(pieces), maxIov)], off+int64(total))
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

// inFid calls do with the directory of fid f and a name in it that the request gives.
func (s *server) inFid(f *fid, name string, do func(dir int) error) error {
	if !p9.Valid(name) {
		return unix.EINVAL
	}
	path, err := s.tree.path(f.node)
	if err != nil {
		return err
	}
	dir, err := s.host.open(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return do(dir)
}

// qidAt appends the QID of a name in a directory.
func (s *server) qidAt(r *request, dir int, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	r.re.QID(s.host.qid(&st))
	return nil
}

// lcreate makes and opens a file; the directory's fid becomes the file's.
func (s *server) lcreate(r *request) error {
	nr := r.args.Peek32()
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	name, flags, mode, _ := r.args.Str(), int(r.args.U32()), r.args.U32(), r.args.U32()
	if r.args.Err != nil {
		return r.args.Err
	}
	if f.isOpen() {
		return unix.EBADF
	}
	return s.inFid(f, name, func(dir int) error {
		fd, err := openat(dir, name, flags&(openFlags|unix.O_EXCL)&^unix.O_DIRECTORY|unix.O_CREAT|
			unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, mode&0o7777)
		if err != nil {
			return err
		}
		n, err := s.tree.child(f.node, name)
		if err != nil {
			unix.Close(fd)
			return err
		}
		file := &fid{node: n, fd: -1}
		file.mu.Lock()
		defer file.mu.Unlock()
		if err := s.opened(r, file, fd, flags); err != nil {
			s.tree.put(n)
			return err
		}
		s.mu.Lock()
		if s.fids[nr] != f {
			s.mu.Unlock()
			s.drop(file)
			return unix.EBADF
		}
		s.fids[nr] = file
		s.mu.Unlock()
		s.drop(f)
		return nil
	})
}

// mkdir makes a directory.
func (s *server) mkdir(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	name, mode, _ := r.args.Str(), r.args.U32(), r.args.U32()
	if r.args.Err != nil {
		return r.args.Err
	}
	return s.inFid(f, name, func(dir int) error {
		if err := unix.Mkdirat(dir, name, mode&0o7777); err != nil {
			return err
		}
		return s.qidAt(r, dir, name)
	})
}

// mknod makes a FIFO, a socket or a file; devices the host refuses.
func (s *server) mknod(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	name, mode, _, _, _ := r.args.Str(), r.args.U32(), r.args.U32(), r.args.U32(), r.args.U32()
	if r.args.Err != nil {
		return r.args.Err
	}
	switch mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFIFO, unix.S_IFSOCK:
	default:
		return unix.EPERM
	}
	return s.inFid(f, name, func(dir int) error {
		if err := unix.Mknodat(dir, name, mode&(unix.S_IFMT|0o7777), 0); err != nil {
			return err
		}
		return s.qidAt(r, dir, name)
	})
}

// symlink makes a symbolic link.
func (s *server) symlink(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	name, target, _ := r.args.Str(), r.args.Str(), r.args.U32()
	if r.args.Err != nil {
		return r.args.Err
	}
	return s.inFid(f, name, func(dir int) error {
		if err := unix.Symlinkat(target, dir, name); err != nil {
			return err
		}
		return s.qidAt(r, dir, name)
	})
}

// link makes a hard link: dfid, fid, name.
func (s *server) link(r *request) error {
	d, err := s.fid(r)
	if err != nil {
		return err
	}
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	name := r.args.Str()
	if r.args.Err != nil {
		return r.args.Err
	}
	path, err := s.tree.path(f.node)
	if err != nil {
		return err
	}
	return s.inFid(d, name, func(dir int) error {
		return s.host.inDir(path, func(from int, old string) error {
			return unix.Linkat(from, old, dir, name, 0)
		})
	})
}

// unlinkat removes a name.
func (s *server) unlinkat(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	name, flags := r.args.Str(), r.args.U32()
	if r.args.Err != nil {
		return r.args.Err
	}
	return s.inFid(f, name, func(dir int) error {
		if err := unix.Unlinkat(dir, name, int(flags&p9.UnlinkDir)); err != nil {
			return err
		}
		s.tree.remove(f.node, name)
		return nil
	})
}

// remove removes a fid's file and clunks the fid, whatever becomes of it: remove(5).
func (s *server) remove(r *request) error {
	f, err := s.takeFid(r)
	if err != nil {
		return err
	}
	defer s.drop(f)
	path, err := s.tree.path(f.node)
	if err != nil {
		return err
	}
	if path == "" {
		return unix.EBUSY
	}
	return s.host.inDir(path, func(dir int, name string) error {
		err := unix.Unlinkat(dir, name, 0)
		if err == unix.EISDIR {
			err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
		}
		if err == nil {
			s.tree.removeNode(f.node)
		}
		return err
	})
}

// renameat moves a name: olddirfid, oldname, newdirfid, newname.
func (s *server) renameat(r *request) error {
	from, err := s.fid(r)
	if err != nil {
		return err
	}
	oldName := r.args.Str()
	to, err := s.fid(r)
	if err != nil {
		return err
	}
	newName := r.args.Str()
	if r.args.Err != nil {
		return r.args.Err
	}
	s.renameMu.Lock()
	defer s.renameMu.Unlock()
	return s.move(from.node, oldName, to, newName)
}

// rename moves a fid's file: fid, dfid, name.
func (s *server) rename(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	to, err := s.fid(r)
	if err != nil {
		return err
	}
	newName := r.args.Str()
	if r.args.Err != nil {
		return r.args.Err
	}
	s.renameMu.Lock()
	defer s.renameMu.Unlock()
	s.tree.mu.Lock()
	dir, oldName := f.node.parent, f.node.name
	s.tree.mu.Unlock()
	if dir == nil {
		return unix.EBUSY
	}
	return s.move(dir, oldName, to, newName)
}

// move renames on the host and in the tree. Caller holds renameMu.
func (s *server) move(dir *node, oldName string, to *fid, newName string) error {
	if !p9.Valid(oldName) {
		return unix.EINVAL
	}
	path, err := s.tree.path(dir)
	if err != nil {
		return err
	}
	from, err := s.host.open(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	return s.inFid(to, newName, func(dest int) error {
		if err := unix.Renameat(from, oldName, dest, newName); err != nil {
			return err
		}
		s.tree.rename(dir, oldName, to.node, newName)
		return nil
	})
}

// setattr changes attributes.
func (s *server) setattr(r *request) error {
	f, err := s.fid(r)
	if err != nil {
		return err
	}
	a := r.args.SetAttr()
	if r.args.Err != nil {
		return r.args.Err
	}
	path, err := s.tree.path(f.node)
	if err != nil {
		return err
	}
	fd, err := s.host.open(path, unix.O_PATH, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	// /proc/self/fd names the very file that fd is, not whatever has its name now.
	self := "/proc/self/fd/" + strconv.Itoa(fd)
	link := st.Mode&unix.S_IFMT == unix.S_IFLNK
	if a.Valid&(p9.SetattrUID|p9.SetattrGID) != 0 {
		uid, gid := -1, -1
		if a.Valid&p9.SetattrUID != 0 {
			uid = s.host.hostID(a.UID, s.host.uid)
		}
		if a.Valid&p9.SetattrGID != 0 {
			gid = s.host.hostID(a.GID, s.host.gid)
		}
		if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	if a.Valid&p9.SetattrMode != 0 {
		if link {
			return unix.EOPNOTSUPP
		}
		if err := unix.Chmod(self, a.Mode&0o7777); err != nil {
			return err
		}
	}
	if a.Valid&p9.SetattrSize != 0 {
		if st.Mode&unix.S_IFMT != unix.S_IFREG || int64(a.Size) < 0 {
			return unix.EINVAL
		}
		if err := unix.Truncate(self, int64(a.Size)); err != nil {
			return err
		}
	}
	if a.Valid&(p9.SetattrAtime|p9.SetattrMtime) != 0 {
		ts := [2]unix.Timespec{
			setTime(a.Valid, p9.SetattrAtime, p9.SetattrAtimeSet, a.Atime),
			setTime(a.Valid, p9.SetattrMtime, p9.SetattrMtimeSet, a.Mtime),
		}
		return s.host.inDir(path, func(dir int, name string) error {
			if name == "" {
				return unix.UtimesNanoAt(unix.AT_FDCWD, self, ts[:], 0)
			}
			return unix.UtimesNanoAt(dir, name, ts[:], unix.AT_SYMLINK_NOFOLLOW)
		})
	}
	return nil
}

func setTime(valid uint32, want, explicit uint32, ns int64) unix.Timespec {
	switch {
	case valid&want == 0:
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	case valid&explicit == 0:
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	}
	return unix.NsecToTimespec(ns)
}

// hostID is the inverse of attr's mapping.
func (h *host) hostID(id, own uint32) int {
	if id == 0 {
		return int(own)
	}
	return int(id)
}
