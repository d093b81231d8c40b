package snd

import (
	"encoding/binary"
	"math"
)

// meterSeconds is how much a meter keeps.
const meterSeconds = 10

// Meter is what a stream has played or recorded of late.
type Meter struct {
	Format  Format
	State   string // as ALSA calls it: "open", "setup", "prepared", "running", "paused"
	Running bool
	Frames  int64  // since the device was made
	Stalls  int    // the driver was late with a piece
	Recent  []byte // the last of it, whole frames
}

// meter keeps the last seconds of a stream. Its stream's lock guards it.
type meter struct {
	ring   []byte
	next   int  // where the next byte goes
	full   bool // the ring has wrapped
	frames int64
}

// start begins with a new format.
func (m *meter) start(f Format) {
	if n := meterSeconds * f.Rate * f.FrameBytes(); len(m.ring) != n {
		m.ring = make([]byte, n)
	}
	m.next, m.full = 0, false
}

func (m *meter) add(p []byte, frames int) {
	m.frames += int64(frames)
	p = p[max(len(p)-len(m.ring), 0):]
	for len(p) > 0 {
		n := copy(m.ring[m.next:], p)
		p = p[n:]
		if m.next += n; m.next == len(m.ring) {
			m.next, m.full = 0, true
		}
	}
}

// recent returns a copy of the last n bytes, or what there is of them, oldest first.
func (m *meter) recent(n int) []byte {
	if n <= m.next {
		return append([]byte(nil), m.ring[m.next-n:m.next]...)
	}
	var b []byte
	if m.full {
		b = append(b, m.ring[max(len(m.ring)-(n-m.next), m.next):]...)
	}
	return append(b, m.ring[:m.next]...)
}

// Peaks returns the greatest amplitude of each channel in Recent: 1 is full scale.
func (m *Meter) Peaks() []float64 {
	peaks := make([]float64, m.Format.Channels)
	m.each(func(i int, v float64) {
		if c := i % m.Format.Channels; math.Abs(v) > peaks[c] {
			peaks[c] = math.Abs(v)
		}
	})
	return peaks
}

// S16 returns Recent as samples of 16 bits, little endian.
func (m *Meter) S16() []byte {
	if m.Format.Sample == S16 {
		return m.Recent
	}
	var b []byte
	m.each(func(_ int, v float64) {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(math.Round(min(max(v*(1<<15), -1<<15), 1<<15-1)))))
	})
	return b
}

// each calls f for every sample of Recent, the channels in turn; what is no number counts as silence.
func (m *Meter) each(f func(i int, v float64)) {
	size := m.Format.Sample.Bytes()
	for i := 0; (i+1)*size <= len(m.Recent); i++ {
		v := m.Format.Sample.value(m.Recent[i*size:])
		if math.IsNaN(v) {
			v = 0
		}
		f(i, v)
	}
}

// value is the first sample of b, between -1 and 1.
func (s Sample) value(b []byte) float64 {
	switch s {
	case S8:
		return float64(int8(b[0])) / (1 << 7)
	case U8:
		return float64(int(b[0])-0x80) / (1 << 7)
	case S16:
		return float64(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case S24P:
		return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)>>8) / (1 << 23)
	case S24:
		return float64(int32(binary.LittleEndian.Uint32(b)<<8)>>8) / (1 << 23)
	case S32:
		return float64(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
}
