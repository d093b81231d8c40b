package snd

import (
	"encoding/binary"
	"math"
)

// Volumes are what the controls set: levels count half decibels up to maxLevel, which leaves samples as they are.
const (
	maxLevel   = 100
	levelStep  = 50                    // 1/100 dB
	lowest     = -maxLevel * levelStep // 1/100 dB; the level 0 is silence
	channelMax = 2
)

// volume is a stream's loudness. Its stream's lock guards it.
type volume struct {
	level [channelMax]int32
	on    bool
}

func newVolume() volume { return volume{level: [channelMax]int32{maxLevel, maxLevel}, on: true} }

// neutral reports whether samples go through untouched.
func (v *volume) neutral() bool { return v.on && v.level == [channelMax]int32{maxLevel, maxLevel} }

// gain is the factor of a channel.
func (v *volume) gain(channel int) float64 {
	n := v.level[min(channel, channelMax-1)]
	if !v.on || n <= 0 {
		return 0
	}
	return math.Pow(10, float64(lowest+n*levelStep)/100/20)
}

// apply changes the loudness of whole frames in place.
func (v *volume) apply(f Format, b []byte) {
	if v.neutral() {
		return
	}
	size := f.Sample.Bytes()
	gains := make([]float64, f.Channels)
	for c := range gains {
		gains[c] = v.gain(c)
	}
	for i := 0; (i+1)*size <= len(b); i++ {
		f.Sample.scale(b[i*size:], gains[i%f.Channels])
	}
}

// scale multiplies the first sample of b, rounding to the nearest value. Gains are at most 1, so nothing overflows.
func (s Sample) scale(b []byte, gain float64) {
	round := func(v int32) int32 { return int32(math.Round(float64(v) * gain)) }
	switch s {
	case S8:
		b[0] = byte(round(int32(int8(b[0]))))
	case U8:
		b[0] = byte(round(int32(b[0])-0x80) + 0x80)
	case S16:
		binary.LittleEndian.PutUint16(b, uint16(round(int32(int16(binary.LittleEndian.Uint16(b))))))
	case S24P:
		v := round(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24) >> 8)
		b[0], b[1], b[2] = byte(v), byte(v>>8), byte(v>>16)
	case S24:
		binary.LittleEndian.PutUint32(b, uint32(round(int32(binary.LittleEndian.Uint32(b)<<8)>>8)))
	case S32:
		binary.LittleEndian.PutUint32(b, uint32(round(int32(binary.LittleEndian.Uint32(b)))))
	case Float:
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) * gain
		if gain == 0 {
			v = 0 // whatever it was: infinities, too
		}
		binary.LittleEndian.PutUint32(b, math.Float32bits(float32(v)))
	}
}
