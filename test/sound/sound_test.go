// Package sound holds the whole-system tests of sound: Debian's programs play into WAV files and PulseAudio and
// record from them, with a debugger at work or without, and every sample is compared.
package sound

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vitrine/hostdev/snd"
	"vitrine/test/internal/debian"
)

// limit bounds a machine's life; a loaded host needs some.
const limit = 90 * time.Second

// packages are what the tests run.
const packages = "alsa-utils,espeak-ng,libsox-fmt-alsa,libsox-fmt-mp3,libsox-fmt-oss,mpg123,sox"

var vitrine string // the program

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "vitrine-sound")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		vitrine = filepath.Join(dir, "vitrine")
		build := exec.Command("go", "build", "-o", vitrine, "./cmd/vitrine")
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
			return 1
		}
		runtime := filepath.Join(dir, "run")
		os.Mkdir(runtime, 0o700)
		os.Setenv("XDG_RUNTIME_DIR", runtime)
		return m.Run()
	}())
}

var tree = sync.OnceValues(func() (string, error) { return debian.Tree(logger{}, packages) })

// logger is for a directory that many tests share.
type logger struct{ testing.TB }

func (logger) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// root returns the Debian directory, or skips the test.
func root(t *testing.T) string {
	t.Helper()
	dir, err := tree()
	if err != nil {
		t.Skipf("no Debian directory: %v", err)
	}
	return dir
}

// guest is a machine that runs a script in a directory with files.
type guest struct {
	root   string // Debian directory; "": the default userland
	audio  string
	files  map[string][]byte
	script string
	args   []string // more options
}

// command prepares it. Files come by standard input; what is behind them is the script's.
func (g guest) command(ctx context.Context) (*exec.Cmd, []byte) {
	var b bytes.Buffer
	script := "cd /tmp; "
	for name, data := range g.files {
		script += fmt.Sprintf("head -c %d > %s; ", len(data), name)
		b.Write(data)
	}
	args := []string{"run", "-audio", g.audio}
	if g.root != "" {
		args = append(args, "-root", g.root)
	}
	args = append(append(args, g.args...), "--", "sh", "-c", script+g.script)
	return exec.CommandContext(ctx, vitrine, args...), b.Bytes()
}

// run runs it to its end.
func (g guest) run(t *testing.T) (stdout []byte, stderr string) {
	t.Helper()
	if len(g.files) > 1 {
		t.Fatal("head may take what is another file's")
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd, in := g.command(ctx)
	cmd.Stdin = bytes.NewReader(in)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%.2000s", err, errs.String(), out.String())
	}
	return out.Bytes(), errs.String()
}

// archive packs files for one standard input.
func archive(files map[string][]byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range files {
		w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data)), Typeflag: tar.TypeReg})
		w.Write(data)
	}
	w.Close()
	return b.Bytes()
}

// unpack reads what a guest has packed.
func unpack(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, "./")], _ = io.ReadAll(r)
	}
}

// noise is a WAV file of random samples, which tell where they belong.
func noise(f snd.Format, frames int) (file, samples []byte) {
	rng := rand.New(rand.NewPCG(uint64(frames), uint64(f.Sample)))
	samples = make([]byte, frames*f.FrameBytes())
	for i := range samples {
		samples[i] = byte(rng.Uint32())
	}
	tag := uint16(1)
	if f.Sample == snd.Float {
		tag = 3
		for i := 3; i < len(samples); i += 4 {
			samples[i] = 0x3c // no infinities
		}
	}
	le := binary.LittleEndian
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(36+len(samples)))...)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, tag), uint16(f.Channels))
	b = le.AppendUint32(le.AppendUint32(b, uint32(f.Rate)), uint32(f.Rate*f.FrameBytes()))
	b = le.AppendUint16(le.AppendUint16(b, uint16(f.FrameBytes())), uint16(8*f.Sample.Bytes()))
	b = le.AppendUint32(append(b, "data"...), uint32(len(samples)))
	return append(b, samples...), samples
}

// samples reads a WAV file.
func samples(t *testing.T, file string) (snd.Format, []byte) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	format, data, err := snd.ReadWAV(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	b, _ := io.ReadAll(data)
	return format, b
}

// same compares what was played with what should have been. Players fill their last period with silence.
func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	n := 0
	for n < min(len(got), len(want)) && got[n] == want[n] {
		n++
	}
	if n < len(want) {
		t.Errorf("%s: byte %d of %d is another, of %d", what, n, len(want), len(got))
	}
	for i := n; i < len(got); i++ {
		if got[i] != 0 && got[i] != 0x80 {
			t.Errorf("%s: behind the end comes %#x, at byte %d", what, got[i], i)
			return
		}
	}
}
