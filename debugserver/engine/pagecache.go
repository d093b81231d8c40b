package engine

import (
	"fmt"

	"vitrine/debugserver/tracer"
)

// memory implements proc.MemoryReadWriter. While the process stands still pages that were read are kept: unwinding
// stacks and following pointers reads the same ones again and again, a word at a time.
type memory struct {
	t     *tracer.Tracer
	pages map[uint64]*[pageSize]byte
	free  []*[pageSize]byte
}

const (
	pageSize = 4096
	maxPages = 4096
)

func newMemory(t *tracer.Tracer) *memory { return &memory{t: t, pages: map[uint64]*[pageSize]byte{}} }

// forget must be called when the memory may have changed.
func (m *memory) forget() {
	for _, p := range m.pages {
		if len(m.free) < 64 { // as many as a step needs
			m.free = append(m.free, p)
		}
	}
	clear(m.pages)
}

// ReadMemory reads all of b or returns an error.
func (m *memory) ReadMemory(b []byte, addr uint64) (int, error) {
	if len(b) <= pageSize && addr+uint64(len(b)) > addr {
		for done := 0; ; {
			page := m.page(addr + uint64(done))
			if page == nil {
				break
			}
			if done += copy(b[done:], page[(addr+uint64(done))%pageSize:]); done == len(b) {
				return done, nil
			}
		}
	}
	n, err := m.t.Read(b, addr)
	if err == nil && n < len(b) {
		err = fmt.Errorf("read %#x: only %d of %d bytes are mapped", addr, n, len(b))
	}
	return n, err
}

func (m *memory) page(addr uint64) *[pageSize]byte {
	base := addr &^ (pageSize - 1)
	p := m.pages[base]
	if p == nil {
		if i := len(m.free) - 1; i >= 0 {
			p, m.free = m.free[i], m.free[:i]
		} else {
			p = new([pageSize]byte)
		}
		if n, err := m.t.Read(p[:], base); err != nil || n != pageSize {
			return nil
		}
		if len(m.pages) >= maxPages {
			m.forget()
		}
		m.pages[base] = p
	}
	return p
}

// WriteMemory writes all of b.
func (m *memory) WriteMemory(addr uint64, b []byte) (int, error) {
	m.forget()
	return m.t.Write(addr, b)
}
