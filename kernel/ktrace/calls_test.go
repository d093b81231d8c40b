package ktrace

import (
	"reflect"
	"strings"
	"testing"

	"vitrine/machine/ring"
)

func newCalls(t testing.TB) (*Calls, []byte) {
	t.Helper()
	mem := make([]byte, 4096)
	c, err := NewCalls(mem)
	if err != nil {
		t.Fatal(err)
	}
	return c, mem
}

func TestCallsAreRecorded(t *testing.T) {
	c, mem := newCalls(t)
	want := []Call{
		{Seq: 1, PID: 1, TID: 2, Comm: "sh", Nr: 257, Name: "openat", Args: []string{"AT_FDCWD", `"/x"`}, Start: 5, End: 9, Ret: -2, Errno: "ENOENT"},
		{Seq: 2, PID: 1, TID: 1, Nr: 1 << 63, Name: "sys_x", Args: []string{}},
	}
	for _, r := range want {
		c.Record(&r)
	}
	rd, err := ring.NewReader(mem)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		rec, ok := rd.Next()
		if !ok || rec.Kind != CallKind || rec.Time != want[i].End {
			t.Fatalf("record %d: %+v, %v", i, rec, ok)
		}
		got, err := ParseCall(rec.Data)
		if err != nil || !reflect.DeepEqual(got, want[i]) {
			t.Errorf("%+v, %v; want %+v", got, err, want[i])
		}
	}
}

func TestCallsWanted(t *testing.T) {
	var none *Calls
	c, _ := newCalls(t)
	if none.Wants(1, 1) || c.Wants(1, 1) {
		t.Error("a call is wanted though nobody follows")
	}
	for _, x := range []struct {
		f    CallFilter
		nr   uint64
		pid  int
		want bool
	}{
		{CallFilter{}, 1, 1, true},
		{CallFilter{Nrs: map[uint64]bool{2: true}}, 1, 1, false},
		{CallFilter{Nrs: map[uint64]bool{2: true}}, 2, 1, true},
		{CallFilter{PIDs: map[int]bool{7: true}}, 2, 1, false},
		{CallFilter{Nrs: map[uint64]bool{2: true}, PIDs: map[int]bool{7: true}}, 2, 7, true},
	} {
		c.Follow(&x.f)
		if got := c.Wants(x.nr, x.pid); got != x.want {
			t.Errorf("%+v wants %d of %d: %v", x.f, x.nr, x.pid, got)
		}
	}
	c.Record(&Call{})
	if n := c.Follow(nil); n != 1 {
		t.Errorf("%d were recorded", n)
	}
	if c.Wants(1, 1) {
		t.Error("a call is wanted though nobody follows any more")
	}
}

func TestCallTextsAreBounded(t *testing.T) {
	r := Call{Name: strings.Repeat("x", 1<<20), Args: []string{strings.Repeat("y", 70000)}}
	got, err := ParseCall(r.append(nil))
	if err != nil || len(got.Name) != maxText || len(got.Args[0]) != maxText {
		t.Errorf("%d, %v", len(got.Name), err)
	}
}

func FuzzParseCall(f *testing.F) {
	r := Call{Seq: 1, Name: "read", Args: []string{"0"}}
	f.Add(r.append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseCall(b)
		if err != nil {
			return
		}
		again, err := ParseCall(r.append(nil))
		if err != nil || again.Seq != r.Seq || len(again.Args) != len(r.Args) {
			t.Errorf("%+v becomes %+v, %v", r, again, err)
		}
	})
}
