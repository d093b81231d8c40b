package dap

import (
	"fmt"
	"sync"

	"vitrine/debugserver/session"
)

// handles are the numbers by which a client names frames and values. All die when the machine runs; a number is never
// given twice, so an old one is told from a new one.
type handles struct {
	mu     sync.Mutex
	last   int
	frames map[int]place
	values map[int]*container
	gotos  map[int]gotoTarget
	names  map[any]int // what has a number already
}

// place is where expressions are evaluated.
type place struct{ thread, frame int }

func (h *handles) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == 0 {
		h.last = 1000 // small numbers are threads in some logs
	}
	h.frames, h.values, h.gotos, h.names = map[int]place{}, map[int]*container{}, map[int]gotoTarget{}, map[any]int{}
}

// frame gives a frame a number.
func (h *handles) frame(p place) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id, ok := h.names[p]; ok {
		return id
	}
	h.last++
	h.frames[h.last], h.names[p] = p, h.last
	return h.last
}

// place returns the frame of that number; 0 is the innermost frame of the thread that stopped.
func (h *handles) place(id int) (place, error) {
	if id == 0 {
		return place{}, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p, ok := h.frames[id]
	if !ok {
		return p, fmt.Errorf("frame %d: %w", id, session.ErrStale)
	}
	return p, nil
}

func (h *handles) container(k *container) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	h.values[h.last] = k
	return h.last
}

func (h *handles) value(id int) (*container, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := h.values[id]
	if k == nil {
		return nil, fmt.Errorf("variable %d: %w", id, session.ErrStale)
	}
	return k, nil
}

func (h *handles) target(t gotoTarget) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	h.gotos[h.last] = t
	return h.last
}

func (h *handles) targetOf(id int) (gotoTarget, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.gotos[id]
	if !ok {
		return t, fmt.Errorf("goto target %d: %w", id, session.ErrStale)
	}
	return t, nil
}

// lineIn and lineOut convert lines; ours begin at 1.
func (c *conn) lineIn(n int) int {
	if !c.init.LinesStartAt1 {
		return n + 1
	}
	return n
}

func (c *conn) lineOut(n int) int {
	if n > 0 && !c.init.LinesStartAt1 {
		return n - 1
	}
	return n
}
