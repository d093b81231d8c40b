package mm

import (
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// Memory: see frames.go.
type Memory struct{}

func NewMemory(ram []byte, reserved uint64) *Memory { panic("todo") }

// Alloc returns 1<<order contiguous frames, aligned to their number, with one reference each. Zero: contents cleared.
func (m *Memory) Alloc(t *sched.Thread, order int, zero bool) (PFN, error) { panic("todo") }

// AllocRun returns n contiguous frames (one reference each).
func (m *Memory) AllocRun(t *sched.Thread, n uint64, zero bool) (PFN, error) { panic("todo") }
func (m *Memory) IncRef(p PFN)                                              {}
func (m *Memory) DecRef(t *sched.Thread, p PFN)                             {}
func (m *Memory) Refs(p PFN) int                                            { return 0 }
func (m *Memory) Mapped(p PFN) bool                                         { return false }
func (m *Memory) Bytes(p PFN, n uint64) []byte                              { return nil }

// Donate gives bytes that were reserved (the initrd) to the allocator.
func (m *Memory) Donate(t *sched.Thread, addr, size uint64) {}

// RegisterShrinker: f frees up to want pages of a cache and returns how many; it may be called with locks up to
// RankPageCache held, so it takes its own by TryLock only.
func (m *Memory) RegisterShrinker(name string, f func(t *sched.Thread, want int) int) {}

type MemStats struct{ Total, Free, Available, Cached, Anon, Mapped, Shmem, PageTables, Reserved, Committed uint64 } // pages

func (m *Memory) Stats(t *sched.Thread) MemStats { return MemStats{} }

type AddressSpace struct{}

func New(t *sched.Thread, mem *Memory, plat platform.AddressSpace) (*AddressSpace, error) {
	panic("todo")
}
func Of(t *sched.Thread) *AddressSpace { as, _ := t.MM.(*AddressSpace); return as }
func (as *AddressSpace) Fork(t *sched.Thread, child platform.AddressSpace) (*AddressSpace, error) {
	panic("todo")
}
func (as *AddressSpace) IncRef()                 {}
func (as *AddressSpace) Release(t *sched.Thread) {} // drops a reference; the last one frees everything and calls plat.Release
// Exec empties the address space for a new program.
func (as *AddressSpace) Exec(t *sched.Thread, keep platform.Context) error { panic("todo") }
func (as *AddressSpace) NewContext(t *sched.Thread) (platform.Context, error) {
	panic("todo")
}
func (as *AddressSpace) SetLimits(l Limits)                                              {}
func (as *AddressSpace) Mmap(t *sched.Thread, req MapRequest) (UAddr, error)             { panic("todo") }
func (as *AddressSpace) Munmap(t *sched.Thread, addr UAddr, size uint64) error           { panic("todo") }
func (as *AddressSpace) Mprotect(t *sched.Thread, addr UAddr, size uint64, p Prot) error { panic("todo") }
func (as *AddressSpace) Brk(t *sched.Thread, addr UAddr) UAddr                           { panic("todo") }
func (as *AddressSpace) RSS() uint64                                                     { return 0 } // pages
func (as *AddressSpace) OOMScore(adj int) int                                            { return 0 }

type VMA struct{ Start, End uint64 }

// Zap forgets the pages [first, first+n) of the object in this area: truncation.
func (v *VMA) Zap(t *sched.Thread, first, n uint64) {}

// WriteProtect makes the next write to the pages call Pager.Dirty again: write-back.
func (v *VMA) WriteProtect(t *sched.Thread, first, n uint64) {}

func HandleFault(t *sched.Thread, addr UAddr, access platform.Access) error { panic("todo") }
func CopyIn(t *sched.Thread, dst []byte, src UAddr) error                   { panic("todo") }
func CopyOut(t *sched.Thread, dst UAddr, src []byte) error                  { panic("todo") }
func ZeroOut(t *sched.Thread, dst UAddr, n uint64) error                    { panic("todo") }

// CopyInString: longer than max: ENAMETOOLONG.
func CopyInString(t *sched.Thread, src UAddr, max int) (string, error)           { panic("todo") }
func CopyInStruct[T any](t *sched.Thread, addr UAddr) (v T, err error)           { panic("todo") }
func CopyOutStruct[T any](t *sched.Thread, addr UAddr, v *T) error               { panic("todo") }
func CopyInSlice[T any](t *sched.Thread, addr UAddr, n int) ([]T, error)         { panic("todo") }
func CopyOutSlice[T any](t *sched.Thread, addr UAddr, s []T) error               { panic("todo") }
func LoadUint32(t *sched.Thread, addr UAddr) (uint32, error)                     { panic("todo") }
func StoreUint32(t *sched.Thread, addr UAddr, v uint32) error                    { panic("todo") }
func CompareAndSwapUint32(t *sched.Thread, addr UAddr, old, new uint32) (prev uint32, err error) {
	panic("todo")
}

// WithWord calls f with the user's 32-bit word at addr, faulted in (for writing if write). The address space is
// locked for reading meanwhile, so the page can't be copied or go: f may take spinlocks (a futex bucket), not sleep or fault.
func WithWord(t *sched.Thread, addr UAddr, write bool, f func(p *uint32)) error { panic("todo") }

// FutexKey names a futex: the same for all who share the word.
type FutexKey struct {
	Object any // *AddressSpace or Pager
	Offset uint64
}

func FutexKeyOf(t *sched.Thread, addr UAddr, private bool) (FutexKey, error) { panic("todo") }

// AccessRemote reads or writes another address space (force: also what the program may not: debuggers). Returns bytes done.
func AccessRemote(t *sched.Thread, as *AddressSpace, addr UAddr, buf []byte, write, force bool) (int, error) {
	panic("todo")
}

// IO is a cursor over the caller's buffers: user memory or kernel memory.
type IO struct{}

func UserIO(t *sched.Thread, addr UAddr, n uint64) *IO                     { panic("todo") }
func UserIOVec(t *sched.Thread, iov UAddr, count int) (*IO, error)         { panic("todo") }
func KernelIO(b []byte) *IO                                                { panic("todo") }
func (io *IO) Len() int                                                    { return 0 }
func (io *IO) CopyOut(t *sched.Thread, p []byte) (int, error)              { panic("todo") }
func (io *IO) CopyIn(t *sched.Thread, p []byte) (int, error)               { panic("todo") }
func (io *IO) Zero(t *sched.Thread, n int) (int, error)                    { panic("todo") }
