package dap

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vitrine/dap/daptest"
	"vitrine/kernel/ktrace"
	"vitrine/machine/ring"
)

// syscallEvent waits for the next event.
func syscallEvent(t *testing.T, c *daptest.Client) (ev SyscallsEvent) {
	t.Helper()
	if err := json.Unmarshal(c.Event(syscallsEvent).Body, &ev); err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestSyscallsAreFollowed(t *testing.T) {
	_, h, c := stoppedAt(t)
	c.Continue()
	k := h.last()
	k.call(7, "before")
	if got := body(t, c, "vitrine/syscalls", SyscallsArguments{Follow: true, Names: []string{"openat", "read"}, PID: 7}); got != `{"recording":true}` {
		t.Error(got)
	}
	k.call(7, "openat")
	k.call(8, "openat") // for others
	k.call(7, "write")
	k.call(7, "read")
	e := c.Event(syscallsEvent)
	want := `{"calls":[{"seq":2,"pid":7,"tid":7,"comm":"sh\\x1b","nr":0,"name":"openat","args":["0","\"\\x1b\""],"ret":-2,"errno":"ENOENT","start_ns":1,"end_ns":2},`
	if got := string(e.Body); !strings.HasPrefix(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
	var ev SyscallsEvent
	if err := json.Unmarshal(e.Body, &ev); err != nil {
		t.Fatal(err)
	}
	if len(ev.Calls) == 1 { // the period ended just then
		ev.Calls = append(ev.Calls, syscallEvent(t, c).Calls...)
	}
	if len(ev.Calls) != 2 || ev.Calls[1].Name != "read" || ev.Dropped != 0 {
		t.Errorf("%+v", ev)
	}
	c.Refused("vitrine/syscalls", SyscallsArguments{Follow: true, Names: []string{"nonsense"}})
	c.Do("vitrine/syscalls", SyscallsArguments{Follow: true}, nil) // instead of the first
	if got := body(t, c, "vitrine/syscalls", SyscallsArguments{}); got != `{"recording":false}` {
		t.Error(got)
	}
	if got, want := k.wanted(), "openat,read 7 true;  0 true; end of openat,read 7 true; end of  0 true"; got != want {
		t.Errorf("the kernel was told %s, want %s", got, want)
	}
}

// TestSyscallsOfClientThatLeaves: nothing is recorded for it any more.
func TestSyscallsOfClientThatLeaves(t *testing.T) {
	s, h, c := stoppedAt(t)
	second := newClient(t, s)
	second.Attach(nil)
	if got := body(t, second, "vitrine/syscalls", SyscallsArguments{Follow: true}); got != `{"recording":true,"pending":true}` {
		t.Error(got)
	}
	second.Do("disconnect", nil, nil)
	c.Continue()
	c.Do("vitrine/processes", nil, nil)
	if got, want := h.last().wanted(), " 0 false; end of  0 false"; got != want {
		t.Errorf("the kernel was told %s, want %s", got, want)
	}
}

// TestSyscallFlood: what does not fit is counted, call by call, and events do not come faster than they may.
func TestSyscallFlood(t *testing.T) {
	_, h, c := launched(t)
	c.ConfigurationDone()
	c.Do("vitrine/syscalls", SyscallsArguments{Follow: true}, nil)
	const all = 20_000
	started := time.Now()
	for range all {
		h.last().call(7, "getpid")
	}
	shown, dropped, events := 0, uint64(0), 0
	for uint64(shown)+dropped < all {
		ev := syscallEvent(t, c)
		if len(ev.Calls) > maxCalls {
			t.Errorf("%d calls in an event", len(ev.Calls))
		}
		shown, dropped, events = shown+len(ev.Calls), dropped+ev.Dropped, events+1
	}
	if uint64(shown)+dropped != all || shown == 0 || dropped == 0 {
		t.Errorf("%d of %d are shown, %d dropped", shown, all, dropped)
	}
	if most := int(time.Since(started)/eventPeriod) + 1; events > most {
		t.Errorf("%d events in %v", events, time.Since(started))
	}
}

// TestSyscallGarbage: whatever a kernel leaves in the ring is no danger.
func TestSyscallGarbage(t *testing.T) {
	_, h, c := launched(t)
	c.ConfigurationDone()
	c.Do("vitrine/syscalls", SyscallsArguments{Follow: true}, nil)
	k := h.last()
	log, err := ring.NewLog(k.Ring("events"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{nil, {1, 2, 3}, bytes.Repeat([]byte{0xff}, 100), make([]byte, 7*8+3)} {
		log.Append(0, ktrace.CallKind, b)
		log.Append(0, ktrace.CallKind+1, b)
	}
	k.call(7, "write")
	for {
		for _, s := range syscallEvent(t, c).Calls {
			if s.Name == "write" {
				return
			}
		}
	}
}
