package ipc

import (
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// Limits of semaphores.
const (
	MaxSemSets = 1024    // semmni
	MaxSems    = 32000   // semmsl: of a set
	maxAllSems = 1 << 20 // semmns
	MaxSemOps  = 500     // semopm
	maxUndos   = 1 << 16 // semmnu: semaphores with something to undo, of all processes
)

// SemTable has all sets of semaphores.
type SemTable struct {
	mu    ksync.SpinLock
	all   registry[*SemSet] // guarded by mu, and all that is in it, as all below
	sems  int
	undos int
}

// SemSet is a set of semaphores, on which semop(2) does several operations at once.
type SemSet struct {
	Perm         Perm
	sems         []semaphore
	undos        []semUndo // what SEM_UNDO left, in the order of its first use
	waiters      []*semWaiter
	otime, ctime int64
	removed      bool

	wait ksync.WaitQueue // for any change
}

type semaphore struct {
	value int32
	pid   int32 // of who changed it last
}

// semUndo is what is added to a semaphore when a process ends.
type semUndo struct {
	pid    int32
	num    uint16
	adjust int32
}

// semWaiter is who waits for a semaphore: to become zero, or to grow.
type semWaiter struct {
	num  uint16
	zero bool
}

func (s *SemSet) perm() *Perm { return &s.Perm }

// Get is semget(2).
func (tab *SemTable) Get(t *sched.Thread, key, n, flags int) (int, error) {
	now := seconds(t)
	if n < 0 || n > MaxSems {
		return 0, errno.EINVAL.Because("more semaphores than a set may have")
	}
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	s, err := tab.all.get(t, key, flags)
	switch {
	case err != nil:
		return 0, err
	case s != nil && n > len(s.sems):
		return 0, errno.EINVAL.Because("the set has fewer semaphores")
	case s != nil:
		return s.Perm.ID, nil
	case n == 0:
		return 0, errno.EINVAL.Because("a set of no semaphores")
	case tab.sems+n > maxAllSems:
		return 0, errno.ENOSPC.Because("there are as many semaphores as there may be")
	}
	tab.sems += n
	return tab.all.add(&SemSet{Perm: newPerm(t, key, flags), sems: make([]semaphore, n), ctime: now}), nil
}

// Op is semtimedop(2): all operations at once, as soon as that is possible. deadline is monotonic.
func (tab *SemTable) Op(t *sched.Thread, id int, ops []abi.Sembuf, deadline int64) error {
	now, pid := seconds(t), pidOf(t)
	tab.mu.Lock(t)
	s, err := tab.find(t, id, ops)
	if err != nil {
		tab.mu.Unlock(t)
		return err
	}
	blocked, err := tab.try(s, ops, pid, now)
	if err != nil || blocked < 0 {
		tab.mu.Unlock(t)
		return err
	}
	w := &semWaiter{num: ops[blocked].Num, zero: ops[blocked].Op == 0}
	s.waiters = append(s.waiters, w)
	tab.mu.Unlock(t)

	var result error
	err = s.wait.WaitUntil(t, "semop", deadline, func() bool {
		tab.mu.Lock(t)
		defer tab.mu.Unlock(t)
		if s.removed {
			result = errno.EIDRM
			return true
		}
		blocked, result = tab.try(s, ops, pid, now)
		if result == nil && blocked >= 0 {
			w.num, w.zero = ops[blocked].Num, ops[blocked].Op == 0
			return false
		}
		return true
	})
	tab.mu.Lock(t)
	s.waiters = slices.DeleteFunc(s.waiters, func(x *semWaiter) bool { return x == w })
	tab.mu.Unlock(t)
	if err != nil {
		return interrupted(err)
	}
	return result
}

// find finds a set and checks that the caller may do ops to it. Caller holds mu.
func (tab *SemTable) find(t *sched.Thread, id int, ops []abi.Sembuf) (*SemSet, error) {
	s, err := tab.all.find(id, false)
	if err != nil {
		return nil, err
	}
	want := uint32(0o444)
	for _, op := range ops {
		if int(op.Num) >= len(s.sems) {
			return nil, errno.EFBIG.Because("no such semaphore in the set")
		}
		if op.Op != 0 {
			want = 0o222
		}
	}
	return s, s.Perm.allows(t, want)
}

// try does all operations or none. It returns the one that must wait, or -1. Caller holds mu.
func (tab *SemTable) try(s *SemSet, ops []abi.Sembuf, pid int32, now int64) (blocked int, err error) {
	done := 0
	blocked = -1
	for i, op := range ops {
		sem := &s.sems[op.Num]
		n := sem.value + int32(op.Op)
		switch {
		case op.Op == 0 && sem.value != 0, n < 0:
			if blocked = i; op.Flg&abi.IPC_NOWAIT != 0 {
				err = errno.EAGAIN
			}
		case n > abi.SEMVMX:
			err = errno.ERANGE.Because("a semaphore's value would be too great")
		default:
			sem.value = n
			done++
			continue
		}
		break
	}
	if err == nil && blocked < 0 {
		err = tab.remember(s, ops, pid)
	}
	if err != nil || blocked >= 0 {
		for _, op := range ops[:done] {
			s.sems[op.Num].value -= int32(op.Op)
		}
		return blocked, err
	}
	changed := false
	for _, op := range ops {
		s.sems[op.Num].pid = pid
		changed = changed || op.Op != 0
	}
	s.otime = now
	if changed {
		s.wait.WakeAll()
	}
	return -1, nil
}

// remember notes what SEM_UNDO asks for: all or nothing. Caller holds mu.
func (tab *SemTable) remember(s *SemSet, ops []abi.Sembuf, pid int32) error {
	undos := s.undos
	copied := false
	for _, op := range ops {
		if op.Flg&abi.SEM_UNDO == 0 || op.Op == 0 {
			continue
		}
		if !copied {
			undos, copied = slices.Clone(undos), true
		}
		i := slices.IndexFunc(undos, func(u semUndo) bool { return u.pid == pid && u.num == op.Num })
		if i < 0 {
			i, undos = len(undos), append(undos, semUndo{pid: pid, num: op.Num})
		}
		if n := undos[i].adjust - int32(op.Op); n > abi.SEMVMX || n < -abi.SEMVMX-1 {
			return errno.ERANGE.Because("there would be too much to undo")
		}
		undos[i].adjust -= int32(op.Op)
	}
	if more := len(undos) - len(s.undos); tab.undos+more > maxUndos {
		return errno.ENOSPC.Because("there is as much to undo as there may be")
	}
	tab.keepUndos(s, undos)
	return nil
}

// keepUndos replaces a set's list. Caller holds mu.
func (tab *SemTable) keepUndos(s *SemSet, undos []semUndo) {
	tab.undos += len(undos) - len(s.undos)
	s.undos = undos
}

// Exit undoes what a process that ends has left with SEM_UNDO.
func (tab *SemTable) Exit(t *sched.Thread, pid int) {
	now := seconds(t)
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	if tab.undos == 0 {
		return
	}
	for _, s := range tab.all.slots {
		if s == nil {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(s.undos), func(u semUndo) bool { return u.pid == int32(pid) })
		if len(rest) == len(s.undos) {
			continue
		}
		for _, u := range s.undos {
			if u.pid == int32(pid) && u.adjust != 0 {
				sem := &s.sems[u.num]
				sem.value, sem.pid = min(max(sem.value+u.adjust, 0), abi.SEMVMX), u.pid
			}
		}
		tab.keepUndos(s, rest)
		s.otime = now
		s.wait.WakeAll()
	}
}
