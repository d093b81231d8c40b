package sound

import (
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// Bounds of the controls that programs make.
const (
	maxUserControls = 32
	maxUserValues   = 128
	maxTLV          = 4096 // bytes
)

// elemAdd is ELEM_ADD, and ELEM_REPLACE: a control without hardware, which stays until somebody removes it. Softvol keeps a volume in
// one, and applies it itself. Who makes it has it locked.
func (f *ctlFile) elemAdd(t *sched.Thread, addr mm.UAddr, replace bool) error {
	i, err := mm.CopyInStruct[abi.SndCtlElemInfo](t, addr)
	if err != nil {
		return err
	}
	e, err := userControl(&i)
	if err != nil {
		return err
	}
	e.owner = f
	c := f.card
	c.mu.Lock(t)
	err = f.install(e, replace)
	c.mu.Unlock(t)
	if err != nil {
		return err
	}
	i.ID = e.ID
	return mm.CopyOutStruct(t, addr, &i)
}

// userControl makes a control of what a program wants.
func userControl(i *abi.SndCtlElemInfo) (*Control, error) {
	e := &Control{ID: i.ID, Type: i.Type, Min: i.Integer.Min, Max: i.Integer.Max, Step: i.Integer.Step, Count: int(i.Count), Access: i.Access}
	if i.Type == abi.SNDRV_CTL_ELEM_TYPE_BOOLEAN {
		e.Min, e.Max, e.Step = 0, 1, 0
	}
	switch {
	case i.Type != abi.SNDRV_CTL_ELEM_TYPE_BOOLEAN && i.Type != abi.SNDRV_CTL_ELEM_TYPE_INTEGER:
		return nil, errno.EINVAL.Because("only switches and integers can be made")
	case i.Count < 1 || i.Count > maxUserValues:
		return nil, errno.EINVAL.Because("a control has 1 to 128 values")
	case i.Owner > 1:
		return nil, errno.EINVAL.Because("more than one control at once")
	case e.Min > e.Max || e.Step < 0:
		return nil, errno.EINVAL.Because("an empty range")
	case abi.CString(i.ID.Name[:]) == "":
		return nil, errno.EINVAL.Because("a control without a name")
	}
	if e.Access == 0 {
		e.Access = abi.SNDRV_CTL_ELEM_ACCESS_READWRITE
	}
	e.Access &= abi.SNDRV_CTL_ELEM_ACCESS_READWRITE | abi.SNDRV_CTL_ELEM_ACCESS_INACTIVE | abi.SNDRV_CTL_ELEM_ACCESS_TLV_WRITE
	e.Access |= abi.SNDRV_CTL_ELEM_ACCESS_USER
	e.Values = slices.Repeat([]int64{e.Min}, e.Count)
	e.ID.Name[len(e.ID.Name)-1] = 0
	return e, nil
}

// install adds a program's control to the card. Caller holds card.mu.
func (f *ctlFile) install(e *Control, replace bool) error {
	c := f.card
	named := e.ID
	named.Numid = 0
	old, err := c.control(&named)
	switch {
	case err == nil && !replace:
		return errno.EBUSY.Because("there is such a control")
	case err == nil:
		if err := f.remove(old); err != nil {
			return err
		}
	}
	users := 0
	for _, o := range c.Controls {
		users += b2i(o.Access&abi.SNDRV_CTL_ELEM_ACCESS_USER != 0)
	}
	if users >= maxUserControls {
		return errno.ENOMEM.Because("programs have made as many controls as there may be")
	}
	c.AddControl(e)
	c.tell(e, abi.SNDRV_CTL_EVENT_MASK_ADD)
	return nil
}

// elemRemove is ELEM_REMOVE.
func (f *ctlFile) elemRemove(t *sched.Thread, addr mm.UAddr) error {
	return f.named(t, addr, func(e *Control) error { return f.remove(e) })
}

// remove removes a control that a program has made. Caller holds card.mu.
func (f *ctlFile) remove(e *Control) error {
	switch {
	case e.Access&abi.SNDRV_CTL_ELEM_ACCESS_USER == 0:
		return errno.EINVAL.Because("the control is the hardware's")
	case e.owner != nil && e.owner != f:
		return errno.EPERM.Because("another program has locked the control")
	}
	c := f.card
	c.Controls = slices.DeleteFunc(c.Controls, func(o *Control) bool { return o == e })
	c.tell(e, abi.SNDRV_CTL_EVENT_MASK_REMOVE)
	return nil
}

// tlvHead is how struct snd_ctl_tlv begins; words follow.
type tlvHead struct{ Numid, Length uint32 }

// tlvWrite is TLV_WRITE: a program says what the values of its control mean.
func (f *ctlFile) tlvWrite(t *sched.Thread, addr mm.UAddr) error {
	head, err := mm.CopyInStruct[tlvHead](t, addr)
	if err != nil {
		return err
	}
	if head.Length < 8 || head.Length > maxTLV || head.Length%4 != 0 {
		return errno.EINVAL.Because("no such length")
	}
	b := make([]byte, head.Length)
	if err := mm.CopyIn(t, b, addr+8); err != nil {
		return err
	}
	c := f.card
	c.mu.Lock(t)
	defer c.mu.Unlock(t)
	e, err := c.control(&abi.SndCtlElemID{Numid: head.Numid})
	switch {
	case err != nil:
		return err
	case e.Access&abi.SNDRV_CTL_ELEM_ACCESS_TLV_WRITE == 0:
		return errno.ENXIO.Because("what the values mean can't be changed")
	case e.owner != nil && e.owner != f:
		return errno.EPERM.Because("another program has locked the control")
	}
	e.TLV = b
	c.tell(e, abi.SNDRV_CTL_EVENT_MASK_TLV)
	return nil
}
