// Package ktrace records what the kernel does: an event is declared where it
// happens and costs a load and a branch while nobody listens.
//
//	var evWake = ktrace.Event("sched_wake", "tid")
//	...
//	evWake.Emit(buf, now, t.ID, uint64(woken.ID))
//
// The buffer is a ring of plain records that hangs from the kernel, so a
// debugger reads it too. With one CPU on machine/fake two runs give the same records.
package ktrace

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// Kind is a declared event.
type Kind struct {
	ID     int
	Name   string
	Fields []string
}

var kinds []*Kind // filled at init, then constant

// Event declares an event with up to four numbers, named by the fields. For package variables.
func Event(name string, fields ...string) *Kind {
	if len(fields) > 4 {
		panic("ktrace: " + name + " has more than four fields")
	}
	k := &Kind{ID: len(kinds), Name: name, Fields: fields}
	kinds = append(kinds, k)
	return k
}

// Kinds returns all declared events.
func Kinds() []*Kind { return kinds }

// Record is one event that happened.
type Record struct {
	Time int64 // monotonic, ns
	Kind int
	TID  int
	Args [4]uint64
}

// Buffer is a ring of records. A nil Buffer records nothing.
type Buffer struct {
	on atomic.Bool

	mu   sync.Mutex
	ring []Record
	n    uint64 // records ever written
}

// NewBuffer returns a buffer for size records, switched off.
func NewBuffer(size int) *Buffer { return &Buffer{ring: make([]Record, 0, size)} }

// Enable switches recording on or off.
func (b *Buffer) Enable(on bool) { b.on.Store(on) }

// Emit records the event.
func (k *Kind) Emit(b *Buffer, now int64, tid int, args ...uint64) {
	if b == nil || !b.on.Load() {
		return
	}
	r := Record{Time: now, Kind: k.ID, TID: tid}
	copy(r.Args[:], args)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ring) < cap(b.ring) {
		b.ring = append(b.ring, r)
	} else {
		b.ring[b.n%uint64(cap(b.ring))] = r
	}
	b.n++
}

// Records returns what the ring holds, oldest first.
func (b *Buffer) Records() []Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ring) < cap(b.ring) {
		return append([]Record(nil), b.ring...)
	}
	i := int(b.n % uint64(cap(b.ring)))
	return append(append([]Record(nil), b.ring[i:]...), b.ring[:i]...)
}

// String shows a record as one line.
func (r Record) String() string {
	k := kinds[r.Kind]
	var s strings.Builder
	fmt.Fprintf(&s, "%d.%06d [%d] %s", r.Time/1e9, r.Time%1e9/1e3, r.TID, k.Name)
	for i, f := range k.Fields {
		fmt.Fprintf(&s, " %s=%d", f, r.Args[i])
	}
	return s.String()
}
