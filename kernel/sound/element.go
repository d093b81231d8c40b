package sound

import (
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/kview"
	"vitrine/kernel/sched"
)

func init() {
	kview.Register(kview.View{
		Name: "controls", Doc: "every sound card's controls: volumes, switches", Root: "Bus.Devices", Each: "Private.Cards",
		Columns: kview.Cols("DEVICE ^Name", "CARD ID", "CONTROLS Controls", "CHANGES changes"),
	})
}

// Control is a control element of a card: a volume, a switch, or what a program has made.
type Control struct {
	ID       abi.SndCtlElemID // Numid from 1; immutable, as all but the last three
	Type     int32            // abi.SNDRV_CTL_ELEM_TYPE_BOOLEAN or _INTEGER
	Min, Max int64
	Step     int64
	Count    int                                         // values
	Access   uint32                                      // abi.SNDRV_CTL_ELEM_ACCESS_…, but for locks and TLV_READ
	Set      func(t *sched.Thread, values []int64) error // tells the hardware; it may sleep; nil: there is none

	Values []int64  // guarded by Card.mu, as all below
	TLV    []byte   // what the values mean in decibels: words; empty: nobody knows
	owner  *ctlFile // who has locked it
}

// NewControl returns a control of a mixer, with all values at their most.
func NewControl(name string, isSwitch bool, lo, hi int64, count int) *Control {
	e := &Control{Type: abi.SNDRV_CTL_ELEM_TYPE_INTEGER, Min: lo, Max: hi, Count: count, Access: abi.SNDRV_CTL_ELEM_ACCESS_READWRITE}
	if isSwitch {
		e.Type = abi.SNDRV_CTL_ELEM_TYPE_BOOLEAN
	}
	e.ID.Iface = abi.SNDRV_CTL_ELEM_IFACE_MIXER
	copy(e.ID.Name[:], name)
	e.Values = slices.Repeat([]int64{hi}, count)
	return e
}

// AddControl adds a control to a card that is not registered yet.
func (c *Card) AddControl(e *Control) {
	c.numids++
	e.ID.Numid = c.numids
	c.Controls = append(c.Controls, e)
}

// control finds the control that a program names, by number or by name. Caller holds mu.
func (c *Card) control(id *abi.SndCtlElemID) (*Control, error) {
	for _, e := range c.Controls {
		named := e.ID
		if id.Numid == 0 {
			named.Numid = 0
		}
		if id.Numid == e.ID.Numid || named == *id {
			return e, nil
		}
	}
	return nil, errno.ENOENT.Because("no such control")
}

// controlNamed returns the control with a name, or nil. Caller holds mu.
func (c *Card) controlNamed(name string) *Control {
	for _, e := range c.Controls {
		if abi.CString(e.ID.Name[:]) == name && e.Access&abi.SNDRV_CTL_ELEM_ACCESS_USER == 0 {
			return e
		}
	}
	return nil
}

// setValues changes a control for a program, by is its file, and tells all who want to know. It reports whether anything is another
// now. Caller holds mu.
func (c *Card) setValues(t *sched.Thread, e *Control, by *ctlFile, values []int64) (bool, error) {
	c.mu.AssertHeld(t)
	if e.owner != nil && e.owner != by {
		return false, errno.EPERM.Because("another program has locked the control")
	}
	for _, v := range values {
		if v < e.Min || v > e.Max || e.Step > 1 && (v-e.Min)%e.Step != 0 {
			return false, errno.EINVAL.Because("beyond the control's range")
		}
	}
	if slices.Equal(values, e.Values) {
		return false, nil
	}
	if e.Set != nil {
		if err := e.Set(t, values); err != nil {
			return false, err
		}
	}
	e.Values = values
	c.tell(e, abi.SNDRV_CTL_EVENT_MASK_VALUE)
	return true, nil
}

// ctlEvent is what happened to a control.
type ctlEvent struct {
	id   abi.SndCtlElemID
	mask uint32
}

// tell notes for all listeners that something happened to a control: once, however often, until they read it. Caller holds mu.
func (c *Card) tell(e *Control, mask uint32) {
	c.changes++
	for _, f := range c.listeners {
		i := slices.IndexFunc(f.events, func(v ctlEvent) bool { return v.id == e.ID })
		if i < 0 {
			i, f.events = len(f.events), append(f.events, ctlEvent{id: e.ID})
		}
		f.events[i].mask |= mask
		f.wait.WakeAll()
	}
}
