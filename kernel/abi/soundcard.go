package abi

// OSS: sample formats of /dev/dsp.
const (
	AFMT_QUERY  = 0
	AFMT_U8     = 0x8
	AFMT_S16_LE = 0x10
	AFMT_S8     = 0x40
	AFMT_S24_LE = 0x8000
	AFMT_S32_LE = 0x1000
)

// OSS: ioctls of /dev/dsp.
const (
	OSS_GETVERSION          = 0x80044d76
	SNDCTL_DSP_RESET        = 0x5000
	SNDCTL_DSP_SYNC         = 0x5001
	SNDCTL_DSP_SPEED        = 0xc0045002
	SNDCTL_DSP_STEREO       = 0xc0045003
	SNDCTL_DSP_GETBLKSIZE   = 0xc0045004
	SNDCTL_DSP_SETFMT       = 0xc0045005
	SNDCTL_DSP_CHANNELS     = 0xc0045006
	SNDCTL_DSP_POST         = 0x5008
	SNDCTL_DSP_SUBDIVIDE    = 0xc0045009
	SNDCTL_DSP_SETFRAGMENT  = 0xc004500a
	SNDCTL_DSP_GETFMTS      = 0x8004500b
	SNDCTL_DSP_GETOSPACE    = 0x8010500c
	SNDCTL_DSP_GETISPACE    = 0x8010500d
	SNDCTL_DSP_NONBLOCK     = 0x500e
	SNDCTL_DSP_GETCAPS      = 0x8004500f
	SNDCTL_DSP_GETTRIGGER   = 0x80045010
	SNDCTL_DSP_SETTRIGGER   = 0x40045010
	SNDCTL_DSP_GETIPTR      = 0x800c5011
	SNDCTL_DSP_GETOPTR      = 0x800c5012
	SNDCTL_DSP_SETDUPLEX    = 0x5016
	SNDCTL_DSP_GETODELAY    = 0x80045017
	SOUND_PCM_READ_RATE     = 0x80045002
	SOUND_PCM_READ_BITS     = 0x80045005
	SOUND_PCM_READ_CHANNELS = 0x80045006

	DSP_CAP_DUPLEX  = 0x100
	DSP_CAP_BATCH   = 0x400
	DSP_CAP_TRIGGER = 0x1000
	DSP_CAP_MMAP    = 0x2000

	PCM_ENABLE_INPUT  = 1
	PCM_ENABLE_OUTPUT = 2
)

// OSS: ioctls of /dev/mixer. Those of a channel carry its number in the low byte.
const (
	SOUND_MIXER_VOLUME          = 0
	SOUND_MIXER_PCM             = 4
	SOUND_MIXER_RECLEV          = 11
	SOUND_MIXER_INFO            = 0x805c4d65
	SOUND_MIXER_READ_RECSRC     = 0x80044dff
	SOUND_MIXER_READ_DEVMASK    = 0x80044dfe
	SOUND_MIXER_READ_RECMASK    = 0x80044dfd
	SOUND_MIXER_READ_CAPS       = 0x80044dfc
	SOUND_MIXER_READ_STEREODEVS = 0x80044dfb
	SOUND_MIXER_READ_0          = 0x80044d00
	SOUND_MIXER_WRITE_0         = 0xc0044d00
	SOUND_VERSION               = 0x030802
)

// AudioBufInfo is OSS's audio_buf_info.
type AudioBufInfo struct{ Fragments, Fragstotal, Fragsize, Bytes int32 }

// CountInfo is OSS's count_info.
type CountInfo struct{ Bytes, Blocks, Ptr int32 }

// MixerInfo is OSS's mixer_info.
type MixerInfo struct {
	ID            [16]byte
	Name          [32]byte
	ModifyCounter int32
	Fillers       [10]int32
}
