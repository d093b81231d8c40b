package session

import (
	"strings"
	"testing"
)

func TestExceptions(t *testing.T) {
	m := start(t, 1, "debug.oops=1")
	s := New(m)
	m.run("mount -t proc proc /proc; echo r''eady", "ready")
	c := connect(t, s, false)
	for _, x := range []string{Oops, KernelPanic, FatalSignal, GoPanic, Lockup} {
		if b := must[*Breakpoint](t)(c.Set(Spec{Kind: Exception, Exception: x})); !b.Verified {
			t.Errorf("%s: %s", x, b.Message)
		}
	}
	m.run("ls /proc/vitrine/oops; cat /proc/vitrine/view/ps >/dev/null; echo s''till", "still")

	m.typed("sh -c 'kill -SEGV $$'; echo d''ead")
	st := stopEvent(t, c)
	if st.Reason != ReasonException || !strings.Contains(st.Text, "SIGSEGV") {
		t.Errorf("a fatal signal: %+v", st)
	}
	c.Continue()
	m.out.expect("dead")

	m.typed("echo nil >/proc/vitrine/oops; echo af''ter")
	st = stopEvent(t, c)
	if st.Reason != ReasonException || !strings.Contains(st.Text, "BUG") || !strings.Contains(st.Text, ".go:") {
		t.Errorf("an oops: %+v", st)
	}
	t.Logf("%+v", st)
	frames, _, _ := c.Stack(0, 0, 30)
	for _, f := range frames {
		t.Logf("%s %s:%d", f.Func, f.File, f.Line)
	}
	c.Continue()
}
