package mm

import (
	"testing"

	"pgregory.net/rapid"

	"vitrine/kernel/sched"
)

func TestFramesAreHandedOutOnceAndComeBack(t *testing.T) {
	onThreads(t, 1, func(th *sched.Thread) {
		rapid.Check(t, func(rt *rapid.T) {
			const pages = 200
			m := NewMemory(make([]byte, pages*PageSize), 3*PageSize)
			owner := map[PFN]int{}
			type run struct {
				p PFN
				n uint64
			}
			var runs []run
			for i := range 60 {
				if rapid.Bool().Draw(rt, "free") && len(runs) > 0 {
					j := rapid.IntRange(0, len(runs)-1).Draw(rt, "which")
					var list []PFN
					for k := range PFN(runs[j].n) {
						delete(owner, runs[j].p+k)
						list = append(list, runs[j].p+k)
					}
					m.DecRefs(th, list)
					runs = append(runs[:j], runs[j+1:]...)
					continue
				}
				n := rapid.Uint64Range(1, 20).Draw(rt, "n")
				p, err := m.AllocRun(th, n, true)
				if err != nil {
					continue
				}
				for k := range PFN(n) {
					if owner[p+k] != 0 || p+k < 3 || p+k >= pages {
						rt.Fatalf("frame %d is handed out again", p+k)
					}
					owner[p+k] = i + 1
					b := m.Bytes(p+k, 1)
					for _, x := range b {
						if x != 0 {
							rt.Fatalf("frame %d isn't clear", p+k)
						}
					}
					b[7] = 0xff
				}
				runs = append(runs, run{p, n})
			}
			for _, r := range runs {
				for k := range PFN(r.n) {
					m.DecRef(th, r.p+k)
				}
			}
			if s := m.Stats(th); s.Free != pages-3 || s.Total != pages-3 {
				rt.Fatalf("%+v", s)
			}
			// All joined again: blocks as in the beginning.
			if got, want := m.Stats(th).Orders, NewMemory(make([]byte, pages*PageSize), 3*PageSize).Stats(th).Orders; got != want {
				rt.Fatalf("blocks %v, not %v", got, want)
			}
		})
	})
}

func TestDonatedMemoryIsClearedBeforeUse(t *testing.T) {
	onThreads(t, 1, func(th *sched.Thread) {
		ram := make([]byte, 16*PageSize)
		for i := range ram[:8*PageSize] {
			ram[i] = 0xaa
		}
		m := NewMemory(ram, 8*PageSize)
		m.Donate(th, 2*PageSize+5, 5*PageSize) // pages 3 to 6
		if s := m.Stats(th); s.Total != 12 {
			t.Fatalf("%+v", s)
		}
		for range 12 {
			p, err := m.Alloc(th, 0, true)
			if err != nil {
				t.Fatal(err)
			}
			if b := m.Bytes(p, 1); b[0] != 0 || b[PageSize-1] != 0 {
				t.Errorf("frame %d isn't clear", p)
			}
		}
		if _, err := m.Alloc(th, 0, true); err != ErrOOM {
			t.Errorf("one frame too many: %v", err)
		}
		m.Donate(th, 2*PageSize, 1<<60) // nonsense has no effect
		m.Donate(th, 3*PageSize, PageSize)
		if s := m.Stats(th); s.Total != 12 {
			t.Errorf("%+v", s)
		}
	})
}
