package applets

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// play - play a WAV file, or a tone
//
// A tone is 440 Hz for a second. Samples of 8, 16 and 32 bits go out as they are; of 24 bits and floating point as 32 bits.
func init() {
	box.Register(&box.Cmd{Name: "play", Usage: "play FILE.wav|tone...", Run: play})
}

// OSS's requests and formats (linux/soundcard.h).
const (
	dspSync     = 0x5001
	dspSpeed    = 0xc0045002
	dspSetFmt   = 0xc0045005
	dspChannels = 0xc0045006

	afmtU8  = 0x8
	afmtS16 = 0x10
	afmtS32 = 0x1000
)

func play(args []string) int {
	if len(args) < 2 {
		box.UsageError(args[0])
	}
	status := 0
	for _, name := range args[1:] {
		if err := playOne(name); err != nil {
			status = box.Fail(args[0], name, err)
		}
	}
	return status
}

func playOne(name string) error {
	s := tone(time.Second)
	if name != "tone" {
		fd, err := box.Open(name)
		if err != nil {
			return err
		}
		defer fd.Close()
		if s, err = openWAV(bufio.NewReaderSize(fd, 64<<10)); err != nil {
			return err
		}
	}
	dsp, err := box.OpenFile("/dev/dsp", unix.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer dsp.Close()
	for _, set := range []struct {
		req  uint
		want int32
	}{{dspSetFmt, s.format}, {dspChannels, s.channels}, {dspSpeed, s.rate}} {
		got := set.want
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(dsp), uintptr(set.req), uintptr(unsafe.Pointer(&got))); e != 0 {
			return e
		}
		if got != set.want {
			return errors.New("the sound device does not do its format")
		}
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := io.ReadFull(s.data, buf)
		if n > 0 {
			if _, err := dsp.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(dsp), dspSync, 0); e != 0 {
		return e
	}
	return nil
}

// sound is what can be played.
type sound struct {
	format, channels, rate int32
	data                   io.Reader
}

// tone is a tone of half the greatest loudness.
func tone(d time.Duration) sound {
	const rate, hertz = 48000, 440
	var b []byte
	for i := range int(d.Seconds() * rate) {
		v := math.Sin(2*math.Pi*hertz*float64(i)/rate) * (1 << 14)
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(v)))
	}
	return sound{afmtS16, 1, rate, bytes.NewReader(b)}
}

var errNotWAV = errors.New("not a WAV file that can be played")

// openWAV reads a WAV file's head.
func openWAV(r io.Reader) (s sound, err error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return s, errNotWAV
	}
	var bits, tag uint16
	for {
		var h [8]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return s, errNotWAV
		}
		size := int64(binary.LittleEndian.Uint32(h[4:]))
		if string(h[:4]) == "data" {
			return s.convert(tag, bits, io.LimitReader(r, size))
		}
		size += size & 1
		if string(h[:4]) == "fmt " {
			c := make([]byte, min(size, 40))
			if _, err := io.ReadFull(r, c); err != nil || len(c) < 16 {
				return s, errNotWAV
			}
			size -= int64(len(c))
			tag, bits = binary.LittleEndian.Uint16(c), binary.LittleEndian.Uint16(c[14:])
			if tag == 0xfffe && len(c) >= 26 {
				tag = binary.LittleEndian.Uint16(c[24:])
			}
			s.channels, s.rate = int32(binary.LittleEndian.Uint16(c[2:])), int32(binary.LittleEndian.Uint32(c[4:]))
		}
		if _, err := io.CopyN(io.Discard, r, size); err != nil {
			return s, errNotWAV
		}
	}
}

// convert chooses how the samples are played.
func (s sound) convert(tag, bits uint16, data io.Reader) (sound, error) {
	s.data = data
	switch {
	case tag == 1 && bits == 8:
		s.format = afmtU8
	case tag == 1 && bits == 16:
		s.format = afmtS16
	case tag == 1 && bits == 32:
		s.format = afmtS32
	case tag == 1 && bits == 24:
		s.format = afmtS32
		s.data = &to32{data: data, size: 3, value: func(b []byte) uint32 { return uint32(b[0])<<8 | uint32(b[1])<<16 | uint32(b[2])<<24 }}
	case tag == 3 && bits == 32:
		s.format = afmtS32
		s.data = &to32{data: data, size: 4, value: func(b []byte) uint32 {
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
			return uint32(int32(min(max(v*(1<<31), math.MinInt32), math.MaxInt32)))
		}}
	default:
		return s, errNotWAV
	}
	return s, nil
}

// to32 makes samples of 32 bits of others.
type to32 struct {
	data  io.Reader
	size  int
	value func(b []byte) uint32
	in    [4096 * 4]byte
}

// Read implements io.Reader; p has room for a sample.
func (c *to32) Read(p []byte) (int, error) {
	want := min(len(p)/4, 4096)
	n, err := io.ReadFull(c.data, c.in[:want*c.size])
	n /= c.size
	for i := range n {
		binary.LittleEndian.PutUint32(p[4*i:], c.value(c.in[i*c.size:]))
	}
	if n == 0 {
		if err == nil || err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		return 0, err
	}
	return 4 * n, nil
}
