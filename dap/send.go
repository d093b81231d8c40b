package dap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
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

// maxPending is how many bytes may wait for a client. One that lags further behind is dropped: nobody waits for it.
const maxPending = 32 << 20

// outbox is what waits to be written.
type outbox struct {
	mu     sync.Mutex
	change *sync.Cond
	seq    int
	queue  [][]byte
	size   int // bytes in queue, and in the hands of the writer
	closed bool
	trace  io.WriteCloser // log of the messages; nil: none
}

// send queues a message. It does not wait: what one client does must not depend on another that does not read.
func (c *conn) send(m message) { c.sendAnd(m, func(int) {}) }

// sendAnd calls f with the message's number before it is sent.
func (c *conn) sendAnd(m message, f func(seq int)) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seq++
	m.setSeq(o.seq)
	b, err := json.Marshal(m)
	if err != nil || o.closed {
		return
	}
	f(o.seq)
	o.log("<-", b)
	o.queue = append(o.queue, b)
	if o.size += len(b); o.size > maxPending {
		o.closed = true
		go c.rw.Close()
	}
	o.change.Broadcast()
}

// write writes what is queued, until the outbox is closed.
func (c *conn) write() {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		for len(o.queue) == 0 && !o.closed {
			o.change.Wait()
		}
		if o.closed {
			o.queue, o.size = nil, 0
			o.change.Broadcast()
			return
		}
		b := o.queue[0]
		o.queue = o.queue[1:]
		o.mu.Unlock()
		err := writeMessage(c.rw, b)
		o.mu.Lock()
		o.size -= len(b)
		o.closed = o.closed || err != nil // lost with its client
		o.change.Broadcast()
	}
}

// calm waits until no more than n bytes are queued. For those whose output has no end.
func (c *conn) calm(n int) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.size > n && !o.closed {
		o.change.Wait()
	}
}

// finish writes what is queued, as far as the client takes it within the time, and closes the outbox.
func (c *conn) finish(limit time.Duration) {
	timer := time.AfterFunc(limit, c.closeOut)
	defer timer.Stop()
	c.calm(0)
	c.closeOut()
}

func (c *conn) closeOut() {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.closed = true
	c.out.change.Broadcast()
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
	c.sendAnd(q, func(seq int) { // the answer must find its channel
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked[seq] = a
	})
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
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.log(way, b)
}

// log: caller holds o.mu.
func (o *outbox) log(way string, b []byte) {
	if o.trace != nil {
		fmt.Fprintf(o.trace, "%s %s %s\n", time.Now().Format("15:04:05.000000"), way, b)
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
	c.closeTrace()
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.trace = f
	return nil
}

func (c *conn) closeTrace() {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.trace != nil {
		c.out.trace.Close()
		c.out.trace = nil
	}
}
