package abi

// Control elements of a sound card: interface, types, access, events.
const (
	SNDRV_CTL_ELEM_IFACE_MIXER = 2

	SNDRV_CTL_ELEM_TYPE_BOOLEAN = 1
	SNDRV_CTL_ELEM_TYPE_INTEGER = 2

	SNDRV_CTL_ELEM_ACCESS_READWRITE = 0x3
	SNDRV_CTL_ELEM_ACCESS_TLV_READ  = 0x10
	SNDRV_CTL_ELEM_ACCESS_TLV_WRITE = 0x20
	SNDRV_CTL_ELEM_ACCESS_INACTIVE  = 0x100
	SNDRV_CTL_ELEM_ACCESS_LOCK      = 0x200
	SNDRV_CTL_ELEM_ACCESS_OWNER     = 0x400
	SNDRV_CTL_ELEM_ACCESS_USER      = 0x20000000

	SNDRV_CTL_EVENT_MASK_VALUE  = 1
	SNDRV_CTL_EVENT_MASK_ADD    = 4
	SNDRV_CTL_EVENT_MASK_TLV    = 8
	SNDRV_CTL_EVENT_MASK_REMOVE = 0xffffffff
)

// ioctls of a card's control device about its elements.
const (
	SNDRV_CTL_IOCTL_ELEM_LOCK    = 0x40405514
	SNDRV_CTL_IOCTL_ELEM_UNLOCK  = 0x40405515
	SNDRV_CTL_IOCTL_ELEM_ADD     = 0xc1105517
	SNDRV_CTL_IOCTL_ELEM_REPLACE = 0xc1105518
	SNDRV_CTL_IOCTL_ELEM_REMOVE  = 0xc0405519
	SNDRV_CTL_IOCTL_TLV_READ     = 0xc008551a
	SNDRV_CTL_IOCTL_TLV_WRITE    = 0xc008551b
	SNDRV_CTL_IOCTL_TLV_COMMAND  = 0xc008551c
)

// SndCtlElemID is struct snd_ctl_elem_id.
type SndCtlElemID struct {
	Numid     uint32
	Iface     int32
	Device    uint32
	Subdevice uint32
	Name      [44]byte
	Index     uint32
}

// SndCtlInteger is the range of an element's values.
type SndCtlInteger struct{ Min, Max, Step int64 }

// SndCtlElemInfo is struct snd_ctl_elem_info of an element with integers.
type SndCtlElemInfo struct {
	ID       SndCtlElemID
	Type     int32
	Access   uint32
	Count    uint32
	Owner    int32
	Integer  SndCtlInteger
	_        [128 - 24]byte
	Reserved [64]byte
}

// SndCtlElemValue is struct snd_ctl_elem_value of an element with integers.
type SndCtlElemValue struct {
	ID       SndCtlElemID
	Indirect uint32
	_        uint32
	Integers [128]int64
	Reserved [128]byte
}

// SndCtlEvent is struct snd_ctl_event.
type SndCtlEvent struct {
	Type int32
	Mask uint32
	ID   SndCtlElemID
}
