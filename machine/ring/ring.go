// Package ring keeps records in a piece of RAM that two processes share, so
// that one can read what the other wrote even after that one has died.
//
//	0        8        16       24 …     64                                     len
//	┌────────┬────────┬────────┬────────┬──────────────────────────────────────┐
//	│ head   │ tail   │ lost   │   –    │ record │ record │ …                  │
//	└────────┴────────┴────────┴────────┴──────────────────────────────────────┘
//	record:  size and kind (8) · time (8) · data, padded to 8
//
// head and tail count bytes since the ring was made; modulo the data area's
// size they are offsets, and a record may wrap around its end. There are two
// kinds of ring, with one format:
//
//	Log     the writer never waits and overwrites the oldest records; any number of
//	        readers look on without disturbing it (dmesg, events, epitaph)
//	Queue   the reader takes records away and the writer is refused while there is no
//	        room (debug requests)
//
// Neither side trusts the other: sizes and positions from shared memory are checked
// against the size of the area, which each side knows by itself. Words are
// written and read atomically, so a reader that loses the race against an overwriting
// writer sees stale records, notices by tail, and goes on with the oldest that is left.
package ring

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	headerSize = 64
	recordHead = 16

	// MinSize is the least size of a ring's memory.
	MinSize = headerSize + 64
)

// Record is an entry of a ring.
type Record struct {
	Pos  uint64 // where it begins: records have rising positions
	Next uint64 // where the next begins
	Time int64  // the writer's
	Kind uint32 // the writer's
	Data []byte
}

// ErrFull says that a Queue has no room, or that a record is larger than any ring holds.
var ErrFull = errors.New("ring is full")

// area is a ring's memory.
type area struct {
	head, tail, lost *atomic.Uint64
	words            []atomic.Uint64 // the data area
	size             uint64          // of the data area in bytes
}

func open(mem []byte) (area, error) {
	if len(mem) < MinSize || uintptr(unsafe.Pointer(&mem[0]))%8 != 0 {
		return area{}, errors.New("ring: memory is too small or not aligned")
	}
	h := (*[headerSize / 8]atomic.Uint64)(unsafe.Pointer(&mem[0]))
	n := (len(mem) - headerSize) / 8
	return area{
		head: &h[0], tail: &h[1], lost: &h[2],
		words: unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&mem[headerSize])), n),
		size:  uint64(n) * 8,
	}, nil
}

// total is the room that a record with n bytes of data takes.
func total(n int) uint64 { return recordHead + (uint64(n)+7)&^7 }

// put writes a record at pos.
func (a *area) put(pos uint64, time int64, kind uint32, data []byte) {
	i := pos / 8 % uint64(len(a.words))
	store := func(w uint64) {
		a.words[i].Store(w)
		if i++; i == uint64(len(a.words)) {
			i = 0
		}
	}
	store(uint64(kind)<<32 | uint64(len(data)))
	store(uint64(time))
	for len(data) >= 8 {
		store(binary.LittleEndian.Uint64(data))
		data = data[8:]
	}
	if len(data) > 0 {
		var last [8]byte
		copy(last[:], data)
		store(binary.LittleEndian.Uint64(last[:]))
	}
}

// get reads the record at pos, which must be below end. ok is false if what
// is there can't be a record.
func (a *area) get(pos, end uint64) (r Record, ok bool) {
	if pos%8 != 0 || end-pos > a.size || end-pos < recordHead {
		return Record{}, false
	}
	i := pos / 8 % uint64(len(a.words))
	load := func() uint64 {
		w := a.words[i].Load()
		if i++; i == uint64(len(a.words)) {
			i = 0
		}
		return w
	}
	w := load()
	n := w & (1<<32 - 1)
	if n > a.size || total(int(n)) > end-pos {
		return Record{}, false
	}
	r = Record{Pos: pos, Next: pos + total(int(n)), Kind: uint32(w >> 32), Time: int64(load())}
	r.Data = make([]byte, n)
	for at := 0; at < int(n); at += 8 {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], load())
		copy(r.Data[at:], b[:])
	}
	return r, true
}

// Log is the writer's end of an overwriting ring. Any goroutine may append.
type Log struct {
	mu sync.Mutex // a leaf, held for the copy of one record
	a  area
}

// NewLog returns a writer for the ring in mem. It goes on after what a
// writer before has left there, if that makes sense; zeroed memory is an empty ring.
func NewLog(mem []byte) (*Log, error) {
	a, err := open(mem)
	if err != nil {
		return nil, err
	}
	if h, t := a.head.Load(), a.tail.Load(); h%8 != 0 || t%8 != 0 || h-t > a.size {
		a.head.Store(0)
		a.tail.Store(0)
	}
	return &Log{a: a}, nil
}

// Append writes a record and overwrites as many old ones as it takes. Data that
// is larger than half the ring is cut.
func (l *Log) Append(time int64, kind uint32, data []byte) {
	data = data[:min(len(data), int(l.a.size/2)-recordHead)]
	need := total(len(data))
	l.mu.Lock()
	defer l.mu.Unlock()
	head, tail := l.a.head.Load(), l.a.tail.Load()
	for head+need-tail > l.a.size {
		r, ok := l.a.skip(tail, head)
		if !ok { // somebody has scribbled on the ring: start anew
			tail = head
			break
		}
		tail = r
		l.a.lost.Add(1)
	}
	l.a.tail.Store(tail) // before the first word is overwritten
	l.a.put(head, time, kind, data)
	l.a.head.Store(head + need)
}

// skip returns the position after the record at pos.
func (a *area) skip(pos, end uint64) (uint64, bool) {
	n := a.words[pos/8%uint64(len(a.words))].Load() & (1<<32 - 1)
	if pos%8 != 0 || end-pos > a.size || n > a.size || total(int(n)) > end-pos {
		return 0, false
	}
	return pos + total(int(n)), true
}

// Reader reads a Log from the oldest record on.
type Reader struct {
	a    area
	pos  uint64
	Lost uint64 // records that it missed since it began, as far as known: at least one each time the writer overtook it
}

// NewReader returns a reader that stands before the oldest record in mem.
func NewReader(mem []byte) (*Reader, error) {
	a, err := open(mem)
	if err != nil {
		return nil, err
	}
	return &Reader{a: a, pos: a.tail.Load()}, nil
}

// Reader returns a reader of the log.
func (l *Log) Reader() *Reader { return &Reader{a: l.a, pos: l.a.tail.Load()} }

// Seek moves the reader to a position as found in Record.Pos or Next.
func (r *Reader) Seek(pos uint64) { r.pos = pos }

// End moves the reader behind the newest record.
func (r *Reader) End() { r.pos = r.a.head.Load() }

// Next returns the next record; false if there is none yet.
func (r *Reader) Next() (Record, bool) {
	// A writer that overtakes us every time leaves us behind for good; give it
	// a few tries and let the caller come again.
	for range 100 {
		head, tail := r.a.head.Load(), r.a.tail.Load()
		if head-tail > r.a.size || (head|tail)%8 != 0 {
			return Record{}, false // not a ring (any more)
		}
		if r.pos-tail > head-tail { // before tail, or not in this ring's range
			r.pos = tail
			r.Lost++
		}
		if r.pos == head {
			return Record{}, false
		}
		rec, ok := r.a.get(r.pos, head)
		if now := r.a.tail.Load(); r.pos-now > r.a.head.Load()-now {
			continue // overwritten while we read
		}
		if !ok { // garbage: nothing can be found behind it
			r.pos = head
			r.Lost++
			return Record{}, false
		}
		r.pos = rec.Next
		return rec, true
	}
	return Record{}, false
}

// Queue is a ring whose reader takes records away. One process puts, the other takes; each
// end may be used from any goroutine.
type Queue struct {
	mu sync.Mutex // guards this process's end; a leaf
	a  area
}

// NewQueue returns an end of the queue in mem; zeroed memory is an empty queue.
func NewQueue(mem []byte) (*Queue, error) {
	a, err := open(mem)
	if err != nil {
		return nil, err
	}
	return &Queue{a: a}, nil
}

// Empty reports whether there is nothing to take. It is cheap: two loads.
func (q *Queue) Empty() bool { return q.a.head.Load() == q.a.tail.Load() }

// Put adds a record, or returns ErrFull.
func (q *Queue) Put(time int64, kind uint32, data []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	head, tail := q.a.head.Load(), q.a.tail.Load()
	used := head - tail
	if used > q.a.size || uint64(len(data)) > q.a.size || total(len(data)) > q.a.size-used {
		return ErrFull
	}
	q.a.put(head, time, kind, data)
	q.a.head.Store(head + total(len(data)))
	return nil
}

// Take removes the oldest record; false if there is none. Garbage in the ring empties it.
func (q *Queue) Take() (Record, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	head, tail := q.a.head.Load(), q.a.tail.Load()
	if head == tail {
		return Record{}, false
	}
	r, ok := q.a.get(tail, head)
	if !ok {
		q.a.tail.Store(head)
		return Record{}, false
	}
	q.a.tail.Store(r.Next)
	return r, true
}
