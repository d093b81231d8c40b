package virtq

import "io"

// Chain is a driver's buffer as the device sees it: bytes to read, then bytes
// to write, each in pieces of RAM. Read and Write are cursors over them. What is read may change while
// it is looked at, for the driver owns it: copy once, then check the copy.
type Chain struct {
	Head uint16 // for Push

	readable, writable [][]byte
	canRead, canWrite  uint64

	rseg, roff int // cursors
	wseg, woff int
	read       uint64
	written    uint64
}

func (c *Chain) reset(head uint16) {
	*c = Chain{Head: head, readable: c.readable[:0], writable: c.writable[:0]}
}

// ReadLen returns how many readable bytes are left.
func (c *Chain) ReadLen() uint64 { return c.canRead - c.read }

// WriteLen returns how much room for writing is left.
func (c *Chain) WriteLen() uint64 { return c.canWrite - c.written }

// Written returns how many bytes were written: Push's argument.
func (c *Chain) Written() uint32 { return uint32(min(c.written, 1<<32-1)) }

// Read copies readable bytes out and advances.
func (c *Chain) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && c.rseg < len(c.readable) {
		k := copy(p[n:], c.readable[c.rseg][c.roff:])
		n += k
		c.advanceRead(k)
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (c *Chain) advanceRead(n int) {
	c.read += uint64(n)
	for n > 0 {
		k := min(n, len(c.readable[c.rseg])-c.roff)
		c.roff += k
		n -= k
		if c.roff == len(c.readable[c.rseg]) {
			c.rseg, c.roff = c.rseg+1, 0
		}
	}
}

// Write copies p into the writable bytes and advances. What doesn't fit is io.ErrShortWrite.
func (c *Chain) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) && c.wseg < len(c.writable) {
		k := copy(c.writable[c.wseg][c.woff:], p[n:])
		n += k
		c.Advance(k)
	}
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// Room returns the next piece of RAM to write into, or nil. Advance says how much was written.
func (c *Chain) Room() []byte {
	if c.wseg == len(c.writable) {
		return nil
	}
	return c.writable[c.wseg][c.woff:]
}

// Rooms appends the pieces of RAM from offset skip bytes on, at most limit bytes, to dst: for readv(2).
func (c *Chain) Rooms(dst [][]byte, skip, limit uint64) [][]byte {
	seg, off := c.wseg, c.woff
	for ; seg < len(c.writable) && limit > 0; seg, off = seg+1, 0 {
		b := c.writable[seg][off:]
		if uint64(len(b)) <= skip {
			skip -= uint64(len(b))
			continue
		}
		b = b[skip:]
		skip = 0
		b = b[:min(uint64(len(b)), limit)]
		limit -= uint64(len(b))
		dst = append(dst, b)
	}
	return dst
}

// Pieces appends the readable pieces that are left, at most limit bytes, to dst: for writev(2).
func (c *Chain) Pieces(dst [][]byte, limit uint64) [][]byte {
	for seg, off := c.rseg, c.roff; seg < len(c.readable) && limit > 0; seg, off = seg+1, 0 {
		b := c.readable[seg][off:]
		b = b[:min(uint64(len(b)), limit)]
		limit -= uint64(len(b))
		dst = append(dst, b)
	}
	return dst
}

// Advance moves the write cursor over n bytes of Room that were filled.
func (c *Chain) Advance(n int) {
	c.written += uint64(n)
	for n > 0 {
		k := min(n, len(c.writable[c.wseg])-c.woff)
		c.woff += k
		n -= k
		if c.woff == len(c.writable[c.wseg]) {
			c.wseg, c.woff = c.wseg+1, 0
		}
	}
}
