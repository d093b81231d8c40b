package tracer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Watch is a data breakpoint.
type Watch struct {
	Addr uint64
	Size int
	Read bool // hit by every access; otherwise when the bytes have changed
	Hard bool // by debug registers only: on a stack, or where Linux writes itself
}

// end is the first address after the watch.
func (w Watch) end() uint64 { return w.Addr + uint64(w.Size) }

// MaxWatch is the largest size of a Watch.
const MaxWatch = 1 << 20

// watchpoint is a Watch that was set: by debug registers where they suffice, else by page protection.
type watchpoint struct {
	Watch
	owners []Owner
	last   []byte // its bytes when last looked at
	paged  bool
}

// ErrNoWatch says that a watch would need debug registers that are in use.
var ErrNoWatch = errors.New("the four debug registers are in use")

// SetWatch sets a data breakpoint in all threads; equal ones are shared.
func (t *Tracer) SetWatch(w Watch, o Owner) error {
	if t.exited {
		return ErrExited
	}
	if w.Size <= 0 || w.Size > MaxWatch || w.end() < w.Addr {
		return fmt.Errorf("watch %#x: a size of %d bytes is not possible", w.Addr, w.Size)
	}
	for _, p := range t.watches {
		if p.Watch == w {
			if !slices.Contains(p.owners, o) {
				p.owners = append(slices.Clone(p.owners), o)
			}
			return nil
		}
	}
	p := &watchpoint{Watch: w, owners: []Owner{o}, last: make([]byte, w.Size)}
	if n, err := t.Read(p.last, w.Addr); err != nil || n != w.Size {
		return fmt.Errorf("watch %#x: it is not in memory", w.Addr)
	}
	if err := t.placeWatch(p); err != nil {
		return fmt.Errorf("watch %#x: %w", w.Addr, err)
	}
	t.watches = append(t.watches, p)
	return nil
}

// ClearWatch removes an owner's data breakpoint.
func (t *Tracer) ClearWatch(w Watch, o Owner) error {
	return t.dropWatches(o, func(c Watch) bool { return c == w })
}

func (t *Tracer) dropWatches(o Owner, which func(Watch) bool) (first error) {
	t.watches = slices.DeleteFunc(t.watches, func(p *watchpoint) bool {
		if !which(p.Watch) || !slices.Contains(p.owners, o) {
			return false
		}
		p.owners = slices.DeleteFunc(slices.Clone(p.owners), func(q Owner) bool { return q == o })
		if len(p.owners) > 0 {
			return false
		}
		if t.exited {
			return true
		}
		if err := t.liftWatch(p); err != nil && first == nil {
			first = err
		}
		return true
	})
	return first
}

// placeWatch finds debug registers, or pages, for a watch.
func (t *Tracer) placeWatch(p *watchpoint) error {
	old := t.debug
	if t.allot(p) {
		if err := t.armAll(); err == nil {
			return nil
		}
		t.debug = old // a host without debug registers
		t.armAll()
	}
	if p.Hard {
		return ErrNoWatch
	}
	return t.guardPages(p)
}

func (t *Tracer) liftWatch(p *watchpoint) error {
	if p.paged {
		return t.unguardPages(p)
	}
	for i := range t.debug {
		if t.debug[i].owner == p {
			t.debug[i] = debugReg{}
		}
	}
	return t.armAll()
}

// liftAll takes all watches away.
func (t *Tracer) liftAll() (first error) {
	for _, p := range t.watches {
		if err := t.liftWatch(p); err != nil && first == nil {
			first = err
		}
	}
	t.watches = nil
	return first
}

// differs tells whether a watched place was changed since the last look.
func (t *Tracer) differs(p *watchpoint) bool {
	now := make([]byte, p.Size)
	if n, err := t.Read(now, p.Addr); err != nil || n != p.Size {
		return true // it is gone: worth knowing
	}
	return !bytes.Equal(now, p.last)
}

// refresh takes the bytes of watched places in [addr, end) for known: somebody here has written them.
func (t *Tracer) refresh(addr, end uint64) {
	for _, p := range t.watches {
		if p.Addr < end && addr < p.end() {
			t.Read(p.last, p.Addr)
		}
	}
}

// watchHit makes the Hit of watches that a thread has touched; none if that has changed nothing.
func (t *Tracer) watchHit(touched []*watchpoint) (h Hit) {
	for _, p := range touched {
		if !t.differs(p) && !p.Read {
			t.Stats.Guards++
			continue
		}
		t.Read(p.last, p.Addr)
		if h.Kind == HitNone {
			h.Kind, h.Addr = HitWatch, p.Addr
		}
		h.Watches = append(h.Watches, p.Watch)
		for _, o := range p.owners {
			if !h.By(o) {
				h.Owners = append(h.Owners, o)
			}
		}
	}
	return h
}
