package box

import (
	"reflect"
	"testing"
)

func TestParseMixesOptionsAndOperands(t *testing.T) {
	o, rest := Parse([]string{"x", "-ab", "file", "-n5", "-n", "6", "--long=7", "--", "-c"}, "abcn:", "long=n")
	if !o.Has('a') || !o.Has('b') || o.Has('c') || !reflect.DeepEqual(o.Values('n'), []string{"5", "6", "7"}) {
		t.Errorf("options %+v", o)
	}
	if !reflect.DeepEqual(rest, []string{"file", "-c"}) {
		t.Errorf("operands %q", rest)
	}
	if _, rest := Parse([]string{"x", "-a", "cmd", "-b"}, "+ab", ""); !reflect.DeepEqual(rest, []string{"cmd", "-b"}) {
		t.Errorf("with +: operands %q", rest)
	}
}

func TestParseMode(t *testing.T) {
	for _, tc := range []struct {
		s    string
		old  uint32
		dir  bool
		want uint32
	}{
		{"755", 0, false, 0o755},
		{"u+x", 0o644, false, 0o744},
		{"go-w", 0o666, false, 0o644},
		{"a=r", 0o777, false, 0o444},
		{"+x", 0o644, false, 0o755},
		{"+w", 0o444, false, 0o644},
		{"u=rwx,g=rx,o=", 0, false, 0o750},
		{"a+X", 0o644, false, 0o644},
		{"a+X", 0o644, true, 0o755},
		{"u+s", 0o755, false, 0o4755},
		{"+t", 0o755, true, 0o1755},
		{"g=u", 0o740, false, 0o770},
	} {
		got, err := ParseMode(tc.s, tc.old, tc.dir, 0o22)
		if err != nil || got != tc.want {
			t.Errorf("ParseMode(%q, %o) = %o, %v; want %o", tc.s, tc.old, got, err, tc.want)
		}
	}
	for _, bad := range []string{"", "8", "u", "u+q", "77777"} {
		if m, err := ParseMode(bad, 0, false, 0); err == nil {
			t.Errorf("ParseMode(%q) = %o without error", bad, m)
		}
	}
}

func TestSignalNames(t *testing.T) {
	for _, s := range []string{"9", "KILL", "SIGKILL", "kill"} {
		if n, ok := ParseSignal(s); !ok || n != 9 {
			t.Errorf("ParseSignal(%q) = %d, %v", s, n, ok)
		}
	}
	if n := SignalName(15); n != "TERM" {
		t.Errorf("SignalName(15) = %q", n)
	}
}
