package fs

import (
	"sync"

	"vitrine/hostdev/virtio"
	"vitrine/machine/p9"
	"vitrine/machine/virtq"
)

// Started implements virtio.Handler.
func (d *Device) Started() {}

// Reset implements virtio.Handler: what the driver held is gone.
func (d *Device) Reset() { d.server.reset() }

// maxRequest bounds a T-message without the data of a Twrite: a Twalk of 16 long names takes most.
const maxRequest = 8 << 10

// maxReply bounds an R-message without the data of an Rread.
const maxReply = 64 << 10

// work is a worker's memory for one request.
type work struct {
	chain  virtq.Chain
	in     [maxRequest]byte
	out    [maxReply]byte
	dents  [32 << 10]byte // of getdents64(2)
	pieces [][]byte
}

var works = sync.Pool{New: func() any { return new(work) }}

// Serve answers requests. Each worker answers one at a time; when more wait behind one that may take long, it calls
// another worker.
func (d *Device) Serve(q *virtio.Queue) {
	w := works.Get().(*work)
	defer works.Put(w)
	for {
		r, more := d.server.next(q, w)
		if r == nil {
			return
		}
		if more && r.slow() {
			q.Again()
		}
		d.server.serve(r)
		q.Push(&w.chain)
	}
}

// request is a T-message under way.
type request struct {
	*work
	size   uint32
	typ    uint8
	tag    uint16
	args   *p9.Decoder // nil: no header, nothing to be answered
	re     *p9.Encoder
	data   int     // bytes that stand in the chain after the message in re
	flight *flight // nil: Tflush, which nobody may wait for
}

// slow reports whether a request may wait for the host's disk, so that those behind it should not wait for it.
func (r *request) slow() bool {
	switch r.typ {
	case p9.Twalk, p9.Tgetattr, p9.Tclunk, p9.Treadlink:
		return false
	}
	return true
}

// flight is what others may wait for: a request's end.
type flight struct {
	done   chan struct{}
	seq    uint64 // order of arrival
	newFid uint32 // what a Twalk makes
}

// next takes a request from the queue, or nil. It is noted as under way in the order of the queue.
func (s *server) next(q *virtio.Queue, w *work) (r *request, more bool) {
	s.orderMu.Lock()
	defer s.orderMu.Unlock()
	ok, more := q.Pop(&w.chain)
	if !ok {
		return nil, false
	}
	return s.accept(w), more
}

// accept reads the message in w.chain and notes that it is under way. Caller holds orderMu.
func (s *server) accept(w *work) *request {
	n, _ := w.chain.Read(w.in[:])
	r := &request{work: w}
	r.size, r.typ, r.tag, r.args = p9.Open(w.in[:n])
	// A Twrite's data may lie behind what was read of it.
	if r.args.Err != nil || uint64(r.size) > uint64(n)+w.chain.ReadLen() || r.size < p9.HeaderSize {
		r.args = nil // without a header there is no tag to answer; the driver sees a reply of 0 bytes
		return r
	}
	if r.typ == p9.Tflush {
		return r // two that name each other would wait for ever
	}
	s.seq++
	r.flight = &flight{done: make(chan struct{}), seq: s.seq, newFid: p9.NoFid}
	if r.typ == p9.Twalk {
		peek := *r.args
		peek.U32()
		r.flight.newFid = peek.U32()
	}
	s.flightMu.Lock()
	defer s.flightMu.Unlock()
	s.flights[r.tag] = r.flight
	if r.flight.newFid != p9.NoFid {
		s.walks[r.flight.newFid] = r.flight
	}
	return r
}

// landed ends what accept noted.
func (s *server) landed(r *request) {
	f := r.flight
	if f == nil {
		return
	}
	s.flightMu.Lock()
	if s.flights[r.tag] == f {
		delete(s.flights, r.tag)
	}
	if s.walks[f.newFid] == f {
		delete(s.walks, f.newFid)
	}
	s.flightMu.Unlock()
	close(f.done)
}

// awaitWalk waits for the walk that came before r and will make fid nr. It reports whether there was one. So a client may
// send a walk and what follows it at once. Only what came before is waited for: no two wait for each other.
func (s *server) awaitWalk(r *request, nr uint32) bool {
	s.flightMu.Lock()
	f := s.walks[nr]
	s.flightMu.Unlock()
	if f == nil || r.flight == nil || f.seq >= r.flight.seq {
		return false
	}
	<-f.done
	return true
}

// serve answers a request into its chain.
func (s *server) serve(r *request) {
	if r.args == nil {
		return
	}
	defer s.landed(r)
	r.re = p9.Start(r.out[:min(len(r.out), int(min(r.chain.WriteLen(), maxReply)))], r.typ+1, r.tag)
	err := s.handle(r)
	if err == nil {
		err = r.re.Err
	}
	if err != nil {
		r.re.Reset(p9.Rlerror, r.tag)
		r.re.U32(uint32(errnoOf(err)))
		r.data = 0
		if r.re.Err != nil {
			return // no room even for that
		}
	}
	r.chain.Write(r.re.Finish(r.data))
	r.chain.Advance(r.data)
}

// flush is Tflush: its answer comes after that of the request it names. All requests end soon, so none is
// cut short.
func (s *server) flush(r *request) error {
	old := r.args.U16()
	s.flightMu.Lock()
	f := s.flights[old]
	s.flightMu.Unlock()
	if f != nil {
		<-f.done
	}
	return r.args.Err
}
