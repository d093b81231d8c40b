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
		{"755", 0, false, 0755}, {"u+x", 0644, false, 0744}, {"go-w", 0666, false, 0644}, {"a=r", 0777, false, 0444},
		{"+x", 0644, false, 0755}, {"+w", 0444, false, 0644}, {"u=rwx,g=rx,o=", 0, false, 0750},
		{"a+X", 0644, false, 0644}, {"a+X", 0644, true, 0755}, {"u+s", 0755, false, 04755}, {"+t", 0755, true, 01755},
		{"g=u", 0740, false, 0770},
	} {
		got, err := ParseMode(tc.s, tc.old, tc.dir, 022)
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
