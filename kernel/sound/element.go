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
		Name: "controls", Doc: "every sound card's controls: volumes, switches", Root: "Bus.Devices", Each: "Private.Controls",
		Columns: kview.Cols("DEVICE ^Name", "NR Number", "NAME Name", "SWITCH Switch", "VALUES Count", "MIN Min", "MAX Max"),
	})
}

// maxValues is how many values a control has at most.
const maxValues = 2

// Control is a control element of a card: a volume or a switch.
type Control struct {
	Number   int    // from 1; immutable, as all but the last two
	Name     string // "Master Playback Volume": alsa-lib makes sense of it
	Switch   bool   // on and off; otherwise it goes from Min to Max
	Min, Max int32
	Count    int                                         // values
	TLV      []uint32                                    // what the values mean in decibels; may be nil
	Set      func(t *sched.Thread, values []int32) error // tells the hardware; it may sleep

	Values [maxValues]int32 // guarded by Card.mu
	owner  *ctlFile         // who has locked it; guarded by Card.mu
}

// AddControl adds a control, with the values that it has. The card is not registered yet.
func (c *Card) AddControl(e *Control) {
	e.Number = len(c.Controls) + 1
	c.Controls = append(c.Controls, e)
}

// id is how programs name the control.
func (e *Control) id() abi.SndCtlElemID {
	id := abi.SndCtlElemID{Numid: uint32(e.Number), Iface: abi.SNDRV_CTL_ELEM_IFACE_MIXER}
	copy(id.Name[:], e.Name)
	return id
}

// control finds the control that a program names, by number or by name.
func (c *Card) control(id *abi.SndCtlElemID) (*Control, error) {
	for _, e := range c.Controls {
		if id.Numid == 0 {
			want := e.id()
			want.Numid = 0
			if want == *id {
				return e, nil
			}
		} else if int(id.Numid) == e.Number {
			return e, nil
		}
	}
	return nil, errno.ENOENT.Because("no such control")
}

// Control returns the control with a name, or nil.
func (c *Card) controlNamed(name string) *Control {
	for _, e := range c.Controls {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// values returns a control's values.
func (c *Card) values(t *sched.Thread, e *Control) [maxValues]int32 {
	c.mu.Lock(t)
	defer c.mu.Unlock(t)
	return e.Values
}

// setValues changes a control for a program, by is its file, and tells all who want to know. It reports whether anything is another now.
func (c *Card) setValues(t *sched.Thread, e *Control, by *ctlFile, values [maxValues]int32) (bool, error) {
	c.mu.Lock(t)
	defer c.mu.Unlock(t)
	if e.owner != nil && e.owner != by {
		return false, errno.EPERM.Because("another program has locked the control")
	}
	for i, v := range values {
		if i >= e.Count {
			values[i] = 0
		} else if v < e.Min || v > e.Max {
			return false, errno.EINVAL.Because("beyond the control's range")
		}
	}
	if values == e.Values {
		return false, nil
	}
	if err := e.Set(t, values[:e.Count]); err != nil {
		return false, err
	}
	e.Values = values
	c.changes++
	for _, f := range c.listeners {
		f.tell(e)
	}
	return true, nil
}

// tell notes for a listener that a control has changed. Caller holds Card.mu.
func (f *ctlFile) tell(e *Control) {
	if !slices.Contains(f.events, e) { // one event, however often it has changed since
		f.events = append(f.events, e)
	}
	f.wait.WakeAll()
}
