package ktrace

import (
	"encoding/binary"
	"errors"
	"sync/atomic"

	"vitrine/machine/ring"
)

// Call is a system call that has happened, whole.
type Call struct {
	Seq      uint64 // counts what was recorded since boot, from 1
	PID, TID int
	Comm     string // the thread's name
	Nr       uint64
	Name     string
	Args     []string // as strace(1) shows them
	Start    int64    // monotonic, ns
	End      int64    // Start for one that does not return: exit(2)
	Ret      int64    // -errno for an error
	Errno    string   // "ENOENT"; "" for none
}

// Calls records system calls in a ring that is shared with the supervisor, while somebody there follows. Otherwise it
// costs a load and a branch. A nil Calls records nothing.
type Calls struct {
	filter atomic.Pointer[CallFilter] // nil: nobody follows
	seq    atomic.Uint64
	log    *ring.Log
}

// CallFilter says which calls are recorded. The maps are immutable.
type CallFilter struct {
	Nrs  map[uint64]bool // by number; nil: all
	PIDs map[int]bool    // of these processes; nil: of all
}

// CallKind is the kind of a Call's record in the ring.
const CallKind = 1

// NewCalls returns a recorder that writes to the ring in mem; nobody follows.
func NewCalls(mem []byte) (*Calls, error) {
	l, err := ring.NewLog(mem)
	if err != nil {
		return nil, err
	}
	return &Calls{log: l}, nil
}

// Follow begins to record what passes the filter; nil ends it. It returns the number of the last record.
func (c *Calls) Follow(f *CallFilter) uint64 {
	c.filter.Store(f)
	return c.seq.Load()
}

// Wants reports whether the call is to be recorded.
func (c *Calls) Wants(nr uint64, pid int) bool {
	if c == nil {
		return false
	}
	f := c.filter.Load()
	return f != nil && (f.Nrs == nil || f.Nrs[nr]) && (f.PIDs == nil || f.PIDs[pid])
}

// Record writes the call, and numbers it.
func (c *Calls) Record(r *Call) {
	r.Seq = c.seq.Add(1)
	c.log.Append(r.End, CallKind, r.append(make([]byte, 0, 192)))
}

// maxText bounds each text of a record.
const maxText = 1 << 10

// append adds the record's bytes: numbers of 8 bytes, then texts with their length before them.
func (r *Call) append(b []byte) []byte {
	for _, n := range [...]uint64{r.Seq, uint64(r.PID), uint64(r.TID), r.Nr, uint64(r.Start), uint64(r.End), uint64(r.Ret)} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	text := func(s string) {
		s = s[:min(len(s), maxText)]
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	text(r.Comm)
	text(r.Name)
	text(r.Errno)
	for _, a := range r.Args {
		text(a)
	}
	return b
}

var errNoCall = errors.New("ktrace: this is no record of a system call")

// ParseCall reads a record. Nothing is taken for granted: the ring is shared.
func ParseCall(b []byte) (r Call, err error) {
	const numbers = 7
	if len(b) < 8*numbers {
		return r, errNoCall
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	r = Call{
		Seq: word(0), PID: int(word(1)), TID: int(word(2)), Nr: word(3),
		Start: int64(word(4)), End: int64(word(5)), Ret: int64(word(6)),
	}
	var texts []string
	for rest := b[8*numbers:]; len(rest) > 0; {
		if len(rest) < 2 {
			return r, errNoCall
		}
		n := int(binary.LittleEndian.Uint16(rest))
		if rest = rest[2:]; n > len(rest) {
			return r, errNoCall
		}
		texts = append(texts, string(rest[:n]))
		rest = rest[n:]
	}
	const named, maxArgs = 3, 6
	if len(texts) < named || len(texts) > named+maxArgs {
		return r, errNoCall
	}
	r.Comm, r.Name, r.Errno, r.Args = texts[0], texts[1], texts[2], texts[named:]
	return r, nil
}
