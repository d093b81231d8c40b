package host

import (
	"fmt"
	"strings"
	"testing"
)

// A bug in the kernel kills the task on whose way it was, and the log says where it is.
func TestOops(t *testing.T) {
	for _, smp := range []string{"1", "4"} {
		for _, kind := range []string{"nil", "index", "thread"} {
			t.Run(kind+" smp"+smp, func(t *testing.T) {
				want := "137"
				if kind == "thread" {
					want = "0"
				}
				m := start(t, "-smp", smp, "-append", "debug.oops=1", "--", "sh", "-c", `
					sleep 1000 & s=$!
					/bin/sh -c "echo `+kind+` >/proc/vitrine/oops"; echo status $?
					while ! dmesg | grep "BUG:.*fs/procfs.bug.*oops.go:[0-9]"; do :; done
					kill $s; wait $s; echo sleeper $?
					cat`)
				m.out.expect(t, "^status "+want+"$")
				m.out.expect(t, "BUG: runtime error: .*")
				m.out.expect(t, "^sleeper 143$")
				fmt.Fprintln(m.in, "goes on")
				m.out.expect(t, "^goes on$")
				// The last words are kept for when the kernel dies later.
				m.kill9Kernel()
				if s := m.wait(); s != 125 {
					t.Errorf("status %d", s)
				}
				if e := m.err.String(); !strings.Contains(e, "--- epitaph") || !strings.Contains(e, "Oops: BUG: ") || !strings.Contains(e, "procfs.(*Kernel).oopsFile") {
					t.Errorf("the epitaph does not name the place:\n%s", e)
				}
				m.nothingLeft()
			})
		}
	}
}

// With a lock held nobody knows what is broken: that is the end, and the supervisor tells why.
func TestOopsWithLock(t *testing.T) {
	status, _, errs := run(t, "-append", "debug.oops=1", "--", "sh", "-c", "echo lock >/proc/vitrine/oops; echo not reached")
	if status != 255 {
		t.Errorf("status %d, want 255", status)
	}
	for _, want := range []string{"kernel panic: BUG: runtime error: index out of range", "fs/procfs.bug", "oops.go:", "holding debug_oops", "--- epitaph", "system call 1("} {
		if !strings.Contains(errs, want) {
			t.Errorf("the supervisor does not say %q:\n%s", want, errs)
		}
	}
}

// Without the parameter there is no such file.
func TestNoOopsByDefault(t *testing.T) {
	status, _, _ := run(t, "--", "sh", "-c", "test -e /proc/vitrine/oops")
	if status != 1 {
		t.Errorf("status %d: /proc/vitrine/oops is there", status)
	}
}
