package guest

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// Memory reads a program's memory: fewer bytes than wanted come with an error.
type Memory interface {
	Read(b []byte, addr uint64) (int, error)
}

// Geometry of pages and page tables (Intel SDM vol. 3, 4.5): the kernel keeps its tables in that format (kernel/mm/pagetable.go).
const (
	pageShift = 12
	pageSize  = 1 << pageShift
	levels    = 4
	frameMask = 0x000f_ffff_ffff_f000
	userTop   = 1 << 47
)

// Space is an address space: a page table in RAM.
type Space struct {
	RAM  []byte
	Root uint64 // frame number of the top table

	// Absent reads a page that no frame has yet: what a file has there. May be nil.
	Absent func(page []byte, addr uint64) bool
}

// NotMapped is an address that nothing can be read from.
type NotMapped struct{ Addr uint64 }

func (e *NotMapped) Error() string { return fmt.Sprintf("nothing is in memory at %#x", e.Addr) }

// Read implements Memory.
func (s *Space) Read(b []byte, addr uint64) (int, error) {
	n := 0
	for n < len(b) {
		at := addr + uint64(n)
		page, ok := s.page(at)
		if !ok {
			var absent [pageSize]byte
			if at < addr || at >= userTop || s.Absent == nil || !s.Absent(absent[:], at&^(pageSize-1)) {
				return n, &NotMapped{at}
			}
			page = absent[:]
		}
		n += copy(b[n:], page[at%pageSize:])
	}
	return n, nil
}

// ReadOnly is memory that can't be written from outside: a page that is shared, or not there yet.
type ReadOnly struct{ Addr uint64 }

func (e *ReadOnly) Error() string {
	return fmt.Sprintf("%#x lies in a page that is shared or not there yet: it can't be written while the machine stands still", e.Addr)
}

// Write writes to pages that the program itself could write to without a fault.
func (s *Space) Write(addr uint64, b []byte) error {
	const present, writable = 1, 2
	for done := false; ; done = true { // nothing is written unless all can be
		for n := 0; n < len(b); {
			at := addr + uint64(n)
			page, bits, ok := s.walk(at)
			if !ok || bits&(present|writable) != present|writable {
				return &ReadOnly{at}
			}
			k := min(len(b)-n, int(pageSize-at%pageSize))
			if done {
				copy(page[at%pageSize:], b[n:n+k])
			}
			n += k
		}
		if done {
			return nil
		}
	}
}

// page returns the frame in which an address lies.
func (s *Space) page(addr uint64) ([]byte, bool) {
	page, _, ok := s.walk(addr)
	return page, ok
}

// walk returns the frame and the bits of its entry.
func (s *Space) walk(addr uint64) (page []byte, bits uint64, ok bool) {
	if addr >= userTop {
		return nil, 0, false
	}
	frame := s.Root
	for level := levels - 1; level >= 0; level-- {
		t, ok := s.frame(frame)
		if !ok {
			return nil, 0, false
		}
		e := binary.LittleEndian.Uint64(t[addr>>(pageShift+9*level)&511*8:])
		if e == 0 { // an entry that is not present may hold its frame all the same: PROT_NONE
			return nil, 0, false
		}
		frame, bits = e&frameMask>>pageShift, e&^frameMask
	}
	page, ok = s.frame(frame)
	return page, bits, ok
}

func (s *Space) frame(n uint64) ([]byte, bool) {
	if n == 0 || n >= uint64(len(s.RAM))>>pageShift {
		return nil, false
	}
	return s.RAM[n<<pageShift : (n+1)<<pageShift : (n+1)<<pageShift], true
}

// readUint reads a little-endian number of up to 8 bytes.
func readUint(m Memory, addr uint64, size int) (uint64, error) {
	var b [8]byte
	if size < 0 || size > len(b) {
		return 0, fmt.Errorf("a number of %d bytes", size)
	}
	if _, err := m.Read(b[:size], addr); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// maxText bounds what is read of a string.
const maxText = 4096

// readText reads a string up to its zero byte, n bytes at most; whole says that it ends there.
func readText(m Memory, addr uint64, n int) (text string, whole bool, err error) {
	n = min(n, maxText)
	var out []byte
	for len(out) < n {
		piece := make([]byte, min(n-len(out), int(64-(addr+uint64(len(out)))%64)))
		k, err := m.Read(piece, addr+uint64(len(out)))
		for i, c := range piece[:k] {
			if c == 0 {
				return string(append(out, piece[:i]...)), true, nil
			}
		}
		out = append(out, piece[:k]...)
		if err != nil {
			if len(out) > 0 {
				return string(out), false, nil
			}
			return "", false, err
		}
	}
	return string(out), false, nil
}

// Text shows the text at an address in quotes, n bytes of it at most.
func Text(m Memory, addr uint64, n int) (string, bool) {
	s, whole, err := readText(m, addr, n)
	if err != nil {
		return "", false
	}
	q := strconv.Quote(s)
	if !whole {
		q += "…"
	}
	return q, true
}

// Word reads a number of 8 bytes.
func Word(m Memory, addr uint64) (uint64, bool) {
	v, err := readUint(m, addr, 8)
	return v, err == nil
}
