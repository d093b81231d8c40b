package guest

import (
	"os"
	"testing"
)

// BenchmarkFirstLook: what the first stop in a program costs: its file is opened, a function is found by its name, and what is at its place. GUEST_LARGE names the
// program; the larger, the better.
func BenchmarkFirstLook(b *testing.B) {
	name := os.Getenv("GUEST_LARGE")
	if name == "" {
		b.Skip("GUEST_LARGE names no program")
	}
	for b.Loop() {
		r, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		f, err := Open(name, r, nil)
		if err != nil {
			b.Fatal(err)
		}
		ls := f.Function("main")
		if len(ls) == 0 {
			b.Fatal("it has no main")
		}
		if f.loadSymbols().at(ls[0].Addr) == nil || f.loadFrames().at(ls[0].Addr) == nil {
			b.Fatal("nothing is known of main")
		}
		r.Close()
	}
}
