package dap

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-dap"

	"vitrine/dap/daptest"
)

func TestTwoClients(t *testing.T) {
	s, h, c1 := stoppedAt(t)
	c2 := newClient(t, s)
	c2.Name = "second"
	c2.Attach(map[string]any{"name": "Attach to Vitrine"}) // a configuration's name, not a machine's
	c2.ConfigurationDone()
	if st := c2.Stopped(); st.ThreadId != 7 {
		t.Errorf("the second sees %+v", st)
	}
	c2.Continue()
	c1.Event("continued")
	if c2.Pending("continued") != 0 {
		t.Error("the second is told of its own command")
	}
	c1.Do("pause", dap.PauseArguments{}, nil)
	if st := c2.Stopped(); st.Reason != "pause" {
		t.Errorf("%+v", st)
	}
	c1.Stopped()
	c2.FunctionBreakpoints("sysRead")
	c2.Do("disconnect", nil, nil)
	if k := h.last(); k.ended() || k.stop == nil {
		t.Error("one leaves, and the machine does not stay as it is")
	}
	c1.Do("disconnect", nil, nil)
	<-h.last().done
}

func TestOneLeavesLaunchedEnds(t *testing.T) {
	_, h, c := launched(t)
	c.ConfigurationDone()
	c.Close() // without a word
	<-h.last().done
}

func TestAttachedRunsOn(t *testing.T) {
	k := newFakeKernel("old")
	s := NewServer(Options{Host: &fakeHost{run: map[string]*fakeKernel{"old": k}}})
	rw, done := dial(t, s)
	c := daptest.New(t, rw)
	c.Attach(map[string]any{"machine": "old"})
	if e := c.Event("capabilities"); !strings.Contains(string(e.Body), `"supportsRestartRequest":false`) {
		t.Errorf("%s", e.Body)
	}
	c.ConfigurationDone()
	c.Do("pause", dap.PauseArguments{}, nil)
	c.Stopped()
	c.Do("disconnect", nil, nil)
	<-done
	if k.ended() || len(k.clients) != 0 {
		t.Error("the machine ended, or has a client still")
	}
}

func TestRestart(t *testing.T) {
	s, h, c := stoppedAt(t)
	c2 := newClient(t, s)
	c2.Attach(nil)
	c2.FunctionBreakpoints("sysRead")
	c2.ConfigurationDone()
	c2.Stopped()
	old := h.last()

	h.mu.Lock()
	h.fail = errors.New("the build failed")
	h.mu.Unlock()
	c.Refused("restart", nil)
	if old.ended() {
		t.Fatal("a failed build ends the machine")
	}
	c.Threads() // still works

	h.mu.Lock()
	h.fail = nil
	h.mu.Unlock()
	c.Do("restart", nil, nil)
	k := h.last()
	if k == old || !old.ended() || !k.booted {
		t.Fatal("there is no new machine")
	}
	c.Event("continued")
	c2.Event("continued")
	k.hit("sysOpenat")
	if st := c.Stopped(); fmt.Sprint(st.HitBreakpointIds) != "[1]" {
		t.Errorf("%+v", st)
	}
	c2.Stopped()
	c2.Continue()
	k.hit("sysRead")
	if st := c2.Stopped(); len(st.HitBreakpointIds) != 1 {
		t.Errorf("%+v", st)
	}
	if c.Pending("terminated")+c2.Pending("terminated") != 0 {
		t.Error("a restart is taken for the end")
	}
	c.Do("terminate", nil, nil)
	c.Exited()
	c2.Exited()
}

// TestRestartThatFailsInVSCode: it would take a refusal for the session's end.
func TestRestartThatFailsInVSCode(t *testing.T) {
	h := &fakeHost{}
	rw, _ := dial(t, NewServer(Options{Host: h}))
	c := daptest.Raw(t, rw)
	c.Do("initialize", dap.InitializeRequestArguments{ClientID: "vscode", AdapterID: "vitrine", PathFormat: "path"}, nil)
	c.Launch(nil)
	c.ConfigurationDone()
	old := h.last()
	h.mu.Lock()
	h.fail = errors.New("the build failed")
	h.mu.Unlock()
	c.Do("restart", nil, nil)
	for {
		var o dap.OutputEventBody
		if err := json.Unmarshal(c.Event("output").Body, &o); err != nil {
			t.Fatal(err)
		}
		if o.Category == "important" {
			if !strings.Contains(o.Output, "the build failed") {
				t.Errorf("it says %q", o.Output)
			}
			break
		}
	}
	if old.ended() || h.last() != old {
		t.Error("a failed build ends the machine")
	}
	c.Threads() // still works
}

// TestProxy: attach to another supervisor's machine.
func TestProxy(t *testing.T) {
	k := newFakeKernel("far")
	remote := NewServer(Options{Host: &fakeHost{run: map[string]*fakeKernel{"far": k, "": k}}})
	s := NewServer(Options{Host: &fakeHost{remote: func(name string) (io.ReadWriteCloser, error) {
		if name != "far" {
			return nil, errors.New("no such machine")
		}
		rw, _ := dial(t, remote)
		return rw, nil
	}}})
	c := newClient(t, s)
	c.Refused("attach", map[string]any{"machine": "near"})
	c.Attach(map[string]any{"machine": "far"})
	c.FunctionBreakpoints("sysOpenat")
	c.ConfigurationDone()
	k.hit("sysOpenat")
	c.Stopped()
	c.Do("disconnect", nil, nil)
	if k.ended() {
		t.Error("it has ended")
	}
}
