package snd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The WAV format: a RIFF chunk "WAVE" with a chunk "fmt " and a chunk "data", which is the last one that is written.
const (
	wavHeader = 44

	wavPCM        = 1
	wavFloat      = 3
	wavExtensible = 0xfffe
)

// header is the head of a WAV file with that many bytes of samples.
func header(f Format, size int64) []byte {
	f = wavFormat(f)
	tag := uint16(wavPCM)
	if f.Sample == Float {
		tag = wavFloat
	}
	n := uint32(min(size, math.MaxUint32-wavHeader-1)) // longer than the format allows: readers take the file's end
	le := binary.LittleEndian
	b := append([]byte(nil), "RIFF"...)
	b = le.AppendUint32(b, wavHeader-8+n+n&1)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, tag)
	b = le.AppendUint16(b, uint16(f.Channels))
	b = le.AppendUint32(b, uint32(f.Rate))
	b = le.AppendUint32(b, uint32(f.Rate*f.FrameBytes()))
	b = le.AppendUint16(b, uint16(f.FrameBytes()))
	b = le.AppendUint16(b, uint16(8*f.Sample.Bytes()))
	b = append(b, "data"...)
	return le.AppendUint32(b, n)
}

// wavFormat is how a format is kept in a file: 8 bits are unsigned there, 24 bits take 3 bytes.
func wavFormat(f Format) Format {
	switch f.Sample {
	case S8:
		f.Sample = U8
	case S24:
		f.Sample = S24P
	}
	return f
}

// toWAV makes samples the file's, in place, and returns them: the same values.
func toWAV(s Sample, p []byte) []byte {
	switch s {
	case S8:
		for i := range p {
			p[i] ^= 0x80
		}
	case S24:
		n := 0
		for i := 0; i+4 <= len(p); i += 4 {
			n += copy(p[n:], p[i:i+3])
		}
		p = p[:n]
	}
	return p
}

// ReadWAV reads the head of a WAV file and returns its format, and where its samples are.
func ReadWAV(r io.ReaderAt) (f Format, data *io.SectionReader, err error) {
	var b [12]byte
	if _, err := r.ReadAt(b[:], 0); err != nil || string(b[:4]) != "RIFF" || string(b[8:]) != "WAVE" {
		return f, nil, errors.New("not a WAV file")
	}
	for off := int64(len(b)); ; {
		var h [8]byte
		if _, err := r.ReadAt(h[:], off); err != nil {
			return f, nil, errors.New("a WAV file without samples")
		}
		off += int64(len(h))
		size := int64(binary.LittleEndian.Uint32(h[4:]))
		switch string(h[:4]) {
		case "fmt ":
			c := make([]byte, min(size, 64))
			if _, err := r.ReadAt(c, off); err != nil || len(c) < 16 {
				return f, nil, errors.New("the WAV file's head is cut off")
			}
			if f, err = readFmt(c); err != nil {
				return f, nil, err
			}
		case "data":
			if f.Rate == 0 {
				return f, nil, errors.New("a WAV file without a format")
			}
			return f, io.NewSectionReader(r, off, size), nil
		}
		off += size + size&1
	}
}

// readFmt reads a chunk "fmt ".
func readFmt(c []byte) (f Format, err error) {
	le := binary.LittleEndian
	tag, bits := le.Uint16(c), le.Uint16(c[14:])
	if tag == wavExtensible && len(c) >= 26 {
		tag = le.Uint16(c[24:])
	}
	f = Format{Channels: int(le.Uint16(c[2:])), Rate: int(le.Uint32(c[4:]))}
	switch {
	case tag == wavPCM && bits == 8:
		f.Sample = U8
	case tag == wavPCM && bits == 16:
		f.Sample = S16
	case tag == wavPCM && bits == 24:
		f.Sample = S24P
	case tag == wavPCM && bits == 32:
		f.Sample = S32
	case tag == wavFloat && bits == 32:
		f.Sample = Float
	default:
		return f, fmt.Errorf("a WAV file of a format that is not known: %#x, %d bits", tag, bits)
	}
	if int(le.Uint16(c[12:])) != f.FrameBytes() {
		return f, errors.New("the WAV file's head contradicts itself")
	}
	if !anything().has(f) {
		return f, fmt.Errorf("the device cannot do the WAV file's format: %v", f)
	}
	return f, nil
}
