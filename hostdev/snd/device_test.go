package snd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestInfo(t *testing.T) {
	r := newRig(t)
	r.q[queueControl].Send(words(rPCMInfo, 0, 2, infoSize), 256)
	in := r.q[queueControl].Wait()
	if len(in) != 4+2*infoSize || binary.LittleEndian.Uint32(in) != sOK {
		t.Fatalf("%d bytes: % x", len(in), in)
	}
	for i, info := range slices.Collect(slices.Chunk(in[4:], infoSize)) {
		formats, rates := binary.LittleEndian.Uint64(info[8:]), binary.LittleEndian.Uint64(info[16:])
		if info[24] != byte(i) || info[25] != 1 || info[26] != 2 || formats>>S16&1 == 0 || rates != 0x7fe {
			t.Errorf("stream %d: formats %#x, rates %#x, % x", i, formats, rates, info[24:])
		}
	}
}

func TestPiecesAreDoneWhenTheirTimeIsOver(t *testing.T) {
	r := newRig(t)
	r.setUp(Play)
	r.must(rPCMStart, Play)
	want := random(4000)
	r.play(want)
	r.clock.advance(124_999 * time.Microsecond)
	if !r.busy(queueTx) {
		t.Fatal("a piece of 125 ms is done earlier")
	}
	r.clock.advance(time.Microsecond)
	if _, st := r.done(queueTx); st != sOK {
		t.Errorf("status %#x", st)
	}
	if got, f := r.mem.Played(); !bytes.Equal(got, want) || f != (Format{S16, 2, 8000}) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), f)
	}
	if m := r.dev.Meter(Play, time.Second); !bytes.Equal(m.Recent, want) || m.Frames != 1000 || !m.Running || m.State != "running" || m.Peaks()[0] < 0.5 {
		t.Errorf("meter: %d frames, %s, %v", m.Frames, m.State, m.Peaks())
	}
	if m := r.dev.Meter(Play, 10*time.Millisecond); !bytes.Equal(m.Recent, want[len(want)-80*4:]) {
		t.Errorf("meter: %d bytes of 10 ms", len(m.Recent))
	}
}

// TestNothingIsLostOverStops stops in the middle of pieces: the stream goes on with the next frame.
func TestNothingIsLostOverStops(t *testing.T) {
	r := newRig(t)
	want := random(40_000)
	r.setUp(Play)
	rng := rand.New(rand.NewPCG(3, 4))
	r.must(rPCMStart, Play)
	stops := 0
	for at := 0; at < len(want); at += 4000 {
		r.play(want[at : at+4000])
		r.clock.awaited() // its time counts from when it begins, and nothing came before it
		left := 125 * time.Millisecond
		for {
			d := min(left, time.Duration(1+rng.IntN(60))*time.Millisecond)
			r.clock.advance(d)
			if left -= d; left < 20*time.Millisecond {
				r.clock.advance(left + 5*time.Millisecond) // at each stop less than a frame's time is lost
				break
			}
			r.must(rPCMStop, Play)
			stops++
			got, _ := r.mem.Played()
			if n := at + 4*int((125*time.Millisecond-left)*8000/time.Second); len(got) < n-4*5 || len(got) > n+at/4000*4*40 {
				t.Fatalf("stopped after %v of a piece: %d bytes have been played, want %d", 125*time.Millisecond-left, len(got), n)
			}
			r.clock.advance(time.Hour) // the machine goes on, the stream doesn't
			if !r.busy(queueTx) {
				t.Fatal("a piece is done while the stream is stopped")
			}
			r.must(rPCMStart, Play)
		}
		r.done(queueTx)
	}
	if got, _ := r.mem.Played(); !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, or others, after %d stops", len(got), len(want), stops)
	}
}

// TestPausedDevice: while the machine stands its clock does, and the device holds everything back.
func TestPausedDevice(t *testing.T) {
	r := newRig(t)
	r.setUp(Play)
	r.must(rPCMStart, Play)
	r.play(random(4000))
	r.dev.Pause()
	r.clock.advance(time.Second) // it does not, of course; but if it did
	if got, _ := r.mem.Played(); len(got) != 0 {
		t.Error("the device plays while it is paused")
	}
	r.dev.Resume()
	r.done(queueTx)
}

func TestRecording(t *testing.T) {
	r := newRig(t)
	want := random(4000)
	r.mem.Source = bytes.NewReader(want)
	r.setUp(Record)
	r.must(rPCMStart, Record)
	for _, silent := range []bool{false, true} {
		r.q[queueRx].Send(words(Record), 4000+statusSize)
		if !r.busy(queueRx) {
			t.Fatal("recorded before its time")
		}
		r.clock.advance(125 * time.Millisecond)
		got, st := r.done(queueRx)
		if st != sOK || silent != bytes.Equal(got, make([]byte, 4000)) || !silent && !bytes.Equal(got, want) {
			t.Errorf("silent %v: status %#x, %d bytes", silent, st, len(got))
		}
	}
}

func TestReleaseGivesPiecesBack(t *testing.T) {
	r := newRig(t)
	r.setUp(Play)
	r.must(rPCMStart, Play)
	want := random(4000)
	r.play(want)
	r.clock.advance(50 * time.Millisecond)
	r.must(rPCMStop, Play)
	r.must(rPCMRelease, Play)
	if _, st := r.done(queueTx); st != sIOErr {
		t.Errorf("status %#x", st)
	}
	if got, _ := r.mem.Played(); !bytes.Equal(got, want[:1600]) {
		t.Errorf("%d bytes were played in 50 ms", len(got))
	}
	r.must(rPCMPrepare, Play)
	r.must(rPCMStart, Play)
	r.play(want)
	r.clock.advance(125 * time.Millisecond)
	r.done(queueTx)
}

// TestLatePieces: a driver that is a little late does not move the stream's time; one that is very late does.
func TestLatePieces(t *testing.T) {
	r := newRig(t)
	r.setUp(Play)
	r.must(rPCMStart, Play)
	r.play(random(4000))
	r.clock.advance(135 * time.Millisecond)
	r.done(queueTx)
	r.play(random(4000)) // 10 ms late
	r.clock.advance(115 * time.Millisecond)
	r.done(queueTx)
	r.clock.advance(time.Second)
	r.play(random(4000))
	if !r.busy(queueTx) {
		t.Error("a piece that came a second late is done at once")
	}
	r.clock.advance(124 * time.Millisecond)
	if !r.busy(queueTx) {
		t.Error("a piece that came late takes less than its time")
	}
	r.clock.advance(time.Millisecond)
	r.done(queueTx)
	if m := r.dev.Meter(Play, 0); m.Stalls != 1 {
		t.Errorf("%d stalls", m.Stalls)
	}
}

func TestBackendThatFails(t *testing.T) {
	r := newRig(t)
	r.setUp(Play)
	r.must(rPCMStart, Play)
	r.mem.Fail(errors.New("gone"))
	r.play(random(4000))
	r.clock.advance(125 * time.Millisecond)
	if _, st := r.done(queueTx); st != sIOErr {
		t.Errorf("status %#x", st)
	}
	r.mem.Fail(nil) // and back
	r.play(random(4000))
	r.clock.advance(125 * time.Millisecond)
	if _, st := r.done(queueTx); st != sOK {
		t.Errorf("status %#x", st)
	}
}

// TestHostile sends nonsense in every state: each request gets its answer, each piece comes back at the latest with RELEASE.
func TestHostile(t *testing.T) {
	r := newRig(t)
	huge := ^uint32(0)
	for _, c := range []struct {
		name string
		msg  []uint32
	}{
		{"nothing", []uint32{}},
		{"no stream", []uint32{rPCMStart}},
		{"stream 2", []uint32{rPCMStart, 2}},
		{"stream -1", []uint32{rPCMPrepare, huge}},
		{"unknown", []uint32{0x1234, 0}},
		{"start without parameters", []uint32{rPCMStart, Play}},
		{"prepare without", []uint32{rPCMPrepare, Play}},
		{"release without", []uint32{rPCMRelease, Play}},
		{"stop without", []uint32{rPCMStop, Play}},
		{"short parameters", []uint32{rPCMSetParams, Play, 4096}},
		{"no channels", []uint32{rPCMSetParams, Play, 4096, 1024, 0, 0 | uint32(S16)<<8 | 1<<16}},
		{"300 channels", []uint32{rPCMSetParams, Play, 4096, 1024, 0, 255 | uint32(S16)<<8 | 1<<16}},
		{"no such format", []uint32{rPCMSetParams, Play, 4096, 1024, 0, 2 | 99<<8 | 1<<16}},
		{"no such rate", []uint32{rPCMSetParams, Play, 4096, 1024, 0, 2 | uint32(S16)<<8 | 99<<16}},
		{"period 0", []uint32{rPCMSetParams, Play, 4096, 0, 0, 2 | uint32(S16)<<8 | 1<<16}},
		{"buffer 0", []uint32{rPCMSetParams, Play, 0, 0, 0, 2 | uint32(S16)<<8 | 1<<16}},
		{"period beyond buffer", []uint32{rPCMSetParams, Play, 1024, 4096, 0, 2 | uint32(S16)<<8 | 1<<16}},
		{"huge buffer", []uint32{rPCMSetParams, Play, huge, huge, 0, 2 | uint32(S16)<<8 | 1<<16}},
		{"features", []uint32{rPCMSetParams, Play, 4096, 1024, 1, 2 | uint32(S16)<<8 | 1<<16}},
		{"info of too many", []uint32{rPCMInfo, 0, 3, infoSize}},
		{"info from 3", []uint32{rPCMInfo, 3, 0, infoSize}},
		{"info overflows", []uint32{rPCMInfo, 1, huge, infoSize}},
		{"short infos", []uint32{rPCMInfo, 0, 2, 8}},
		{"jacks", []uint32{rJackInfo, 0, 1, 24}},
	} {
		r.q[queueControl].Send(words(append([]uint32{}, c.msg...)...), 64)
		if in := r.q[queueControl].Wait(); len(in) != 4 || binary.LittleEndian.Uint32(in) == sOK {
			t.Errorf("%s: % x", c.name, in)
		}
	}
	r.q[queueControl].Send(words(rPCMInfo, 0, 2, infoSize), 2) // no room for the answer
	r.q[queueControl].Wait()
	r.play(random(100)) // there is no stream yet
	if _, st := r.done(queueTx); st != sBadMsg {
		t.Errorf("a piece without parameters: %#x", st)
	}
	for _, q := range []int{queueTx, queueRx} {
		r.setUp(uint32(q - queueTx))
		r.must(rPCMStart, uint32(q-queueTx))
		for _, m := range [][]byte{{}, {1}, words(7), words(uint32(3 - q)), random(3)} {
			r.q[q].Send(m, 3) // no room for a status, or none to speak of
			r.q[q].Wait()
		}
		for _, m := range [][]byte{words(uint32(q - queueTx)), append(words(uint32(q-queueTx)), 1, 2, 3)} {
			r.q[q].Send(m, statusSize) // no frame in it: no time
			r.q[q].Wait()
		}
	}
	r.Reset()
	r.q = r.SetUp(0, 4, 64)
	r.setUp(Play)
	if r.NeedsReset() {
		t.Error("the device has given up")
	}
}
