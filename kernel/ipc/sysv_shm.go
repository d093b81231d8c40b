package ipc

import (
	"fmt"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// MaxSegments is shmmni. A segment's size is bounded by the machine's memory.
const MaxSegments = 4096

// ShmTable has all segments of shared memory.
type ShmTable struct {
	mem *mm.Memory

	mu  ksync.SpinLock
	all registry[*Segment] // guarded by mu
}

// Segment is shared memory: an Object that counts the areas that map it. After IPC_RMID it goes with the last one.
type Segment struct {
	*mm.Object // immutable, as tab and size
	tab        *ShmTable
	size       uint64 // bytes

	Perm                Perm // guarded by tab.mu, as all below
	attached            int  // areas; a mapping that is split counts twice, as Linux counts it
	doomed              bool
	locked              bool // SHM_LOCK: for show, as nothing is swapped
	atime, dtime, ctime int64
	cpid, lpid          int32
}

func (s *Segment) perm() *Perm { return &s.Perm }

// Get is shmget(2): it returns the number of the key's segment, making one of size bytes if flags ask for it.
func (tab *ShmTable) Get(t *sched.Thread, key int, size uint64, flags int) (int, error) {
	if flags&abi.SHM_HUGETLB != 0 {
		return 0, errno.ENOMEM.Because("no huge pages are set aside")
	}
	now, pid, most := seconds(t), pidOf(t), tab.limit(t)
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.get(t, key, flags)
	switch {
	case err != nil:
		return 0, err
	case s != nil && size > s.size:
		return 0, errno.EINVAL.Because("the segment is smaller")
	case s != nil:
		return s.Perm.ID, nil
	case size == 0:
		return 0, errno.EINVAL.Because("size 0")
	case size > most:
		return 0, errno.ENOMEM.Because("more than the machine's memory")
	}
	s = &Segment{Object: mm.NewObject(tab.mem, size), tab: tab, size: size, Perm: newPerm(t, key, flags), ctime: now, cpid: pid}
	return tab.all.add(s), nil
}

// limit is shmmax: the machine's memory in bytes.
func (tab *ShmTable) limit(t *sched.Thread) uint64 {
	return uint64(tab.mem.Stats(t).Total) * mm.PageSize
}

// Attach is shmat(2): it maps a segment into the caller's address space.
func (tab *ShmTable) Attach(t *sched.Thread, id int, addr mm.UAddr, flags int) (mm.UAddr, error) {
	if flags&abi.SHM_RND != 0 {
		addr &^= mm.PageSize - 1
	}
	r := mm.MapRequest{Addr: addr, Prot: mm.Read | mm.Write, Flags: abi.MAP_SHARED, ReadOnlyFile: flags&abi.SHM_RDONLY != 0}
	want := uint32(0o666)
	if r.ReadOnlyFile {
		r.Prot, want = mm.Read, 0o444
	}
	if flags&abi.SHM_EXEC != 0 {
		r.Prot, want = r.Prot|mm.Exec, want|0o111
	}
	switch {
	case addr%mm.PageSize != 0:
		return 0, errno.EINVAL.Because("the address isn't a multiple of a page")
	case addr == 0 && flags&abi.SHM_REMAP != 0:
		return 0, errno.EINVAL.Because("SHM_REMAP without an address")
	case flags&abi.SHM_REMAP != 0:
		r.Flags |= abi.MAP_FIXED
	case addr != 0:
		r.Flags |= abi.MAP_FIXED_NOREPLACE
	}
	tab.mu.Lock(t)
	s, err := tab.all.status(t, id, false, false)
	if err == nil {
		err = s.Perm.allows(t, want)
	}
	if err != nil {
		tab.mu.Unlock(t)
		return 0, err
	}
	s.attached++ // it stays until it is mapped, whatever others do
	tab.mu.Unlock(t)
	defer s.letGo(t)
	r.Len, r.Pager, r.File, r.Name = s.size, s, s.Object, fmt.Sprintf("/SYSV%08x (deleted)", uint32(s.Perm.Key))
	at, err := mm.Of(t).Mmap(t, r)
	if err == errno.EEXIST {
		err = errno.EINVAL.Because("something is mapped there")
	}
	return at, err
}

// DetachAt is shmdt(2): it unmaps the segment that was attached at addr.
func (tab *ShmTable) DetachAt(t *sched.Thread, addr mm.UAddr) error {
	return mm.Of(t).UnmapObject(t, addr, func(p mm.Pager) bool {
		_, ok := p.(*Segment)
		return ok
	})
}

// Attach implements mm.Pager: one area more.
func (s *Segment) Attach(t *sched.Thread, _ *mm.VMA) {
	now, pid := seconds(t), pidOf(t)
	s.tab.mu.Lock(t)
	s.attached++
	s.atime, s.lpid = now, pid
	s.tab.mu.Unlock(t)
}

// Detach implements mm.Pager: one area less.
func (s *Segment) Detach(t *sched.Thread, _ *mm.VMA) {
	now, pid := seconds(t), pidOf(t)
	s.tab.mu.Lock(t)
	s.dtime, s.lpid = now, pid
	s.tab.mu.Unlock(t)
	s.letGo(t)
}

// letGo counts one area less; the last one of a doomed segment takes it along.
func (s *Segment) letGo(t *sched.Thread) {
	s.tab.mu.Lock(t)
	s.attached--
	last := s.doomed && s.attached == 0
	if last {
		s.tab.all.remove(s)
	}
	s.tab.mu.Unlock(t)
	if last {
		s.DecRef(t)
	}
}

// Remove is IPC_RMID: nobody finds the segment by its key any more.
func (tab *ShmTable) Remove(t *sched.Thread, id int) error {
	tab.mu.Lock(t)
	s, err := tab.all.owned(t, id)
	if err != nil {
		tab.mu.Unlock(t)
		return err
	}
	s.doomed, s.Perm.Key = true, abi.IPC_PRIVATE
	s.attached++ // for letGo
	tab.mu.Unlock(t)
	s.letGo(t)
	return nil
}

// Set is IPC_SET.
func (tab *ShmTable) Set(t *sched.Thread, id int, p abi.IPCPerm) error {
	now := seconds(t)
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.owned(t, id)
	if err != nil {
		return err
	}
	s.ctime = now
	return s.Perm.set(p)
}

// Lock is SHM_LOCK and SHM_UNLOCK: memory stays in memory anyway.
func (tab *ShmTable) Lock(t *sched.Thread, id int, on bool) error {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.owned(t, id)
	if err == nil {
		s.locked = on
	}
	return err
}

// Stat is IPC_STAT, and byIndex SHM_STAT. It returns the segment's number, too.
func (tab *ShmTable) Stat(t *sched.Thread, id int, byIndex, check bool) (abi.ShmidDs, int, error) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.status(t, id, byIndex, check)
	if err != nil {
		return abi.ShmidDs{}, 0, err
	}
	return s.stat(), s.Perm.ID, nil
}

// stat describes the segment. Caller holds tab.mu.
func (s *Segment) stat() abi.ShmidDs {
	ds := abi.ShmidDs{
		Perm: s.Perm.abi(), Segsz: s.size, Atime: s.atime, Dtime: s.dtime, Ctime: s.ctime, CPID: s.cpid, LPID: s.lpid, Nattch: uint64(s.attached),
	}
	if s.doomed {
		ds.Perm.Mode |= abi.SHM_DEST
	}
	if s.locked {
		ds.Perm.Mode |= abi.SHM_LOCKED
	}
	return ds
}

// Limits is IPC_INFO, with the highest slot.
func (tab *ShmTable) Limits(t *sched.Thread) (abi.ShmInfo64, int) {
	all := tab.limit(t)
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	return abi.ShmInfo64{Max: all, Min: 1, MNI: MaxSegments, Seg: MaxSegments, All: all / mm.PageSize}, tab.all.highest()
}

// Usage is SHM_INFO.
func (tab *ShmTable) Usage(t *sched.Thread) (abi.ShmUsage, int) {
	u := abi.ShmUsage{}
	list, highest := tab.list(t)
	for _, s := range list {
		u.UsedIDs++
		u.Total += s.Pages()
		u.RSS += s.Resident(t)
	}
	return u, highest
}

// list returns the segments. One may be removed meanwhile: its pages count as none then.
func (tab *ShmTable) list(t *sched.Thread) (list []*Segment, highest int) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	for _, s := range tab.all.slots {
		if s != nil {
			list = append(list, s)
		}
	}
	return list, tab.all.highest()
}

// ShmStatus is a segment for /proc/sysvipc/shm.
type ShmStatus struct {
	ID  int
	Key int32
	abi.ShmidDs
	RSS uint64 // bytes
}

// List returns all segments.
func (tab *ShmTable) List(t *sched.Thread) []ShmStatus {
	list, _ := tab.list(t)
	var out []ShmStatus
	for _, s := range list {
		tab.mu.Lock(t)
		ds := s.stat()
		tab.mu.Unlock(t)
		out = append(out, ShmStatus{s.Perm.ID, ds.Perm.Key, ds, s.Resident(t) * mm.PageSize})
	}
	return out
}
