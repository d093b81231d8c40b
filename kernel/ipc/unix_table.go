package ipc

import (
	"sync/atomic"

	"vitrine/kernel/ksync"
	"vitrine/kernel/kview"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

func init() {
	kview.Register(kview.View{
		Name: "sockets", Doc: "every unix socket with its peer and what waits in it", Root: "Tasks.IPC.first", Next: "next",
		Columns: kview.Cols("ID id", "KIND kind ?,stream,dgram,?,?,seqpacket", "PEER peer.id", "BYTES bytes", "LISTENS listening",
			"PID owner.PID", "CLOSED closed", "NAME name"),
	})
}

// Table is what the sockets of a kernel share. Create it with NewTable.
type Table struct {
	mu       ksync.Mutex
	first    *Unix // all sockets, oldest first; guarded by mu
	last     *Unix
	abstract map[string]*Unix      // bound names that are no paths; guarded by mu
	autobind uint32                // the last name that the kernel chose; guarded by mu
	flights  map[*vfs.File]*flight // sockets that wait in messages; guarded by mu
	closes   int                   // of sockets, since garbage was last looked for; guarded by mu
	doomed   []*vfs.File           // references to be dropped; guarded by mu
	reaping  bool                  // somebody drops them; guarded by mu

	inFlight atomic.Int64  // files that wait in messages
	moves    atomic.Uint64 // counts files that were put into messages or taken out
	lastID   atomic.Uint64
}

// NewTable returns the table of a kernel.
func NewTable() *Table {
	return &Table{mu: ksync.NewMutex(classTable), abstract: map[string]*Unix{}, flights: map[*vfs.File]*flight{}}
}

// link puts a new socket on the list.
func (tab *Table) link(t *sched.Thread, s *Unix) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	if s.prev = tab.last; s.prev != nil {
		s.prev.next = s
	} else {
		tab.first = s
	}
	tab.last = s
}

// unlink takes a socket that is closed off the list.
func (tab *Table) unlink(t *sched.Thread, s *Unix) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		tab.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		tab.last = s.prev
	}
	s.next, s.prev = nil, nil
}
