package main

import (
	"fmt"
	"io"
)

// cpioWriter writes an archive in the format that Linux calls newc
// (Documentation/driver-api/early-userspace/buffer-format.rst).
type cpioWriter struct {
	w   io.Writer
	pos int64
	ino int
	err error
}

// Types of files.
const (
	cpioDir     = 0o040000
	cpioRegular = 0o100000
	cpioLink    = 0o120000
)

const (
	cpioHeader  = 110
	cpioPath    = 4096     // greatest c_namesize
	cpioAlign   = 4096     // data of large files begins at multiples of it
	cpioAlignAt = 64 << 10 // what large means
)

// Entry writes a file, directory or symbolic link (whose data is the target).
func (c *cpioWriter) Entry(name string, mode uint32, mtime int64, data []byte) {
	c.ino++
	size := int64(len(name)) + 1
	if len(data) >= cpioAlignAt {
		// Zeros after the name count as name; readers stop at the first.
		start := c.pos + cpioHeader
		if aligned := (start+size+cpioAlign-1)/cpioAlign*cpioAlign - start; aligned <= cpioPath {
			size = aligned
		}
	}
	nlink := 1
	if mode&0o170000 == cpioDir {
		nlink = 2
	}
	// magic ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
	c.write(fmt.Appendf(nil, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		c.ino, mode, 0, 0, nlink, mtime, len(data), 0, 0, 0, 0, size, 0))
	c.write(append([]byte(name), make([]byte, size-int64(len(name)))...))
	c.pad()
	c.write(data)
	c.pad()
}

// Close writes the trailer.
func (c *cpioWriter) Close() error {
	c.ino = -1
	c.Entry("TRAILER!!!", 0, 0, nil)
	return c.err
}

func (c *cpioWriter) write(b []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(b)
		c.pos += int64(len(b))
	}
}

func (c *cpioWriter) pad() { c.write(make([]byte, -c.pos&3)) }
