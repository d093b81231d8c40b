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

// Serve answers requests. Each worker answers one at a time; when more wait, it calls another worker.
func (d *Device) Serve(q *virtio.Queue) {
	w := works.Get().(*work)
	defer works.Put(w)
	for {
		ok, more := q.Pop(&w.chain)
		if !ok {
			return
		}
		if more {
			q.Again()
		}
		d.server.serve(w)
		q.Push(&w.chain)
	}
}

// request is a T-message under way.
type request struct {
	*work
	size uint32
	typ  uint8
	tag  uint16
	args *p9.Decoder
	re   *p9.Encoder
	data int // bytes that stand in the chain after the message in re
}

// serve answers the message in w.chain.
func (s *server) serve(w *work) {
	n, _ := w.chain.Read(w.in[:])
	r := request{work: w}
	r.size, r.typ, r.tag, r.args = p9.Open(w.in[:n])
	// A Twrite's data may lie behind what was read of it.
	if r.args.Err != nil || uint64(r.size) > uint64(n)+w.chain.ReadLen() || r.size < p9.HeaderSize {
		return // without a header there is no tag to answer; the driver sees a reply of 0 bytes
	}
	r.re = p9.Start(w.out[:min(len(w.out), int(min(w.chain.WriteLen(), maxReply)))], r.typ+1, r.tag)
	done := s.begin(&r)
	err := s.handle(&r)
	done()
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
	w.chain.Write(r.re.Finish(r.data))
	w.chain.Advance(r.data)
}

// flight is a request under way, for Tflush.
type flight struct {
	done chan struct{}
}

// begin notes that r is under way; done ends it.
func (s *server) begin(r *request) (done func()) {
	if r.typ == p9.Tflush {
		return func() {} // not itself to be waited for: two that name each other would wait for ever
	}
	f := &flight{make(chan struct{})}
	s.flightMu.Lock()
	s.flights[r.tag] = f
	s.flightMu.Unlock()
	return func() {
		s.flightMu.Lock()
		if s.flights[r.tag] == f {
			delete(s.flights, r.tag)
		}
		s.flightMu.Unlock()
		close(f.done)
	}
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
