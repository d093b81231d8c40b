// Package daptest is a client of the Debug Adapter Protocol for tests. Each request waits for its answer; events are kept until somebody
// waits for them, so none is missed.
//
//	c := daptest.New(t, conn)
//	c.Launch(map[string]any{"args": []string{"ls"}})
//	c.FunctionBreakpoints("sysOpenat")
//	c.ConfigurationDone()
//	st := c.Stopped()
package daptest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-dap"
)

// Timeout is how long an answer or an event may take: on a busy machine with a kernel to build.
const Timeout = 60 * time.Second

// Client is a client.
type Client struct {
	T    testing.TB
	Name string // in messages of the test

	rw io.ReadWriteCloser

	mu      sync.Mutex
	change  *sync.Cond
	seq     int
	answers map[int]*Answer
	events  []*Event // not yet waited for
	all     []*Event
	closed  error

	// RunInTerminal hears of that request; nil refuses it.
	RunInTerminal func(args []string)
}

// Answer is a response.
type Answer struct {
	dap.Response
	Body json.RawMessage `json:"body"`
}

// Event is an event.
type Event struct {
	dap.Event
	Body json.RawMessage `json:"body"`
}

// New makes a client of a connection and initializes the session.
func New(t testing.TB, rw io.ReadWriteCloser) *Client {
	t.Helper()
	c := Raw(t, rw)
	c.Do("initialize", dap.InitializeRequestArguments{
		ClientID: "daptest", AdapterID: "vitrine", LinesStartAt1: true, ColumnsStartAt1: true, PathFormat: "path",
		SupportsProgressReporting: true, SupportsMemoryEvent: true, SupportsInvalidatedEvent: true, SupportsRunInTerminalRequest: true,
	}, nil)
	return c
}

// Raw makes a client of a connection and says nothing.
func Raw(t testing.TB, rw io.ReadWriteCloser) *Client {
	c := &Client{T: t, Name: "client", rw: rw, answers: map[int]*Answer{}}
	c.change = sync.NewCond(&c.mu)
	t.Cleanup(func() { rw.Close() })
	go c.read()
	return c
}

// Close closes the connection without a word.
func (c *Client) Close() { c.rw.Close() }

func (c *Client) read() {
	r := bufio.NewReader(c.rw)
	for {
		b, err := dap.ReadBaseMessage(r)
		if err != nil {
			c.mu.Lock()
			c.closed = err
			c.change.Broadcast()
			c.mu.Unlock()
			return
		}
		c.receive(b)
	}
}

func (c *Client) receive(b []byte) {
	var head struct {
		dap.Request
		Arguments dap.RunInTerminalRequestArguments `json:"arguments"`
	}
	json.Unmarshal(b, &head)
	if head.Type == "request" {
		c.reverse(&head.Request, head.Arguments.Args)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch head.Type {
	case "response":
		a := new(Answer)
		if err := json.Unmarshal(b, a); err == nil {
			c.answers[a.RequestSeq] = a
		}
	case "event":
		e := new(Event)
		if err := json.Unmarshal(b, e); err == nil {
			c.events, c.all = append(c.events, e), append(c.all, e)
		}
	}
	c.change.Broadcast()
}

// reverse answers the adapter's request.
func (c *Client) reverse(q *dap.Request, args []string) {
	c.mu.Lock()
	c.seq++
	r := dap.Response{ProtocolMessage: dap.ProtocolMessage{Seq: c.seq, Type: "response"}, RequestSeq: q.Seq, Command: q.Command}
	f := c.RunInTerminal
	c.mu.Unlock()
	if r.Success = q.Command == "runInTerminal" && f != nil; !r.Success {
		r.Message = "not supported"
	} else {
		f(args)
	}
	b, _ := json.Marshal(r)
	dap.WriteBaseMessage(c.rw, b)
}

// Send sends a request and returns its number.
func (c *Client) Send(command string, args any) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	b, err := json.Marshal(struct {
		dap.Request
		Arguments any `json:"arguments,omitempty"`
	}{dap.Request{ProtocolMessage: dap.ProtocolMessage{Seq: c.seq, Type: "request"}, Command: command}, args})
	if err != nil {
		panic(err)
	}
	dap.WriteBaseMessage(c.rw, b)
	return c.seq
}

// wait waits until f, called under c.mu, is true.
func (c *Client) wait(what string, f func() bool) error {
	timer := time.AfterFunc(Timeout, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.change.Broadcast()
	})
	defer timer.Stop()
	end := time.Now().Add(Timeout)
	for !f() {
		switch {
		case c.closed != nil:
			return fmt.Errorf("%s: waiting for %s: the connection has ended: %w", c.Name, what, c.closed)
		case !time.Now().Before(end):
			return fmt.Errorf("%s: waited for %s for %v; events: %s", c.Name, what, Timeout, c.names())
		}
		c.change.Wait()
	}
	return nil
}

func (c *Client) names() string {
	var names []string
	for _, e := range c.all {
		names = append(names, e.Event.Event)
	}
	return strings.Join(names, " ")
}

// Await waits for the answer to a request that was sent.
func (c *Client) Await(seq int) (*Answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var a *Answer
	err := c.wait(fmt.Sprintf("the answer to request %d", seq), func() bool {
		a = c.answers[seq]
		return a != nil
	})
	delete(c.answers, seq)
	return a, err
}

// Try performs a request; the error is the adapter's or the connection's.
func (c *Client) Try(command string, args, body any) error {
	a, err := c.Await(c.Send(command, args))
	if err != nil {
		return err
	}
	return a.Decode(body)
}

// Decode returns the body of an answer, or the error that it is.
func (a *Answer) Decode(body any) error {
	if !a.Success {
		return fmt.Errorf("%s: %s", a.Command, a.Message)
	}
	if body == nil {
		return nil
	}
	return json.Unmarshal(a.Body, body)
}

// Do performs a request that must succeed.
func (c *Client) Do(command string, args, body any) {
	c.T.Helper()
	if err := c.Try(command, args, body); err != nil {
		c.T.Fatalf("%s: %v", c.Name, err)
	}
}

// Refused performs a request that must fail and returns the error's text.
func (c *Client) Refused(command string, args any) string {
	c.T.Helper()
	err := c.Try(command, args, nil)
	if err == nil {
		c.T.Fatalf("%s: %s succeeds", c.Name, command)
	}
	return err.Error()
}

// Event waits for the next event of one of the names and forgets those before it that have other names of the list only; others stay.
func (c *Client) Event(names ...string) *Event {
	c.T.Helper()
	var e *Event
	c.mu.Lock()
	err := c.wait(strings.Join(names, " or "), func() bool {
		for i, x := range c.events {
			for _, n := range names {
				if x.Event.Event == n {
					e = x
					c.events = append(c.events[:i:i], c.events[i+1:]...)
					return true
				}
			}
		}
		return false
	})
	c.mu.Unlock()
	if err != nil {
		c.T.Fatal(err)
	}
	return e
}

// Pending counts the events of a name that nobody has waited for.
func (c *Client) Pending(name string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Event.Event == name {
			n++
		}
	}
	return n
}

// Output is what came as output of a category so far; "" is all of it.
func (c *Client) Output(category string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output(category)
}

func (c *Client) output(category string) string {
	var b strings.Builder
	for _, e := range c.all {
		var body dap.OutputEventBody
		if e.Event.Event == "output" && json.Unmarshal(e.Body, &body) == nil && (category == "" || body.Category == category) {
			b.WriteString(body.Output)
		}
	}
	return b.String()
}

// WaitOutput waits until the output of a category contains a text.
func (c *Client) WaitOutput(category, text string) {
	c.T.Helper()
	c.mu.Lock()
	err := c.wait(fmt.Sprintf("%q in the output", text), func() bool { return strings.Contains(c.output(category), text) })
	out := c.output("")
	c.mu.Unlock()
	if err != nil {
		c.T.Fatalf("%v\noutput so far:\n%s", err, out)
	}
}
