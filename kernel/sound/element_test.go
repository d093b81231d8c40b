package sound

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// addVolume gives the card a volume and a switch, and returns what the hardware is told.
func addVolume(c *Card) *[][]int32 {
	var told [][]int32
	set := func(_ *sched.Thread, v []int32) error {
		told = append(told, append([]int32(nil), v...))
		return nil
	}
	c.AddControl(&Control{Name: "Master Playback Volume", Max: 50, Count: 2, Values: [2]int32{50, 50}, Set: set})
	c.AddControl(&Control{Name: "Master Playback Switch", Switch: true, Max: 1, Count: 1, Values: [2]int32{1}, Set: set})
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
		named := volume.id()
		named.Numid = 0
		if e, err := c.control(&named); e != volume || err != nil {
			t.Errorf("by name: %v, %v", e, err)
		}
		for _, id := range []abi.SndCtlElemID{{}, {Numid: 3}, {Numid: 1 << 31}, {Name: named.Name}} {
			if _, err := c.control(&id); errno.Of(err) != errno.ENOENT {
				t.Errorf("%v: %v", id, err)
			}
		}
		for _, step := range []struct {
			by      *ctlFile
			values  [2]int32
			changed bool
			err     errno.Errno
		}{
			{other, [2]int32{20, 30}, true, 0},
			{other, [2]int32{20, 30}, false, 0},
			{other, [2]int32{20, 51}, false, errno.EINVAL},
			{other, [2]int32{-1, 0}, false, errno.EINVAL},
			{listener, [2]int32{0, 0}, true, 0},
		} {
			if changed, err := c.setValues(th, volume, step.by, step.values); changed != step.changed || errno.Of(err) != step.err {
				t.Errorf("%v: %v, %v", step.values, changed, err)
			}
		}
		if len(*told) != 2 || len(listener.events) != 1 || len(other.events) != 0 {
			t.Errorf("the hardware was told %v; %d events, %d", *told, len(listener.events), len(other.events))
		}
		volume.owner = other
		if _, err := c.setValues(th, volume, listener, [2]int32{1, 1}); errno.Of(err) != errno.EPERM {
			t.Errorf("a control that another has locked: %v", err)
		}
		other.Release(th, nil)
		listener.Release(th, nil)
		if volume.owner != nil || len(c.listeners) != 0 {
			t.Error("a closed file has something still")
		}
	})
}

// TestMixer is OSS's view of the same controls.
func TestMixer(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		m := &mixerFile{s.Card}
		if m.channels() != 0 {
			t.Errorf("channels %#x of a card without controls", m.channels())
		}
		addVolume(s.Card)
		volume, isOn := s.Card.Controls[0], s.Card.Controls[1]
		if want := 1<<abi.SOUND_MIXER_VOLUME | 1<<abi.SOUND_MIXER_PCM; m.channels() != want || m.level(th, volume, isOn) != 100|100<<8 {
			t.Errorf("channels %#x, level %#x", m.channels(), m.level(th, volume, isOn))
		}
		must(t, "set", m.setLevel(th, volume, isOn, 30|80<<8))
		if volume.Values != [2]int32{15, 40} || m.level(th, volume, isOn) != 30|80<<8 {
			t.Errorf("values %v, level %#x", volume.Values, m.level(th, volume, isOn))
		}
		s.Card.setValues(th, isOn, nil, [2]int32{0})
		if m.level(th, volume, isOn) != 0 {
			t.Error("what is switched off has a level")
		}
		must(t, "set", m.setLevel(th, volume, isOn, 255|255<<8))
		if isOn.Values[0] != 1 || volume.Values != [2]int32{50, 50} {
			t.Errorf("values %v, %v", isOn.Values, volume.Values)
		}
	})
}
