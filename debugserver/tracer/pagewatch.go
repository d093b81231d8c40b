package tracer

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Data breakpoints by page protection: as many as are wanted, as wide as they are wanted.
//
//	                        write ──► SIGSEGV, si_addr in a guarded page
//	┌─ page ────────────────┐             │ all threads stop
//	│      ▓▓▓▓ watched     │             │ mprotect(page, as it was)   (a system call that the thread is made to do)
//	│                       │             │ one instruction of this thread alone
//	└─ r--, was rw- ────────┘             │ mprotect(page, r--)
//	                                      ▼ have the watched bytes changed? a hit : go on
//
// A page that nobody writes to costs nothing. One that is written to costs some 100 µs a write, watched bytes or not.
//
// System calls are the weak side: Linux does not fault when it writes to a guarded page on the program's behalf, it
// returns EFAULT (sysguard.go). So debug registers come first, and what is on a stack is never guarded (Watch.Hard).

const pageSize = 4096

// guard is a page with less protection than the program thinks.
type guard struct {
	prot    int // the program's
	current int // in force
	shared  bool
	watches int // that lie in it
	readers int // of them: those who want to know of reads
}

func (g *guard) wanted() int {
	if g.readers > 0 {
		return unix.PROT_NONE
	}
	return g.prot &^ unix.PROT_WRITE
}

func pageOf(addr uint64) uint64 { return addr &^ (pageSize - 1) }

// pages calls f for every page of a watch.
func (p *watchpoint) pages(f func(page uint64) error) error {
	for a := pageOf(p.Addr); a < p.end(); a += pageSize {
		if err := f(a); err != nil {
			return err
		}
	}
	return nil
}

// guardPages protects the pages of a watch.
func (t *Tracer) guardPages(p *watchpoint) error {
	maps, err := t.Maps()
	if err != nil {
		return err
	}
	p.paged = true
	err = p.pages(func(page uint64) error {
		g := t.guards[page]
		if g == nil {
			i := slices.IndexFunc(maps, func(m Map) bool { return m.Start <= page && page < m.End })
			if i < 0 {
				return errors.New("not in memory")
			}
			g = &guard{prot: maps[i].Prot, current: maps[i].Prot, shared: maps[i].Shared}
			if t.guards == nil {
				t.guards = map[uint64]*guard{}
			}
			t.guards[page] = g
		}
		g.watches++
		if p.Read {
			g.readers++
		}
		return t.protect(nil, page, g.wanted())
	})
	if err != nil {
		t.unguardPages(p)
	}
	return err
}

// unguardPages gives the pages of a watch back, as far as no other watch needs them.
func (t *Tracer) unguardPages(p *watchpoint) error {
	var first error
	p.pages(func(page uint64) error {
		g := t.guards[page]
		if g == nil || g.watches == 0 {
			delete(t.guards, page)
			return nil
		}
		g.watches--
		if p.Read {
			g.readers--
		}
		want := g.prot
		if g.watches > 0 {
			want = g.wanted()
		}
		if err := t.protect(nil, page, want); err != nil && first == nil {
			first = err
		}
		if g.watches == 0 {
			delete(t.guards, page)
		}
		return nil
	})
	return first
}

// protect sets a guarded page's protection, by way of a thread, nil: of any.
func (t *Tracer) protect(th *Thread, page uint64, prot int) (err error) {
	g := t.guards[page]
	if g.current == prot {
		return nil
	}
	if th == nil {
		if th, err = t.injector(); err != nil {
			return err
		}
	}
	if _, err := t.inject(th, unix.SYS_MPROTECT, page, pageSize, uint64(prot)); err != nil {
		return fmt.Errorf("protect page %#x: %w", page, err)
	}
	g.current = prot
	return nil
}

// guarded tells whether a fault is due to a guarded page, and which.
func (t *Tracer) guarded(si *siginfo) (page uint64, ok bool) {
	const accErr = 2 // SEGV_ACCERR
	if len(t.guards) == 0 || si.code() != accErr {
		return 0, false
	}
	page = pageOf(si.addr())
	g := t.guards[page]
	return page, g != nil && g.current != g.prot
}

// reclose guards pages again that were opened for one instruction, and turns the thread's hit into one of a watch if
// that has touched any.
func (t *Tracer) reclose(th *Thread, opened []uint64) error {
	var touched []*watchpoint
	for _, page := range opened {
		g := t.guards[page]
		if g == nil {
			continue
		}
		if err := t.protect(th, page, g.wanted()); err != nil {
			return err
		}
		for _, p := range t.watches {
			if p.paged && p.Addr < page+pageSize && page < p.end() && !slices.Contains(touched, p) {
				touched = append(touched, p)
			}
		}
	}
	touched = slices.DeleteFunc(touched, func(p *watchpoint) bool {
		// Of a read there is no trace but the fault's address.
		return p.Read && !(p.Addr <= th.fault && th.fault < p.end()) && !t.differs(p)
	})
	if h := t.watchHit(touched); h.Kind != HitNone {
		th.Hit = h
	}
	return nil
}
