package console

import "io"

// viewLimit is how far a viewer may lag behind.
const viewLimit = 256 << 10

// Viewer is another terminal on a port: it reads what the kernel writes, from the scrollback on, and what
// it writes the kernel reads. It never holds the kernel back: one that is too slow loses output.
type Viewer struct {
	port  *Port
	queue []byte // guarded by Port.mu
	lost  int    // bytes dropped; guarded by Port.mu
	ended bool   // guarded by Port.mu
}

// View adds a viewer. Close ends it.
func (p *Port) View() *Viewer {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := &Viewer{port: p, queue: p.scroll.bytes(), ended: p.closed}
	p.viewers = append(p.viewers, v)
	return v
}

// show hands output to scrollback and viewers. Caller holds p.mu.
func (p *Port) show(b []byte) {
	p.scroll.write(b)
	for _, v := range p.viewers {
		v.queue = append(v.queue, b...)
		if over := len(v.queue) - viewLimit; over > 0 {
			v.queue = append(v.queue[:0], v.queue[over:]...)
			v.lost += over
		}
	}
}

// Read implements io.Reader. It waits for output; io.EOF means that the machine or the viewer is closed.
func (v *Viewer) Read(b []byte) (int, error) {
	p := v.port
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(v.queue) == 0 {
		if v.ended {
			return 0, io.EOF
		}
		p.change.Wait()
	}
	n := copy(b, v.queue)
	v.queue = v.queue[n:]
	return n, nil
}

// Lost returns how many bytes the viewer was too slow for.
func (v *Viewer) Lost() int {
	v.port.mu.Lock()
	defer v.port.mu.Unlock()
	return v.lost
}

// Write implements io.Writer: input for the kernel. It waits while the kernel takes none.
func (v *Viewer) Write(b []byte) (int, error) {
	if !v.port.enter(b) {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

// Close implements io.Closer. A Read that waits returns.
func (v *Viewer) Close() error {
	p := v.port
	p.mu.Lock()
	defer p.mu.Unlock()
	v.ended = true
	for i, w := range p.viewers {
		if w == v {
			p.viewers = append(p.viewers[:i:i], p.viewers[i+1:]...)
			break
		}
	}
	p.change.Broadcast()
	return nil
}

// scrollback keeps the last bytes of output.
type scrollback struct {
	limit int
	ring  []byte
	next  int // where the next byte goes, once the ring is full
}

func (s *scrollback) write(b []byte) {
	b = b[max(len(b)-s.limit, 0):]
	if room := s.limit - len(s.ring); room > 0 {
		n := min(room, len(b))
		s.ring = append(s.ring, b[:n]...)
		b = b[n:]
	}
	for len(b) > 0 {
		n := copy(s.ring[s.next:], b)
		s.next = (s.next + n) % s.limit
		b = b[n:]
	}
}

// bytes returns a copy, oldest first.
func (s *scrollback) bytes() []byte {
	return append(append([]byte(nil), s.ring[s.next:]...), s.ring[:s.next]...)
}
