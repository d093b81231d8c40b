package dap

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// maxQueue is how many requests may wait; a client that sends more is not read for a while.
const maxQueue = 256

// conn is one client.
type conn struct {
	s  *Server
	rw io.ReadWriteCloser
	r  *bufio.Reader

	queue chan *request
	makes sync.WaitGroup // launches that are under way, given up or not
	order sync.Mutex     // held from a run command until its answer is out, and for each event

	out outbox

	initialized json.RawMessage                // the initialize request as it came, for a proxy
	init        dap.InitializeRequestArguments // written before any other request is performed

	mu      sync.Mutex
	running map[int]*request              // guarded by mu: queued and in work, by seq
	asked   map[int]chan *reverseResponse // guarded by mu: our own requests
	machine Machine                       // guarded by mu; nil before launch or attach
	dbg     Debugger                      // guarded by mu: the connection to the machine's session
	ready   bool                          // guarded by mu: configurationDone came
	entry   int                           // guarded by mu: the stop before boot, which clients don't see
	stop    *session.Stop                 // guarded by mu: the last stop that the client heard of
	halted  bool                          // guarded by mu: the client believes that the machine is stopped
	expect  bool                          // guarded by mu: it has asked for the next Running event
	gone    bool                          // guarded by mu: exited and terminated were sent
	stops   []func()                      // guarded by mu: what ends with the connection to the machine
	follows map[string]func()             // guarded by mu: what ends what is followed, by the event's name
	typed   chan *ConsoleArguments        // guarded by mu: to the typist of typedOn
	typedOn Machine                       // guarded by mu
	swap    bool                          // guarded by mu: a restart is under way

	kill    bool   // the machine is to end with this client; the reader's
	name    string // as the session knows the client; set before the machine is
	sources SourceMap
	bps     breakpoints
	h       handles
	guest   guestOutput
}

// request is a request in the queue or in work.
type request struct {
	dap.Request
	Arguments json.RawMessage `json:"arguments"`

	raw    []byte
	how    handler
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	answered bool // guarded by mu
}

// reverseResponse is a client's answer to a request of ours.
type reverseResponse struct {
	dap.Response
	Body json.RawMessage `json:"body"`
}

func newConn(s *Server, rw io.ReadWriteCloser) *conn {
	c := &conn{
		s: s, rw: rw, r: bufio.NewReader(rw), queue: make(chan *request, maxQueue),
		running: map[int]*request{}, asked: map[int]chan *reverseResponse{},
	}
	c.guest.c = c
	c.out.change = sync.NewCond(&c.out.mu)
	c.bps.init()
	c.h.reset()
	return c
}

// serve reads messages until the client has gone.
func (c *conn) serve() error {
	worked := make(chan struct{})
	go c.write()
	go func() {
		defer close(worked)
		c.work()
	}()
	err := c.read()
	c.mu.Lock()
	for _, q := range c.running {
		q.cancel()
	}
	for _, a := range c.asked {
		close(a)
	}
	c.asked = map[int]chan *reverseResponse{}
	c.mu.Unlock()
	close(c.queue)
	if errors.Is(err, errLeft) || errors.Is(err, io.EOF) {
		<-worked
		c.finish(lastWords)
	}
	c.closeOut()
	c.rw.Close()
	<-worked
	c.makes.Wait() // else nobody would know of the machine
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, errLeft) {
		return nil
	}
	return err
}

// lastWords is how long a client that leaves may take to read what there is for it.
const lastWords = 2 * time.Second

// errLeft ends a connection after disconnect.
var errLeft = errors.New("the client has left")

func (c *conn) read() error {
	for {
		body, err := readMessage(c.r)
		if err != nil {
			return err
		}
		c.log("->", body)
		if err := c.receive(body); err != nil {
			return err
		}
	}
}

// receive sorts a message. An error ends the connection.
func (c *conn) receive(body []byte) error {
	q := &request{raw: body}
	if err := json.Unmarshal(body, q); err != nil {
		return fmt.Errorf("%w: %w", errProtocol, err)
	}
	switch q.Type {
	case "request":
	case "response":
		var r reverseResponse
		if json.Unmarshal(body, &r) == nil {
			c.response(&r)
		}
		return nil
	case "event":
		return nil // clients have none
	default:
		return errProtocol
	}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	how, known := handlers[q.Command]
	if !known {
		c.fail(q, fmt.Errorf("there is no request %q", q.Command))
		return nil
	}
	q.how = how
	c.mu.Lock()
	c.running[q.Seq] = q
	c.mu.Unlock()
	if how.now != nil {
		defer c.done(q)
		return c.atOnce(q)
	}
	c.queue <- q
	return nil
}

// atOnce performs a request on the reader's goroutine.
func (c *conn) atOnce(q *request) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.fail(q, fmt.Errorf("internal error: %v", r))
			err = nil
		}
	}()
	return q.how.now(c, q)
}

func (c *conn) done(q *request) {
	q.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[q.Seq] == q {
		delete(c.running, q.Seq)
	}
}

// work performs the queue. A request that its client cancels is left behind, to end when it ends.
func (c *conn) work() {
	for q := range c.queue {
		if q.ctx.Err() != nil {
			c.fail(q, errCancelled)
			c.done(q)
			continue
		}
		finished := make(chan struct{})
		if q.how.makes {
			c.makes.Add(1)
		}
		go func() {
			defer close(finished)
			c.perform(q)
			if q.how.makes {
				c.makes.Done()
			}
		}()
		if q.how.cancels {
			select {
			case <-finished:
			case <-q.ctx.Done():
				c.fail(q, errCancelled)
			}
		} else {
			<-finished
		}
		c.done(q)
	}
}

var errCancelled = errors.New("cancelled")

// perform performs one request and answers it.
func (c *conn) perform(q *request) {
	defer func() {
		if r := recover(); r != nil {
			c.log("!!", fmt.Appendf(nil, "%s: panic: %v\n%s", q.Command, r, debug.Stack()))
			c.fail(q, fmt.Errorf("internal error in %s: %v", q.Command, r))
		}
	}()
	if q.how.machine && c.debugger() == nil {
		c.fail(q, errNoMachine)
		return
	}
	if q.how.runs { // the answer first, then the events that come of it
		c.order.Lock()
		defer c.order.Unlock()
	}
	body, err := q.how.run(c, q)
	if err != nil {
		c.fail(q, err)
		return
	}
	c.answer(q, body)
}

var errNoMachine = errors.New("there is no machine: launch or attach first")

func (c *conn) debugger() Debugger {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dbg
}

func (c *conn) attachedTo() Machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine
}
