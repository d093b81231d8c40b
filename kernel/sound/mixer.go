package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// mixerFile is an open /dev/mixer: OSS's view of the card's controls, with volumes from 0 to 100, left and right.
type mixerFile struct{ card *Card }

// mixerChannels are OSS's channels with their controls. PCM, which players like to turn, is the same as the volume.
var mixerChannels = []struct {
	channel      uint32
	volume, isOn string
}{
	{abi.SOUND_MIXER_VOLUME, "Master Playback Volume", "Master Playback Switch"},
	{abi.SOUND_MIXER_PCM, "Master Playback Volume", "Master Playback Switch"},
	{abi.SOUND_MIXER_RECLEV, "Capture Volume", "Capture Switch"},
}

// Ioctl implements vfs.Ioctler.
func (m *mixerFile) Ioctl(t *sched.Thread, _ *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	addr := mm.UAddr(arg)
	switch cmd {
	case abi.OSS_GETVERSION:
		return 0, putInt(t, addr, abi.SOUND_VERSION)
	case abi.SOUND_MIXER_INFO:
		var i abi.MixerInfo
		copy(i.ID[:], m.card.ID)
		copy(i.Name[:], m.card.Name)
		m.card.mu.Lock(t)
		i.ModifyCounter = int32(m.card.changes)
		m.card.mu.Unlock(t)
		return 0, mm.CopyOutStruct(t, addr, &i)
	case abi.SOUND_MIXER_READ_DEVMASK, abi.SOUND_MIXER_READ_STEREODEVS:
		return 0, putInt(t, addr, m.channels(t))
	case abi.SOUND_MIXER_READ_RECMASK, abi.SOUND_MIXER_READ_RECSRC, abi.SOUND_MIXER_READ_CAPS:
		return 0, putInt(t, addr, 0)
	}
	m.card.mu.Lock(t)
	defer m.card.mu.Unlock(t)
	for _, c := range mixerChannels {
		volume, isOn := m.card.controlNamed(c.volume), m.card.controlNamed(c.isOn)
		if volume == nil {
			continue
		}
		switch cmd {
		case abi.SOUND_MIXER_READ_0 + c.channel:
			return 0, putInt(t, addr, level(volume, isOn))
		case abi.SOUND_MIXER_WRITE_0 + c.channel:
			v, err := getInt(t, addr)
			if err != nil {
				return 0, err
			}
			if err := m.setLevel(t, volume, isOn, v); err != nil {
				return 0, err
			}
			return 0, putInt(t, addr, level(volume, isOn))
		}
	}
	return 0, errno.EINVAL.Because("the mixer has no such channel")
}

// channels are those that the card has, as bits.
func (m *mixerFile) channels(t *sched.Thread) (mask int) {
	m.card.mu.Lock(t)
	defer m.card.mu.Unlock(t)
	for _, c := range mixerChannels {
		if m.card.controlNamed(c.volume) != nil {
			mask |= 1 << c.channel
		}
	}
	return mask
}

// level is a volume as OSS counts it. What is switched off is at 0. Caller holds Card.mu.
func level(volume, isOn *Control) int {
	if isOn != nil && isOn.Values[0] == 0 {
		return 0
	}
	span := max(volume.Max-volume.Min, 1)
	percent := func(n int64) int { return int(((n-volume.Min)*100 + span/2) / span) }
	return percent(volume.Values[0]) | percent(volume.Values[volume.Count-1])<<8
}

// setLevel sets a volume; a level above 0 switches it on. Caller holds Card.mu.
func (m *mixerFile) setLevel(t *sched.Thread, volume, isOn *Control, v int) error {
	values := make([]int64, volume.Count)
	for i := range values {
		percent := int64(min(v>>(8*min(i, 1))&0xff, 100))
		values[i] = volume.Min + (percent*(volume.Max-volume.Min)+50)/100
	}
	if _, err := m.card.setValues(t, volume, nil, values); err != nil {
		return err
	}
	if isOn == nil || v&0xffff == 0 {
		return nil
	}
	_, err := m.card.setValues(t, isOn, nil, []int64{1})
	return err
}
