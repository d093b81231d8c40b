package snd

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

func TestMeterKeepsTheLast(t *testing.T) {
	var m meter
	m.start(Format{U8, 1, 8}) // so a ring of 80 bytes
	var all []byte
	for i := range 50 {
		p := bytes.Repeat([]byte{byte(i)}, 1+i%7)
		m.add(p, len(p))
		all = append(all, p...)
		for _, n := range []int{0, 1, 5, 79, 80, 1000} {
			want := all[len(all)-min(n, len(all), meterSeconds*8):]
			if got := m.recent(n); !bytes.Equal(got, want) {
				t.Fatalf("after %d bytes, the last %d are %v, want %v", len(all), n, got, want)
			}
		}
	}
	if m.frames != int64(len(all)) {
		t.Errorf("%d frames", m.frames)
	}
}

func TestMeterSamples(t *testing.T) {
	float := func(v ...float32) (b []byte) {
		for _, f := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
		}
		return b
	}
	for _, x := range []struct {
		sample Sample
		recent []byte
		s16    []int16
		peaks  []float64
	}{
		{U8, []byte{0x80, 0, 0xc0, 0x80}, []int16{0, -32768, 16384, 0}, []float64{0.5, 1}},
		{S16, []byte{0, 0x80, 0, 0x40}, []int16{-32768, 16384}, []float64{1, 0.5}},
		{S24P, []byte{0, 0, 0x40, 0, 0, 0xc0}, []int16{16384, -16384}, []float64{0.5, 0.5}},
		{Float, float(2, -2, float32(math.NaN()), 0.25), []int16{32767, -32768, 0, 8192}, []float64{2, 2}},
	} {
		m := Meter{Format: Format{x.sample, 2, 8000}, Recent: x.recent}
		var got []int16
		for b := m.S16(); len(b) >= 2; b = b[2:] {
			got = append(got, int16(binary.LittleEndian.Uint16(b)))
		}
		if !slices.Equal(got, x.s16) || !slices.Equal(m.Peaks(), x.peaks) {
			t.Errorf("%v: %v, peaks %v; want %v, %v", x.sample, got, m.Peaks(), x.s16, x.peaks)
		}
	}
	if m := (Meter{}); len(m.S16()) != 0 || len(m.Peaks()) != 0 {
		t.Error("a stream without parameters has samples")
	}
}
