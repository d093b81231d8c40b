package tracer

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestSystemCallsWriteToGuardedPages: they don't fail, and are seen where they change watched bytes.
func TestSystemCallsWriteToGuardedPages(t *testing.T) {
	for name, args := range map[string][]string{
		"quiet":   nil,
		"signals": {"-sigs=500", "-spin=1"},
		"threads": {"-clones=1", "-threads=4"},
	} {
		t.Run(name, func(t *testing.T) {
			const rounds = 2
			tr, p := launch(t, append(args, "-fills=2", "-ticks=1")...)
			toMain(t, tr, p)
			base, o := p.addr(t, "main.wide"), NewOwner()
			want := map[Watch]int{ // calls write four bytes at every 128th
				{Addr: base + 256, Size: 64}:      rounds,
				{Addr: base + 1024, Size: 300}:    3 * rounds,
				{Addr: base + 1024 + 1, Size: 70}: 1,           // the second byte changes in the first round only
				{Addr: base + 4096 + 4, Size: 90}: 0,           // beside all writes
				{Addr: base + 4096*2, Size: 4096}: 32 * rounds, // may lie in two pages
			}
			for w := range want {
				must(t, tr.SetWatch(w, o))
			}
			must(t, tr.Insert(p.mark(t, "FILL"), NewOwner())) // hits at guarded calls are told as ever
			got, fills := map[Watch]int{}, 0
			for {
				s := resume(t, tr)
				if s.Kind == StopExited {
					if s.Status != 7 {
						t.Errorf("exit status %d", s.Status)
					}
					break
				}
				for _, th := range tr.Threads() {
					for _, w := range th.Hit.Watches {
						got[w]++
					}
					if th.Hit.Kind == HitBreakpoint {
						fills++
					}
				}
			}
			for w, n := range want {
				if got[w] != n {
					t.Errorf("%d hits of %+v, not %d", got[w], w, n)
				}
			}
			if n := rounds * 4096 * 4 / 128; fills != n {
				t.Errorf("%d hits of the breakpoint, not %d", fills, n)
			}
			t.Logf("%+v", tr.Stats)
		})
	}
}

// TestStepOverACallIntoAGuardedPage: a single step of the syscall instruction does what a run does.
func TestStepOverACallIntoAGuardedPage(t *testing.T) {
	tr, p := launch(t, "-fills=1", "-ticks=1")
	toMain(t, tr, p)
	o := NewOwner()
	w := Watch{Addr: p.addr(t, "main.wide"), Size: 64}
	must(t, tr.SetWatch(w, o))
	must(t, tr.Insert(p.mark(t, "FILL"), o))
	tid := resume(t, tr).TID
	for range 5000 {
		s, err := tr.Step(tid)
		must(t, err)
		if h := tr.Thread(s.TID).Hit; h.Kind == HitWatch {
			if h.Watches[0] != w || tr.Stats.Refused != 1 {
				t.Errorf("%+v, %d calls refused", h, tr.Stats.Refused)
			}
			if s := resume(t, tr); s.Kind != StopHit {
				t.Errorf("%+v; want the next round's breakpoint", s)
			}
			return
		}
	}
	t.Error("the write was not noticed")
}

// TestInterruptsAmongGuardedCalls: stops in the middle of system calls leave them whole.
func TestInterruptsAmongGuardedCalls(t *testing.T) {
	tr, p := launch(t, "-fills=40", "-ticks=1", "-threads=3")
	toMain(t, tr, p)
	must(t, tr.SetWatch(Watch{Addr: p.addr(t, "main.wide") + 4, Size: 100}, NewOwner()))
	for n := 0; ; n++ {
		s, err := tr.Resume(func() { go tr.Interrupt() })
		must(t, err)
		if s.Kind == StopExited {
			if s.Status != 7 {
				t.Errorf("exit status %d after %d interrupts", s.Status, n)
			}
			t.Logf("%d interrupts, %+v", n, tr.Stats)
			return
		}
		if s.Kind != StopInterrupted {
			t.Fatalf("%+v %+v", s, tr.Thread(s.TID).Hit)
		}
		th := tr.Threads()[n%len(tr.Threads())]
		got, err := tr.inject(th, unix.SYS_GETPID) // wherever it was stopped
		if err != nil {
			if s, _ := tr.Resume(nil); s.Kind == StopExited && s.Status == 7 {
				return // it was ending just then
			}
		}
		if err != nil || int(got) != tr.Pid() {
			t.Fatalf("%d, %v", got, err)
		}
	}
}
