package ipc

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/kview"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

func init() {
	for _, v := range []kview.View{
		{Name: "shm", Doc: "System V shared memory segments", Root: "Tasks.SysV.Shm.all.slots", Columns: kview.Cols(
			"KEY Perm.Key", "ID Perm.ID", "UID Perm.UID", "BYTES size", "ATTACHED attached", "DOOMED doomed", "CPID cpid", "LPID lpid")},
		{Name: "semaphores", Doc: "System V semaphore sets", Root: "Tasks.SysV.Sem.all.slots", Columns: kview.Cols(
			"KEY Perm.Key", "ID Perm.ID", "UID Perm.UID", "REMOVED removed")},
		{Name: "msgqueues", Doc: "System V message queues", Root: "Tasks.SysV.Msg.all.slots", Columns: kview.Cols(
			"KEY Perm.Key", "ID Perm.ID", "UID Perm.UID", "BYTES bytes", "ROOM room")},
	} {
		kview.Register(v)
	}
}

// SysV is System V's IPC, sysvipc(7): objects with a key and a number, which outlive the processes that use them.
//
//	key ──*get(2)──▶ number ──▶ Segment  ── an mm.Object, which areas map      (sysv_shm.go)
//	                            SemSet   ── values, who waits, what to undo    (sysv_sem.go)
//	                            MsgQueue ── messages by type                   (sysv_msg.go)
//
// A number is the object's slot and a count of the slot's uses, so a number that was removed names nothing for long.
type SysV struct {
	Shm *ShmTable
	Sem *SemTable
	Msg *MsgTable
}

// NewSysV returns what a kernel begins with: nothing.
func NewSysV(mem *mm.Memory) *SysV {
	return &SysV{
		Shm: &ShmTable{mem: mem, mu: ksync.NewSpinLock(classIPC), all: registry[*Segment]{most: MaxSegments}},
		Sem: &SemTable{mu: ksync.NewSpinLock(classIPC), all: registry[*SemSet]{most: MaxSemSets}},
		Msg: &MsgTable{mu: ksync.NewSpinLock(classIPC), all: registry[*MsgQueue]{most: MaxQueues}},
	}
}

// Perm is an object's name and who may use it.
type Perm struct {
	ID, Key    int
	UID, GID   cred.ID // owner
	CUID, CGID cred.ID // creator
	Mode       uint32  // 0777
}

func newPerm(t *sched.Thread, key, flags int) Perm {
	p := Perm{Key: key, Mode: uint32(flags) & 0o777}
	if c := t.Cred; c != nil {
		p.UID, p.GID, p.CUID, p.CGID = c.EUID, c.EGID, c.EUID, c.EGID
	}
	return p
}

// allows checks permissions as open(2) does with a file's: want is a set of bits in any of the three places, 0444 to read.
func (p *Perm) allows(t *sched.Thread, want uint32) error {
	granted, c := p.Mode, t.Cred
	switch {
	case c == nil || c.Has(cred.CapIPCOwner):
		return nil
	case c.EUID == p.UID || c.EUID == p.CUID:
		granted >>= 6
	case c.InGroup(p.GID) || c.InGroup(p.CGID):
		granted >>= 3
	}
	if (want|want>>3|want>>6)&^granted&7 != 0 {
		return errno.EACCES.Because("the object's mode does not allow it")
	}
	return nil
}

// owns checks who may change or remove the object.
func (p *Perm) owns(t *sched.Thread) error {
	c := t.Cred
	if c == nil || c.EUID == p.UID || c.EUID == p.CUID || c.Has(cred.CapSysAdmin) {
		return nil
	}
	return errno.EPERM.Because("neither its owner nor its creator")
}

// set is IPC_SET.
func (p *Perm) set(n abi.IPCPerm) error {
	if cred.ID(n.UID) == cred.NoID || cred.ID(n.GID) == cred.NoID {
		return errno.EINVAL.Because("no such owner")
	}
	p.UID, p.GID, p.Mode = cred.ID(n.UID), cred.ID(n.GID), n.Mode&0o777
	return nil
}

func (p *Perm) abi() abi.IPCPerm {
	return abi.IPCPerm{
		Key: int32(p.Key), UID: uint32(p.UID), GID: uint32(p.GID), CUID: uint32(p.CUID), CGID: uint32(p.CGID),
		Mode: p.Mode, Seq: uint16(p.ID / slots),
	}
}

// slots is what numbers count by.
const slots = 1 << 15

// named is an object of one of the three kinds.
type named interface {
	comparable
	perm() *Perm
}

// registry has all objects of a kind. Its table's lock guards it.
type registry[T named] struct {
	slots []T // the zero T where none is
	uses  int // objects made so far
	used  int
	most  int
}

// get finds the object of a key for one of the *get calls, or reports that one is to be made.
func (r *registry[T]) get(t *sched.Thread, key, flags int) (found T, err error) {
	var none T
	if key != abi.IPC_PRIVATE {
		for _, o := range r.slots {
			if o == none || o.perm().Key != key {
				continue
			}
			if flags&(abi.IPC_CREAT|abi.IPC_EXCL) == abi.IPC_CREAT|abi.IPC_EXCL {
				return none, errno.EEXIST
			}
			return o, o.perm().allows(t, uint32(flags)&0o777)
		}
		if flags&abi.IPC_CREAT == 0 {
			return none, errno.ENOENT.Because("nothing has this key")
		}
	}
	if r.used >= r.most {
		return none, errno.ENOSPC.Because("there are as many as there may be")
	}
	return none, nil
}

// add gives a new object a number.
func (r *registry[T]) add(o T) int {
	var none T
	at := 0
	for at < len(r.slots) && r.slots[at] != none {
		at++
	}
	if at == len(r.slots) {
		r.slots = append(r.slots, none)
	}
	r.slots[at] = o
	o.perm().ID = r.uses%(1<<16)*slots + at
	r.uses++
	r.used++
	return o.perm().ID
}

// remove forgets an object.
func (r *registry[T]) remove(o T) {
	var none T
	r.slots[o.perm().ID%slots] = none
	r.used--
}

// find finds the object with a number. byIndex takes the number of its slot instead, as ipcs(1) does.
func (r *registry[T]) find(id int, byIndex bool) (o T, err error) {
	var none T
	at := id % slots
	if id < 0 || at >= len(r.slots) || byIndex && id != at || r.slots[at] == none {
		return none, errno.EINVAL.Because("no such number")
	}
	if o = r.slots[at]; !byIndex && o.perm().ID != id {
		return none, errno.EIDRM
	}
	return o, nil
}

// highest is the greatest slot in use, which *_INFO return; 0 if there is none.
func (r *registry[T]) highest() int {
	var none T
	for i := len(r.slots) - 1; i > 0; i-- {
		if r.slots[i] != none {
			return i
		}
	}
	return 0
}

// status finds an object for one of the *_STAT commands: check asks for the right to read.
func (r *registry[T]) status(t *sched.Thread, id int, byIndex, check bool) (T, error) {
	o, err := r.find(id, byIndex)
	if err == nil && check {
		err = o.perm().allows(t, 0o444)
	}
	return o, err
}

// owned finds an object for IPC_SET and IPC_RMID.
func (r *registry[T]) owned(t *sched.Thread, id int) (T, error) {
	o, err := r.find(id, false)
	if err == nil {
		err = o.perm().owns(t)
	}
	return o, err
}

func pidOf(t *sched.Thread) int32 { return credOf(t).PID }

// seconds is the wall clock.
func seconds(t *sched.Thread) int64 { return t.Scheduler().Timers.Wall() / 1e9 }

// interrupted is what a signal makes of a wait: System V's calls do not start again.
func interrupted(err error) error {
	switch errno.Of(err) {
	case errno.RestartSys:
		return errno.EINTR
	case errno.ETIMEDOUT:
		return errno.EAGAIN
	}
	return err
}
