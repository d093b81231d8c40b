package views

import (
	"encoding/binary"
	"fmt"
)

// Memory reads the memory of the kernel process: it returns how many bytes could be read.
type Memory func(b []byte, addr uint64) (int, error)

// Fault is memory that can't be read, or what can't be what it is said to be.
type Fault struct {
	Addr uint64
	Why  string
}

func (f *Fault) Error() string { return fmt.Sprintf("memory at %#x: %s", f.Addr, f.Why) }

const (
	pageSize = 4096
	maxPages = 16384 // that are kept: 64 MiB
	maxFree  = 64    // as many as a look at a stop needs
)

// pages reads memory in pages and keeps them; an object's fields and its neighbours mostly share one.
type pages struct {
	read Memory
	kept map[uint64][]byte // by number; shorter than a page where the rest is not mapped
	free [][]byte          // pages to be used again
	last uint64
	page []byte // with number last
}

func newPages(m Memory) pages { return pages{read: m, kept: map[uint64][]byte{}, last: ^uint64(0)} }

// forget drops what was read: the kernel may have run since. What bytes has returned is no longer good.
func (p *pages) forget() {
	for _, b := range p.kept {
		if len(p.free) == maxFree {
			break
		}
		p.free = append(p.free, b[:pageSize])
	}
	clear(p.kept)
	p.last, p.page = ^uint64(0), nil
}

func (p *pages) get(n uint64) []byte {
	if n == p.last {
		return p.page
	}
	b, ok := p.kept[n]
	if !ok {
		if len(p.kept) >= maxPages {
			clear(p.kept)
		}
		if i := len(p.free) - 1; i >= 0 {
			b, p.free = p.free[i], p.free[:i]
		} else {
			b = make([]byte, pageSize)
		}
		got, _ := p.read(b, n*pageSize)
		b = b[:max(got, 0)]
		p.kept[n] = b
	}
	p.last, p.page = n, b
	return b
}

// bytes returns n bytes, which the caller must not change, and not keep beyond the next forget.
func (p *pages) bytes(addr uint64, n int) ([]byte, error) {
	off := int(addr % pageSize)
	if page := p.get(addr / pageSize); off+n <= len(page) {
		return page[off : off+n : off+n], nil
	}
	if addr+uint64(n) < addr {
		return nil, &Fault{addr, "beyond the address space"}
	}
	b := make([]byte, n)
	for done := 0; done < n; {
		a := addr + uint64(done)
		off := int(a % pageSize)
		page := p.get(a / pageSize)
		if off >= len(page) {
			return nil, &Fault{addr, "not mapped"}
		}
		done += copy(b[done:], page[off:])
	}
	return b, nil
}

func (p *pages) u8(addr uint64) (uint8, error) {
	b, err := p.bytes(addr, 1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (p *pages) u32(addr uint64) (uint32, error) {
	b, err := p.bytes(addr, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (p *pages) u64(addr uint64) (uint64, error) {
	b, err := p.bytes(addr, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// maxString bounds strings; a longer one is broken.
const maxString = 1 << 20

// str reads a string header and what it points to.
func (p *pages) str(addr uint64) (string, error) {
	data, err := p.u64(addr)
	if err != nil {
		return "", err
	}
	n, err := p.u64(addr + 8)
	if err != nil || n == 0 {
		return "", err
	}
	if n > maxString {
		return "", &Fault{addr, fmt.Sprintf("a string of %d bytes", n)}
	}
	b, err := p.bytes(data, int(n))
	return string(b), err
}
