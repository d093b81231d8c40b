package sound

import (
	"slices"
	"unsafe"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

var classCard = &ksync.Class{Name: "sound_card", Rank: ksync.RankPipe}

// ctlFile is an open /dev/snd/controlC0: what alsa-lib learns about the card, and where it sets volumes. Who subscribes reads what changes.
type ctlFile struct {
	card *Card // immutable

	listens bool       // it has subscribed; guarded by card.mu, as the next
	events  []ctlEvent // to be read

	wait ksync.WaitQueue
}

// Release implements vfs.Releaser: its locks are open again.
func (f *ctlFile) Release(t *sched.Thread, _ *vfs.File) {
	c := f.card
	c.mu.Lock(t)
	defer c.mu.Unlock(t)
	f.subscribe(false)
	for _, e := range c.Controls {
		if e.owner == f {
			e.owner = nil
		}
	}
}

// Poll implements vfs.Poller.
func (f *ctlFile) Poll(t *sched.Thread, _ *vfs.File, table *vfs.PollTable) vfs.Events {
	table.Add(&f.wait)
	f.card.mu.Lock(t)
	defer f.card.mu.Unlock(t)
	if len(f.events) > 0 {
		return abi.POLLIN | abi.POLLRDNORM
	}
	return 0
}

// Read implements vfs.Reader: struct snd_ctl_event, as many as there are and fit.
func (f *ctlFile) Read(t *sched.Thread, file *vfs.File, dst *mm.IO, _ int64) (int, error) {
	c := f.card
	const size = int(unsafe.Sizeof(abi.SndCtlEvent{}))
	c.mu.Lock(t)
	defer c.mu.Unlock(t)
	switch {
	case !f.listens:
		return 0, errno.EBADFD.Because("the file has not subscribed to events")
	case dst.Len() < size:
		return 0, errno.EINVAL.Because("less than an event")
	case len(f.events) == 0 && file.Nonblock():
		return 0, errno.EAGAIN
	}
	if err := f.wait.WaitLocked(t, "snd_ctl_read", &c.mu, func() bool { return len(f.events) > 0 || !f.listens }); err != nil {
		return 0, err
	}
	var b []byte
	for len(f.events) > 0 && len(b)+size <= dst.Len() {
		e := abi.SndCtlEvent{Mask: f.events[0].mask, ID: f.events[0].id}
		b = append(b, unsafe.Slice((*byte)(unsafe.Pointer(&e)), size)...)
		f.events = f.events[1:]
	}
	return dst.CopyOut(t, b)
}

// Ioctl implements vfs.Ioctler. It lacks TLV_COMMAND, for no control of ours has any.
func (f *ctlFile) Ioctl(t *sched.Thread, _ *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	c, addr := f.card, mm.UAddr(arg)
	switch cmd {
	case abi.SNDRV_CTL_IOCTL_PVERSION:
		return 0, putInt(t, addr, abi.SNDRV_CTL_VERSION)
	case abi.SNDRV_CTL_IOCTL_CARD_INFO:
		info := c.info()
		return 0, mm.CopyOutStruct(t, addr, &info)
	case abi.SNDRV_CTL_IOCTL_ELEM_LIST:
		return 0, f.list(t, addr)
	case abi.SNDRV_CTL_IOCTL_ELEM_INFO:
		return 0, f.elemInfo(t, addr)
	case abi.SNDRV_CTL_IOCTL_ELEM_READ:
		return 0, f.elemRead(t, addr)
	case abi.SNDRV_CTL_IOCTL_ELEM_WRITE:
		return f.elemWrite(t, addr)
	case abi.SNDRV_CTL_IOCTL_ELEM_LOCK, abi.SNDRV_CTL_IOCTL_ELEM_UNLOCK:
		return 0, f.elemLock(t, addr, cmd == abi.SNDRV_CTL_IOCTL_ELEM_LOCK)
	case abi.SNDRV_CTL_IOCTL_TLV_READ:
		return 0, f.tlv(t, addr)
	case abi.SNDRV_CTL_IOCTL_TLV_WRITE:
		return 0, f.tlvWrite(t, addr)
	case abi.SNDRV_CTL_IOCTL_TLV_COMMAND:
		return 0, errno.ENXIO.Because("no control takes commands")
	case abi.SNDRV_CTL_IOCTL_ELEM_ADD, abi.SNDRV_CTL_IOCTL_ELEM_REPLACE:
		return 0, f.elemAdd(t, addr, cmd == abi.SNDRV_CTL_IOCTL_ELEM_REPLACE)
	case abi.SNDRV_CTL_IOCTL_ELEM_REMOVE:
		return 0, f.elemRemove(t, addr)
	case abi.SNDRV_CTL_IOCTL_SUBSCRIBE_EVENTS:
		return 0, f.subscribeIoctl(t, addr)
	case abi.SNDRV_CTL_IOCTL_PCM_PREFER_SUBDEVICE:
		_, err := getInt(t, addr)
		return 0, err
	case abi.SNDRV_CTL_IOCTL_POWER_STATE:
		return 0, putInt(t, addr, 0)
	case abi.SNDRV_CTL_IOCTL_PCM_NEXT_DEVICE:
		n, err := getInt(t, addr)
		if err != nil {
			return 0, err
		}
		if n = n + 1; n != 0 {
			n = -1
		}
		return 0, putInt(t, addr, n)
	case abi.SNDRV_CTL_IOCTL_HWDEP_NEXT_DEVICE, abi.SNDRV_CTL_IOCTL_RAWMIDI_NEXT_DEVICE:
		return 0, putInt(t, addr, -1)
	case abi.SNDRV_CTL_IOCTL_PCM_INFO:
		return 0, f.pcmInfo(t, addr)
	}
	return 0, errno.ENOTTY.Because("a sound card does not know this ioctl")
}

// list is ELEM_LIST: the names of controls from offset on.
func (f *ctlFile) list(t *sched.Thread, addr mm.UAddr) error {
	l, err := mm.CopyInStruct[abi.SndCtlElemList](t, addr)
	if err != nil {
		return err
	}
	f.card.mu.Lock(t)
	all := slices.Clone(f.card.Controls)
	f.card.mu.Unlock(t)
	l.Used, l.Count = 0, uint32(len(all))
	for i := int(min(l.Offset, l.Count)); i < len(all) && l.Used < l.Space; i++ {
		id := all[i].ID
		if err := mm.CopyOutStruct(t, mm.UAddr(l.PIDs)+mm.UAddr(l.Used)*mm.UAddr(unsafe.Sizeof(id)), &id); err != nil {
			return err
		}
		l.Used++
	}
	return mm.CopyOutStruct(t, addr, &l)
}

// named calls do with the control whose ID the program gives, with card.mu held.
func (f *ctlFile) named(t *sched.Thread, addr mm.UAddr, do func(e *Control) error) error {
	id, err := mm.CopyInStruct[abi.SndCtlElemID](t, addr)
	if err != nil {
		return err
	}
	f.card.mu.Lock(t)
	defer f.card.mu.Unlock(t)
	e, err := f.card.control(&id)
	if err != nil {
		return err
	}
	return do(e)
}

// elemInfo is ELEM_INFO.
func (f *ctlFile) elemInfo(t *sched.Thread, addr mm.UAddr) error {
	var out abi.SndCtlElemInfo
	err := f.named(t, addr, func(e *Control) error {
		out = abi.SndCtlElemInfo{
			ID: e.ID, Type: e.Type, Access: e.Access, Count: uint32(e.Count), Owner: -1,
			Integer: abi.SndCtlInteger{Min: e.Min, Max: e.Max, Step: e.Step},
		}
		if len(e.TLV) > 0 {
			out.Access |= abi.SNDRV_CTL_ELEM_ACCESS_TLV_READ
		}
		if e.owner != nil {
			out.Access |= abi.SNDRV_CTL_ELEM_ACCESS_LOCK
		}
		if e.owner == f {
			out.Access |= abi.SNDRV_CTL_ELEM_ACCESS_OWNER
		}
		return nil
	})
	if err != nil {
		return err
	}
	return mm.CopyOutStruct(t, addr, &out)
}

// elemRead is ELEM_READ.
func (f *ctlFile) elemRead(t *sched.Thread, addr mm.UAddr) error {
	var v abi.SndCtlElemValue
	err := f.named(t, addr, func(e *Control) error {
		v.ID = e.ID
		copy(v.Integers[:], e.Values)
		return nil
	})
	if err != nil {
		return err
	}
	return mm.CopyOutStruct(t, addr, &v)
}

// elemWrite is ELEM_WRITE: it returns 1 if the values are others than before.
func (f *ctlFile) elemWrite(t *sched.Thread, addr mm.UAddr) (changed uint64, err error) {
	v, err := mm.CopyInStruct[abi.SndCtlElemValue](t, addr)
	if err != nil {
		return 0, err
	}
	err = f.named(t, addr, func(e *Control) error {
		values := slices.Clone(v.Integers[:e.Count])
		if e.Type == abi.SNDRV_CTL_ELEM_TYPE_BOOLEAN {
			for i, n := range values {
				values[i] = int64(b2i(n != 0))
			}
		}
		ok, err := f.card.setValues(t, e, f, values)
		changed = uint64(b2i(ok))
		return err
	})
	return changed, err
}

// elemLock is ELEM_LOCK and ELEM_UNLOCK: nobody else may write meanwhile.
func (f *ctlFile) elemLock(t *sched.Thread, addr mm.UAddr, on bool) error {
	return f.named(t, addr, func(e *Control) error {
		switch {
		case on && e.owner != nil:
			return errno.EBUSY.Because("the control is locked")
		case on:
			e.owner = f
		case e.owner == nil:
			return errno.EINVAL.Because("the control is not locked")
		case e.owner != f:
			return errno.EPERM.Because("another program has locked the control")
		default:
			e.owner = nil
		}
		return nil
	})
}

// tlv is TLV_READ: what a control's values mean.
func (f *ctlFile) tlv(t *sched.Thread, addr mm.UAddr) error {
	head, err := mm.CopyInStruct[tlvHead](t, addr)
	if err != nil {
		return err
	}
	f.card.mu.Lock(t)
	e, err := f.card.control(&abi.SndCtlElemID{Numid: head.Numid})
	var b []byte
	if err == nil {
		b = e.TLV // it is replaced, not changed
	}
	f.card.mu.Unlock(t)
	switch {
	case err != nil:
		return err
	case len(b) == 0:
		return errno.ENXIO.Because("the control has no decibels")
	case int(min(head.Length, 1<<20)) < len(b):
		return errno.ENOMEM.Because("the buffer is too small")
	}
	return mm.CopyOut(t, addr+8, b)
}

// subscribeIoctl is SUBSCRIBE_EVENTS: 1 or 0, or a negative number to ask.
func (f *ctlFile) subscribeIoctl(t *sched.Thread, addr mm.UAddr) error {
	n, err := getInt(t, addr)
	if err != nil {
		return err
	}
	f.card.mu.Lock(t)
	listens := f.listens
	if n >= 0 {
		f.subscribe(n > 0)
	}
	f.card.mu.Unlock(t)
	if n < 0 {
		return putInt(t, addr, b2i(listens))
	}
	return nil
}

// subscribe begins or ends listening. Caller holds card.mu.
func (f *ctlFile) subscribe(on bool) {
	c := f.card
	switch {
	case on && !f.listens:
		c.listeners = append(c.listeners, f)
	case !on && f.listens:
		c.listeners = slices.DeleteFunc(c.listeners, func(o *ctlFile) bool { return o == f })
		f.events = nil
	}
	f.listens = on
	f.wait.WakeAll()
}

func (f *ctlFile) pcmInfo(t *sched.Thread, addr mm.UAddr) error {
	ask, err := mm.CopyInStruct[abi.SndPCMInfo](t, addr)
	if err != nil {
		return err
	}
	if ask.Stream != abi.SNDRV_PCM_STREAM_PLAYBACK && ask.Stream != abi.SNDRV_PCM_STREAM_CAPTURE {
		return errno.EINVAL.Because("no such direction")
	}
	s := f.card.Substream(int(ask.Stream))
	if ask.Device != 0 || ask.Subdevice != 0 || s == nil {
		return errno.ENXIO.Because("no such PCM")
	}
	s.mu.Lock(t)
	info := s.info()
	s.mu.Unlock(t)
	return mm.CopyOutStruct(t, addr, &info)
}

func (c *Card) info() abi.SndCtlCardInfo {
	i := abi.SndCtlCardInfo{Card: int32(c.Number)}
	copy(i.ID[:], c.ID)
	copy(i.Driver[:], c.Driver)
	copy(i.Name[:], c.Name)
	copy(i.Longname[:], c.Name)
	copy(i.Mixername[:], c.Name)
	return i
}
