package console

import (
	"bytes"
	"io"
	"sync"

	"vitrine/machine/virtq"
)

// Bounds of what a port keeps.
const (
	inLimit     = 64 << 10 // towards the kernel
	outLimit    = 64 << 10 // from the kernel, besides what is being written
	scrollLimit = 64 << 10 // for viewers that come later
)

// endOfFile is what a terminal sends for its end: ^D.
const endOfFile = 'D' & 31

// Port is a port's host side.
type Port struct {
	Name    string // immutable
	Console bool   // immutable
	ID      int    // immutable

	dev *Device

	mu     sync.Mutex // a leaf but for the queue's lock
	change *sync.Cond // of anything below
	closed bool

	// Towards the kernel.
	in      bytes.Buffer // waits for receive buffers
	sources int          // inputs that have not ended
	fed     bool         // there was an input
	rx      virtq.Chain

	// From the kernel.
	tx      virtq.Chain
	txBusy  bool   // tx is being copied
	stalled bool   // transmit waits for room in out
	out     []byte // waits for the writer
	taken   int64  // bytes that came into out …
	written int64  // … and left it, for good or to be lost
	chains  int    // whole chains taken
	spare   []byte
	writing bool
	output  int  // which Output is in force; 0: none
	failed  bool // output is gone
	scroll  scrollback
	viewers []*Viewer

	cols, rows int // of a terminal that has a size of its own; 0: the device's

	// As the kernel knows it.
	ready     bool // PORT_READY came
	guestOpen bool // PORT_OPEN came
	hostOpen  bool
	dirty     uint32 // control messages to send
}

func newPort(d *Device, id int, s PortSpec) *Port {
	p := &Port{Name: s.Name, Console: s.Console, ID: id, dev: d, hostOpen: true}
	p.change = sync.NewCond(&p.mu)
	if s.Console {
		p.scroll.limit = scrollLimit
	}
	return p
}

func (p *Port) rxQueue() int {
	if p.ID == 0 {
		return 0
	}
	return 2*p.ID + 2
}

// Input makes r a source of the port's bytes until it ends or fails. With the last source's end the kernel
// sees the end of the file: on a terminal ^D, on another port its close. A port that has ended begins anew.
func (p *Port) Input(r io.Reader) {
	p.mu.Lock()
	if p.sources == 0 && p.fed && !p.Console {
		p.in.Reset()
	}
	p.sources++
	p.fed = true
	p.reopen()
	p.mu.Unlock()
	go func() {
		p.dev.Do(p.dev.sendControl)
		buf := make([]byte, 16<<10)
		for {
			n, err := r.Read(buf)
			if !p.enter(buf[:n]) || err != nil {
				break
			}
		}
		p.inputEnded()
	}()
}

// Write is input for the kernel besides the sources'. It waits while the kernel takes none.
func (p *Port) Write(b []byte) (int, error) {
	if !p.enter(b) {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

func (p *Port) inputEnded() {
	p.mu.Lock()
	p.sources--
	last := p.sources == 0
	p.mu.Unlock()
	if !last {
		return
	}
	if p.Console {
		p.enter([]byte{endOfFile})
		return
	}
	p.dev.Do(p.receive)
}

// enter queues bytes for the kernel and waits while there is no room. It reports whether
// the port is still there.
func (p *Port) enter(b []byte) bool {
	for len(b) > 0 {
		p.mu.Lock()
		for p.in.Len() >= inLimit && !p.closed {
			p.change.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return false
		}
		n := min(len(b), inLimit-p.in.Len())
		p.in.Write(b[:n])
		b = b[n:]
		p.mu.Unlock()
		p.dev.Do(p.receive) // if the driver isn't ready, Started or a kick comes later
	}
	return true
}

// receive moves bytes into the kernel's receive buffers. The caller is inside the gate.
func (p *Port) receive() {
	q := p.dev.Queues[p.rxQueue()]
	p.mu.Lock()
	// What comes for a port that nobody in the guest has opened waits; a terminal is always open.
	for p.in.Len() > 0 && (p.guestOpen || p.Console) && !p.closed {
		if ok, _ := q.Pop(&p.rx); !ok {
			break
		}
		n, _ := p.rx.Write(p.in.Bytes())
		p.in.Next(n)
		q.Push(&p.rx)
	}
	ended := p.fed && p.sources == 0 && p.in.Len() == 0 && !p.Console && p.hostOpen && p.guestOpen
	if ended {
		p.hostOpen = false
		p.dirty |= sendOpen
	}
	p.change.Broadcast()
	p.mu.Unlock()
	if ended {
		p.dev.sendControl()
	}
}

// Output makes w the taker of the port's bytes from now on: what the last one has not taken is lost. The kernel waits
// while w does.
func (p *Port) Output(w io.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written += int64(len(p.out))
	p.out = p.out[:0]
	p.unstall()
	p.output++
	p.change.Broadcast()
	p.failed = false
	p.reopen()
	nr := p.output
	go func() {
		p.dev.Do(p.dev.sendControl)
		p.write(w, nr)
	}()
}

// reopen opens the host's side for a new input or output. Caller holds p.mu.
func (p *Port) reopen() {
	if !p.hostOpen {
		p.hostOpen = true
		p.dirty |= sendOpen
	}
}

// Resize gives a terminal port another size than the device's terminal has.
func (p *Port) Resize(cols, rows int) {
	p.mu.Lock()
	p.cols, p.rows = cols, rows
	p.dirty |= sendResize
	p.mu.Unlock()
	p.dev.Do(p.dev.sendControl) // if the driver isn't ready it will ask
}

// transmit takes bytes out of the kernel's buffers. The caller is inside the gate.
func (p *Port) transmit() {
	q := p.dev.Queues[p.rxQueue()+1]
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed {
		if !p.txBusy {
			if p.txBusy, _ = q.Pop(&p.tx); !p.txBusy {
				break
			}
		}
		room := outLimit
		if p.output != 0 && !p.failed {
			room -= len(p.out)
		}
		if room == 0 {
			p.stalled = true
			break
		}
		n := len(p.out)
		p.out = append(p.out, make([]byte, min(uint64(room), p.tx.ReadLen()))...)
		k, _ := p.tx.Read(p.out[n:])
		p.out = p.out[:n+k]
		p.show(p.out[n:])
		p.taken += int64(k)
		if p.output == 0 || p.failed {
			p.out = p.out[:n]
			p.written += int64(k)
		}
		if p.tx.ReadLen() == 0 {
			q.Push(&p.tx)
			p.txBusy = false
			p.chains++
		}
	}
	p.change.Broadcast()
}

// write is the writer of one output.
func (p *Port) write(w io.Writer, nr int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.output == nr { // and no newer one has taken over
		if len(p.out) == 0 {
			if p.closed {
				return
			}
			p.change.Wait()
			continue
		}
		b := p.out
		p.out, p.writing = p.spare[:0], true
		p.unstall()
		p.mu.Unlock()
		_, err := w.Write(b)
		p.mu.Lock()
		p.written += int64(len(b))
		p.spare, p.writing = b, false
		p.change.Broadcast()
		if err != nil && p.output == nr {
			p.fail()
			p.unstall()
			p.mu.Unlock()
			p.dev.Do(p.dev.sendControl)
			p.mu.Lock()
			return
		}
	}
}

// unstall has transmit go on if it waits for room. Caller holds p.mu.
func (p *Port) unstall() {
	if p.stalled {
		p.stalled = false
		p.dev.Queues[p.rxQueue()+1].Again()
	}
}

// fail forgets an output that takes nothing any more. Caller holds p.mu.
func (p *Port) fail() {
	p.written += int64(len(p.out))
	p.failed, p.out = true, nil
	if !p.Console {
		p.hostOpen = false
		p.dirty |= sendOpen
	}
}

// setOpen is the kernel's PORT_OPEN. The caller is inside the gate.
func (p *Port) setOpen(open bool) {
	p.mu.Lock()
	p.guestOpen = open
	if open {
		p.dirty |= sendOpen // the driver believes us open until it has this answer
	}
	p.mu.Unlock()
	if open {
		p.receive()
	}
}

// flushed reports whether nothing waits to be written. Caller holds p.mu.
func (p *Port) flushed() bool {
	return p.output == 0 || p.failed || len(p.out) == 0 && !p.writing && !p.txBusy
}

// Drain waits until all is written, or lost with a failed output, that the kernel has sent up to now. What it sends
// meanwhile does not count.
func (p *Port) Drain() {
	p.mu.Lock()
	last := p.chains + queueSize
	p.mu.Unlock()
	for more := true; more; {
		p.dev.Do(p.transmit)
		p.mu.Lock()
		for taken := p.taken; p.written < taken && !p.closed; {
			p.change.Wait()
		}
		more = p.txBusy && p.chains < last && !p.closed
		p.mu.Unlock()
	}
}

// reset forgets what the driver had set up.
func (p *Port) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready, p.guestOpen, p.txBusy, p.dirty = false, false, false, 0
	p.change.Broadcast()
}

func (p *Port) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, v := range p.viewers {
		v.ended = true
	}
	p.change.Broadcast()
}
