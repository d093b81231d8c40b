package amd64

import (
	"testing"
	"unsafe"
)

func TestSigFrameLayout(t *testing.T) {
	// Offsets of struct rt_sigframe as Linux's asm-offsets have them.
	if UcontextSize != 304 || FrameSize != 440 {
		t.Fatalf("ucontext %d bytes, frame %d; want 304, 440", UcontextSize, FrameSize)
	}
	var u Ucontext
	for _, f := range []struct {
		name string
		got  uintptr
		want uintptr
	}{
		{"RIP", unsafe.Offsetof(u.RIP), 168}, {"FPState", unsafe.Offsetof(u.FPState), 224}, {"Sigmask", unsafe.Offsetof(u.Sigmask), 296},
	} {
		if f.got != f.want {
			t.Errorf("%s at %d, want %d", f.name, f.got, f.want)
		}
	}
	for top := uint64(0x7000_0000); top < 0x7000_0040; top++ {
		f, ok := LayoutSigFrame(top, true, 2700)
		switch {
		case !ok:
			t.Fatal("no room")
		case f.FPState%64 != 0, (f.SP+8)%16 != 0:
			t.Errorf("top %#x: fpstate %#x, sp %#x are not aligned", top, f.FPState, f.SP)
		case f.FPState+2700 > top-RedZone, f.SigInfo+128 > f.FPState:
			t.Errorf("top %#x: parts overlap: %+v", top, f)
		}
		if g := SigFrameAt(f.SP + 8); g.Ucontext != f.Ucontext || g.SigInfo != f.SigInfo {
			t.Errorf("sigreturn finds another frame: %+v, %+v", g, f)
		}
	}
	for _, top := range []uint64{0, 1, 100, 1000, 1 << 63, ^uint64(0)} {
		if f, ok := LayoutSigFrame(top, true, 2700); ok {
			t.Errorf("a frame below %#x: %+v", top, f)
		}
	}
}

func TestInitialFPUIsWellFormed(t *testing.T) {
	b := InitialFPU()
	f, err := ReadFormat(b)
	if err != nil {
		t.Fatal(err)
	}
	if n := FPStateSize(b); n != len(b) {
		t.Errorf("size %d, want %d", n, len(b))
	}
	// A machine with more state takes it too: a second signal's frame holds it before the first one's handler has run.
	for _, f := range []XsaveFormat{f, {Features: 0xe7, Size: 2696, MXCSRMask: 0xffff}} {
		dst := make([]byte, f.Total())
		if err := f.Sanitize(dst, b); err != nil {
			t.Error(err)
		}
		if g, err := ReadFormat(dst); err != nil || g != f {
			t.Errorf("%+v, %v, want %+v", g, err, f)
		}
	}
}
