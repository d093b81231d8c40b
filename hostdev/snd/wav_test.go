package snd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWAVHoldsWhatWasPlayed(t *testing.T) {
	for _, s := range Samples {
		for _, channels := range []int{1, 2} {
			f := Format{s, channels, 44100}
			name := filepath.Join(t.TempDir(), "out.wav")
			b, err := Open("wav:out="+name, nil)
			if err != nil {
				t.Fatal(err)
			}
			samples := random(1200 * f.FrameBytes() / 4 * 4)
			for range 2 { // two streams of one format make one file
				o, err := b.Output(f)
				if err != nil {
					t.Fatal(err)
				}
				half := len(samples) / 2 / f.FrameBytes() * f.FrameBytes()
				o.Write(bytes.Clone(samples[:half]))
				o.Pause()
				o.Write(bytes.Clone(samples[half:]))
				o.Close()
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			got, data, err := ReadWAV(file)
			if err != nil || got != wavFormat(f) {
				t.Fatalf("%v: %v, %v", f, got, err)
			}
			want := bytes.Clone(samples)
			want = toWAV(s, want)
			all, _ := io.ReadAll(data)
			if !bytes.Equal(all, append(bytes.Clone(want), want...)) {
				t.Errorf("%v: %d bytes, want %d, or others", f, len(all), 2*len(want))
			}
			for i := range 100 { // the same values
				v, w := s.value(samples[i*s.Bytes():]), got.Sample.value(all[i*got.Sample.Bytes():])
				if v != w && v == v {
					t.Errorf("%v: sample %d is %v in the file and was %v", f, i, w, v)
				}
			}
			file.Close()
		}
	}
}

func TestWAVOfAnotherFormatIsAnotherFile(t *testing.T) {
	dir := t.TempDir()
	b, err := Open("wav:out="+filepath.Join(dir, "x.wav"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Format{{S16, 2, 48000}, {U8, 1, 8000}, {U8, 1, 8000}} {
		o, _ := b.Output(f)
		o.Write(make([]byte, 8))
		o.Close()
	}
	b.Close()
	for name, size := range map[string]int64{"x.wav": wavHeader + 8, "x-2.wav": wavHeader + 16} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Size() != size {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
}

func TestWAVInput(t *testing.T) {
	name := filepath.Join(t.TempDir(), "in.wav")
	f := Format{S16, 2, 48000}
	samples := random(400)
	if err := os.WriteFile(name, append(header(f, 400), samples...), 0o666); err != nil {
		t.Fatal(err)
	}
	b, err := Open("wav:in="+name, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if c := b.Can(Record); len(c.Rates) != 1 || !c.has(f) || !b.Can(Play).has(Format{U8, 1, 8000}) {
		t.Errorf("%+v", c)
	}
	i, _ := b.Input(f)
	got := make([]byte, 300)
	i.Read(got)
	i.Close()
	i, _ = b.Input(f) // goes on, then silence
	more := make([]byte, 300)
	i.Read(more)
	if !bytes.Equal(append(got, more...), append(samples, make([]byte, 200)...)) {
		t.Error("other samples than the file's")
	}
}

// fullDisk takes so many bytes.
type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.left)
	d.left -= n
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *fullDisk) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (d *fullDisk) Close() error                           { return nil }

func TestFullDiskIsSaidOnce(t *testing.T) {
	var said []string
	w := &wav{name: "out.wav", file: &fullDisk{left: 1000}, number: 1, log: func(f string, a ...any) { said = append(said, f) }}
	o, err := w.Output(Format{U8, 1, 8000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := o.Write(make([]byte, 300)); (err != nil) != (i >= 3) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	o.Close()
	if len(said) != 1 || w.size != 1000-wavHeader {
		t.Errorf("%d messages, %d bytes", len(said), w.size)
	}
}

func TestBadWAVs(t *testing.T) {
	good := append(header(Format{S16, 2, 48000}, 4), 1, 2, 3, 4)
	change := func(at int, b ...byte) []byte {
		x := bytes.Clone(good)
		copy(x[at:], b)
		return x
	}
	for name, b := range map[string][]byte{
		"empty": {}, "text": []byte("hello world, this is no WAV file at all"), "cut off": good[:30], "no data": good[:36], "odd rate": change(24, 7),
		"no channels": change(22, 0), "9 channels": change(22, 9), "compressed": change(20, 2), "12 bits": change(34, 12), "chunk beyond the end": change(16, 255, 255, 255, 255),
		"block": change(32, 3),
	} {
		if _, _, err := ReadWAV(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, spec := range []string{"", "wav", "wav:", "wav:out=", "wav:x=y", "alsa", "none:x", "wav:in=/nonexistent", "wav:out=/nonexistent/x"} {
		if b, err := Open(spec, nil); err == nil {
			t.Errorf("%q is a back-end: %T", spec, b)
		}
	}
	if _, err := Open("wav:in=/nonexistent", nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "nonexistent") {
		t.Error(err)
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add(header(Format{S16, 2, 48000}, 4))
	f.Add(header(Format{Float, 1, 8000}, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if f, data, err := ReadWAV(bytes.NewReader(b)); err == nil {
			if !anything().has(f) {
				t.Errorf("%v", f)
			}
			io.Copy(io.Discard, data)
		}
	})
}
