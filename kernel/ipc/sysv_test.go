package ipc

import (
	"bytes"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// process is what a thread's Owner is to this package.
type process int

func (p process) PID() int { return int(p) }

func newSysV(w *world) *SysV {
	return NewSysV(mm.NewMemory(w.Machine.RAM(), w.Machine.Boot().Reserved))
}

func TestKeysAndNumbers(t *testing.T) {
	w := newWorld(t, 1)
	sv := newSysV(w)
	w.Run(func(th *sched.Thread) {
		_, err := sv.Sem.Get(th, 7, 1, 0o600)
		wantErr(t, "a key that nothing has", err, errno.ENOENT)
		id, err := sv.Sem.Get(th, 7, 2, abi.IPC_CREAT|0o600)
		wantErr(t, "create", err, 0)
		_, err = sv.Sem.Get(th, 7, 2, abi.IPC_CREAT|abi.IPC_EXCL|0o600)
		wantErr(t, "create what is there", err, errno.EEXIST)
		if again, err := sv.Sem.Get(th, 7, 0, 0); again != id || err != nil {
			t.Errorf("by key: %d, %v, want %d", again, err, id)
		}
		_, err = sv.Sem.Get(th, 7, 3, 0)
		wantErr(t, "more semaphores than there are", err, errno.EINVAL)
		wantErr(t, "remove", sv.Sem.Remove(th, id), 0)
		wantErr(t, "remove again", sv.Sem.Remove(th, id), errno.EINVAL)
		next, err := sv.Sem.Get(th, 7, 2, abi.IPC_CREAT|0o600)
		if next == id || err != nil {
			t.Errorf("a new object has the old one's number: %d, %v", next, err)
		}
		_, err = sv.Sem.Query(th, id, 0, abi.GETVAL)
		wantErr(t, "the old number", err, errno.EIDRM)
		for _, bad := range []int{-1, 1 << 30, next + 1} {
			if _, err := sv.Sem.Query(th, bad, 0, abi.GETVAL); err == nil {
				t.Errorf("number %d names something", bad)
			}
		}
	})
}

func TestPermissions(t *testing.T) {
	w := newWorld(t, 1)
	sv := newSysV(w)
	w.Run(func(th *sched.Thread) {
		as := func(uid cred.ID) { th.Cred = cred.User(uid, 100+uid) }
		as(1000)
		id, _ := sv.Msg.Get(th, 1, abi.IPC_CREAT|0o620)
		as(1001)
		wantErr(t, "a stranger sends", sv.Msg.Send(th, id, 1, nil, true), errno.EACCES)
		wantErr(t, "a stranger removes", sv.Msg.Remove(th, id), errno.EPERM)
		th.Cred.Groups = []cred.ID{1100}
		wantErr(t, "the group sends", sv.Msg.Send(th, id, 1, nil, true), 0)
		_, _, err := sv.Msg.Receive(th, id, 10, 0, abi.IPC_NOWAIT)
		wantErr(t, "the group receives", err, errno.EACCES)
		as(1000)
		wantErr(t, "the owner gives it away", sv.Msg.Set(th, id, abi.MsqidDs{Perm: abi.IPCPerm{UID: 1001, GID: 1, Mode: 0o600}, Qbytes: 10}), 0)
		as(1001)
		_, _, err = sv.Msg.Receive(th, id, 10, 0, abi.IPC_NOWAIT)
		wantErr(t, "the new owner receives", err, 0)
		wantErr(t, "more room", sv.Msg.Set(th, id, abi.MsqidDs{Qbytes: QueueRoom + 1}), errno.EPERM)
	})
}

func op(num uint16, n int16, flags int16) abi.Sembuf { return abi.Sembuf{Num: num, Op: n, Flg: flags} }

// TestSemopIsAllOrNothing: one operation that can't be keeps the others back.
func TestSemopIsAllOrNothing(t *testing.T) {
	w := newWorld(t, 1)
	sem := newSysV(w).Sem
	w.Run(func(th *sched.Thread) {
		id, _ := sem.Get(th, abi.IPC_PRIVATE, 2, 0o600)
		do := func(ops ...abi.Sembuf) error { return sem.Op(th, id, ops, ktime.Forever) }
		wantErr(t, "add", do(op(0, 3, 0)), 0)
		wantErr(t, "take both", do(op(0, -1, 0), op(1, -1, abi.IPC_NOWAIT)), errno.EAGAIN)
		wantErr(t, "too much", do(op(0, 2, 0), op(1, abi.SEMVMX, 0), op(1, 1, 0)), errno.ERANGE)
		wantErr(t, "no such semaphore", do(op(0, 1, 0), op(2, 1, 0)), errno.EFBIG)
		if v, _ := sem.Values(th, id); v[0] != 3 || v[1] != 0 {
			t.Errorf("values %v after operations that failed", v)
		}
		wantErr(t, "in vain", sem.Op(th, id, []abi.Sembuf{op(1, -1, 0)}, th.Now()+ktime.Second), errno.EAGAIN)
	})
}

func TestSemopWaits(t *testing.T) {
	w := newWorld(t, 1)
	sem := newSysV(w).Sem
	w.Run(func(th *sched.Thread) {
		id, _ := sem.Get(th, abi.IPC_PRIVATE, 1, 0o600)
		w.later(ktime.Second, func(th *sched.Thread) {
			if n, _ := sem.Query(th, id, 0, abi.GETNCNT); n != 1 {
				t.Errorf("%d threads wait for it to grow", n)
			}
			sem.Op(th, id, []abi.Sembuf{op(0, 1, 0)}, ktime.Forever)
			ksync.Sleep(th, "test", th.Now()+ktime.Second)
			if n, _ := sem.Query(th, id, 0, abi.GETZCNT); n != 1 {
				t.Errorf("%d threads wait for zero", n)
			}
			sem.Op(th, id, []abi.Sembuf{op(0, -1, 0)}, ktime.Forever)
			ksync.Sleep(th, "test", th.Now()+ktime.Second)
			sem.Remove(th, id)
		})
		wantErr(t, "take", sem.Op(th, id, []abi.Sembuf{op(0, -1, 0), op(0, 1, 0)}, ktime.Forever), 0)
		wantErr(t, "wait for zero", sem.Op(th, id, []abi.Sembuf{op(0, 0, 0)}, ktime.Forever), 0)
		wantErr(t, "wait for what is removed", sem.Op(th, id, []abi.Sembuf{op(0, -1, 0)}, ktime.Forever), errno.EIDRM)
	})
}

func TestSemUndo(t *testing.T) {
	w := newWorld(t, 1)
	sem := newSysV(w).Sem
	w.Run(func(th *sched.Thread) {
		th.Owner = process(5)
		id, _ := sem.Get(th, abi.IPC_PRIVATE, 2, 0o600)
		sem.SetValues(th, id, 0, []uint16{4, 4})
		sem.Op(th, id, []abi.Sembuf{op(0, -3, abi.SEM_UNDO), op(1, 2, abi.SEM_UNDO)}, ktime.Forever)
		th.Owner = process(6)
		sem.Op(th, id, []abi.Sembuf{op(1, -6, abi.SEM_UNDO)}, ktime.Forever)
		sem.Exit(th, 5) // semaphore 1 would fall below zero
		if v, _ := sem.Values(th, id); v[0] != 4 || v[1] != 0 {
			t.Errorf("values %v after one exit", v)
		}
		sem.SetValues(th, id, 1, []uint16{9}) // forgets what there is to undo
		sem.Exit(th, 6)
		if v, _ := sem.Values(th, id); v[1] != 9 || sem.undos != 0 {
			t.Errorf("values %v, %d undos after the other", v, sem.undos)
		}
	})
}

func TestMessages(t *testing.T) {
	w := newWorld(t, 1)
	msg := newSysV(w).Msg
	w.Run(func(th *sched.Thread) {
		id, _ := msg.Get(th, abi.IPC_PRIVATE, 0o600)
		for kind := int64(1); kind <= 4; kind++ {
			wantErr(t, "send", msg.Send(th, id, 5-kind, bytes.Repeat([]byte{byte(kind)}, int(kind)), true), 0)
		}
		wantErr(t, "send type 0", msg.Send(th, id, 0, nil, true), errno.EINVAL)
		for _, c := range []struct {
			want  int64
			most  int
			flags int
			kind  int64
			n     int
			err   errno.Errno
		}{
			{want: 3, most: 10, kind: 3, n: 2},
			{want: 3, most: 10, err: errno.ENOMSG},
			{want: -2, most: 2, err: errno.E2BIG},
			{want: -2, most: 2, flags: abi.MSG_NOERROR, kind: 1, n: 2},
			{want: 4, most: 10, flags: abi.MSG_EXCEPT, kind: 2, n: 3},
			{want: 0, most: 10, kind: 4, n: 1},
			{want: 0, most: 10, err: errno.ENOMSG},
		} {
			kind, data, err := msg.Receive(th, id, c.most, c.want, c.flags|abi.IPC_NOWAIT)
			if errno.Of(err) != c.err || kind != c.kind || len(data) != c.n {
				t.Errorf("receive %d: type %d, %d bytes, %v; want %+v", c.want, kind, len(data), err, c)
			}
		}
		// A full queue makes senders wait, an empty one receivers.
		for msg.Send(th, id, 1, make([]byte, MaxMessage), true) == nil {
		}
		w.later(ktime.Second, func(th *sched.Thread) { msg.Receive(th, id, MaxMessage, 0, 0) })
		wantErr(t, "send to a full queue", msg.Send(th, id, 2, []byte("x"), false), 0)
		w.later(ktime.Second, func(th *sched.Thread) { msg.Remove(th, id) })
		_, _, err := msg.Receive(th, id, 1, 99, 0)
		wantErr(t, "receive from what is removed", err, errno.EIDRM)
		if msg.messages != 0 {
			t.Errorf("%d messages are left of no queue", msg.messages)
		}
	})
}
