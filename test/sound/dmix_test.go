package sound

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"vitrine/hostdev/snd"
)

// quiet halves 16-bit samples, so that two of them have a sum.
func quiet(file, samples []byte) []byte {
	head := len(file) - len(samples)
	for i := head; i < len(file); i += 2 {
		v := int16(binary.LittleEndian.Uint16(file[i:]))
		binary.LittleEndian.PutUint16(file[i:], uint16(v/2))
	}
	return file[head:]
}

// ints reads samples of 16 or 32 bits as numbers of 32.
func ints(t *testing.T, f snd.Format, b []byte) []int64 {
	t.Helper()
	var out []int64
	for i := 0; i+f.Sample.Bytes() <= len(b); i += f.Sample.Bytes() {
		switch f.Sample {
		case snd.S16:
			out = append(out, int64(int16(binary.LittleEndian.Uint16(b[i:])))<<16)
		case snd.S32:
			out = append(out, int64(int32(binary.LittleEndian.Uint32(b[i:]))))
		default:
			t.Fatalf("the mix is %v", f)
		}
	}
	return out
}

// find returns where part begins in all, of which it may cover the end only.
func find(all, part []int64) int {
	for at := range all {
		n := 0
		for n < min(len(part), 64) && at+n < len(all) && all[at+n] == part[n] {
			n++
		}
		if n == min(len(part), 64) {
			return at
		}
	}
	return -1
}

// TestDmix: two players at once. What comes out is the sum of what they play, to the last bit of the first and of the last sample.
func TestDmix(t *testing.T) {
	dir := root(t)
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	fileA, a := noise(f, 48000)
	fileB, b := noise(f, 30000)
	a, b = quiet(fileA, a), quiet(fileB, b)
	for name, conf := range map[string]string{
		"Debian's": "",
		"10 ms":    "pcm.!dmix { type dmix; ipc_key 77; slave { pcm \"hw:0\"; period_size 480; buffer_size 4800; rate 48000; format S16_LE } }\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out.wav")
			ar := archive(map[string][]byte{"a.wav": fileA, "b.wav": fileB, ".asoundrc": []byte(conf)})
			_, errs := guest{root: dir, audio: "wav:out=" + out, files: map[string][]byte{"ar": ar}, script: `
				tar xf ar; export HOME=/tmp
				aplay -q -D plug:dmix a.wav & one=$!
				until ipcs -m | grep -q 0x; do :; done
				aplay -q -D plug:dmix b.wav || exit 1
				wait $one || exit 1
				ipcs -m -s | grep 0x && exit 1
				exit 0`}.run(t)
			format, played := samples(t, out)
			mix := ints(t, format, played)
			first := ints(t, f, a)
			at := 0
			for at < len(mix) && mix[at] == 0 {
				at++
			}
			if at+len(first) > len(mix) {
				t.Fatalf("the mix has %d samples, the sound begins at %d and has %d\n%s", len(mix), at, len(first), errs)
			}
			for i, v := range first {
				mix[at+i] -= v
			}
			second := ints(t, f, b)
			at = find(mix, second)
			if at < 0 {
				t.Fatalf("the second sound is not in the mix\n%s", errs)
			}
			for i, v := range second {
				if at+i >= len(mix) {
					t.Fatalf("the mix ends %d samples too early", len(second)-i)
				}
				mix[at+i] -= v
			}
			for i, v := range mix {
				if v != 0 {
					t.Fatalf("sample %d of %d is %#x more than the sum", i, len(mix), v)
				}
			}
		})
	}
}

// TestDsnoop: two programs record at once, each the same, each whole.
func TestDsnoop(t *testing.T) {
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, want := noise(f, 5*48000)
	in := filepath.Join(t.TempDir(), "in.wav")
	if err := os.WriteFile(in, file, 0o666); err != nil {
		t.Fatal(err)
	}
	out, errs := guest{root: root(t), audio: "wav:in=" + in, script: `
		arecord -q -D plug:dsnoop -d 2 -t raw -f S16_LE -r 48000 -c 2 a.raw >&2 & one=$!
		until ipcs -m | grep -q 0x; do :; done
		arecord -q -D plug:dsnoop -d 1 -t raw -f S16_LE -r 48000 -c 2 b.raw >&2 || exit 1
		wait $one || exit 1
		tar cf - a.raw b.raw`}.run(t)
	files := unpack(t, out)
	for name, seconds := range map[string]int{"a.raw": 2, "b.raw": 1} {
		got := files[name]
		if at := bytes.Index(want, got); len(got) != seconds*4*48000 || at < 0 {
			t.Errorf("%s: %d bytes, or others\n%s", name, len(got), errs)
		}
	}
}

// TestDshare: two programs have a channel each.
func TestDshare(t *testing.T) {
	f := snd.Format{Sample: snd.S16, Channels: 1, Rate: 48000}
	file, want := noise(f, 24000)
	conf := ""
	for i, name := range []string{"left", "right"} {
		conf += fmt.Sprintf("pcm.%s { type dshare; ipc_key 78; slave { pcm \"hw:0\"; channels 2; rate 48000; format S16_LE; period_size 960; buffer_size 9600 }; bindings.0 %d }\n", name, i)
	}
	out := filepath.Join(t.TempDir(), "out.wav")
	guest{root: root(t), audio: "wav:out=" + out, files: map[string][]byte{"ar": archive(map[string][]byte{"a.wav": file, ".asoundrc": []byte(conf)})}, script: `
		tar xf ar; export HOME=/tmp
		aplay -q -D left a.wav & one=$!
		aplay -q -D right a.wav || exit 1
		wait $one`}.run(t)
	_, played := samples(t, out)
	var channels [2][]byte
	for i := 0; i+2 <= len(played); i += 2 {
		channels[i/2%2] = append(channels[i/2%2], played[i:i+2]...)
	}
	for i, c := range channels {
		if !bytes.Contains(c, want) {
			t.Errorf("channel %d has not the sound that it should have", i)
		}
	}
}

// TestSoftvol: alsa-lib keeps a volume in a control of its own making, and applies it.
func TestSoftvol(t *testing.T) {
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, want := noise(f, 4800)
	conf := "pcm.soft { type softvol; slave.pcm \"hw:0\"; control { name \"Soft Playback Volume\"; card 0 } }\n"
	out := filepath.Join(t.TempDir(), "out.wav")
	said, _ := guest{root: root(t), audio: "wav:out=" + out, files: map[string][]byte{"ar": archive(map[string][]byte{"a.wav": file, ".asoundrc": []byte(conf)})}, script: `
		tar xf ar; export HOME=/tmp; set -e; play="aplay -q -D soft --period-size=480 --buffer-size=4800 a.wav"
		$play; amixer -q sset Soft 0; $play; amixer sget Soft; amixer contents`}.run(t)
	_, played := samples(t, out)
	if n := len(want); len(played) != 2*n || !bytes.Equal(played[:n], want) || bytes.Equal(played[n:], want) {
		t.Errorf("%d bytes were played of %d, or others\n%s", len(played), 2*n, said)
	}
	if !bytes.Contains(said, []byte("name='Soft Playback Volume'")) {
		t.Errorf("amixer does not see the control: %s", said)
	}
}
