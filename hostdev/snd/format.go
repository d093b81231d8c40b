package snd

import "fmt"

// Sample says how samples lie in memory: the numbers are virtio's (VIRTIO_SND_PCM_FMT_…).
type Sample int

// The formats that the device knows, little endian.
const (
	S8    Sample = 3
	U8    Sample = 4
	S16   Sample = 5
	S24P  Sample = 11 // 24 bits in 3 bytes
	S24   Sample = 15 // 24 bits in 4 bytes
	S32   Sample = 17
	Float Sample = 19
)

// Samples are all formats.
var Samples = []Sample{S8, U8, S16, S24P, S24, S32, Float}

// Bytes is the size of a sample.
func (s Sample) Bytes() int {
	switch s {
	case S8, U8:
		return 1
	case S16:
		return 2
	case S24P:
		return 3
	}
	return 4
}

// String is what arecord -f calls it.
func (s Sample) String() string {
	switch s {
	case S8:
		return "S8"
	case U8:
		return "U8"
	case S16:
		return "S16_LE"
	case S24P:
		return "S24_3LE"
	case S24:
		return "S24_LE"
	case S32:
		return "S32_LE"
	case Float:
		return "FLOAT_LE"
	}
	return fmt.Sprintf("format %d", int(s))
}

// silence is the byte that silence is made of.
func (s Sample) silence() byte {
	if s == U8 {
		return 0x80
	}
	return 0
}

// rates are the device's rates by number (VIRTIO_SND_PCM_RATE_…).
var rates = []int{5512, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 64000, 88200, 96000, 176400, 192000, 384000}

// Rates that the device offers: first and last.
const (
	minRate = 8000
	maxRate = 96000
)

// Format is the format of a stream.
type Format struct {
	Sample   Sample
	Channels int
	Rate     int
}

// FrameBytes is the size of a sample of each channel.
func (f Format) FrameBytes() int { return f.Sample.Bytes() * f.Channels }

func (f Format) String() string {
	return fmt.Sprintf("%v, %d Hz, %d channels", f.Sample, f.Rate, f.Channels)
}

// Can says what a stream of a back-end takes or gives.
type Can struct {
	Samples                  []Sample
	Rates                    []int
	ChannelsMin, ChannelsMax int
}

// anything is what a stream can that carries bytes without looking at them.
func anything() Can {
	c := Can{Samples: Samples, ChannelsMin: 1, ChannelsMax: 2}
	for _, r := range rates {
		if r >= minRate && r <= maxRate {
			c.Rates = append(c.Rates, r)
		}
	}
	return c
}

// has reports whether f is one of the formats.
func (c Can) has(f Format) bool {
	ok := false
	for _, s := range c.Samples {
		ok = ok || s == f.Sample
	}
	for _, r := range c.Rates {
		if r == f.Rate {
			return ok && f.Channels >= c.ChannelsMin && f.Channels <= c.ChannelsMax
		}
	}
	return false
}
