package ipc

import (
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// Limits of messages.
const (
	MaxQueues   = 1024    // msgmni
	MaxMessage  = 8192    // msgmax, bytes
	QueueRoom   = 16384   // msgmnb, bytes: what a new queue takes
	maxMessages = 1 << 16 // of all queues
)

// MsgTable has all message queues.
type MsgTable struct {
	mu       ksync.SpinLock
	all      registry[*MsgQueue] // guarded by mu, and all that is in it, as all below
	messages int
}

// MsgQueue is a message queue: messages in the order of their coming, which receivers choose from by type.
type MsgQueue struct {
	Perm                Perm
	messages            []posted
	bytes, room         int
	stime, rtime, ctime int64
	lspid, lrpid        int32
	removed             bool

	wait ksync.WaitQueue // for any change
}

type posted struct {
	kind int64
	data []byte
}

func (q *MsgQueue) perm() *Perm { return &q.Perm }

// Get is msgget(2).
func (tab *MsgTable) Get(t *sched.Thread, key, flags int) (int, error) {
	now := seconds(t)
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	q, err := tab.all.get(t, key, flags)
	if err != nil {
		return 0, err
	}
	if q == nil {
		q = &MsgQueue{Perm: newPerm(t, key, flags), room: QueueRoom, ctime: now}
		tab.all.add(q)
	}
	return q.Perm.ID, nil
}

// Send is msgsnd(2): it waits for room, unless nowait. The queue keeps data.
func (tab *MsgTable) Send(t *sched.Thread, id int, kind int64, data []byte, nowait bool) error {
	if kind < 1 {
		return errno.EINVAL.Because("a message's type is at least 1")
	}
	return tab.do(t, id, 0o222, nowait, "msgsnd", errno.EAGAIN, func(q *MsgQueue, now int64) (bool, error) {
		// Messages without bytes count, too: there are as many as a queue has bytes of room.
		if q.bytes+len(data) > q.room || len(q.messages) >= q.room {
			return false, nil
		}
		if tab.messages >= maxMessages {
			return false, errno.ENOMEM.Because("there are as many messages as there may be")
		}
		q.messages = append(q.messages, posted{kind, data})
		q.bytes += len(data)
		tab.messages++
		q.stime, q.lspid = now, pidOf(t)
		return true, nil
	})
}

// Receive is msgrcv(2): it takes the first message of a kind. want 0 is any; less than 0 the lowest kind up to -want. A
// message longer than most is cut if flags have MSG_NOERROR.
func (tab *MsgTable) Receive(t *sched.Thread, id, most int, want int64, flags int) (kind int64, data []byte, err error) {
	err = tab.do(t, id, 0o444, flags&abi.IPC_NOWAIT != 0, "msgrcv", errno.ENOMSG, func(q *MsgQueue, now int64) (bool, error) {
		i := q.choose(want, flags)
		if i < 0 {
			return false, nil
		}
		m := q.messages[i]
		if len(m.data) > most && flags&abi.MSG_NOERROR == 0 {
			return false, errno.E2BIG.Because("the message is longer than the buffer")
		}
		q.messages = slices.Delete(q.messages, i, i+1)
		q.bytes -= len(m.data)
		tab.messages--
		q.rtime, q.lrpid = now, pidOf(t)
		kind, data = m.kind, m.data[:min(len(m.data), most)]
		return true, nil
	})
	return kind, data, err
}

// choose returns the message that msgrcv(2) takes, or -1.
func (q *MsgQueue) choose(want int64, flags int) int {
	best := -1
	for i, m := range q.messages {
		switch {
		case want == 0:
			return i
		case want > 0:
			if (m.kind == want) != (flags&abi.MSG_EXCEPT != 0) {
				return i
			}
		case m.kind+want <= 0 && (best < 0 || m.kind < q.messages[best].kind):
			best = i
		}
	}
	return best
}

// do runs f, which says whether it could do its work, on a queue that the caller may use; if it couldn't, again after each change.
func (tab *MsgTable) do(t *sched.Thread, id int, want uint32, nowait bool, reason string, again errno.Errno, f func(q *MsgQueue, now int64) (bool, error)) error {
	now := seconds(t)
	tab.mu.Lock(t)
	q, err := tab.all.find(id, false)
	if err == nil {
		err = q.Perm.allows(t, want)
	}
	tab.mu.Unlock(t)
	if err != nil {
		return err
	}
	var result error
	try := func() bool {
		tab.mu.Lock(t)
		defer tab.mu.Unlock(t)
		if q.removed {
			result = errno.EIDRM
			return true
		}
		done := false
		if done, result = f(q, now); done {
			q.wait.WakeAll()
		}
		return done || result != nil
	}
	if nowait {
		if !try() {
			return again
		}
		return result
	}
	if err := q.wait.Wait(t, reason, try); err != nil {
		return interrupted(err)
	}
	return result
}

// Remove is IPC_RMID: who waits gets EIDRM.
func (tab *MsgTable) Remove(t *sched.Thread, id int) error {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	q, err := tab.all.owned(t, id)
	if err != nil {
		return err
	}
	q.removed = true
	tab.messages -= len(q.messages)
	tab.all.remove(q)
	q.wait.WakeAll()
	return nil
}

// Set is IPC_SET: owner, mode, and how many bytes the queue takes.
func (tab *MsgTable) Set(t *sched.Thread, id int, ds abi.MsqidDs) error {
	now := seconds(t)
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	q, err := tab.all.owned(t, id)
	if err != nil {
		return err
	}
	if ds.Qbytes > QueueRoom && (ds.Qbytes > 1<<30 || t.Cred != nil && !t.Cred.Has(cred.CapSysResource)) {
		return errno.EPERM.Because("more room than msgmnb needs CAP_SYS_RESOURCE")
	}
	if err := q.Perm.set(ds.Perm); err != nil {
		return err
	}
	q.room, q.ctime = int(ds.Qbytes), now
	q.wait.WakeAll()
	return nil
}

// Stat is IPC_STAT, and byIndex MSG_STAT. It returns the queue's number, too.
func (tab *MsgTable) Stat(t *sched.Thread, id int, byIndex, check bool) (abi.MsqidDs, int, error) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	q, err := tab.all.status(t, id, byIndex, check)
	if err != nil {
		return abi.MsqidDs{}, 0, err
	}
	return q.stat(), q.Perm.ID, nil
}

// stat describes the queue. Caller holds mu.
func (q *MsgQueue) stat() abi.MsqidDs {
	return abi.MsqidDs{
		Perm: q.Perm.abi(), Stime: q.stime, Rtime: q.rtime, Ctime: q.ctime, Cbytes: uint64(q.bytes), Qnum: uint64(len(q.messages)),
		Qbytes: uint64(q.room), LSPID: q.lspid, LRPID: q.lrpid,
	}
}

// Limits is IPC_INFO, and used MSG_INFO. It returns the highest slot, too.
func (tab *MsgTable) Limits(t *sched.Thread, used bool) (abi.MsgInfo, int) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	i := abi.MsgInfo{
		Pool: MaxQueues * QueueRoom / 1024, Map: QueueRoom, Max: MaxMessage, MNB: QueueRoom, MNI: MaxQueues, SSZ: 16, TQL: QueueRoom, Seg: 0xffff,
	}
	if used {
		i.Pool, i.Map, i.TQL = int32(tab.all.used), int32(tab.messages), 0
		for _, q := range tab.all.slots {
			if q != nil {
				i.TQL += int32(q.bytes)
			}
		}
	}
	return i, tab.all.highest()
}

// MsgStatus is a queue for /proc/sysvipc/msg.
type MsgStatus struct {
	ID int
	abi.MsqidDs
}

// List returns all queues.
func (tab *MsgTable) List(t *sched.Thread) (out []MsgStatus) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	for _, q := range tab.all.slots {
		if q != nil {
			out = append(out, MsgStatus{q.Perm.ID, q.stat()})
		}
	}
	return out
}
