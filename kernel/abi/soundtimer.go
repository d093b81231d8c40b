package abi

// ALSA's timers: /dev/snd/timer.
const (
	SNDRV_MINOR_TIMER   = 33
	SNDRV_TIMER_VERSION = 2<<16 | 0<<8 | 7
)

// Classes of timers, and the one global timer there is.
const (
	SNDRV_TIMER_CLASS_NONE    = -1
	SNDRV_TIMER_CLASS_SLAVE   = 0
	SNDRV_TIMER_CLASS_GLOBAL  = 1
	SNDRV_TIMER_CLASS_CARD    = 2
	SNDRV_TIMER_CLASS_PCM     = 3
	SNDRV_TIMER_GLOBAL_SYSTEM = 0
)

// Flags of a timer and of its parameters.
const (
	SNDRV_TIMER_FLG_SLAVE         = 1
	SNDRV_TIMER_PSFLG_AUTO        = 1
	SNDRV_TIMER_PSFLG_EXCLUSIVE   = 2
	SNDRV_TIMER_PSFLG_EARLY_EVENT = 4
)

// Events of a timer; those of its master are SNDRV_TIMER_EVENT_MASTER more.
const (
	SNDRV_TIMER_EVENT_RESOLUTION = 0
	SNDRV_TIMER_EVENT_TICK       = 1
	SNDRV_TIMER_EVENT_START      = 2
	SNDRV_TIMER_EVENT_STOP       = 3
	SNDRV_TIMER_EVENT_CONTINUE   = 4
	SNDRV_TIMER_EVENT_PAUSE      = 5
	SNDRV_TIMER_EVENT_EARLY      = 6
	SNDRV_TIMER_EVENT_SUSPEND    = 7
	SNDRV_TIMER_EVENT_RESUME     = 8
	SNDRV_TIMER_EVENT_MASTER     = 10
)

// ioctls of /dev/snd/timer.
const (
	SNDRV_TIMER_IOCTL_PVERSION    = 0x80045400
	SNDRV_TIMER_IOCTL_NEXT_DEVICE = 0xc0145401
	SNDRV_TIMER_IOCTL_TREAD       = 0x40045402
	SNDRV_TIMER_IOCTL_GINFO       = 0xc0f85403
	SNDRV_TIMER_IOCTL_GPARAMS     = 0x40485404
	SNDRV_TIMER_IOCTL_GSTATUS     = 0xc0505405
	SNDRV_TIMER_IOCTL_SELECT      = 0x40345410
	SNDRV_TIMER_IOCTL_INFO        = 0x80e85411
	SNDRV_TIMER_IOCTL_PARAMS      = 0x40505412
	SNDRV_TIMER_IOCTL_STATUS      = 0x80605414
	SNDRV_TIMER_IOCTL_START       = 0x54a0
	SNDRV_TIMER_IOCTL_STOP        = 0x54a1
	SNDRV_TIMER_IOCTL_CONTINUE    = 0x54a2
	SNDRV_TIMER_IOCTL_PAUSE       = 0x54a3
	SNDRV_TIMER_IOCTL_TREAD64     = 0x400454a4
)

// SndTimerID is struct snd_timer_id.
type SndTimerID struct{ Class, SClass, Card, Device, Subdevice int32 }

// SndTimerGInfo is struct snd_timer_ginfo.
type SndTimerGInfo struct {
	TID           SndTimerID
	Flags         uint32
	Card          int32
	ID            [64]byte
	Name          [80]byte
	_             [4]byte
	_             uint64
	Resolution    uint64 // ns, as the next two
	ResolutionMin uint64
	ResolutionMax uint64
	Clients       uint32
	Reserved      [32]byte
	_             [4]byte
}

// SndTimerGStatus is struct snd_timer_gstatus.
type SndTimerGStatus struct {
	TID           SndTimerID
	_             [4]byte
	Resolution    uint64 // ns
	ResolutionNum uint64
	ResolutionDen uint64
	Reserved      [32]byte
}

// SndTimerSelect is struct snd_timer_select.
type SndTimerSelect struct {
	ID       SndTimerID
	Reserved [32]byte
}

// SndTimerInfo is struct snd_timer_info.
type SndTimerInfo struct {
	Flags      uint32
	Card       int32
	ID         [64]byte
	Name       [80]byte
	_          uint64
	Resolution uint64 // ns
	Reserved   [64]byte
}

// SndTimerParams is struct snd_timer_params.
type SndTimerParams struct {
	Flags     uint32 // SNDRV_TIMER_PSFLG_…
	Ticks     uint32
	QueueSize uint32
	_         uint32
	Filter    uint32 // events
	Reserved  [60]byte
}

// SndTimerStatus is struct snd_timer_status.
type SndTimerStatus struct {
	Tstamp     Timespec
	Resolution uint32 // ns
	Lost       uint32
	Overrun    uint32
	Queue      uint32
	Reserved   [64]byte
}

// SndTimerRead is struct snd_timer_read.
type SndTimerRead struct{ Resolution, Ticks uint32 }

// SndTimerTread is struct snd_timer_tread, and on 64 bits _tread64, too.
type SndTimerTread struct {
	Event  int32
	_      int32
	Tstamp Timespec
	Val    uint32
	_      uint32
}
