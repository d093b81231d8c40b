package engine

import (
	"maps"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/proc"
)

// TestGoroutinesAreThoseOfDelve: our own list says what Delve's says.
func TestGoroutinesAreThoseOfDelve(t *testing.T) {
	e := launch(t, "-goroutines=50", "-spin=1", "-threads=2", "-sigs=100")
	_, err := e.Break(at(t, "TICK"))
	must(t, err)
	for range 5 {
		run(t, e.Continue)
	}
	ours, next, err := e.allGoroutines(0, maxGoroutines)
	if err != nil || next != -1 {
		t.Fatal(next, err)
	}
	all, _, err := proc.GoroutinesInfo(e.target, 0, 0)
	must(t, err)
	byID := map[int64]Goroutine{}
	for _, g := range ours {
		byID[g.ID] = g
	}
	if len(ours) != len(all) {
		t.Errorf("%d goroutines, Delve has %d", len(ours), len(all))
	}
	for _, d := range all {
		want, got := e.describe(d), byID[d.ID]
		if got.Status != want.Status || got.TID != want.TID || got.System != want.System || got.WaitReason != want.WaitReason {
			t.Errorf("%+v\nDelve has %+v", got, want)
		}
		if got.Current != want.Current || got.User.Function != want.User.Function || got.User.Line != want.User.Line {
			t.Errorf("%d is at %+v %+v, Delve says %+v %+v", d.ID, got.Current, got.User, want.Current, want.User)
		}
		if got.Go != want.Go || got.Start != want.Start && !strings.Contains(got.Start.Function, ".gowrap") {
			t.Errorf("%d comes from %+v %+v, Delve says %+v %+v", d.ID, got.Go, got.Start, want.Go, want.Start)
		}
		if !maps.Equal(got.Labels, want.Labels) {
			t.Errorf("%d has labels %v, Delve says %v", d.ID, got.Labels, want.Labels)
		}
	}
	// In parts.
	var parts []Goroutine
	for start := 0; start >= 0; {
		var gs []Goroutine
		gs, start, err = e.Goroutines(start, 7)
		must(t, err)
		parts = append(parts, gs...)
	}
	if len(parts) != len(ours) {
		t.Errorf("%d goroutines in parts", len(parts))
	}
}
