package dap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/go-dap"
)

// answer sends the response to a request, unless it has one.
func (c *conn) answer(q *request, body any) {
	if !q.first() {
		return
	}
	c.send(&response{Response: dap.Response{
		ProtocolMessage: dap.ProtocolMessage{Type: "response"}, RequestSeq: q.Seq, Success: true, Command: q.Command,
	}, Body: body})
}

// fail answers a request with an error.
func (c *conn) fail(q *request, err error) {
	if !q.first() {
		return
	}
	r := &response{Response: dap.Response{
		ProtocolMessage: dap.ProtocolMessage{Type: "response"}, RequestSeq: q.Seq, Command: q.Command, Message: err.Error(),
	}}
	if errors.Is(err, errCancelled) {
		r.Message = "cancelled"
	} else {
		var quiet quietError
		r.Body = dap.ErrorResponseBody{Error: &dap.ErrorMessage{Id: 1, Format: "{_text}", Variables: map[string]string{"_text": err.Error()}, ShowUser: !errors.As(err, &quiet) && q.how.loud}}
	}
	c.send(r)
}

func (q *request) first() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := q.answered
	q.answered = true
	return !was
}

// quietError is an error that has been shown already.
type quietError struct{ error }

// response is a response of any type.
type response struct {
	dap.Response
	Body any `json:"body,omitempty"`
}

// event is an event of any type.
type event struct {
	dap.Event
	Body any `json:"body,omitempty"`
}

// event sends an event. It may be called by anybody.
func (c *conn) event(name string, body any) {
	c.send(&event{dap.Event{ProtocolMessage: dap.ProtocolMessage{Type: "event"}, Event: name}, body})
}

// message is anything that we send.
type message interface{ setSeq(int) }

func (r *response) setSeq(n int)       { r.Seq = n }
func (e *event) setSeq(n int)          { e.Seq = n }
func (q *reverseRequest) setSeq(n int) { q.Seq = n }

// send writes a message. One that can't be written is lost with its client.
func (c *conn) send(m message) {
	c.out.Lock()
	defer c.out.Unlock()
	c.seq++
	m.setSeq(c.seq)
	b, err := json.Marshal(m)
	if err != nil {
		return
	}
	c.logLocked("<-", b)
	writeMessage(c.rw, b)
}

// reverseRequest is a request of ours.
type reverseRequest struct {
	dap.Request
	Arguments any `json:"arguments,omitempty"`
}

// ask sends a request to the client and waits for its answer.
func (c *conn) ask(ctx context.Context, command string, args any) (*reverseResponse, error) {
	q := &reverseRequest{dap.Request{ProtocolMessage: dap.ProtocolMessage{Type: "request"}, Command: command}, args}
	a := make(chan *reverseResponse, 1)
	c.out.Lock()
	next := c.seq + 1 // send is not used: the answer must find its channel
	c.seq = next
	q.Seq = next
	c.mu.Lock()
	c.asked[next] = a
	c.mu.Unlock()
	b, err := json.Marshal(q)
	if err == nil {
		c.logLocked("<-", b)
		err = writeMessage(c.rw, b)
	}
	c.out.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case r, ok := <-a:
		switch {
		case !ok:
			return nil, errLeft
		case !r.Success:
			return nil, fmt.Errorf("%s: %s", command, r.Message)
		}
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Minute):
		return nil, fmt.Errorf("%s: the client does not answer", command)
	}
}

func (c *conn) response(r *reverseResponse) {
	c.mu.Lock()
	a := c.asked[r.RequestSeq]
	delete(c.asked, r.RequestSeq)
	c.mu.Unlock()
	if a != nil {
		a <- r
	}
}

// log writes a message to the trace file.
func (c *conn) log(way string, b []byte) {
	c.out.Lock()
	defer c.out.Unlock()
	c.logLocked(way, b)
}

func (c *conn) logLocked(way string, b []byte) {
	if c.trace != nil {
		fmt.Fprintf(c.trace, "%s %s %s\n", time.Now().Format("15:04:05.000000"), way, b)
	}
}

// openTrace starts the log of messages.
func (c *conn) openTrace(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	c.out.Lock()
	defer c.out.Unlock()
	if c.trace != nil {
		c.trace.Close()
	}
	c.trace = f
	return nil
}
