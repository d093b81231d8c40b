package sound

import (
	"slices"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// addVolume gives the card a volume and a switch, and returns what the hardware is told.
func addVolume(c *Card) *[][]int64 {
	var told [][]int64
	set := func(_ *sched.Thread, v []int64) error {
		told = append(told, slices.Clone(v))
		return nil
	}
	for _, e := range []*Control{NewControl("Master Playback Volume", false, 0, 50, 2), NewControl("Master Playback Switch", true, 0, 1, 1)} {
		e.Set = set
		c.AddControl(e)
	}
	return &told
}

func TestControls(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		c := s.Card
		told := addVolume(c)
		listener, other := &ctlFile{card: c}, &ctlFile{card: c}
		listener.subscribe(true)
		volume, err := c.control(&abi.SndCtlElemID{Numid: 1})
		must(t, "find", err)
		named := volume.ID
		named.Numid = 0
		if e, err := c.control(&named); e != volume || err != nil {
			t.Errorf("by name: %v, %v", e, err)
		}
		for _, id := range []abi.SndCtlElemID{{}, {Numid: 3}, {Numid: 1 << 31}, {Name: named.Name}} {
			if _, err := c.control(&id); errno.Of(err) != errno.ENOENT {
				t.Errorf("%v: %v", id, err)
			}
		}
		c.mu.Lock(th)
		for _, step := range []struct {
			by      *ctlFile
			values  []int64
			changed bool
			err     errno.Errno
		}{
			{other, []int64{20, 30}, true, 0},
			{other, []int64{20, 30}, false, 0},
			{other, []int64{20, 51}, false, errno.EINVAL},
			{other, []int64{-1, 0}, false, errno.EINVAL},
			{listener, []int64{0, 0}, true, 0},
		} {
			if changed, err := c.setValues(th, volume, step.by, step.values); changed != step.changed || errno.Of(err) != step.err {
				t.Errorf("%v: %v, %v", step.values, changed, err)
			}
		}
		if len(*told) != 2 || len(listener.events) != 1 || len(other.events) != 0 {
			t.Errorf("the hardware was told %v; %d events, %d", *told, len(listener.events), len(other.events))
		}
		volume.owner = other
		if _, err := c.setValues(th, volume, listener, []int64{1, 1}); errno.Of(err) != errno.EPERM {
			t.Errorf("a control that another has locked: %v", err)
		}
		c.mu.Unlock(th)
		other.Release(th, nil)
		listener.Release(th, nil)
		if volume.owner != nil || len(c.listeners) != 0 {
			t.Error("a closed file has something still")
		}
	})
}

// TestUserControls: what programs make, they lock, replace and remove; the hardware's they can't.
func TestUserControls(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		c := s.Card
		addVolume(c)
		maker, other := &ctlFile{card: c}, &ctlFile{card: c}
		c.mu.Lock(th)
		defer c.mu.Unlock(th)
		other.subscribe(true)
		info := func(name string) *abi.SndCtlElemInfo {
			i := &abi.SndCtlElemInfo{Type: abi.SNDRV_CTL_ELEM_TYPE_INTEGER, Count: 2, Integer: abi.SndCtlInteger{Min: 5, Max: 9}}
			copy(i.ID.Name[:], name)
			return i
		}
		e, err := userControl(info("Softmaster"))
		must(t, "make", err)
		e.owner = maker
		must(t, "install", maker.install(e, false))
		if e.ID.Numid != 3 || len(other.events) != 1 || other.events[0].mask != abi.SNDRV_CTL_EVENT_MASK_ADD || !slices.Equal(e.Values, []int64{5, 5}) {
			t.Errorf("%+v, events %v", e, other.events)
		}
		again, _ := userControl(info("Softmaster"))
		for what, err := range map[string]error{
			"one more": maker.install(again, false), "another's": other.install(again, true), "another's removal": other.remove(e),
			"the hardware's removal": maker.remove(c.Controls[0]),
		} {
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		must(t, "replace", maker.install(again, true))
		must(t, "remove", maker.remove(again))
		if len(c.Controls) != 2 || other.events[len(other.events)-1].mask != abi.SNDRV_CTL_EVENT_MASK_REMOVE {
			t.Errorf("%d controls, events %v", len(c.Controls), other.events)
		}
		for name, change := range map[string]func(i *abi.SndCtlElemInfo){
			"no name": func(i *abi.SndCtlElemInfo) { i.ID.Name[0] = 0 }, "no values": func(i *abi.SndCtlElemInfo) { i.Count = 0 },
			"many values": func(i *abi.SndCtlElemInfo) { i.Count = 129 }, "bytes": func(i *abi.SndCtlElemInfo) { i.Type = 4 },
			"no range": func(i *abi.SndCtlElemInfo) { i.Integer.Max = 4 }, "many": func(i *abi.SndCtlElemInfo) { i.Owner = 2 },
		} {
			i := info("x")
			change(i)
			if _, err := userControl(i); errno.Of(err) != errno.EINVAL {
				t.Errorf("%s: %v", name, err)
			}
		}
		for i := range maxUserControls + 1 {
			e, _ := userControl(info(string(rune('A' + i))))
			if err := maker.install(e, false); errno.Of(err) != 0 != (i == maxUserControls) {
				t.Errorf("control %d: %v", i, err)
			}
		}
	})
}

// TestMixer is OSS's view of the same controls.
func TestMixer(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		m := &mixerFile{s.Card}
		if n := m.channels(th); n != 0 {
			t.Errorf("channels %#x of a card without controls", n)
		}
		addVolume(s.Card)
		n := m.channels(th)
		s.Card.mu.Lock(th)
		defer s.Card.mu.Unlock(th)
		volume, isOn := s.Card.Controls[0], s.Card.Controls[1]
		if want := 1<<abi.SOUND_MIXER_VOLUME | 1<<abi.SOUND_MIXER_PCM; n != want || level(volume, isOn) != 100|100<<8 {
			t.Errorf("channels %#x, level %#x", n, level(volume, isOn))
		}
		must(t, "set", m.setLevel(th, volume, isOn, 30|80<<8))
		if !slices.Equal(volume.Values, []int64{15, 40}) || level(volume, isOn) != 30|80<<8 {
			t.Errorf("values %v, level %#x", volume.Values, level(volume, isOn))
		}
		s.Card.setValues(th, isOn, nil, []int64{0})
		if level(volume, isOn) != 0 {
			t.Error("what is switched off has a level")
		}
		must(t, "set", m.setLevel(th, volume, isOn, 255|255<<8))
		if isOn.Values[0] != 1 || !slices.Equal(volume.Values, []int64{50, 50}) {
			t.Errorf("values %v, %v", isOn.Values, volume.Values)
		}
	})
}
