package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// ctlFile is an open /dev/snd/controlC0: what alsa-lib learns about the card. The card has no
// controls, for what a program plays leaves as it is: there is no volume to set.
type ctlFile struct{ card *Card }

// Poll implements vfs.Poller: no control ever changes.
func (c *ctlFile) Poll(*sched.Thread, *vfs.File, *vfs.PollTable) vfs.Events { return 0 }

// Read implements vfs.Reader. There are no events.
func (c *ctlFile) Read(*sched.Thread, *vfs.File, *mm.IO, int64) (int, error) {
	return 0, errno.EAGAIN.Because("no control ever changes")
}

// Ioctl implements vfs.Ioctler.
func (c *ctlFile) Ioctl(t *sched.Thread, f *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	addr := mm.UAddr(arg)
	switch cmd {
	case abi.SNDRV_CTL_IOCTL_PVERSION:
		return 0, putInt(t, addr, abi.SNDRV_CTL_VERSION)
	case abi.SNDRV_CTL_IOCTL_CARD_INFO:
		info := c.card.info()
		return 0, mm.CopyOutStruct(t, addr, &info)
	case abi.SNDRV_CTL_IOCTL_ELEM_LIST:
		list, err := mm.CopyInStruct[abi.SndCtlElemList](t, addr)
		if err != nil {
			return 0, err
		}
		list.Used, list.Count = 0, 0
		return 0, mm.CopyOutStruct(t, addr, &list)
	case abi.SNDRV_CTL_IOCTL_ELEM_INFO, abi.SNDRV_CTL_IOCTL_ELEM_READ, abi.SNDRV_CTL_IOCTL_ELEM_WRITE:
		return 0, errno.ENOENT.Because("the card has no controls")
	case abi.SNDRV_CTL_IOCTL_SUBSCRIBE_EVENTS, abi.SNDRV_CTL_IOCTL_PCM_PREFER_SUBDEVICE:
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
		return 0, c.pcmInfo(t, addr)
	}
	return 0, errno.ENOTTY.Because("a sound card does not know this ioctl")
}

func (c *ctlFile) pcmInfo(t *sched.Thread, addr mm.UAddr) error {
	ask, err := mm.CopyInStruct[abi.SndPCMInfo](t, addr)
	if err != nil {
		return err
	}
	if ask.Stream != abi.SNDRV_PCM_STREAM_PLAYBACK && ask.Stream != abi.SNDRV_PCM_STREAM_CAPTURE {
		return errno.EINVAL.Because("no such direction")
	}
	s := c.card.Substream(int(ask.Stream))
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
