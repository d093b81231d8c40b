package p9

import (
	"encoding/binary"
	"errors"
)

// Errors of Encoder and Decoder.
var (
	ErrFull  = errors.New("p9: message too long")
	ErrShort = errors.New("p9: message too short")
)

// Encoder builds a message in a buffer of fixed size.
type Encoder struct {
	buf []byte // all of it
	n   int
	Err error
}

// Start begins a message in buf.
func Start(buf []byte, typ uint8, tag uint16) *Encoder {
	e := &Encoder{buf: buf}
	e.Reset(typ, tag)
	return e
}

// Reset begins another message in the same buffer.
func (e *Encoder) Reset(typ uint8, tag uint16) {
	e.n, e.Err = 0, nil
	e.U32(0)
	e.U8(typ)
	e.U16(tag)
}

// take returns the next n bytes, or nil if there are not as many.
func (e *Encoder) take(n int) []byte {
	if e.Err != nil || n > len(e.buf)-e.n {
		e.Err = ErrFull
		return nil
	}
	b := e.buf[e.n : e.n+n]
	e.n += n
	return b
}

// U8 appends a byte; U16, U32 and U64 numbers; Str a string; QID a QID.
func (e *Encoder) U8(v uint8) {
	if b := e.take(1); b != nil {
		b[0] = v
	}
}

// U16 appends a number.
func (e *Encoder) U16(v uint16) {
	if b := e.take(2); b != nil {
		binary.LittleEndian.PutUint16(b, v)
	}
}

// U32 appends a number.
func (e *Encoder) U32(v uint32) {
	if b := e.take(4); b != nil {
		binary.LittleEndian.PutUint32(b, v)
	}
}

// U64 appends a number.
func (e *Encoder) U64(v uint64) {
	if b := e.take(8); b != nil {
		binary.LittleEndian.PutUint64(b, v)
	}
}

// Str appends a string.
func (e *Encoder) Str(s string) {
	if len(s) > 1<<16-1 {
		e.Err = ErrFull
		return
	}
	e.U16(uint16(len(s)))
	if b := e.take(len(s)); b != nil {
		copy(b, s)
	}
}

// QID appends a QID.
func (e *Encoder) QID(q QID) {
	e.U8(q.Type)
	e.U32(q.Version)
	e.U64(q.Path)
}

// time appends seconds and nanoseconds.
func (e *Encoder) time(ns int64) {
	s, n := ns/1e9, ns%1e9
	if n < 0 {
		s, n = s-1, n+1e9
	}
	e.U64(uint64(s))
	e.U64(uint64(n))
}

// Attr appends Rgetattr's body.
func (e *Encoder) Attr(a *Attr) {
	e.U64(a.Valid)
	e.QID(a.QID)
	e.U32(a.Mode)
	e.U32(a.UID)
	e.U32(a.GID)
	e.U64(a.Nlink)
	e.U64(a.Rdev)
	e.U64(a.Size)
	e.U64(a.BlkSize)
	e.U64(a.Blocks)
	e.time(a.Atime)
	e.time(a.Mtime)
	e.time(a.Ctime)
	e.time(a.Btime)
	e.U64(0) // gen
	e.U64(0) // data_version
}

// SetAttr appends Tsetattr's body after the fid.
func (e *Encoder) SetAttr(s *SetAttr) {
	e.U32(s.Valid)
	e.U32(s.Mode)
	e.U32(s.UID)
	e.U32(s.GID)
	e.U64(s.Size)
	e.time(s.Atime)
	e.time(s.Mtime)
}

// StatFS appends Rstatfs's body.
func (e *Encoder) StatFS(s *StatFS) {
	e.U32(s.Type)
	e.U32(s.BlkSize)
	for _, v := range [...]uint64{s.Blocks, s.Bfree, s.Bavail, s.Files, s.Ffree, s.FSID} {
		e.U64(v)
	}
	e.U32(s.NameLen)
}

// Dirent appends an entry of Rreaddir.
func (e *Encoder) Dirent(d Dirent) {
	e.QID(d.QID)
	e.U64(d.Offset)
	e.U8(d.Type)
	e.Str(d.Name)
}

// Len returns how long the message is so far; Room how much longer it can be.
func (e *Encoder) Len() int { return e.n }

// Room returns how many more bytes fit.
func (e *Encoder) Room() int { return len(e.buf) - e.n }

// PutU32 overwrites a number at a place in the message.
func (e *Encoder) PutU32(at int, v uint32) { binary.LittleEndian.PutUint32(e.buf[at:], v) }

// Finish writes the size, with more bytes that follow elsewhere, and returns the message.
func (e *Encoder) Finish(more int) []byte {
	binary.LittleEndian.PutUint32(e.buf, uint32(e.n+more))
	return e.buf[:e.n]
}

// Decoder takes a message apart. After an error everything reads as zero.
type Decoder struct {
	b   []byte
	Err error
}

// Open begins to decode a message.
func Open(b []byte) (size uint32, typ uint8, tag uint16, d *Decoder) {
	d = &Decoder{b: b}
	return d.U32(), d.U8(), d.U16(), d
}

// OpenBody decodes what is no message.
func OpenBody(b []byte) *Decoder { return &Decoder{b: b} }

func (d *Decoder) take(n int) []byte {
	if d.Err != nil || n > len(d.b) {
		d.Err, d.b = ErrShort, nil
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

// U8 takes a byte; U16, U32 and U64 numbers; Str a string; QID a QID.
func (d *Decoder) U8() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

// U16 takes a number.
func (d *Decoder) U16() uint16 {
	if b := d.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// U32 takes a number.
func (d *Decoder) U32() uint32 {
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// U64 takes a number.
func (d *Decoder) U64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Str takes a string.
func (d *Decoder) Str() string { return string(d.take(int(d.U16()))) }

// QID takes a QID.
func (d *Decoder) QID() QID { return QID{d.U8(), d.U32(), d.U64()} }

func (d *Decoder) time() int64 {
	s, n := int64(d.U64()), int64(d.U64())
	if s > 1<<33 || s < -(1<<33) || n < 0 || n >= 1e9 {
		return 0 // beyond what 64 bits of nanoseconds hold
	}
	return s*1e9 + n
}

// Attr takes Rgetattr's body.
func (d *Decoder) Attr() (a Attr) {
	a.Valid, a.QID = d.U64(), d.QID()
	a.Mode, a.UID, a.GID = d.U32(), d.U32(), d.U32()
	a.Nlink, a.Rdev = d.U64(), d.U64()
	a.Size, a.BlkSize, a.Blocks = d.U64(), d.U64(), d.U64()
	a.Atime, a.Mtime, a.Ctime, a.Btime = d.time(), d.time(), d.time(), d.time()
	d.take(16)
	return a
}

// SetAttr takes Tsetattr's body after the fid.
func (d *Decoder) SetAttr() (s SetAttr) {
	s.Valid, s.Mode, s.UID, s.GID, s.Size = d.U32(), d.U32(), d.U32(), d.U32(), d.U64()
	s.Atime, s.Mtime = d.time(), d.time()
	return s
}

// StatFS takes Rstatfs's body.
func (d *Decoder) StatFS() (s StatFS) {
	s.Type, s.BlkSize = d.U32(), d.U32()
	for _, p := range [...]*uint64{&s.Blocks, &s.Bfree, &s.Bavail, &s.Files, &s.Ffree, &s.FSID} {
		*p = d.U64()
	}
	s.NameLen = d.U32()
	return s
}

// Dirent takes an entry of Rreaddir.
func (d *Decoder) Dirent() Dirent { return Dirent{d.QID(), d.U64(), d.U8(), d.Str()} }

// Len returns how many bytes are left.
func (d *Decoder) Len() int { return len(d.b) }

// Rest returns what is left.
func (d *Decoder) Rest() []byte { return d.b }

// Peek32 returns the next number without taking it.
func (d *Decoder) Peek32() uint32 {
	c := *d
	return c.U32()
}
