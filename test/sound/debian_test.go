package sound

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vitrine/hostdev/snd"
)

// TestAplay plays files of many formats, by write and by mmap: each comes out as it was.
func TestAplay(t *testing.T) {
	dir := root(t)
	out := filepath.Join(t.TempDir(), "out.wav")
	formats := []snd.Format{
		{Sample: snd.S16, Channels: 2, Rate: 48000},
		{Sample: snd.U8, Channels: 1, Rate: 8000},
		{Sample: snd.S24P, Channels: 2, Rate: 44100},
		{Sample: snd.S32, Channels: 2, Rate: 96000},
		{Sample: snd.Float, Channels: 1, Rate: 32000},
		{Sample: snd.S16, Channels: 1, Rate: 11025},
	}
	files := map[string][]byte{}
	var want [][]byte
	script := "tar xf -; aplay -l | grep -q 'card 0: Vitrine'; "
	for i, f := range formats {
		file, samples := noise(f, f.Rate/5+i)
		name := fmt.Sprintf("%d.wav", i)
		files[name] = file
		want = append(want, samples)
		script += fmt.Sprintf("aplay -q %s -D hw:0 %s || exit 1; ", []string{"", "-M"}[i%2], name)
	}
	ar := archive(files)
	guest{root: dir, audio: "wav:out=" + out, script: strings.Replace(script, "tar xf -", "tar xf ar", 1), files: map[string][]byte{"ar": ar}}.run(t)
	for i, f := range formats {
		name := out
		if i > 0 {
			name = fmt.Sprintf("%s-%d.wav", strings.TrimSuffix(out, ".wav"), i+1)
		}
		got, played := samples(t, name)
		if got != f {
			t.Errorf("%s: %v, want %v", name, got, f)
			continue
		}
		same(t, f.String(), played, want[i])
	}
}

// TestSeparateChannels plays a file for each channel and records one for each: non-interleaved access, by ioctl and by mmap.
func TestSeparateChannels(t *testing.T) {
	dir := root(t)
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, want := noise(f, 3*48000)
	work := t.TempDir()
	in, out := filepath.Join(work, "in.wav"), filepath.Join(work, "out.wav")
	if err := os.WriteFile(in, file, 0o666); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var channels [2][]byte
	for i := 0; i < 4*20000; i += 2 {
		channels[i/2%2] = append(channels[i/2%2], want[i:i+2]...)
	}
	files["left"], files["right"] = channels[0], channels[1]
	stdout, _ := guest{root: dir, audio: "wav:out=" + out + ",in=" + in, files: map[string][]byte{"ar": archive(files)}, script: `
		set -e; tar xf ar; f="-q -D hw:0 -I -t raw -f S16_LE -r 48000 -c 2"
		aplay $f left right; aplay -M $f left right
		arecord -s 20000 $f a; arecord -M -s 20000 $f b
		tar cf - a.0 a.1 b.0 b.1`}.run(t)
	_, played := samples(t, out)
	period := len(played) / 2 // each call fills its last period with silence
	same(t, "by ioctl", played[:period], want[:4*20000])
	same(t, "by mmap", played[period:], want[:4*20000])
	got := unpack(t, stdout)
	at := 0
	for _, name := range []string{"a", "b"} {
		var frames []byte
		for i := 0; i+2 <= min(len(got[name+".0"]), len(got[name+".1"])); i += 2 {
			frames = append(append(frames, got[name+".0"][i:i+2]...), got[name+".1"][i:i+2]...)
		}
		i := bytes.Index(want[at:], frames)
		if len(frames) != 4*20000 || i < 0 {
			t.Fatalf("recording %s: %d bytes, or others", name, len(frames))
		}
		at += i + len(frames)
	}
}

// TestArecord records from a file, by read and by mmap, and goes on where it was.
func TestArecord(t *testing.T) {
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, want := noise(f, 3*48000)
	in := filepath.Join(t.TempDir(), "in.wav")
	if err := os.WriteFile(in, file, 0o666); err != nil {
		t.Fatal(err)
	}
	out, _ := guest{root: root(t), audio: "wav:in=" + in, script: `
		arecord -q -D hw:0 -d 1 -t raw -f S16_LE -r 48000 -c 2 a.raw >&2
		arecord -q -M -D hw:0 -s 10000 -t raw -f S16_LE -r 48000 -c 2 --period-size=500 --buffer-size=4000 b.raw >&2
		tar cf - a.raw b.raw`}.run(t)
	files := unpack(t, out)
	a, b := files["a.raw"], files["b.raw"]
	if len(a) != 4*48000 || !bytes.Equal(a, want[:len(a)]) {
		t.Errorf("the first recording: %d bytes, or others", len(a))
	}
	// arecord leaves what it has not read yet: the next one begins behind it.
	if at := bytes.Index(want, b); len(b) != 40000 || at < len(a) {
		t.Errorf("the second recording: %d bytes, at %d", len(b), at)
	}
}

// TestPlayers runs what else makes sound. Sox's OSS player writes garbage unless its last buffer is full, so it gets
// whole ones.
func TestPlayers(t *testing.T) {
	dir := root(t)
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 44100}
	file, want := noise(f, 16384)
	for _, c := range []struct{ name, script string }{
		{"sox -t alsa", "sox -q a.wav -t alsa hw:0"},
		{"sox -t oss", "sox -q a.wav -t oss /dev/dsp"},
		{"mpg123", "sox -q a.wav a.mp3; mpg123 -q -w ref.wav a.mp3; mpg123 -q -o alsa -a hw:0 a.mp3; cat ref.wav"},
		{"speaker-test", "speaker-test -D hw:0 -r 44100 -c 2 -t pink -l 1 >&2"},
		{"espeak-ng", "espeak-ng hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out.wav")
			stdout, _ := guest{root: dir, audio: "wav:out=" + out, files: map[string][]byte{"a.wav": file}, script: "set -e; " + c.script}.run(t)
			_, played := samples(t, out)
			switch {
			case strings.HasPrefix(c.name, "sox"):
				same(t, c.name, played, want)
			case len(stdout) > 44:
				same(t, c.name, played, stdout[44:])
			default:
				if peak := len(played) - bytes.Count(played, []byte{0}); peak < 1000 {
					t.Errorf("%d bytes, of which %d are not zero", len(played), peak)
				}
			}
		})
	}
}

// TestPlayApplet is the default userland's player.
func TestPlayApplet(t *testing.T) {
	for _, f := range []snd.Format{{Sample: snd.S16, Channels: 2, Rate: 48000}, {Sample: snd.U8, Channels: 1, Rate: 8000}} {
		file, want := noise(f, f.Rate/4)
		out := filepath.Join(t.TempDir(), "out.wav")
		guest{audio: "wav:out=" + out, files: map[string][]byte{"a.wav": file}, script: "play a.wav"}.run(t)
		got, played := samples(t, out)
		if got != f || !bytes.Equal(played, want) {
			t.Errorf("%v: %d bytes of %d, or others, %v", f, len(played), len(want), got)
		}
	}
}

// TestFullDisk: it is said once, and the program plays on.
func TestFullDisk(t *testing.T) {
	file, _ := noise(snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}, 24000)
	_, errs := guest{audio: "wav:out=/dev/full", files: map[string][]byte{"a.wav": file}, script: "play a.wav a.wav"}.run(t)
	if strings.Count(errs, "no space left on device") != 1 {
		t.Errorf("%q", errs)
	}
}

// TestNone: a device that nobody hears.
func TestNone(t *testing.T) {
	out, _ := guest{audio: "none", script: "ls /dev/snd; play tone; echo $?"}.run(t)
	if string(out) != "controlC0\npcmC0D0c\npcmC0D0p\ntimer\n0\n" {
		t.Errorf("%q", out)
	}
}
