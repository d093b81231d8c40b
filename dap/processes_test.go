package dap

import (
	"encoding/json"
	"strings"
	"testing"
)

// body asks for something and returns the answer's body as it came.
func body(t *testing.T, c interface{ Do(string, any, any) }, command string, args any) string {
	t.Helper()
	var raw json.RawMessage
	c.Do(command, args, &raw)
	return string(raw)
}

func TestProcesses(t *testing.T) {
	_, _, c := stoppedAt(t)
	want := `{"processes":[` +
		`{"pid":1,"ppid":0,"comm":"init","state":"S","wait":"wait4","cpu_ns":5,"uid":0,"started_ns":1,"threads":[{"tid":1,"name":"init","state":"S","wait":"wait4"}]},` +
		`{"pid":7,"ppid":1,"comm":"sh\\x1b","state":"R","wait":"","cpu_ns":0,"uid":1000,"started_ns":0,"threads":[]}]}`
	if got := body(t, c, "vitrine/processes", nil); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want = `{"files":[{"fd":0,"path":"/dev/console","flags":"O_RDWR|0x40","pos":0},{"fd":3,"path":"/x\\x1b","flags":"O_WRONLY|O_APPEND|O_CLOEXEC","pos":9}],` +
		`"maps":[{"start":"0x400000","end":"0x401000","prot":"r-xp","path":"/bin/sh","offset":"0x1000"}],` +
		`"signals":{"pending":["SIGTERM"],"blocked":[],"ignored":["SIGPIPE","SIGRT_2"],"caught":[]}}`
	if got := body(t, c, "vitrine/process", ProcessArguments{PID: 7}); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	c.Refused("vitrine/process", ProcessArguments{PID: 8})
	c.Refused("vitrine/process", map[string]any{"pid": "seven"})
}

func TestKill(t *testing.T) {
	_, h, c := stoppedAt(t)
	kill := func(pid int, sig any) string { return body(t, c, "vitrine/kill", KillArguments{pid, sig}) }
	if got := kill(7, "TERM"); got != `{"pending":true}` {
		t.Errorf("while stopped: %s", got)
	}
	c.Refused("vitrine/kill", KillArguments{8, "TERM"}) // the kernel could not say so later
	c.Continue()
	for _, sig := range []any{"SIGKILL", 9, "9", " kill"} {
		if got := kill(7, sig); got != `{"pending":false}` {
			t.Errorf("%v: %s", sig, got)
		}
	}
	for _, x := range []KillArguments{{7, "NOSUCH"}, {7, 0}, {7, 65}, {7, 1.5}, {7, nil}, {7, ""}, {0, 9}, {-1, 9}, {8, 9}} {
		c.Refused("vitrine/kill", x)
	}
	k := h.last()
	k.mu.Lock()
	got := strings.Join(k.guest.signals, ", ")
	k.guest.deaf = true
	k.mu.Unlock()
	if want := "7 15 false, 7 9 true, 7 9 true, 7 9 true, 7 9 true"; got != want {
		t.Errorf("the kernel was told %s, want %s", got, want)
	}
	if text := c.Refused("vitrine/kill", KillArguments{7, 9}); !strings.Contains(text, "does not answer") {
		t.Errorf("a kernel that does not answer: %s", text)
	}
}
