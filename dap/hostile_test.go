package dap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-dap"
)

func framed(bodies ...string) string {
	var b bytes.Buffer
	for _, body := range bodies {
		writeMessage(&b, []byte(body))
	}
	return b.String()
}

const (
	helloMessage = `{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"x"}}`
	launchIt     = `{"seq":2,"type":"request","command":"launch","arguments":{}}`
)

func TestReadMessage(t *testing.T) {
	for in, want := range map[string]string{
		framed("{}"):                                         "{}",
		"Content-Length: 0\r\n\r\n":                          "",
		"Content-Length: 2\r\n\r\n{":                         "error",
		"Content-Length: \r\n\r\n":                           "error",
		"Content-Length: -1\r\n\r\n":                         "error",
		"Content-Length: 4194305\r\n\r\n":                    "error",
		"Content-Length: 99999999999999999999999999\r\n\r\n": "error",
		"Content-Length: 2\n\n{}":                            "error",
		"Content-Length: 2\r\n{}":                            "error",
		"content-length: 2\r\n\r\n{}":                        "error",
		"POST / HTTP/1.1\r\nHost: x\r\n\r\n":                 "error",
		"Content-Type: x\r\n\r\n":                            "error",
		"Content-Le":                                         "error",
	} {
		got, err := readMessage(bufio.NewReader(strings.NewReader(in)))
		if (err != nil) != (want == "error") || err == nil && string(got) != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if _, err := readMessage(bufio.NewReader(strings.NewReader(""))); err != io.EOF {
		t.Errorf("the end: %v", err)
	}
}

// TestFirstByte: what is not the protocol is dropped before more of it is read.
func TestFirstByte(t *testing.T) {
	s := NewServer(Options{Host: &fakeHost{}})
	for _, in := range []string{"P", "G", "\x16", "{", "CO", "\x00"} {
		rw, done := dial(t, s)
		io.WriteString(rw, in)
		<-done
	}
}

// TestHostile: nonsense gets an error, or ends its own connection; the machine and another client notice nothing.
func TestHostile(t *testing.T) {
	s, h, good := stoppedAt(t)
	k := h.last()
	for _, in := range []string{
		"",
		"GET / HTTP/1.0\r\n\r\n",
		framed("not JSON"),
		framed("[]", "null", "5", `""`),
		framed(`{}`),
		framed(`{"type":"request"}`),
		framed(`{"seq":"x","type":"request","command":"initialize"}`),
		framed(`{"seq":1,"type":"request","command":"nothing"}`),
		framed(`{"seq":1,"type":"event","event":"stopped"}`, `{"seq":1,"type":"response","request_seq":77}`),
		framed(strings.Repeat("[", 100_000)),
		framed(`{"seq":1,"type":"request","command":"` + strings.Repeat("x", 1<<20) + `"}`),
		// out of order
		framed(`{"seq":1,"type":"request","command":"threads"}`, `{"seq":2,"type":"request","command":"continue"}`, `{"seq":3,"type":"request","command":"pause"}`),
		framed(launchIt, `{"seq":3,"type":"request","command":"attach"}`, `{"seq":4,"type":"request","command":"configurationDone"}`, `{"seq":5,"type":"request","command":"restart"}`),
		framed(helloMessage, helloMessage, launchIt, launchIt),
		framed(helloMessage, `{"seq":2,"type":"request","command":"disconnect"}`, `{"seq":3,"type":"request","command":"terminate"}`),
		// ends anywhere
		framed(helloMessage, `{"seq":2,"type":"request","command":"attach"}`) + "Content-Length: 50\r\n\r\n{",
		framed(helloMessage) + "Content-Le",
		framed(helloMessage, `{"seq":2,"type":"request","command":"attach"}`, `{"seq":3,"type":"request","command":"stackTrace","arguments":{"threadId":666}}`),
	} {
		rw, done := dial(t, s)
		go func() {
			io.WriteString(rw, in)
			rw.Close()
		}()
		io.Copy(io.Discard, rw)
		<-done
	}
	if k.ended() || k.stop == nil {
		t.Error("the machine was disturbed")
	}
	if len(good.Threads()) != 2 || good.Pending("continued") != 0 {
		t.Error("the other client was disturbed")
	}
}

// TestHostileArguments: every request with arguments of all wrong kinds gets an answer.
func TestHostileArguments(t *testing.T) {
	_, h, c := stoppedAt(t)
	for command := range handlers {
		switch command {
		case "disconnect", "terminate", "restart":
			continue
		}
		for _, args := range []any{nil, 5, "x", []int{1}, map[string]any{}, map[string]any{
			"threadId": "x", "frameId": 1e300, "variablesReference": -5, "breakpoints": 3, "source": []int{}, "count": -1, "memoryReference": 8,
		}, map[string]any{
			"threadId": -1, "frameId": -1, "variablesReference": -1, "breakpoints": []any{map[string]any{}}, "source": map[string]any{"path": ""}, "count": -1,
			"startFrame": -5, "levels": -5, "start": -9, "memoryReference": "0xffffffffffffffff", "offset": 1 << 60, "instructionCount": -3, "line": -1, "column": -7,
		}} {
			if a, err := c.Await(c.Send(command, args)); err != nil {
				t.Fatalf("%s %v: %v", command, args, err)
			} else if a.Command != command {
				t.Errorf("%s is answered as %s", command, a.Command)
			}
		}
	}
	if h.last().ended() {
		t.Error("the machine has ended")
	}
}

// TestManyRequests: a client that sends more than the queue holds, and never reads, holds up only itself.
func TestManyRequests(t *testing.T) {
	s, _, good := stoppedAt(t)
	rw, done := dial(t, s)
	message := framed(`{"seq":9,"type":"request","command":"threads"}`)
	io.WriteString(rw, framed(helloMessage, `{"seq":2,"type":"request","command":"attach"}`)) // its answers block
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 4 * maxQueue {
			if _, err := io.WriteString(rw, message); err != nil {
				return
			}
		}
	}()
	for range 10 {
		good.Threads()
	}
	rw.Close()
	<-sent
	<-done
}

// TestDeafClient: one that never reads holds up nobody.
func TestDeafClient(t *testing.T) {
	s, h, good := stoppedAt(t)
	rw, done := dial(t, s)
	io.WriteString(rw, framed(helloMessage, `{"seq":2,"type":"request","command":"attach"}`, `{"seq":3,"type":"request","command":"configurationDone"}`))
	for { // until it is one of the clients
		if len(s.clientsOf(h.last())) == 2 {
			break
		}
		good.Threads()
	}
	for range 100 {
		good.Do("setExpression", dap.SetExpressionArguments{Expression: "x", Value: strings.Repeat("9", 1000)}, nil)
	}
	good.Continue()
	good.Do("restart", nil, nil)
	good.Do("pause", nil, nil)
	good.Stopped()
	rw.Close()
	<-done
}

func FuzzServe(f *testing.F) {
	f.Add([]byte(framed(helloMessage, launchIt, `{"seq":3,"type":"request","command":"configurationDone"}`, `{"seq":4,"type":"request","command":"pause"}`,
		`{"seq":5,"type":"request","command":"scopes","arguments":{"frameId":1001}}`, `{"seq":6,"type":"request","command":"restart"}`)))
	f.Add([]byte(framed(helloMessage, `{"seq":2,"type":"request","command":"attach","arguments":{"name":"x"}}`)))
	for command := range handlers {
		f.Add([]byte(framed(helloMessage, launchIt, fmt.Sprintf(`{"seq":3,"type":"request","command":%q,"arguments":{"frameId":0,"expression":"x","breakpoints":[{}]}}`, command))))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.Contains(in, []byte("trace")) || bytes.Contains(in, []byte("/never")) {
			return // a file of any name; a build that does not end
		}
		h := &fakeHost{}
		s := NewServer(Options{Host: h})
		ours, theirs := pipe()
		done := make(chan error)
		go func() { done <- s.Serve(theirs) }()
		go io.Copy(io.Discard, ours)
		ours.Write(in)
		ours.Close()
		if err := <-done; err != nil && !errors.Is(err, errProtocol) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%v", err)
		}
		for _, k := range h.made {
			if !k.ended() {
				t.Error("a machine is left without a client")
			}
		}
		c := newClient(t, s) // it still serves
		c.Refused("nothing", nil)
	})
}
