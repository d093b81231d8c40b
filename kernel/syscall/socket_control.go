package syscall

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ipc"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

// maxControl bounds the control data of one sendmsg(2) (net.core.optmem_max).
const maxControl = 20480

// loadControl reads the control messages (cmsg(3)). The files have references.
func loadControl(t *task.Task, h *abi.MsgHdr, o *ipc.SendOptions) (err error) {
	if h.ControlLen > maxControl {
		return errno.ENOBUFS.Because("too much control data")
	}
	if h.Control == 0 || h.ControlLen < abi.CmsgHeaderSize {
		return nil
	}
	b := make([]byte, h.ControlLen)
	if err := mm.CopyIn(t.Thread, b, mm.UAddr(h.Control)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			dropFiles(t, o.Files)
			o.Files = nil
		}
	}()
	for len(b) >= abi.CmsgHeaderSize {
		size := binary.LittleEndian.Uint64(b)
		level, kind := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
		if size < abi.CmsgHeaderSize || size > uint64(len(b)) {
			return errno.EINVAL.Because("a control message with a wrong length")
		}
		data := b[abi.CmsgHeaderSize:size]
		b = b[min((size+7)&^7, uint64(len(b))):]
		if level != abi.SOL_SOCKET {
			continue
		}
		switch kind {
		case abi.SCM_RIGHTS:
			err = loadRights(t, data, o)
		case abi.SCM_CREDENTIALS:
			err = loadCredentials(t, data, o)
		default:
			err = errno.EINVAL.Because("an unknown control message")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func loadRights(t *task.Task, data []byte, o *ipc.SendOptions) error {
	if len(data)/4+len(o.Files) > abi.SCM_MAX_FD {
		return errno.EINVAL.Because("more than SCM_MAX_FD files")
	}
	for ; len(data) >= 4; data = data[4:] {
		f, err := t.File(int(int32(binary.LittleEndian.Uint32(data))))
		if err != nil {
			return err
		}
		o.Files = append(o.Files, f)
	}
	return nil
}

// loadCredentials checks what a program says of itself: its own IDs, unless it is privileged.
func loadCredentials(t *task.Task, data []byte, o *ipc.SendOptions) error {
	if len(data) != abi.UcredSize {
		return errno.EINVAL.Because("not a struct ucred")
	}
	le := binary.LittleEndian
	u := abi.Ucred{PID: int32(le.Uint32(data)), UID: le.Uint32(data[4:]), GID: le.Uint32(data[8:])}
	c, uid, gid := t.Cred, cred.ID(u.UID), cred.ID(u.GID)
	switch {
	case int(u.PID) != t.PID() && !c.Has(cred.CapSysAdmin):
		return errno.EPERM.Because("another process's ID")
	case uid != c.UID && uid != c.EUID && uid != c.SUID && !c.Has(cred.CapSetuid):
		return errno.EPERM.Because("another user's ID")
	case gid != c.GID && gid != c.EGID && gid != c.SGID && !c.Has(cred.CapSetgid):
		return errno.EPERM.Because("another group's ID")
	}
	o.Cred = &u
	return nil
}

func dropFiles(t *task.Task, files []*vfs.File) {
	for _, f := range files {
		f.DecRef(t.Thread)
	}
}

// storeControl stores control messages as far as there is room, and sets msg_controllen and MSG_CTRUNC. Files for which there is
// neither room nor a descriptor are closed.
func storeControl(t *task.Task, h *abi.MsgHdr, r *ipc.Received, flags int) {
	out := controlWriter{t: t, at: mm.UAddr(h.Control), room: h.ControlLen}
	if h.Control == 0 {
		out.room = 0
	}
	if r.Cred != nil {
		b := binary.LittleEndian.AppendUint32(nil, uint32(r.Cred.PID))
		b = binary.LittleEndian.AppendUint32(b, r.Cred.UID)
		out.put(abi.SCM_CREDENTIALS, binary.LittleEndian.AppendUint32(b, r.Cred.GID))
	}
	if len(r.Files) > 0 {
		out.putFiles(r.Files, flags&abi.MSG_CMSG_CLOEXEC != 0)
	}
	h.ControlLen = out.used
	if out.truncated {
		h.Flags |= abi.MSG_CTRUNC
	}
}

// controlWriter appends control messages to a program's buffer.
type controlWriter struct {
	t         *task.Task
	at        mm.UAddr
	room      uint64
	used      uint64
	truncated bool
}

// put stores a message, cut to the room there is.
func (w *controlWriter) put(kind uint32, data []byte) {
	if w.room < abi.CmsgHeaderSize {
		w.truncated = true
		return
	}
	size := uint64(abi.CmsgHeaderSize + len(data))
	if size > w.room {
		w.truncated = true
		size = w.room
	}
	b := binary.LittleEndian.AppendUint64(nil, size)
	b = binary.LittleEndian.AppendUint32(b, abi.SOL_SOCKET)
	b = append(binary.LittleEndian.AppendUint32(b, kind), data...)[:size]
	if mm.CopyOut(w.t.Thread, w.at, b) != nil {
		w.truncated = true
		return
	}
	step := min((size+7)&^7, w.room)
	w.at += mm.UAddr(step)
	w.room -= step
	w.used += step
}

// putFiles gives files descriptors, as many as the buffer has room for.
func (w *controlWriter) putFiles(files []*vfs.File, cloexec bool) {
	t := w.t
	fit := 0
	if w.room > abi.CmsgHeaderSize {
		fit = int((w.room - abi.CmsgHeaderSize) / 4)
	}
	var fds []int
	var data []byte
	for range files[:min(fit, len(files))] {
		fd, err := t.FDs.Reserve(t.Thread, 0)
		if err != nil {
			break
		}
		fds = append(fds, fd)
		data = binary.LittleEndian.AppendUint32(data, uint32(fd))
	}
	if len(fds) < len(files) {
		w.truncated = true
	}
	if len(fds) > 0 {
		before := w.used
		w.put(abi.SCM_RIGHTS, data)
		if w.used == before { // the buffer can't be written
			for _, fd := range fds {
				t.FDs.Cancel(t.Thread, fd)
			}
			fds = nil
		}
	}
	for i, fd := range fds {
		t.FDs.Fill(t.Thread, fd, files[i], cloexec)
	}
	dropFiles(t, files[len(fds):])
}
