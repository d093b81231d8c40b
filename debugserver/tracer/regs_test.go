package tracer

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRegistersAreWritten: what is set is there after the thread has run.
func TestRegistersAreWritten(t *testing.T) {
	tr, p := launch(t, "-ticks=5")
	toMain(t, tr, p)
	at, o := p.mark(t, "TICK"), NewOwner()
	must(t, tr.Insert(at, o))
	tid := resume(t, tr).TID
	r, err := tr.Regs(tid)
	must(t, err)
	saved := *r
	c := saved
	c.Fs_base += 0x1000
	c.Gs_base = 0x123456789000
	c.R15 = 0xfeedface
	must(t, tr.SetRegs(tid, &c))
	x, err := tr.XState(tid)
	must(t, err)
	savedX := append([]byte(nil), x...)
	const xmm0, xstateBV = 160, 512
	binary.LittleEndian.PutUint64(x[xmm0+16*9:], 0x1122334455667788)
	x[xstateBV] |= 2 // SSE state is in use
	must(t, tr.SetXState(tid, x))

	// A system call of the thread's own shows what it has; then memory that it stores to.
	if got, err := tr.inject(tr.Thread(tid), unix.SYS_GETPID); err != nil || got != uint64(tr.Pid()) {
		t.Fatal(got, err)
	}
	buf := p.addr(t, "main.wide")
	const archGetFS, archGetGS = 0x1003, 0x1004
	for code, want := range map[uint64]uint64{archGetFS: c.Fs_base, archGetGS: c.Gs_base} {
		if _, err := tr.inject(tr.Thread(tid), unix.SYS_ARCH_PRCTL, code, buf); err != nil {
			t.Fatal(err)
		}
		if got := peek(t, tr, buf); got != want {
			t.Errorf("arch_prctl %#x says %#x, not %#x", code, got, want)
		}
	}
	x, err = tr.XState(tid)
	must(t, err)
	if got := binary.LittleEndian.Uint64(x[xmm0+16*9:]); got != 0x1122334455667788 {
		t.Errorf("xmm9 is %#x", got)
	}
	if r, _ := tr.Regs(tid); r.R15 != 0xfeedface || r.Fs_base != c.Fs_base || r.Gs_base != c.Gs_base {
		t.Errorf("%+v", *r)
	}
	bad := c
	bad.Fs_base = 1 << 63
	if tr.SetRegs(tid, &bad) == nil {
		t.Error("an fs_base that is no address")
	}

	must(t, tr.SetXState(tid, savedX))
	must(t, tr.SetRegs(tid, &saved))
	must(t, tr.Remove(at, o))
	if s := resume(t, tr); s.Kind != StopExited || s.Status != 7 {
		t.Errorf("%+v", s)
	}
}

func TestFilters(t *testing.T) {
	tr, p := launch(t, "-ticks=1000")
	toMain(t, tr, p)
	at, a, b := p.mark(t, "TICK"), NewOwner(), NewOwner()
	must(t, tr.Insert(at, a))
	// The toy counts its calls in memory: The.Calls, before this one.
	the := int64(p.addr(t, "main.The"))
	calls := func(op string, val int64) *Filter {
		return &Filter{Op: op, X: &Operand{Offs: []int64{the, 24}, Size: 8}, Val: uint64(val)}
	}
	name := &Filter{Op: "==", X: &Operand{Offs: []int64{the, 8, 0}, Size: 8, Len: &Operand{Offs: []int64{the, 8, 8}, Size: 8}}, Str: "snd0"}
	for _, c := range []struct {
		f    *Filter
		want uint64
	}{
		{calls("==", 100), 100},
		{calls(">=", 200), 200},
		{&Filter{Op: "&&", L: calls(">", 250), R: name}, 251},
		{&Filter{Op: "||", L: calls("==", 300), R: calls("==", 5)}, 300},
		{&Filter{Op: "!", L: calls("<", 350)}, 350},
		{&Filter{Op: "==", X: &Operand{Offs: []int64{the, 24}, Size: 1}, Val: 0xff}, 511},
		{&Filter{Op: "==", X: &Operand{Offs: []int64{the, 24}, Size: 1, Signed: true}, Val: ^uint64(0)}, 767},
	} {
		must(t, tr.SetFilter(at, a, c.f))
		s := resume(t, tr)
		if s.Kind != StopHit {
			t.Fatalf("%v: %+v", c.f, s)
		}
		if got := peek(t, tr, peek(t, tr, uint64(the))+24); got != c.want {
			t.Errorf("%v: at call %d, not %d", c.f, got, c.want)
		}
	}
	// Each owner has its own, and learns only of its own.
	must(t, tr.SetFilter(at, a, calls("==", 900)))
	must(t, tr.Insert(at, b))
	must(t, tr.SetFilter(at, b, calls("==", 800)))
	for _, want := range []Owner{b, a} {
		s := resume(t, tr)
		if s.Kind != StopHit {
			t.Fatalf("%+v", s)
		}
		if h := tr.Thread(s.TID).Hit; len(h.Owners) != 1 || !h.By(want) {
			t.Errorf("%+v, not for %d", h, want)
		}
	}
	// What cannot be read stops.
	must(t, tr.SetFilter(at, a, &Filter{Op: "==", X: &Operand{Offs: []int64{8}, Size: 8}, Val: 1}))
	if s := resume(t, tr); s.Kind != StopHit {
		t.Errorf("%+v", s)
	}
}
