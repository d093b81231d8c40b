package mm

import (
	"fmt"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// UAddr is an address that a user program named: an allegation until a copy
// or a fault has proved it.
type UAddr uint64

// PFN is a page-frame number: the frame's offset in RAM in pages.
type PFN uint32

// Prot is what a program may do with a mapping: Read, Write, Exec.
type Prot = platform.Prot

// Protections.
const (
	Read  = platform.Read
	Write = platform.Write
	Exec  = platform.Exec
)

// Geometry.
const (
	PageShift = amd64.PageShift
	PageSize  = amd64.PageSize
	pageMask  = PageSize - 1
	minAddr   = 0x10000 // vm.mmap_min_addr: nothing is mapped below
)

// Flags of a VMA.
type Flags uint32

// The flags; those of madvise(2) stay with the area when it is split.
const (
	Shared     Flags = 1 << iota // writes go to the pager; otherwise copy-on-write
	GrowsDown                    // a stack: faults below extend it
	NoReserve                    // not counted as committed
	DontFork                     // MADV_DONTFORK
	WipeOnFork                   // MADV_WIPEONFORK
	Locked                       // mlock(2)
	Heap                         // grows by brk(2)
	Stack                        // the main thread's stack
	DontExpand                   // mremap(2) may not grow it
	DontDump                     // MADV_DONTDUMP
	Special                      // the kernel's own: [vdso], [vvar]
	MayWrite                     // mprotect(2) may add Write (a shared mapping of a file opened read-only lacks it)
)

// File keeps a mapped file open. *vfs.File is one.
type File interface {
	IncRef()
	// DecRef gives the reference back. The caller holds no lock of rank RankInode or above.
	DecRef(t *sched.Thread)
}

// Pager is how mm reaches the pages of a file or of another memory object.
//
// Frames are handed out with a reference for the caller. The pager's methods
// are called with the address space locked, so they take locks of rank
// RankPageCache and above only.
type Pager interface {
	// Page returns the frame of a page, reading it in if need be, with a reference.
	// write says that the page is about to be changed. Beyond the end of the object the error is ErrBus.
	// A wait that a signal ends returns errno.RestartSys.
	Page(t *sched.Thread, index uint64, write bool) (PFN, error)

	// Run returns the longest run of pages in [lo, hi) around index that are
	// present, with consecutive frames, without I/O: the first page's index, its frame and the number of
	// pages, which is 0 if index itself isn't present. Each frame of the run has a reference for the caller.
	Run(t *sched.Thread, index, lo, hi uint64) (first uint64, pfn PFN, n uint64)

	// Attach and Detach tell the pager about areas that map it, so that truncation
	// can call VMA.Zap and write-back VMA.WriteProtect.
	Attach(t *sched.Thread, v *VMA)
	Detach(t *sched.Thread, v *VMA)

	// Dirty says that a page was made writable in a shared mapping.
	Dirty(t *sched.Thread, index uint64)

	// Sync writes changed pages in [from, to) to the object's home, as msync(2) with MS_SYNC.
	// It is called without the address space's lock.
	Sync(t *sched.Thread, from, to uint64) error
}

// Untracked is implemented by pagers that needn't know which pages are dirty (memory
// objects): their pages are mapped writable at once.
type Untracked interface{ Untracked() bool }

// ErrBus says that a page lies beyond the end of its object.
var ErrBus = errno.EFAULT.Because("beyond the end of the mapped object")

// ErrOOM says that there is no frame left and nothing to reclaim.
var ErrOOM = errno.ENOMEM.Because("out of memory")

// Fault is a page fault that the program has to answer for: it gets Signal.
type Fault struct {
	Signal int   // SIGSEGV or SIGBUS
	Code   int   // siginfo's si_code
	Addr   UAddr // si_addr
}

func (f *Fault) Error() string {
	return fmt.Sprintf("signal %d (code %d) at %#x", f.Signal, f.Code, uint64(f.Addr))
}

// Unwrap makes a Fault EFAULT for system calls.
func (f *Fault) Unwrap() error { return errno.EFAULT }

// MapRequest is what Mmap is to do. A file's Mapper fills in Pager and File.
type MapRequest struct {
	Addr   UAddr
	Len    uint64
	Prot   Prot
	Flags  int // MAP_*
	Pager  Pager
	Offset uint64 // into the object, bytes
	File   File   // Mmap takes references of its own
	Name   string // for /proc/PID/maps: a path or "[heap]"

	// ReadOnlyFile says that the file isn't open for writing: a shared mapping can't be made writable.
	ReadOnlyFile bool

	VMFlags Flags // additional flags; for the kernel's own mappings
}

// Limits are the resource limits that an address space obeys, in bytes.
type Limits struct{ AS, Data, Stack, MemLock uint64 }

// NoLimit is RLIM_INFINITY.
const NoLimit = ^uint64(0)

func pageUp(n uint64) uint64   { return (n + pageMask) &^ pageMask }
func pageDown(n uint64) uint64 { return n &^ pageMask }
