package syscall

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ipc"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(68, "msgget", sysMsgget, In("key", Hex), In("flags", ipcFlags), Covers("IPC_PRIVATE, IPC_CREAT, IPC_EXCL"))
	Define(69, "msgsnd", sysMsgsnd, In("id", Int), In("msg", Addr), In("size", Size), In("flags", ipcFlags), Covers("IPC_NOWAIT"))
	Define(70, "msgrcv", sysMsgrcv, In("id", Int), Out("msg", Addr), In("size", Size), In("type", Long), In("flags", Flags(
		Flag{abi.IPC_NOWAIT, "IPC_NOWAIT"}, Flag{abi.MSG_NOERROR, "MSG_NOERROR"}, Flag{abi.MSG_EXCEPT, "MSG_EXCEPT"}, Flag{abi.MSG_COPY, "MSG_COPY"})),
		Covers("IPC_NOWAIT, MSG_NOERROR, MSG_EXCEPT"), Lacks("MSG_COPY (ENOSYS)"))
	Define(71, "msgctl", sysMsgctl, In("id", Int), In("cmd", Int), In("buf", Addr),
		Covers("IPC_STAT, IPC_SET, IPC_RMID, IPC_INFO, MSG_INFO, MSG_STAT, MSG_STAT_ANY"))
}

// sysMsgget implements msgget(2).
func sysMsgget(t *task.Task, a Args) (uint64, error) {
	id, err := t.Sys.SysV.Msg.Get(t.Thread, a.Int(0), a.Int(1))
	return uint64(id), err
}

// sysMsgsnd implements msgsnd(2): a long with the type, then the message.
func sysMsgsnd(t *task.Task, a Args) (uint64, error) {
	if a[2] > ipc.MaxMessage {
		return 0, errno.EINVAL.Because("longer than msgmax")
	}
	b := make([]byte, 8+a[2])
	if err := mm.CopyIn(t.Thread, b, a.Addr(1)); err != nil {
		return 0, err
	}
	return 0, t.Sys.SysV.Msg.Send(t.Thread, a.Int(0), int64(binary.LittleEndian.Uint64(b)), b[8:], a.Int(3)&abi.IPC_NOWAIT != 0)
}

// sysMsgrcv implements msgrcv(2): all but MSG_COPY.
func sysMsgrcv(t *task.Task, a Args) (uint64, error) {
	flags := a.Int(4)
	if flags&abi.MSG_COPY != 0 {
		return 0, errno.ENOSYS.Because("MSG_COPY is for checkpoints")
	}
	if int64(a[2]) < 0 {
		return 0, errno.EINVAL.Because("a negative size")
	}
	most := int(min(a[2], ipc.MaxMessage))
	kind, data, err := t.Sys.SysV.Msg.Receive(t.Thread, a.Int(0), most, a.Long(3), flags)
	if err != nil {
		return 0, err
	}
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(kind)), data...)
	return uint64(len(data)), mm.CopyOut(t.Thread, a.Addr(1), b)
}

// sysMsgctl implements msgctl(2) with all of its commands.
func sysMsgctl(t *task.Task, a Args) (uint64, error) {
	tab, id, buf := t.Sys.SysV.Msg, a.Int(0), a.Addr(2)
	switch cmd := a.Int(1); cmd {
	case abi.IPC_STAT, abi.MSG_STAT, abi.MSG_STAT_ANY:
		ds, nr, err := tab.Stat(t.Thread, id, cmd != abi.IPC_STAT, cmd != abi.MSG_STAT_ANY)
		return statAnswer(t, buf, cmd == abi.IPC_STAT, &ds, nr, err)
	case abi.IPC_SET:
		ds, err := mm.CopyInStruct[abi.MsqidDs](t.Thread, buf)
		if err != nil {
			return 0, err
		}
		return 0, tab.Set(t.Thread, id, ds)
	case abi.IPC_RMID:
		return 0, tab.Remove(t.Thread, id)
	case abi.IPC_INFO, abi.MSG_INFO:
		i, highest := tab.Limits(t.Thread, cmd == abi.MSG_INFO)
		return uint64(highest), mm.CopyOutStruct(t.Thread, buf, &i)
	}
	return 0, errno.EINVAL.Because("no such command")
}
