package vfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// Record locks (fcntl(2)): those of POSIX belong to a process and go with the first close, those of an open file
// description (OFD) go with it. Flocks (flock(2)) belong to an open file description and cover the whole file; the two
// kinds ignore each other.

// maxFileLocks bounds the record locks on one file.
const maxFileLocks = 4096

// fileLocks are the locks on an inode. Guarded by VFS.locksMu.
type fileLocks struct {
	records []record      // sorted by start; those of one owner don't overlap
	flocks  []*flockEntry // in order of taking
}

// record is a lock on the bytes [start, end).
type record struct {
	owner      any // the descriptor table of a process, or a *File
	ofd        bool
	pid        int // who set it, for F_GETLK; -1 for OFD locks
	write      bool
	start, end int64
}

type flockEntry struct {
	file      *File
	exclusive bool
}

// lockWaiter is a task that waits for a record lock of a process: what deadlock detection walks.
type lockWaiter struct {
	owner any // who waits
	inode *Inode
	req   record
}

// Lock is a record lock, or a question for one.
type Lock struct {
	Type       int // abi.F_RDLCK, F_WRLCK, F_UNLCK
	Start, End int64
	PID        int
}

// lockEnd is the end of a lock to the end of the file, however long it grows.
const lockEnd = 1<<63 - 1

// LockRange turns the fields of struct flock into a range.
func (f *File) LockRange(t *sched.Thread, l abi.Flock) (start, end int64, err error) {
	base := int64(0)
	switch l.Whence {
	case abi.SEEK_SET:
	case abi.SEEK_CUR:
		base = f.Pos(t)
	case abi.SEEK_END:
		base = f.Inode.Size()
	default:
		return 0, 0, errno.EINVAL
	}
	if l.Start > 0 && base > lockEnd-l.Start {
		return 0, 0, errno.EOVERFLOW
	}
	start = base + l.Start
	switch {
	case l.Len > 0:
		if start > lockEnd-l.Len {
			return 0, 0, errno.EOVERFLOW
		}
		end = start + l.Len
	case l.Len < 0:
		start, end = start+l.Len, start
	default:
		end = lockEnd
	}
	if start < 0 {
		return 0, 0, errno.EINVAL.Because("the lock begins before the file")
	}
	return start, end, nil
}

// SetLock sets or removes a record lock for owner: the descriptor table of a process, or f itself for an OFD lock. With
// wait it sleeps until the lock is free, or fails with EDEADLK.
func (f *File) SetLock(t *sched.Thread, owner any, l Lock, wait bool) error {
	v, i := f.v, f.Inode
	_, ofd := owner.(*File)
	switch l.Type {
	case abi.F_RDLCK:
		if !f.CanRead() {
			return errno.EBADF.Because("a read lock needs a file open for reading")
		}
	case abi.F_WRLCK:
		if !f.CanWrite() {
			return errno.EBADF.Because("a write lock needs a file open for writing")
		}
	case abi.F_UNLCK:
		return v.unlockRange(t, i, owner, l.Start, l.End)
	default:
		return errno.EINVAL
	}
	req := record{owner: owner, ofd: ofd, pid: l.PID, write: l.Type == abi.F_WRLCK, start: l.Start, end: l.End}
	if ofd {
		req.pid = -1
	}
	w := &lockWaiter{owner: owner, inode: i, req: req}
	var err error
	got := func() bool {
		v.locksMu.Lock(t)
		defer v.locksMu.Unlock(t)
		if err != nil {
			return true
		}
		if i.locks.conflict(req) == nil {
			if i.locks == nil {
				i.locks = &fileLocks{}
			}
			err = i.locks.set(req)
			if err == nil && ofd {
				f.ofd = true
			}
			return true
		}
		switch {
		case !wait:
			err = errno.EAGAIN.Because("another process holds a lock there")
			return true
		case !ofd && v.deadlock(w):
			err = errno.EDEADLK
			return true
		}
		v.addWaiter(w)
		return false
	}
	werr := v.lockQueue.Wait(t, "fcntl_lock", got)
	v.locksMu.Lock(t)
	v.waiters = without(v.waiters, w)
	v.locksMu.Unlock(t)
	if werr != nil {
		return werr
	}
	if err == nil {
		v.lockQueue.WakeAll() // a write lock may have become a read lock
	}
	return err
}

func (v *VFS) addWaiter(w *lockWaiter) {
	for _, x := range v.waiters {
		if x == w {
			return
		}
	}
	v.waiters = append(v.waiters, w)
}

// deadlock reports whether those who hold what w waits for wait, in the end, for w's owner. Caller holds locksMu.
func (v *VFS) deadlock(w *lockWaiter) bool {
	seen := map[any]bool{}
	todo := []*lockWaiter{w}
	for len(todo) > 0 {
		x := todo[0]
		todo = todo[1:]
		for _, r := range x.inode.locks.conflicts(x.req) {
			if r.owner == w.owner {
				return true
			}
			if seen[r.owner] {
				continue
			}
			seen[r.owner] = true
			for _, y := range v.waiters {
				if y.owner == r.owner {
					todo = append(todo, y)
				}
			}
		}
	}
	return false
}

// TestLock tells which lock would keep l from being set; its Type is F_UNLCK if none would.
func (f *File) TestLock(t *sched.Thread, owner any, l Lock) Lock {
	f.v.locksMu.Lock(t)
	defer f.v.locksMu.Unlock(t)
	r := f.Inode.locks.conflict(record{owner: owner, write: l.Type == abi.F_WRLCK, start: l.Start, end: l.End})
	if r == nil {
		l.Type = abi.F_UNLCK
		return l
	}
	out := Lock{Type: abi.F_RDLCK, Start: r.start, End: r.end, PID: r.pid}
	if r.write {
		out.Type = abi.F_WRLCK
	}
	return out
}

func (v *VFS) unlockRange(t *sched.Thread, i *Inode, owner any, start, end int64) error {
	v.locksMu.Lock(t)
	var err error
	if i.locks != nil {
		err = i.locks.cut(owner, start, end)
	}
	v.locksMu.Unlock(t)
	v.lockQueue.WakeAll()
	return err
}

// dropPosixLocks is what close(2) does to a process's locks.
func (f *File) dropPosixLocks(t *sched.Thread, owner any) {
	if f.Inode == nil || owner == nil {
		return
	}
	v := f.v
	v.locksMu.Lock(t)
	had := f.Inode.locks != nil && f.Inode.locks.dropOwner(owner)
	v.locksMu.Unlock(t)
	if had {
		v.lockQueue.WakeAll()
	}
}

// releaseLocks is what the end of an open file description does to its locks.
func (f *File) releaseLocks(t *sched.Thread) {
	v := f.v
	v.locksMu.Lock(t)
	had := false
	if l := f.Inode.locks; l != nil && (f.flock != nil || f.ofd) {
		had = l.dropOwner(f)
		if f.flock != nil {
			l.flocks = without(l.flocks, f.flock)
			f.flock = nil
			had = true
		}
	}
	v.locksMu.Unlock(t)
	if had {
		v.lockQueue.WakeAll()
	}
}

// Flock is flock(2): op is of abi.LOCK_….
func (f *File) Flock(t *sched.Thread, op int) error {
	v, i := f.v, f.Inode
	nonblock := op&abi.LOCK_NB != 0
	op &^= abi.LOCK_NB
	switch op {
	case abi.LOCK_UN:
		v.locksMu.Lock(t)
		f.unflock()
		v.locksMu.Unlock(t)
		v.lockQueue.WakeAll()
		return nil
	case abi.LOCK_SH, abi.LOCK_EX:
	default:
		return errno.EINVAL
	}
	exclusive := op == abi.LOCK_EX
	busy, changed := false, false
	try := func() bool {
		v.locksMu.Lock(t)
		defer v.locksMu.Unlock(t)
		if f.flock != nil && f.flock.exclusive == exclusive {
			return true
		}
		if f.flock != nil { // conversion is not atomic: flock(2)
			f.unflock()
			changed = true
		}
		if i.locks == nil {
			i.locks = &fileLocks{}
		}
		for _, e := range i.locks.flocks {
			if exclusive || e.exclusive {
				busy = true
				return nonblock
			}
		}
		busy = false
		f.flock = &flockEntry{f, exclusive}
		i.locks.flocks = append(i.locks.flocks, f.flock)
		return true
	}
	done := try()
	if changed {
		v.lockQueue.WakeAll()
	}
	if !done {
		if err := v.lockQueue.Wait(t, "flock", try); err != nil {
			return err
		}
	}
	if busy {
		return errno.EAGAIN.Because("another open file holds the lock")
	}
	return nil
}

// unflock drops f's flock. Caller holds locksMu.
func (f *File) unflock() {
	if f.flock != nil {
		f.Inode.locks.flocks = without(f.Inode.locks.flocks, f.flock)
		f.flock = nil
	}
}

// LockInfo is a lock as /proc/locks shows it.
type LockInfo struct {
	Kind       string // "POSIX", "OFDLCK", "FLOCK"
	Write      bool
	PID        int
	Dev        Dev
	Ino        uint64
	Start, End int64
}

// Locks lists the locks on i.
func (v *VFS) Locks(t *sched.Thread, i *Inode) (out []LockInfo) {
	v.locksMu.Lock(t)
	defer v.locksMu.Unlock(t)
	if i.locks == nil {
		return nil
	}
	for _, r := range i.locks.records {
		k := "POSIX"
		if r.ofd {
			k = "OFDLCK"
		}
		out = append(out, LockInfo{k, r.write, r.pid, i.SB.Dev, i.Ino, r.start, r.end})
	}
	for _, e := range i.locks.flocks {
		out = append(out, LockInfo{"FLOCK", e.exclusive, 0, i.SB.Dev, i.Ino, 0, lockEnd})
	}
	return out
}
