package snd

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/sound"
)

// formats are the device's numbers of formats (VIRTIO_SND_PCM_FMT_…) and ALSA's. 24 bits in 32 are S24 in both.
var formats = []struct{ virtio, alsa int }{
	{3, abi.SNDRV_PCM_FORMAT_S8},
	{4, abi.SNDRV_PCM_FORMAT_U8},
	{5, abi.SNDRV_PCM_FORMAT_S16_LE},
	{11, abi.SNDRV_PCM_FORMAT_S24_3LE},
	{15, abi.SNDRV_PCM_FORMAT_S24_LE},
	{17, abi.SNDRV_PCM_FORMAT_S32_LE},
	{19, abi.SNDRV_PCM_FORMAT_FLOAT_LE},
}

// rates are the device's rates by number (VIRTIO_SND_PCM_RATE_…).
var rates = []int{5512, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 64000, 88200, 96000, 176400, 192000, 384000}

// capsOf reads a struct virtio_snd_pcm_info: hda_fn_nid, features, formats, rates, direction, channels.
func capsOf(info []byte) (c sound.Caps, dir int, ok bool) {
	f, r := binary.LittleEndian.Uint64(info[8:]), binary.LittleEndian.Uint64(info[16:])
	for _, x := range formats {
		if f>>x.virtio&1 != 0 {
			c.Formats = append(c.Formats, x.alsa)
		}
	}
	for i, n := range rates {
		if r>>i&1 != 0 {
			c.Rates = append(c.Rates, n)
		}
	}
	dir, c.ChannelsMin, c.ChannelsMax = int(info[24]), int(info[25]), int(info[26])
	ok = dir <= abi.SNDRV_PCM_STREAM_CAPTURE && len(c.Formats) > 0 && len(c.Rates) > 0 && c.ChannelsMin > 0 &&
		c.ChannelsMax >= c.ChannelsMin && c.ChannelsMax <= 32
	return c, dir, ok
}

// codes returns the device's numbers of a format and a rate.
func codes(p sound.Params) (format, rate uint32) {
	for _, x := range formats {
		if x.alsa == p.Format {
			format = uint32(x.virtio)
		}
	}
	for i, n := range rates {
		if n == p.Rate {
			rate = uint32(i)
		}
	}
	return format, rate
}
