package initramfs

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
)

// header is a member's header (cpio(5), "New ASCII Format").
type header struct {
	ino, mode, uid, gid, nlink, mtime, size  uint32
	devMajor, devMinor, rdevMajor, rdevMinor uint32
	nameSize                                 uint32
	name                                     string
}

const (
	headerSize = 110
	trailer    = "TRAILER!!!"
)

// archive reads members from a stream.
type archive struct {
	r   io.Reader
	off int64
	buf [headerSize]byte
}

// errBad says that the archive is damaged.
func errBad(why string) error { return errno.EINVAL.Because("initramfs: " + why) }

// next reads the header of the next member; io.EOF at the end of the stream.
func (a *archive) next() (*header, error) {
	// Archives one after the other have zeros between them.
	for {
		n, err := io.ReadFull(a.r, a.buf[:1])
		if n == 0 {
			if err == io.EOF {
				return nil, io.EOF
			}
			return nil, err
		}
		a.off++
		if a.buf[0] != 0 {
			break
		}
	}
	if err := a.full(a.buf[1:]); err != nil {
		return nil, err
	}
	if m := string(a.buf[:6]); m != "070701" && m != "070702" {
		return nil, errBad("no newc header")
	}
	var h header
	var check uint32
	for i, f := range []*uint32{
		&h.ino, &h.mode, &h.uid, &h.gid, &h.nlink, &h.mtime, &h.size,
		&h.devMajor, &h.devMinor, &h.rdevMajor, &h.rdevMinor, &h.nameSize, &check,
	} {
		v, ok := hex8(a.buf[6+8*i:])
		if !ok {
			return nil, errBad("a field of a header is not a number")
		}
		*f = v
	}
	if h.nameSize == 0 || h.nameSize > abi.PATH_MAX {
		return nil, errBad("a name is empty or too long")
	}
	name := make([]byte, h.nameSize)
	if err := a.full(name); err != nil {
		return nil, err
	}
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	h.name = string(name)
	return &h, a.align()
}

func hex8(b []byte) (v uint32, ok bool) {
	for _, c := range b[:8] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint32(c)
	}
	return v, true
}

// full reads all of b.
func (a *archive) full(b []byte) error {
	n, err := io.ReadFull(a.r, b)
	a.off += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errBad("the archive is cut off")
	}
	return err
}

// align skips to a multiple of four.
func (a *archive) align() error {
	var pad [4]byte
	return a.full(pad[:-a.off&3])
}

// skip passes over n bytes.
func (a *archive) skip(n int64) error {
	if r, ok := a.r.(*bytes.Reader); ok { // without a look at it: every page touched costs a fault of the host
		if n > int64(r.Len()) {
			return errBad("the archive is cut off")
		}
		r.Seek(n, io.SeekCurrent)
		a.off += n
		return nil
	}
	m, err := io.CopyN(io.Discard, a.r, n)
	a.off += m
	if err == io.EOF {
		return errBad("the archive is cut off")
	}
	return err
}

// open returns the archive at the beginning of data, unpacked if need be. Rest returns what follows it.
func open(data []byte) (r io.Reader, rest func() []byte, err error) {
	src := bytes.NewReader(data)
	if len(data) >= 2 && data[0] == 0x1f && data[1] == 0x8b {
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, nil, errBad("damaged gzip header")
		}
		z.Multistream(false)
		return gzReader{z}, func() []byte { return data[len(data)-src.Len():] }, nil
	}
	if bytes.HasPrefix(data, []byte("07070")) {
		return src, func() []byte { return data[len(data)-src.Len():] }, nil
	}
	kinds := map[string]string{"\x28\xb5\x2f\xfd": "zstd", "\xfd7zXZ": "xz", "BZh": "bzip2", "\x04\x22\x4d\x18": "lz4", "\x02\x21\x4c\x18": "lz4"}
	for _, magic := range []string{"\x28\xb5\x2f\xfd", "\xfd7zXZ", "BZh", "\x04\x22\x4d\x18", "\x02\x21\x4c\x18"} {
		if strings.HasPrefix(string(data[:min(len(data), 8)]), magic) {
			return nil, nil, errBad("compressed by " + kinds[magic] + "; only gzip is known")
		}
	}
	return nil, nil, errBad("neither cpio nor gzip")
}

// gzReader makes the errors of damaged data ours.
type gzReader struct{ z *gzip.Reader }

func (g gzReader) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	if err != nil && err != io.EOF {
		err = errBad("damaged gzip data")
	}
	return n, err
}
