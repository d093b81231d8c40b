package vfs

import (
	"sync/atomic"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// VFS is one kernel's file system switch. Create it with New.
type VFS struct {
	Timers *ktime.Timers // immutable
	Memory *mm.Memory    // immutable; page caches take their frames from it

	// FileSizeLimit returns the greatest size that t may write a file to (RLIMIT_FSIZE); nil: no limit.
	// Immutable once the first task runs.
	FileSizeLimit func(t *sched.Thread) int64

	// OpenFIFO opens a FIFO; package pipefs sets it. Immutable after boot.
	OpenFIFO func(t *sched.Thread, inode *Inode, f *File) error

	mountMu  ksync.Mutex // changes of the mount tree
	renameMu ksync.Mutex // renames that move directories

	dcache    ksync.SpinLock
	mounts    map[mountKey]*Mount // guarded by dcache: what is mounted on a dentry in a mount
	allMounts []*Mount            // guarded by dcache: in order of mounting
	rootMount *Mount              // guarded by dcache
	fsList    *FS                 // guarded by dcache
	caches    *PageCache          // guarded by dcache: those that have pages
	cacheHand *PageCache          // guarded by dcache: where the shrinker goes on
	lru       lruList             // guarded by dcache
	stats     DcacheStats         // guarded by dcache
	lastMount int                 // guarded by mountMu

	locksMu   ksync.SpinLock
	lockQueue ksync.WaitQueue // woken when a lock is released
	waiters   []*lockWaiter   // guarded by locksMu: for deadlock detection

	chars   []*charDev     // guarded by dcache; sorted by number
	sources map[string]any // immutable after boot

	sharedMu ksync.Mutex
	shared   map[string]any                     // guarded by sharedMu
	nodes    []func(t *sched.Thread, c CharDev) // guarded by dcache: who makes nodes for devices

	anonSB  *Superblock // inodes of files without a name
	lastDev atomic.Uint32
	open    atomic.Int64 // open file descriptions
}

// MaxFiles bounds the open file descriptions of one kernel (/proc/sys/fs/file-max).
const MaxFiles = 1 << 20

// Config is what a VFS stands on.
type Config struct {
	Timers *ktime.Timers
	Memory *mm.Memory
}

// New returns a VFS without a root.
func New(c Config) *VFS {
	v := &VFS{
		Timers: c.Timers, Memory: c.Memory,
		mountMu: ksync.NewMutex(&classMount), renameMu: ksync.NewMutex(&classRename),
		dcache: ksync.NewSpinLock(&classDcache), locksMu: ksync.NewSpinLock(&classLocks),
		mounts: map[mountKey]*Mount{}, sources: map[string]any{},
		sharedMu: ksync.NewMutex(&classMount), shared: map[string]any{},
	}
	v.lru.max = defaultDentries
	v.anonSB = v.NewSuperblock("anon_inodefs", "none", 0x09041934, nil)
	if c.Memory != nil {
		c.Memory.RegisterShrinker("page cache", v.shrinkPages)
	}
	return v
}

// Now returns the wall time in nanoseconds: what goes into a file's times.
func (v *VFS) Now() int64 { return v.Timers.Wall() }

// OpenFiles returns the number of open file descriptions.
func (v *VFS) OpenFiles() int64 { return v.open.Load() }

// RegisterSource makes something known under the name by which mount(2) asks for it as a source: a 9P tag.
// For boot.
func (v *VFS) RegisterSource(name string, x any) { v.sources[name] = x }

// Source returns what was registered under name; nil if nothing was.
func (v *VFS) Source(name string) any { return v.sources[name] }

// Shared returns the object of that name, having made it at the first call: what a filesystem keeps once a kernel.
func (v *VFS) Shared(t *sched.Thread, name string, make func() any) any {
	v.sharedMu.Lock(t)
	defer v.sharedMu.Unlock(t)
	if v.shared[name] == nil {
		v.shared[name] = make()
	}
	return v.shared[name]
}

func (v *VFS) sizeLimit(t *sched.Thread) int64 {
	if v.FileSizeLimit == nil {
		return maxFileSize
	}
	return min(v.FileSizeLimit(t), maxFileSize)
}

// maxFileSize is what off_t can express (Linux: MAX_LFS_FILESIZE).
const maxFileSize = 1<<63 - 1

// checkRange checks offset and length of a read or write.
func checkRange(off int64, n int) error {
	if off < 0 {
		return errno.EINVAL.Because("the offset is negative")
	}
	if off > maxFileSize-int64(n) {
		return errno.EOVERFLOW.Because("offset plus length do not fit off_t")
	}
	return nil
}
