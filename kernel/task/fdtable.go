package task

import (
	"math/bits"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// MaxFiles bounds RLIMIT_NOFILE (/proc/sys/fs/nr_open).
const MaxFiles = 65536

// FDTable maps descriptors to open files. Tasks made with CLONE_FILES share one.
//
// Files are closed outside of mu, for closing may sleep.
type FDTable struct {
	mu    ksync.SpinLock // RankFDTable
	refs  int            // tasks that use it; guarded by mu
	files []FD           // guarded by mu
	used  []uint64       // bit n: descriptor n is taken; guarded by mu
	count int            // descriptors taken; guarded by mu
}

// FD is a descriptor. File is nil when it is free, or reserved for a file that is being opened.
type FD struct {
	File        *vfs.File
	CloseOnExec bool
}

// NewFDTable returns an empty table with one reference.
func NewFDTable() *FDTable {
	return &FDTable{mu: ksync.NewSpinLock(classFDTable), refs: 1}
}

// IncRef adds a user.
func (ft *FDTable) IncRef(t *sched.Thread) {
	ft.mu.Lock(t)
	ft.refs++
	ft.mu.Unlock(t)
}

// Release drops a user; the last one's leaving closes all files.
func (ft *FDTable) Release(t *sched.Thread) {
	ft.mu.Lock(t)
	ft.refs--
	if ft.refs > 0 {
		ft.mu.Unlock(t)
		return
	}
	files := ft.files
	ft.files, ft.used, ft.count = nil, nil, 0
	ft.mu.Unlock(t)
	for _, e := range files {
		if e.File != nil {
			ft.closeFile(t, e.File)
		}
	}
}

// closeFile is what close(2) does to a file that has left the table.
func (ft *FDTable) closeFile(t *sched.Thread, f *vfs.File) error { return f.Close(t, ft) }

// Get returns the file with a reference, or EBADF.
func (ft *FDTable) Get(t *sched.Thread, fd int) (*vfs.File, error) {
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	if fd < 0 || fd >= len(ft.files) || ft.files[fd].File == nil {
		return nil, errno.EBADF
	}
	f := ft.files[fd].File
	f.IncRef()
	return f, nil
}

// Entry returns a descriptor without taking a reference; for views and F_GETFD.
func (ft *FDTable) Entry(t *sched.Thread, fd int) (FD, error) {
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	if fd < 0 || fd >= len(ft.files) || ft.files[fd].File == nil {
		return FD{}, errno.EBADF
	}
	return ft.files[fd], nil
}

// SetCloseOnExec is fcntl(F_SETFD).
func (ft *FDTable) SetCloseOnExec(t *sched.Thread, fd int, on bool) error {
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	if fd < 0 || fd >= len(ft.files) || ft.files[fd].File == nil {
		return errno.EBADF
	}
	ft.files[fd].CloseOnExec = on
	return nil
}

// limit returns how many descriptors the thread may have.
func limit(t *sched.Thread) int {
	task := Current(t)
	if task == nil {
		return MaxFiles
	}
	return int(min(task.Limit(abi.RLIMIT_NOFILE), MaxFiles))
}

// Reserve takes the lowest free descriptor from min on, for a file that is being opened. Fill or Cancel follows.
func (ft *FDTable) Reserve(t *sched.Thread, min int) (int, error) {
	limit := limit(t)
	if min < 0 || min >= limit {
		return -1, errno.EINVAL.Because("the least descriptor is beyond RLIMIT_NOFILE")
	}
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	return ft.reserve(min, limit)
}

func (ft *FDTable) reserve(min, limit int) (int, error) {
	fd := ft.lowestFree(min)
	if fd >= limit {
		return -1, errno.EMFILE
	}
	ft.take(fd)
	return fd, nil
}

// lowestFree finds the first descriptor from min on that isn't taken. Caller holds mu.
func (ft *FDTable) lowestFree(min int) int {
	for w := min / 64; w < len(ft.used); w++ {
		free := ^ft.used[w]
		if w == min/64 {
			free &^= 1<<(min%64) - 1
		}
		if free != 0 {
			return w*64 + bits.TrailingZeros64(free)
		}
	}
	return max(min, len(ft.used)*64)
}

// take marks fd as used, growing the table. Caller holds mu.
func (ft *FDTable) take(fd int) {
	if fd >= len(ft.files) {
		n := max(64, len(ft.files)*2, (fd+64)&^63)
		files := make([]FD, n)
		copy(files, ft.files)
		used := make([]uint64, n/64)
		copy(used, ft.used)
		ft.files, ft.used = files, used
	}
	ft.used[fd/64] |= 1 << (fd % 64)
	ft.count++
}

// drop marks fd as free and returns the file that was there. Caller holds mu.
func (ft *FDTable) drop(fd int) *vfs.File {
	f := ft.files[fd].File
	ft.files[fd] = FD{}
	ft.used[fd/64] &^= 1 << (fd % 64)
	ft.count--
	return f
}

// Fill gives a reserved descriptor its file; the caller's reference goes to the table.
func (ft *FDTable) Fill(t *sched.Thread, fd int, f *vfs.File, cloexec bool) {
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	ft.files[fd] = FD{f, cloexec}
}

// Cancel gives a reserved descriptor back.
func (ft *FDTable) Cancel(t *sched.Thread, fd int) {
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	ft.drop(fd)
}

// Install is Reserve and Fill: f gets the lowest free descriptor from min on. The caller's reference goes to the
// table if there is no error.
func (ft *FDTable) Install(t *sched.Thread, f *vfs.File, cloexec bool, min int) (int, error) {
	limit := limit(t)
	if min < 0 || min > 0 && min >= limit {
		return -1, errno.EINVAL.Because("the least descriptor is beyond RLIMIT_NOFILE")
	}
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	fd, err := ft.reserve(min, limit)
	if err == nil {
		ft.files[fd] = FD{f, cloexec}
	}
	return fd, err
}

// Dup2 makes fd new the same file as old, closing what new was: dup2(2) and dup3(2) with old != new.
func (ft *FDTable) Dup2(t *sched.Thread, old, new int, cloexec bool) error {
	limit := limit(t)
	ft.mu.Lock(t)
	if old < 0 || old >= len(ft.files) || ft.files[old].File == nil || new < 0 || new >= limit {
		ft.mu.Unlock(t)
		return errno.EBADF
	}
	var before *vfs.File
	if new < len(ft.files) && ft.used[new/64]&(1<<(new%64)) != 0 {
		if before = ft.files[new].File; before == nil {
			ft.mu.Unlock(t)
			return errno.EBUSY.Because("another thread is opening a file there")
		}
	} else {
		ft.take(new)
	}
	f := ft.files[old].File
	f.IncRef()
	ft.files[new] = FD{f, cloexec}
	ft.mu.Unlock(t)
	if before != nil {
		ft.closeFile(t, before)
	}
	return nil
}

// Remove takes a file out of the table without closing it: the reference goes to the caller.
func (ft *FDTable) Remove(t *sched.Thread, fd int) (*vfs.File, error) {
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	if fd < 0 || fd >= len(ft.files) || ft.files[fd].File == nil {
		return nil, errno.EBADF
	}
	return ft.drop(fd), nil
}

// Close is close(2).
func (ft *FDTable) Close(t *sched.Thread, fd int) error {
	f, err := ft.Remove(t, fd)
	if err != nil {
		return err
	}
	return ft.closeFile(t, f)
}

// CloseRange closes the descriptors first … last, or marks them close-on-exec: close_range(2).
func (ft *FDTable) CloseRange(t *sched.Thread, first, last uint32, cloexec bool) {
	for fd := int(first); ; {
		var files [16]*vfs.File
		n := 0
		ft.mu.Lock(t)
		for ; fd <= int(last) && fd < len(ft.files) && n < len(files); fd++ {
			switch {
			case ft.files[fd].File == nil:
			case cloexec:
				ft.files[fd].CloseOnExec = true
			default:
				files[n] = ft.drop(fd)
				n++
			}
		}
		done := fd > int(last) || fd >= len(ft.files)
		ft.mu.Unlock(t)
		for _, f := range files[:n] {
			ft.closeFile(t, f)
		}
		if done {
			return
		}
	}
}

// Fork returns a copy with references of its own. Descriptors from limit on stay out (close_range(2) with
// CLOSE_RANGE_UNSHARE); reserved ones do too.
func (ft *FDTable) Fork(t *sched.Thread, limit int) *FDTable {
	n := NewFDTable()
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	top := min(len(ft.files), limit)
	for top > 0 && ft.files[top-1].File == nil {
		top--
	}
	for fd, e := range ft.files[:top] {
		if e.File != nil {
			e.File.IncRef()
			if n.files == nil {
				n.files, n.used = make([]FD, (top+63)&^63), make([]uint64, (top+63)/64)
			}
			n.take(fd)
			n.files[fd] = e
		}
	}
	return n
}

// shared reports whether other tasks use the table too.
func (ft *FDTable) shared(t *sched.Thread) bool {
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	return ft.refs > 1
}

// exec closes what is marked close-on-exec.
func (ft *FDTable) exec(t *sched.Thread) {
	for fd := 0; ; fd++ {
		ft.mu.Lock(t)
		for fd < len(ft.files) && (ft.files[fd].File == nil || !ft.files[fd].CloseOnExec) {
			fd++
		}
		var f *vfs.File
		if fd < len(ft.files) {
			f = ft.drop(fd)
		}
		ft.mu.Unlock(t)
		if f == nil {
			return
		}
		ft.closeFile(t, f)
	}
}

// Count returns the number of descriptors in use and the size of the table.
func (ft *FDTable) Count(t *sched.Thread) (used, size int) {
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	return ft.count, len(ft.files)
}

// Next returns the first descriptor from fd on that has a file, with its file and a reference; -1 if there is none.
func (ft *FDTable) Next(t *sched.Thread, fd int) (int, FD) {
	ft.mu.Lock(t)
	defer ft.mu.Unlock(t)
	for fd = max(fd, 0); fd < len(ft.files); fd++ {
		if e := ft.files[fd]; e.File != nil {
			e.File.IncRef()
			return fd, e
		}
	}
	return -1, FD{}
}

// UnshareFiles gives the task a table of its own: unshare(CLONE_FILES), close_range(CLOSE_RANGE_UNSHARE), execve.
// Descriptors from limit on are left behind.
func (t *Task) UnshareFiles(limit int) {
	if !t.FDs.shared(t.Thread) {
		return
	}
	old, n := t.FDs, t.FDs.Fork(t.Thread, limit)
	t.setFiles(n)
	old.Release(t.Thread)
}

func (t *Task) setFiles(ft *FDTable) {
	t.Group.mu.Lock(t.Thread)
	t.FDs = ft
	t.Group.mu.Unlock(t.Thread)
}

// Files returns the task's descriptors with a reference, for other threads; nil once it has ended.
func (t *Task) Files(by *sched.Thread) *FDTable {
	t.Group.mu.Lock(by)
	ft := t.FDs
	t.Group.mu.Unlock(by)
	if ft == nil {
		return nil
	}
	// A table whose last user left meanwhile has no files any more: harmless.
	ft.IncRef(by)
	return ft
}

// File returns the open file of a descriptor with a reference, or EBADF.
func (t *Task) File(fd int) (*vfs.File, error) { return t.FDs.Get(t.Thread, fd) }

// UnshareFS gives the task a root, a working directory and a umask of its own.
func (t *Task) UnshareFS() {
	if t.FS.Refs() == 1 {
		return
	}
	old, n := t.FS, t.FS.Clone(t.Thread)
	t.Group.mu.Lock(t.Thread)
	t.FS = n
	t.Group.mu.Unlock(t.Thread)
	old.DecRef(t.Thread)
}
