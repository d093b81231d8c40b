package sound

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vitrine/hostdev/snd"
)

// scaled is what 16-bit samples become at a number of decibels, left and right.
func scaled(b []byte, left, right float64) []byte {
	out := make([]byte, len(b))
	for i := 0; i < len(b); i += 2 {
		db := []float64{left, right}[i/2%2]
		v := math.Round(float64(int16(binary.LittleEndian.Uint16(b[i:]))) * math.Pow(10, db/20))
		binary.LittleEndian.PutUint16(out[i:], uint16(int16(v)))
	}
	return out
}

// TestVolume: what amixer sets is heard; at 0 dB, where it begins, samples stay what they are.
func TestVolume(t *testing.T) {
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, want := noise(f, 4800)
	out := filepath.Join(t.TempDir(), "out.wav")
	said, _ := guest{root: root(t), audio: "wav:out=" + out, files: map[string][]byte{"a.wav": file}, script: `
		set -e; play="aplay -q -D hw:0 --period-size=480 --buffer-size=4800 a.wav"
		$play
		amixer -q sset Master 88,64; amixer sget Master; $play
		amixer -q sset Master mute; $play
		alsactl -f state store
		amixer -q sset Master 100% unmute; $play
		alsactl -f state restore; amixer sget Master`}.run(t)
	_, played := samples(t, out)
	n := len(want)
	if len(played) != 4*n {
		t.Fatalf("%d bytes were played of %d", len(played), 4*n)
	}
	for i, want := range [][]byte{want, scaled(want, -6, -18), make([]byte, n), want} {
		if !bytes.Equal(played[i*n:(i+1)*n], want) {
			t.Errorf("part %d is another", i)
		}
	}
	for _, want := range []string{"Left: Playback 88 [88%] [-6.00dB] [on]", "Right: Playback 64 [64%] [-18.00dB] [off]"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("amixer does not say %q but %s", want, said)
		}
	}
}

func TestCaptureVolume(t *testing.T) {
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, want := noise(f, 48000)
	in := filepath.Join(t.TempDir(), "in.wav")
	if err := os.WriteFile(in, file, 0o666); err != nil {
		t.Fatal(err)
	}
	got, _ := guest{root: root(t), audio: "wav:in=" + in, script: `
		amixer -q sset Capture 80 >&2; arecord -q -D hw:0 -s 20000 -t raw -f S16_LE -r 48000 -c 2`}.run(t)
	if want := scaled(want, -10, -10)[:4*20000]; !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, or others", len(got), len(want))
	}
}

// TestMixerEvents: a program that listens hears what another one sets. Amixer sets a volume channel by channel, so that may be two events.
func TestMixerEvents(t *testing.T) {
	out, _ := guest{root: root(t), audio: "none", script: `
		stdbuf -oL amixer events > events & p=$!
		until grep -q Ready events; do :; done
		amixer -q sset Master 30%; amixer -q sset Capture nocap; amixer -q sset Capture nocap
		until grep -q 'value: numid=4' events; do :; done
		kill $p; cat events`}.run(t)
	volume, isOn := bytes.Count(out, []byte("event value: numid=1,")), bytes.Count(out, []byte("event value: numid=4,"))
	if volume < 1 || volume > 2 || isOn != 1 {
		t.Errorf("%d events of the volume, %d of the switch:\n%s", volume, isOn, out)
	}
}
