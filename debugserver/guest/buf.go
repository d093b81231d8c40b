package guest

import "encoding/binary"

// buf reads little-endian data; beyond the end everything is 0 and bad is set.
type buf struct {
	b   []byte
	at  int
	bad bool
}

func (b *buf) left() int { return len(b.b) - b.at }

func (b *buf) take(n int) []byte {
	if n < 0 || n > b.left() {
		b.bad, b.at = true, len(b.b)
		return nil
	}
	r := b.b[b.at : b.at+n : b.at+n]
	b.at += n
	return r
}

func (b *buf) u8() uint8 {
	if r := b.take(1); r != nil {
		return r[0]
	}
	return 0
}

// uint reads a number of 1 to 8 bytes.
func (b *buf) uint(n int) uint64 {
	var w [8]byte
	if n > len(w) {
		b.bad = true
		return 0
	}
	copy(w[:], b.take(n))
	return binary.LittleEndian.Uint64(w[:])
}

func (b *buf) int(n int) int64 {
	if n <= 0 || n > 8 {
		b.bad = true
		return 0
	}
	shift := 64 - 8*n
	return int64(b.uint(n)) << shift >> shift
}

func (b *buf) uleb() (v uint64) {
	for shift := 0; ; shift += 7 {
		c := b.u8()
		if shift < 64 {
			v |= uint64(c&0x7f) << shift
		}
		if c < 0x80 || b.bad {
			return v
		}
	}
}

func (b *buf) sleb() (v int64) {
	shift := 0
	for {
		c := b.u8()
		if shift < 64 {
			v |= int64(c&0x7f) << shift
		}
		shift += 7
		if c < 0x80 || b.bad {
			if c&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
}

func (b *buf) text() string {
	for i := b.at; i < len(b.b); i++ {
		if b.b[i] == 0 {
			s := string(b.b[b.at:i])
			b.at = i + 1
			return s
		}
	}
	b.bad, b.at = true, len(b.b)
	return ""
}

// block is a length and as many bytes.
func (b *buf) block() []byte {
	n := b.uleb()
	if n > uint64(b.left()) {
		b.bad, b.at = true, len(b.b)
		return nil
	}
	return b.take(int(n))
}
