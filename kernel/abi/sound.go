package abi

// ALSA's device numbers (Linux: Documentation/admin-guide/devices.txt): card 0's control, playback and capture, and OSS.
const (
	SNDRV_MAJOR          = 116
	SNDRV_MINOR_CONTROL  = 0
	SNDRV_MINOR_PLAYBACK = 16
	SNDRV_MINOR_CAPTURE  = 24
	SNDRV_MINOR_CARDS    = 32 // from one card to the next
	SOUND_MAJOR          = 14
	SOUND_MINOR_MIXER    = 0
	SOUND_MINOR_DSP      = 3
	SOUND_MINOR_CARDS    = 16
)

// Protocol versions.
const (
	SNDRV_PCM_VERSION = 2<<16 | 0<<8 | 15
	SNDRV_CTL_VERSION = 2<<16 | 0<<8 | 8
)

// Directions of a PCM stream.
const (
	SNDRV_PCM_STREAM_PLAYBACK = 0
	SNDRV_PCM_STREAM_CAPTURE  = 1
)

// How a program gets at a PCM's samples.
const (
	SNDRV_PCM_ACCESS_MMAP_INTERLEAVED    = 0
	SNDRV_PCM_ACCESS_MMAP_NONINTERLEAVED = 1
	SNDRV_PCM_ACCESS_RW_INTERLEAVED      = 3
	SNDRV_PCM_ACCESS_RW_NONINTERLEAVED   = 4
)

// Sample formats.
const (
	SNDRV_PCM_FORMAT_S8       = 0
	SNDRV_PCM_FORMAT_U8       = 1
	SNDRV_PCM_FORMAT_S16_LE   = 2
	SNDRV_PCM_FORMAT_S24_LE   = 6
	SNDRV_PCM_FORMAT_S32_LE   = 10
	SNDRV_PCM_FORMAT_FLOAT_LE = 14
	SNDRV_PCM_FORMAT_S24_3LE  = 32
	SNDRV_PCM_SUBFORMAT_STD   = 0
)

// What a PCM can do: snd_pcm_hw_params.info.
const (
	SNDRV_PCM_INFO_MMAP           = 0x1
	SNDRV_PCM_INFO_MMAP_VALID     = 0x2
	SNDRV_PCM_INFO_BATCH          = 0x10
	SNDRV_PCM_INFO_INTERLEAVED    = 0x100
	SNDRV_PCM_INFO_NONINTERLEAVED = 0x200
	SNDRV_PCM_INFO_BLOCK_TRANSFER = 0x10000
	SNDRV_PCM_INFO_PAUSE          = 0x80000
	SNDRV_PCM_INFO_SYNC_START     = 0x400000
)

// States of a PCM substream.
const (
	SNDRV_PCM_STATE_OPEN = iota
	SNDRV_PCM_STATE_SETUP
	SNDRV_PCM_STATE_PREPARED
	SNDRV_PCM_STATE_RUNNING
	SNDRV_PCM_STATE_XRUN
	SNDRV_PCM_STATE_DRAINING
	SNDRV_PCM_STATE_PAUSED
	SNDRV_PCM_STATE_SUSPENDED
	SNDRV_PCM_STATE_DISCONNECTED
)

// What mmap(2) maps at which offset of a PCM.
const (
	SNDRV_PCM_MMAP_OFFSET_DATA        = 0x00000000
	SNDRV_PCM_MMAP_OFFSET_STATUS_OLD  = 0x80000000
	SNDRV_PCM_MMAP_OFFSET_CONTROL_OLD = 0x81000000
	SNDRV_PCM_MMAP_OFFSET_STATUS_NEW  = 0x82000000
	SNDRV_PCM_MMAP_OFFSET_CONTROL_NEW = 0x83000000
)

// Parameters of a PCM: three masks, then twelve intervals.
const (
	SNDRV_PCM_HW_PARAM_ACCESS         = 0
	SNDRV_PCM_HW_PARAM_FORMAT         = 1
	SNDRV_PCM_HW_PARAM_SUBFORMAT      = 2
	SNDRV_PCM_HW_PARAM_FIRST_INTERVAL = 8
	SNDRV_PCM_HW_PARAM_SAMPLE_BITS    = 8
	SNDRV_PCM_HW_PARAM_FRAME_BITS     = 9
	SNDRV_PCM_HW_PARAM_CHANNELS       = 10
	SNDRV_PCM_HW_PARAM_RATE           = 11
	SNDRV_PCM_HW_PARAM_PERIOD_TIME    = 12
	SNDRV_PCM_HW_PARAM_PERIOD_SIZE    = 13
	SNDRV_PCM_HW_PARAM_PERIOD_BYTES   = 14
	SNDRV_PCM_HW_PARAM_PERIODS        = 15
	SNDRV_PCM_HW_PARAM_BUFFER_TIME    = 16
	SNDRV_PCM_HW_PARAM_BUFFER_SIZE    = 17
	SNDRV_PCM_HW_PARAM_BUFFER_BYTES   = 18
	SNDRV_PCM_HW_PARAM_TICK_TIME      = 19
)

// Timestamps and SYNC_PTR's flags.
const (
	SNDRV_PCM_TSTAMP_TYPE_GETTIMEOFDAY = 0
	SNDRV_PCM_TSTAMP_TYPE_LAST         = 2
	SNDRV_PCM_TSTAMP_ENABLE            = 1

	SNDRV_PCM_SYNC_PTR_HWSYNC    = 1
	SNDRV_PCM_SYNC_PTR_APPL      = 2
	SNDRV_PCM_SYNC_PTR_AVAIL_MIN = 4
)

// ioctls of a PCM.
const (
	SNDRV_PCM_IOCTL_PVERSION      = 0x80044100
	SNDRV_PCM_IOCTL_INFO          = 0x81204101
	SNDRV_PCM_IOCTL_TSTAMP        = 0x40044102
	SNDRV_PCM_IOCTL_TTSTAMP       = 0x40044103
	SNDRV_PCM_IOCTL_USER_PVERSION = 0x40044104
	SNDRV_PCM_IOCTL_HW_REFINE     = 0xc2604110
	SNDRV_PCM_IOCTL_HW_PARAMS     = 0xc2604111
	SNDRV_PCM_IOCTL_HW_FREE       = 0x4112
	SNDRV_PCM_IOCTL_SW_PARAMS     = 0xc0884113
	SNDRV_PCM_IOCTL_STATUS        = 0x80984120
	SNDRV_PCM_IOCTL_DELAY         = 0x80084121
	SNDRV_PCM_IOCTL_HWSYNC        = 0x4122
	SNDRV_PCM_IOCTL_SYNC_PTR      = 0xc0884123
	SNDRV_PCM_IOCTL_STATUS_EXT    = 0xc0984124
	SNDRV_PCM_IOCTL_CHANNEL_INFO  = 0x80184132
	SNDRV_PCM_IOCTL_PREPARE       = 0x4140
	SNDRV_PCM_IOCTL_RESET         = 0x4141
	SNDRV_PCM_IOCTL_START         = 0x4142
	SNDRV_PCM_IOCTL_DROP          = 0x4143
	SNDRV_PCM_IOCTL_DRAIN         = 0x4144
	SNDRV_PCM_IOCTL_PAUSE         = 0x40044145
	SNDRV_PCM_IOCTL_REWIND        = 0x40084146
	SNDRV_PCM_IOCTL_RESUME        = 0x4147
	SNDRV_PCM_IOCTL_XRUN          = 0x4148
	SNDRV_PCM_IOCTL_FORWARD       = 0x40084149
	SNDRV_PCM_IOCTL_WRITEI_FRAMES = 0x40184150
	SNDRV_PCM_IOCTL_READI_FRAMES  = 0x80184151
	SNDRV_PCM_IOCTL_WRITEN_FRAMES = 0x40184152
	SNDRV_PCM_IOCTL_READN_FRAMES  = 0x80184153
	SNDRV_PCM_IOCTL_LINK          = 0x40044160
	SNDRV_PCM_IOCTL_UNLINK        = 0x4161
)

// ioctls of a card's control device.
const (
	SNDRV_CTL_IOCTL_PVERSION             = 0x80045500
	SNDRV_CTL_IOCTL_CARD_INFO            = 0x81785501
	SNDRV_CTL_IOCTL_ELEM_LIST            = 0xc0505510
	SNDRV_CTL_IOCTL_ELEM_INFO            = 0xc1105511
	SNDRV_CTL_IOCTL_ELEM_READ            = 0xc4c85512
	SNDRV_CTL_IOCTL_ELEM_WRITE           = 0xc4c85513
	SNDRV_CTL_IOCTL_SUBSCRIBE_EVENTS     = 0xc0045516
	SNDRV_CTL_IOCTL_HWDEP_NEXT_DEVICE    = 0xc0045520
	SNDRV_CTL_IOCTL_PCM_NEXT_DEVICE      = 0x80045530
	SNDRV_CTL_IOCTL_PCM_INFO             = 0xc1205531
	SNDRV_CTL_IOCTL_PCM_PREFER_SUBDEVICE = 0x40045532
	SNDRV_CTL_IOCTL_RAWMIDI_NEXT_DEVICE  = 0xc0045540
	SNDRV_CTL_IOCTL_POWER_STATE          = 0x800455d1
)

// SndInterval is struct snd_interval: a range of numbers.
type SndInterval struct {
	Min, Max uint32
	Flags    uint32 // SNDRV_INTERVAL_…
}

// The bits of SndInterval.Flags, which the header has as bit fields.
const (
	SNDRV_INTERVAL_OPENMIN = 1 << iota // Min itself does not belong to it
	SNDRV_INTERVAL_OPENMAX
	SNDRV_INTERVAL_INTEGER
	SNDRV_INTERVAL_EMPTY
)

// SndMask is struct snd_mask: a set of numbers up to 255.
type SndMask struct{ Bits [8]uint32 }

// SndPCMHWParams is struct snd_pcm_hw_params.
type SndPCMHWParams struct {
	Flags     uint32
	Masks     [3]SndMask
	MRes      [5]SndMask
	Intervals [12]SndInterval
	IRes      [9]SndInterval
	RMask     uint32
	CMask     uint32
	Info      uint32
	MSBits    uint32
	RateNum   uint32
	RateDen   uint32
	FifoSize  uint64
	Reserved  [64]byte
}

// SndPCMSWParams is struct snd_pcm_sw_params.
type SndPCMSWParams struct {
	TstampMode       int32
	PeriodStep       uint32
	SleepMin         uint32
	_                uint32
	AvailMin         uint64
	XferAlign        uint64
	StartThreshold   uint64
	StopThreshold    uint64
	SilenceThreshold uint64
	SilenceSize      uint64
	Boundary         uint64
	Proto            uint32
	TstampType       uint32
	Reserved         [56]byte
}

// SndPCMInfo is struct snd_pcm_info.
type SndPCMInfo struct {
	Device          uint32
	Subdevice       uint32
	Stream          int32
	Card            int32
	ID              [64]byte
	Name            [80]byte
	Subname         [32]byte
	DevClass        int32
	DevSubclass     int32
	SubdevicesCount uint32
	SubdevicesAvail uint32
	Sync            [16]byte
	Reserved        [64]byte
}

// SndPCMStatus is struct snd_pcm_status.
type SndPCMStatus struct {
	State           int32
	_               uint32
	TriggerTstamp   Timespec
	Tstamp          Timespec
	ApplPtr         uint64
	HWPtr           uint64
	Delay           int64
	Avail           uint64
	AvailMax        uint64
	Overrange       uint64
	SuspendedState  int32
	AudioTstampData uint32
	AudioTstamp     Timespec
	DriverTstamp    Timespec
	Accuracy        uint32
	Reserved        [20]byte
}

// SndPCMMmapStatus is struct snd_pcm_mmap_status, which programs may map to read.
type SndPCMMmapStatus struct {
	State          int32
	_              uint32
	HWPtr          uint64
	Tstamp         Timespec
	SuspendedState int32
	_              uint32
	AudioTstamp    Timespec
}

// SndPCMMmapControl is struct snd_pcm_mmap_control, which programs may map to write.
type SndPCMMmapControl struct{ ApplPtr, AvailMin uint64 }

// SndPCMSyncPtr is struct snd_pcm_sync_ptr.
type SndPCMSyncPtr struct {
	Flags   uint32
	_       uint32
	Status  SndPCMMmapStatus
	_       [64 - 56]byte
	Control SndPCMMmapControl
	_       [64 - 16]byte
}

// SndPCMChannelInfo is struct snd_pcm_channel_info.
type SndPCMChannelInfo struct {
	Channel uint32
	_       uint32
	Offset  int64
	First   uint32
	Step    uint32
}

// SndXferi is struct snd_xferi.
type SndXferi struct {
	Result int64
	Buf    uint64
	Frames uint64
}

// SndXfern is struct snd_xfern: Bufs is an array of pointers, one of each channel.
type SndXfern struct {
	Result int64
	Bufs   uint64
	Frames uint64
}

// SndCtlCardInfo is struct snd_ctl_card_info.
type SndCtlCardInfo struct {
	Card       int32
	_          int32
	ID         [16]byte
	Driver     [16]byte
	Name       [32]byte
	Longname   [80]byte
	Reserved   [16]byte
	Mixername  [80]byte
	Components [128]byte
}

// SndCtlElemList is struct snd_ctl_elem_list.
type SndCtlElemList struct {
	Offset, Space, Used, Count uint32
	PIDs                       uint64
	Reserved                   [56]byte
}
