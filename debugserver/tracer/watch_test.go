package tracer

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTenWatches: more than there are debug registers, one of 64 bytes, all exact.
func TestTenWatches(t *testing.T) {
	for name, args := range map[string][]string{
		"quiet":   {"-ticks=1"},
		"signals": {"-ticks=1", "-sigs=500", "-spin=1"},
		"threads": {"-ticks=1", "-clones=1"},
	} {
		t.Run(name, func(t *testing.T) {
			const rounds = 2
			tr, p := launch(t, append(args, fmt.Sprintf("-stores=%d", rounds))...)
			toMain(t, tr, p)
			base := p.addr(t, "main.wide")
			want := map[Watch]int{} // stores go to every 16th byte
			o := NewOwner()
			for _, w := range []Watch{
				{Addr: base, Size: 1},
				{Addr: base + 16, Size: 2},
				{Addr: base + 32, Size: 4},
				{Addr: base + 48, Size: 8},
				{Addr: base + 1024, Size: 64}, // no debug registers are left from here on
				{Addr: base + 2048, Size: 8},
				{Addr: base + 4096 - 8, Size: 16}, // may lie in two pages
				{Addr: base + 8192, Size: 1},
				{Addr: base + 8193, Size: 1}, // beside all stores
				{Addr: base + 12288, Size: 300},
			} {
				must(t, tr.SetWatch(w, o))
				for a := w.Addr; a < w.end(); a++ {
					if (a-base)%16 == 0 {
						want[w] += rounds
					}
				}
			}
			got := map[Watch]int{}
			for {
				s := resume(t, tr)
				if s.Kind == StopExited {
					if s.Status != 7 {
						t.Errorf("exit status %d", s.Status)
					}
					break
				}
				for _, th := range tr.Threads() {
					if th.Hit.Kind == HitWatch {
						for _, w := range th.Hit.Watches {
							got[w]++
						}
					}
				}
			}
			for w, n := range want {
				if got[w] != n {
					t.Errorf("%d hits of %+v, not %d", got[w], w, n)
				}
			}
			if got[Watch{Addr: base + 8193, Size: 1}] != 0 {
				t.Error("a hit where nothing is written")
			}
			t.Logf("%+v", tr.Stats)
		})
	}
}

func TestWatchIsGoneAfterClearAndDetach(t *testing.T) {
	b, p := newBoard(t, "-wait", "-stores=1", "-ticks=1")
	tr := b.attach(t)
	o := NewOwner()
	w := Watch{Addr: p.addr(t, "main.wide"), Size: 3 * pageSize}
	prot := func() (r []int) {
		maps, err := tr.maps()
		must(t, err)
		for a := pageOf(w.Addr); a < w.end(); a += pageSize {
			for _, m := range maps {
				if m.Start <= a && a < m.End {
					r = append(r, m.Prot)
				}
			}
		}
		return r
	}
	before := prot()
	must(t, tr.SetWatch(w, o))
	if slices.Equal(prot(), before) {
		t.Error("nothing is guarded")
	}
	must(t, tr.ClearWatch(w, o))
	if !slices.Equal(prot(), before) {
		t.Errorf("%v, was %v", prot(), before)
	}
	must(t, tr.SetWatch(w, o))
	must(t, tr.Detach())
	if !slices.Equal(prot(), before) {
		t.Errorf("after detach %v, was %v", prot(), before)
	}
	b.stdin.Write([]byte("x"))
	<-b.done
	if b.status.ExitStatus() != 7 {
		t.Errorf("%#x", b.status)
	}
}

func TestWatchOfReads(t *testing.T) {
	tr, p := launch(t, "-stores=1", "-ticks=1")
	toMain(t, tr, p)
	base, o := p.addr(t, "main.wide"), NewOwner()
	// store(i, wide[i]+1) reads and writes.
	for _, w := range []Watch{{Addr: base + 160, Size: 8, Read: true}, {Addr: base + 4096, Size: 64, Read: true}} {
		must(t, tr.SetWatch(w, o))
		n := 0
		for range 2 {
			if s := resume(t, tr); s.Kind == StopHit && tr.Thread(s.TID).Hit.Watches[0] == w {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%d accesses to %+v", n, w)
		}
		must(t, tr.ClearWatch(w, o))
	}
}

// TestFaultsOfItsOwn: a program that faults is not mistaken for one that writes to a guarded page.
func TestFaultsOfItsOwn(t *testing.T) {
	tr, p := launch(t, "-stores=1", "-ticks=1", "-die=segv")
	toMain(t, tr, p)
	must(t, tr.SetWatch(Watch{Addr: p.addr(t, "main.wide") + 8, Size: 7 * 8}, NewOwner()))
	n := 0
	for {
		s := resume(t, tr)
		if s.Kind == StopExited {
			if s.Status != 2 {
				t.Errorf("exit status %d, not that of a Go panic", s.Status)
			}
			break
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d hits", n)
	}
}

func TestStepOverAGuardedWrite(t *testing.T) {
	tr, p := launch(t, "-stores=1")
	toMain(t, tr, p)
	o := NewOwner()
	w := Watch{Addr: p.addr(t, "main.wide"), Size: 64}
	must(t, tr.SetWatch(w, o))
	must(t, tr.Insert(p.mark(t, "STORE"), o))
	tid := resume(t, tr).TID
	for range 20 {
		s, err := tr.Step(tid)
		must(t, err)
		if h := tr.Thread(s.TID).Hit; h.Kind == HitWatch {
			if h.Watches[0] != w {
				t.Errorf("%+v", h)
			}
			return
		}
	}
	t.Error("the write was not noticed")
}

func TestTracersWritesAreNoHits(t *testing.T) {
	tr, p := launch(t, "-stores=1", "-ticks=1")
	toMain(t, tr, p)
	base, o := p.addr(t, "main.wide"), NewOwner()
	w := Watch{Addr: base + 1, Size: 10}
	must(t, tr.SetWatch(w, o))
	if _, err := tr.Write(base+4, []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if s := resume(t, tr); s.Kind != StopExited {
		t.Errorf("%+v %+v", s, tr.Thread(s.TID).Hit)
	}
}

func TestInjectedCallLeavesNoTrace(t *testing.T) {
	b, _ := newBoard(t, "-idle=1ms", "-threads=3", "-sigs=300")
	tr := b.attach(t)
	for range 50 { // threads are stopped anywhere: in system calls, too
		for _, th := range tr.Threads() {
			before, err := tr.Regs(th.ID)
			must(t, err)
			saved := *before
			got, err := tr.inject(th, unix.SYS_GETPID)
			must(t, err)
			after, err := tr.Regs(th.ID)
			must(t, err)
			if got != uint64(b.pid) || *after != saved {
				t.Fatalf("thread %d: getpid is %d, registers %+v, before %+v", th.ID, got, *after, saved)
			}
		}
		s, err := tr.Resume(func() { go tr.Interrupt() })
		if err != nil || s.Kind != StopInterrupted {
			t.Fatalf("%+v %v", s, err)
		}
	}
}
