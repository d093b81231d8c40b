package snd

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

// put returns a sample that is as loud as v is among 8 bits.
func (s Sample) put(v int8) []byte {
	switch s {
	case S8:
		return []byte{byte(v)}
	case U8:
		return []byte{byte(int(v) + 0x80)}
	case S16:
		return []byte{0, byte(v)}
	case S24P:
		return []byte{0, 0, byte(v)}
	case S24:
		return []byte{0, 0, byte(v), byte(v >> 7)}
	case S32:
		return []byte{0, 0, 0, byte(v)}
	}
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v)/128))
}

// TestVolume: every format becomes as loud as it should, and at its most stays as it is.
func TestVolume(t *testing.T) {
	for _, s := range Samples {
		f := Format{s, 2, 8000}
		loud := append(s.put(-128), s.put(100)...)
		v := newVolume()
		b := bytes.Clone(loud)
		if v.apply(f, b); !bytes.Equal(b, loud) {
			t.Errorf("%v: % x became % x at 0 dB", s, loud, b)
		}
		v.level = [2]int32{maxLevel - 40, 0} // 20 dB less; nothing
		v.apply(f, b)
		left, right := s.value(b), s.value(b[s.Bytes():])
		if math.Abs(left+0.1) > 1.0/128 || right != 0 {
			t.Errorf("%v: -1 became %v 20 dB lower, the other channel %v", s, left, right)
		}
		v = newVolume()
		v.on = false
		if v.apply(f, b); s.value(b) != 0 || s.value(b[s.Bytes():]) != 0 {
			t.Errorf("%v: % x when it is off", s, b)
		}
	}
}

// TestElements asks the device for its controls and sets them.
func TestElements(t *testing.T) {
	r := newRig(t)
	if st, _ := r.request(rCtlInfo, 0, 4, ctlInfoSize); st != sNotSupp {
		t.Errorf("controls that were not agreed on: %#x", st)
	}
	r = newRigWith(t, featureControls)
	st, infos := r.request(rCtlInfo, 0, 4, ctlInfoSize)
	if st != sOK || len(infos) != 4*ctlInfoSize || !bytes.HasPrefix(infos[24:], []byte("Master Playback Volume\x00")) {
		t.Fatalf("%#x, %q", st, infos)
	}
	if st, b := r.request(rCtlRead, 0); st != sOK || b[0] != maxLevel || b[4] != maxLevel {
		t.Errorf("at first: %#x, % x", st, b)
	}
	if st, _ := r.request(rCtlWrite, 0, 40, 60); st != sOK {
		t.Errorf("write: %#x", st)
	}
	if _, b := r.request(rCtlRead, 0); b[0] != 40 || b[4] != 60 || b[8] != 0 {
		t.Errorf("written: % x", b[:12])
	}
	for name, words := range map[string][]uint32{
		"too loud": {rCtlWrite, 0, 40, 101}, "half a value": {rCtlWrite, 2, 40}, "half on": {rCtlWrite, 1, 2}, "no such": {rCtlRead, 4},
		"no values": {rCtlWrite, 3}, "beyond the end": {rCtlInfo, 1, 4, ctlInfoSize}, "small infos": {rCtlInfo, 0, 4, 90},
	} {
		if st, _ := r.request(words...); st != sBadMsg {
			t.Errorf("%s: %#x", name, st)
		}
	}
	if st, b := r.request(rCtlTLVRead, 2); st != sOK || len(b) < 16 || int32(binary.LittleEndian.Uint32(b[8:])) != lowest {
		t.Errorf("decibels: %#x, % x", st, b)
	}
	if st, _ := r.request(rCtlTLVRead, 1); st != sNotSupp {
		t.Errorf("decibels of a switch: %#x", st)
	}
}
