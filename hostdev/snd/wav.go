package snd

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// wav plays into a WAV file and records from one. What a guest plays in one format goes into one file, without a gap. A
// stream of another format begins the next file: out.wav, out-2.wav …
type wav struct {
	log logger

	mu     sync.Mutex
	name   string     // of the output; "": none
	file   outputFile // nil before the first
	format Format
	size   int64 // bytes of samples in the file
	number int   // of the file
	failed bool  // writing has failed: the guest plays on, into nothing
	head   time.Time

	in       io.Reader // nil: silence
	inFile   *os.File
	inFormat Format
}

// outputFile is what wav needs of an *os.File.
type outputFile interface {
	io.Writer
	io.WriterAt
	io.Closer
}

// headTime is how often the head of a growing file is brought up to date: a supervisor that is killed leaves a file that
// can be played.
const headTime = time.Second

// newWAV opens the files: one that can't be is an error at once.
func newWAV(out, in string, log logger) (*wav, error) {
	w := &wav{name: out, log: log}
	if in != "" {
		f, err := os.Open(in)
		if err != nil {
			return nil, err
		}
		format, data, err := ReadWAV(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", in, err)
		}
		w.inFile, w.inFormat, w.in = f, format, bufio.NewReaderSize(data, 64<<10)
	}
	if out != "" {
		f, err := os.Create(out)
		if err != nil {
			w.Close()
			return nil, err
		}
		w.file, w.number = f, 1
	}
	return w, nil
}

// Can implements Backend. A file to record from has one format.
func (w *wav) Can(stream int) Can {
	c := anything()
	if f := w.inFormat; stream == Record && w.inFile != nil {
		c = Can{Samples: []Sample{f.Sample}, Rates: []int{f.Rate}, ChannelsMin: f.Channels, ChannelsMax: f.Channels}
	}
	return c
}

// Output implements Backend.
func (w *wav) Output(f Format) (Output, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.name == "" {
		return nullStream{}, nil
	}
	if kept := wavFormat(f); w.format != kept {
		if w.format.Rate != 0 {
			w.nextFile()
		}
		w.format = kept
		w.size = 0
		if w.file != nil {
			w.check(w.file.Write(header(kept, 0)))
		}
	}
	return &wavOutput{w, f}, nil
}

// nextFile begins another file. Caller holds mu.
func (w *wav) nextFile() {
	w.finish()
	w.number++
	w.failed = false
	ext := filepath.Ext(w.name)
	name := fmt.Sprintf("%s-%d%s", strings.TrimSuffix(w.name, ext), w.number, ext)
	f, err := os.Create(name)
	if err != nil {
		w.file, w.failed = nil, true
		w.log("%v", err)
		return
	}
	w.file = f
}

// check hears how a write ended. Caller holds mu.
func (w *wav) check(n int, err error) error {
	if err != nil && !w.failed {
		w.failed = true
		w.log("%v; what is played from now on is lost", err)
	}
	return err
}

// finish completes the file. Caller holds mu.
func (w *wav) finish() {
	if w.file == nil {
		return
	}
	if w.format.Rate != 0 {
		if w.size&1 != 0 {
			w.file.WriteAt([]byte{0}, wavHeader+w.size) // chunks are padded
		}
		w.file.WriteAt(header(w.format, w.size), 0)
	}
	if err := w.file.Close(); err != nil {
		w.check(0, err)
	}
	w.file = nil
}

// Input implements Backend. It goes on where the last recording ended; behind the file's end is silence.
func (w *wav) Input(f Format) (Input, error) {
	if w.in == nil {
		return nullStream{f.Sample.silence()}, nil
	}
	return wavInput{w, f}, nil
}

// Close implements Backend.
func (w *wav) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish()
	if w.inFile != nil {
		w.inFile.Close()
	}
	return nil
}

type wavOutput struct {
	w *wav
	f Format
}

// Write implements Output.
func (o *wavOutput) Write(p []byte) error {
	w := o.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed || w.file == nil {
		return os.ErrClosed
	}
	n, err := w.file.Write(toWAV(o.f.Sample, p))
	w.size += int64(n)
	if err != nil {
		return w.check(n, err)
	}
	if now := time.Now(); now.Sub(w.head) > headTime {
		w.head = now
		w.file.WriteAt(header(w.format, w.size), 0)
	}
	return nil
}

// Pause implements Output.
func (o *wavOutput) Pause() {
	w := o.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		w.file.WriteAt(header(w.format, w.size), 0)
	}
}

// Close implements Output.
func (o *wavOutput) Close() { o.Pause() }

type wavInput struct {
	w *wav
	f Format
}

// Read implements Input.
func (i wavInput) Read(p []byte) {
	n, _ := io.ReadFull(i.w.in, p)
	fill(p[n:], i.f.Sample.silence())
}

// Close implements Input.
func (i wavInput) Close() {}
