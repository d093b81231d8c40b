package ipc

import (
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// Remove is IPC_RMID: who waits gets EIDRM.
func (tab *SemTable) Remove(t *sched.Thread, id int) error {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.owned(t, id)
	if err != nil {
		return err
	}
	s.removed = true
	tab.sems -= len(s.sems)
	tab.keepUndos(s, nil)
	tab.all.remove(s)
	s.wait.WakeAll()
	return nil
}

// Set is IPC_SET.
func (tab *SemTable) Set(t *sched.Thread, id int, p abi.IPCPerm) error {
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

// Stat is IPC_STAT, and byIndex SEM_STAT. It returns the set's number, too.
func (tab *SemTable) Stat(t *sched.Thread, id int, byIndex, check bool) (abi.SemidDs, int, error) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.status(t, id, byIndex, check)
	if err != nil {
		return abi.SemidDs{}, 0, err
	}
	return s.stat(), s.Perm.ID, nil
}

// stat describes the set. Caller holds mu.
func (s *SemSet) stat() abi.SemidDs {
	return abi.SemidDs{Perm: s.Perm.abi(), Otime: s.otime, Ctime: s.ctime, Nsems: uint64(len(s.sems))}
}

// Query is GETVAL, GETPID, GETNCNT and GETZCNT of one semaphore.
func (tab *SemTable) Query(t *sched.Thread, id, num, cmd int) (int, error) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.status(t, id, false, true)
	if err != nil {
		return 0, err
	}
	if num < 0 || num >= len(s.sems) {
		return 0, errno.EINVAL.Because("no such semaphore in the set")
	}
	n := 0
	switch cmd {
	case abi.GETVAL:
		return int(s.sems[num].value), nil
	case abi.GETPID:
		return int(s.sems[num].pid), nil
	}
	for _, w := range s.waiters {
		if int(w.num) == num && w.zero == (cmd == abi.GETZCNT) {
			n++
		}
	}
	return n, nil
}

// Values is GETALL.
func (tab *SemTable) Values(t *sched.Thread, id int) ([]uint16, error) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.status(t, id, false, true)
	if err != nil {
		return nil, err
	}
	out := make([]uint16, len(s.sems))
	for i := range s.sems {
		out[i] = uint16(s.sems[i].value)
	}
	return out, nil
}

// Count returns how many semaphores a set has.
func (tab *SemTable) Count(t *sched.Thread, id int) (int, error) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.find(id, false)
	if err != nil {
		return 0, err
	}
	return len(s.sems), nil
}

// SetValues is SETVAL and SETALL: it sets the semaphores from num on, and nothing of them is undone any more.
func (tab *SemTable) SetValues(t *sched.Thread, id, num int, values []uint16) error {
	now, pid := seconds(t), pidOf(t)
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.find(id, false)
	if err != nil {
		return err
	}
	if err := s.Perm.allows(t, 0o222); err != nil {
		return err
	}
	if num < 0 || num > len(s.sems)-len(values) {
		return errno.EINVAL.Because("no such semaphore in the set")
	}
	for _, v := range values {
		if v > abi.SEMVMX {
			return errno.ERANGE.Because("a semaphore's value is at most 32767")
		}
	}
	for i, v := range values {
		s.sems[num+i] = semaphore{int32(v), pid}
	}
	tab.keepUndos(s, slices.DeleteFunc(slices.Clone(s.undos), func(u semUndo) bool {
		return int(u.num) >= num && int(u.num) < num+len(values)
	}))
	s.ctime = now
	s.wait.WakeAll()
	return nil
}

// Limits is IPC_INFO, and used SEM_INFO. It returns the highest slot, too.
func (tab *SemTable) Limits(t *sched.Thread, used bool) (abi.SemInfo, int) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	i := abi.SemInfo{
		Map: maxAllSems, MNI: MaxSemSets, MNS: maxAllSems, MNU: maxUndos, MSL: MaxSems, OPM: MaxSemOps, UME: MaxSemOps, USZ: 20,
		VMX: abi.SEMVMX, AEM: abi.SEMVMX,
	}
	if used {
		i.USZ, i.AEM = int32(tab.all.used), int32(tab.sems)
	}
	return i, tab.all.highest()
}

// SemStatus is a set for /proc/sysvipc/sem.
type SemStatus struct {
	ID int
	abi.SemidDs
}

// List returns all sets.
func (tab *SemTable) List(t *sched.Thread) (out []SemStatus) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	for _, s := range tab.all.slots {
		if s != nil {
			out = append(out, SemStatus{s.Perm.ID, s.stat()})
		}
	}
	return out
}
