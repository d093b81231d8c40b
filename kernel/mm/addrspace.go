package mm

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/ksync"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

var classAddrSpace = &ksync.Class{Name: "addrspace", Rank: ksync.RankAddrSpace}

// AddressSpace is what a process's programs can reach. Tasks that share one (threads, vfork) hold a
// reference each.
type AddressSpace struct {
	mem  *Memory               // immutable
	plat platform.AddressSpace // immutable; calls are serialised by mu
	refs atomic.Int32

	mu ksync.RWMutex // RankAddrSpace

	// Guarded by mu.
	vmas    []*VMA // by address, not overlapping
	hint    *VMA   // where the last fault was
	pt      pageTable
	blocks  map[uint64]*reservation // by block number
	dead    bool
	loading bool // a program is being loaded: see Loading

	brkStart, brk uint64
	mmapTop       uint64 // mappings go below, downwards
	lockFuture    Flags  // Locked after mlockall(MCL_FUTURE)

	total, data, committed, stack, locked int64 // pages of the areas, by kind
	peak                                  int64 // of total

	// What has been taken out of the page table since the last flush.
	freed []PFN // references to drop after Commit
	stale bool  // rights were taken away
	late  []PFN // references to drop when the platform has settled: see flushLate

	files []File // to be released when mu is given back

	watch  atomic.Pointer[watches] // what a debugger watches; nil: nothing. Changes under mu
	opened []uint64                // watched pages that an instruction is being executed on; guarded by mu

	// Set by the loader for /proc/PID/{cmdline,environ,auxv,stat}.
	args, env [2]UAddr
	auxv      []byte

	resident [3]int64        // pages by countAnon, countFile, countShmem; guarded by mu
	rss      [3]atomic.Int64 // the same, as of the last time mu was given back
	maxRSS   atomic.Int64
	limits   [4]atomic.Uint64
}

// Indices of AddressSpace.limits.
const (
	limitAS = iota
	limitData
	limitStack
	limitMemLock
)

// Layout of user space: the stack at the top, mappings below it with room for
// the stack to grow.
const (
	UserTop       = amd64.UserTop
	stackGuard    = 256 * PageSize // kept free below a stack
	minStackGap   = 128 << 20
	maxStackGap   = UserTop / 6 * 5
	defaultStack  = 8 << 20
	maxAreas      = 65530 // vm.max_map_count
	low32From     = 0x4000_0000
	low32To       = 0x8000_0000
	maxCopiedFork = 256 // pages that fork copies at once rather than share
)

// New returns an empty address space on plat, which it owns from now on, with one reference.
func New(t *sched.Thread, mem *Memory, plat platform.AddressSpace) (*AddressSpace, error) {
	as := &AddressSpace{mem: mem, plat: plat, mu: ksync.NewRWMutex(classAddrSpace), blocks: map[uint64]*reservation{}}
	as.refs.Store(1)
	as.SetLimits(Limits{NoLimit, NoLimit, defaultStack, NoLimit})
	as.mmapTop = as.mmapBase()
	mem.drain(t, false)
	if err := as.pt.init(t, mem); err != nil {
		return nil, err
	}
	mem.mu.Lock(t)
	mem.spaces = append(mem.spaces, as)
	mem.mu.Unlock(t)
	return as, nil
}

// Of returns the address space that t runs in; nil for a kernel thread.
func Of(t *sched.Thread) *AddressSpace {
	as, _ := t.MM.(*AddressSpace)
	return as
}

// Mem returns the memory that as is made of.
func (as *AddressSpace) Mem() *Memory { return as.mem }

// IncRef adds a user.
func (as *AddressSpace) IncRef() { as.refs.Add(1) }

// Users returns the number of references.
func (as *AddressSpace) Users() int { return int(as.refs.Load()) }

// Release drops a reference. With the last one all user threads end and the frames are free.
func (as *AddressSpace) Release(t *sched.Thread) {
	if as.refs.Add(-1) > 0 {
		return
	}
	as.lock(t)
	defer as.unlock(t)
	as.plat.Release()
	as.empty(t)
	as.mem.dropLater(t, as.plat, append(as.late, as.freed...))
	as.late, as.freed, as.stale = nil, nil, false
	as.dead = true
	as.pt.release(t)
	as.mem.mu.Lock(t)
	if i := slices.Index(as.mem.spaces, as); i >= 0 {
		as.mem.spaces = slices.Delete(as.mem.spaces, i, i+1)
	}
	as.mem.mu.Unlock(t)
}

// Exec empties the address space for a new program. keep is the Context of the caller, the only one
// that lives on. Caller holds the only reference.
func (as *AddressSpace) Exec(t *sched.Thread, keep platform.Context) error {
	as.lock(t)
	defer as.unlock(t)
	as.plat.Reset(keep)
	as.empty(t)
	as.stale = true
	as.flushLate(t)
	as.brkStart, as.brk, as.lockFuture, as.peak = 0, 0, 0, 0
	as.maxRSS.Store(0)
	as.watch.Store(nil)
	as.opened = nil
	as.args, as.env, as.auxv = [2]UAddr{}, [2]UAddr{}, nil
	as.mmapTop = as.mmapBase()
	return nil
}

// empty removes all areas. The platform was told already; flush or its like must follow.
func (as *AddressSpace) empty(t *sched.Thread) {
	for i, v := range as.vmas {
		as.account(v, -1)
		as.pt.each(v.Start, v.End, as.clear)
		next := uint64(allOf) // a table goes with the last area that it serves
		if i+1 < len(as.vmas) {
			next = as.vmas[i+1].Start
		}
		as.pt.prune(t, v.Start, v.End, 0, next)
		v.gone = true
		as.letGo(t, v)
	}
	as.vmas = nil
	for _, key := range sortedKeys(as.blocks) {
		for as.blocks[key] != nil {
			as.forget(t, key, as.blocks[key])
		}
	}
}

// NewContext adds a user thread.
func (as *AddressSpace) NewContext(t *sched.Thread) (platform.Context, error) {
	as.lock(t)
	defer as.unlock(t)
	return as.plat.NewContext()
}

// HostPID is the host process of the user code, or 0.
func (as *AddressSpace) HostPID() int { return as.plat.HostPID() }

// SetLimits says which resource limits hold from now on.
func (as *AddressSpace) SetLimits(l Limits) {
	as.limits[limitAS].Store(l.AS)
	as.limits[limitData].Store(l.Data)
	as.limits[limitStack].Store(l.Stack)
	as.limits[limitMemLock].Store(l.MemLock)
}

// SetLayout places mappings lower bytes below where the stack may grow to. The loader calls it.
func (as *AddressSpace) SetLayout(t *sched.Thread, stackLimit, lower uint64) {
	as.lock(t)
	defer as.unlock(t)
	as.limits[limitStack].Store(stackLimit)
	as.mmapTop = as.mmapBase() - pageDown(min(lower, UserTop/4))
}

// mmapBase leaves room for the stack.
func (as *AddressSpace) mmapBase() uint64 {
	gap := min(max(as.limits[limitStack].Load(), minStackGap), maxStackGap)
	return pageDown(UserTop - gap - stackGuard)
}

// lock takes as.mu for a change. What was taken away by earlier ones may be settled by now.
func (as *AddressSpace) lock(t *sched.Thread) {
	as.mu.Lock(t)
	if len(as.late) > 0 && as.plat.Settled() {
		as.dropLate(t)
	}
}

// unlock gives as.mu back after a change, and then the files that are no longer mapped.
func (as *AddressSpace) unlock(t *sched.Thread) {
	files := as.files
	as.files = nil
	as.publish()
	as.mu.Unlock(t)
	for _, f := range files {
		f.DecRef(t)
	}
}

// publish tells everybody how many pages are resident.
func (as *AddressSpace) publish() {
	changed := false
	for k, n := range as.resident {
		if was := as.rss[k].Load(); was != n {
			as.rss[k].Store(n)
			as.mem.counts[k].Add(n - was)
			changed = true
		}
	}
	if changed {
		as.maxRSS.Store(max(as.maxRSS.Load(), int64(as.RSS())))
	}
}

// set enters a frame, whose reference it takes over, into an empty entry.
func (as *AddressSpace) set(e *pte, p PFN, bits pte) {
	*e = amd64.MakePTE(uint64(p), bits)
	k := kindOf(*e)
	as.resident[k]++
	if k != countAnon {
		as.mem.pages[p].maps.Add(1)
	}
}

// clear empties an entry; its frame's reference is dropped by flush.
func (as *AddressSpace) clear(_ uint64, e *pte) {
	p, k := PFN(e.Frame()), kindOf(*e)
	as.resident[k]--
	if k != countAnon {
		as.mem.pages[p].maps.Add(-1)
	}
	if e.Has(amd64.PTEPresent) {
		as.stale = true
	}
	*e = 0
	as.freed = append(as.freed, p)
}

func kindOf(e pte) int {
	switch {
	case e.Has(pteAnon):
		return countAnon
	case e.Has(pteShmem):
		return countShmem
	}
	return countFile
}

// zap empties the entries of [start, end) and their translations. flush must follow.
func (as *AddressSpace) zap(t *sched.Thread, start, end uint64) {
	before := len(as.freed)
	as.pt.each(start, end, as.clear)
	if len(as.freed) > before {
		as.plat.Unmap(start, end-start)
	}
}

// RSS returns the resident pages.
func (as *AddressSpace) RSS() uint64 {
	return uint64(max(as.rss[countAnon].Load()+as.rss[countFile].Load()+as.rss[countShmem].Load(), 0))
}

// OOMScore says how good a victim the process is: pages that its end would free, changed by
// oom_score_adj (-1000 … 1000, in thousandths of the memory). 0 and below: never. See proc(5).
func (as *AddressSpace) OOMScore(adj int) int64 {
	if adj <= -1000 {
		return 0
	}
	points := int64(as.RSS()) + int64(as.pt.tables)
	return max(points+int64(adj)*int64(as.mem.total)/1000, 1)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
