package ipc

import (
	"cmp"
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// maxInFlight bounds the files that wait in messages.
const maxInFlight = 16384

// flight is a socket that waits in messages, and in how many places.
type flight struct {
	file  *vfs.File
	sock  *Unix
	count int
}

// launch takes references to files that go into a message.
func (tab *Table) launch(t *sched.Thread, files []*vfs.File) ([]*vfs.File, error) {
	if len(files) == 0 {
		return nil, nil
	}
	if len(files) > abi.SCM_MAX_FD {
		return nil, errno.EINVAL.Because("too many files in a message")
	}
	n := int64(len(files))
	if tab.inFlight.Add(n) > maxInFlight {
		tab.inFlight.Add(-n)
		tab.collectGarbage(t)
		if tab.inFlight.Add(n) > maxInFlight {
			tab.inFlight.Add(-n)
			return nil, errno.ETOOMANYREFS.Because("too many files are in flight")
		}
	}
	tab.moves.Add(1)
	for _, f := range files {
		f.IncRef()
		u, ok := f.Impl.(*Unix)
		if !ok {
			continue
		}
		tab.mu.Lock(t)
		if fl := tab.flights[f]; fl != nil {
			fl.count++
		} else {
			tab.flights[f] = &flight{f, u, 1}
		}
		tab.mu.Unlock(t)
	}
	return slices.Clone(files), nil
}

// land says that files are in messages no more; the references are the caller's.
func (tab *Table) land(t *sched.Thread, files []*vfs.File) {
	tab.inFlight.Add(-int64(len(files)))
	tab.moves.Add(1)
	for _, f := range files {
		if _, ok := f.Impl.(*Unix); !ok {
			continue
		}
		tab.mu.Lock(t)
		if fl := tab.flights[f]; fl != nil {
			if fl.count--; fl.count == 0 {
				delete(tab.flights, f)
			}
		}
		tab.mu.Unlock(t)
	}
}

// recall takes files out of a message that was not delivered, or will not be read.
func (tab *Table) recall(t *sched.Thread, files []*vfs.File) {
	if len(files) > 0 {
		tab.land(t, files)
		tab.put(t, files)
	}
}

// drop recalls a message's files.
func (tab *Table) drop(t *sched.Thread, m *message) {
	files := m.files
	m.files = nil
	tab.recall(t, files)
}

// put drops references. The last one of a socket empties its queue, which may hold the last one of another socket, and so on
// for as long a chain as a program cares to build: they are done in a loop and not by recursion.
func (tab *Table) put(t *sched.Thread, files []*vfs.File) {
	tab.mu.Lock(t)
	tab.doomed = append(tab.doomed, files...)
	if tab.reaping {
		tab.mu.Unlock(t)
		return
	}
	tab.reaping = true
	for len(tab.doomed) > 0 {
		f := tab.doomed[0]
		tab.doomed = slices.Delete(tab.doomed, 0, 1)
		tab.mu.Unlock(t)
		f.DecRef(t)
		tab.mu.Lock(t)
	}
	tab.reaping = false
	tab.mu.Unlock(t)
}

// collectGarbage frees sockets that only messages hold which nobody can receive any more: a socket that was sent over
// itself and closed. A socket is alive if it has more references than were found in the queues of sockets in flight,
// or if it is in the queue of one that is alive. While files move the count is not to be trusted; the next close
// looks again.
func (tab *Table) collectGarbage(t *sched.Thread) {
	tab.mu.Lock(t)
	if len(tab.flights) == 0 {
		tab.mu.Unlock(t)
		return
	}
	// A look costs as much as there are sockets in flight: not at each of many closes.
	if tab.closes++; tab.closes < len(tab.flights)/16 {
		tab.mu.Unlock(t)
		return
	}
	tab.closes = 0
	moves := tab.moves.Load()
	all := make([]*flight, 0, len(tab.flights))
	for _, fl := range tab.flights {
		all = append(all, fl)
	}
	slices.SortFunc(all, func(a, b *flight) int { return cmp.Compare(a.sock.id, b.sock.id) })
	index := map[*vfs.File]int{}
	for i, fl := range all {
		index[fl.file] = i
	}
	refs := make([]int, len(all))
	for i, fl := range all {
		refs[i] = fl.file.Refs()
	}
	found := make([]int, len(all))
	holds := make([][]int, len(all)) // what each one's queue holds
	for i, fl := range all {
		fl.sock.eachFile(t, func(f *vfs.File) {
			if j, ok := index[f]; ok {
				found[j]++
				holds[i] = append(holds[i], j)
			}
		})
	}
	alive := make([]bool, len(all))
	var todo []int
	for i, fl := range all {
		if refs[i] > found[i] || fl.file.Refs() > found[i] {
			alive[i] = true
			todo = append(todo, i)
		}
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, j := range holds[i] {
			if !alive[j] {
				alive[j] = true
				todo = append(todo, j)
			}
		}
	}
	tab.mu.Unlock(t)
	if tab.moves.Load() != moves {
		return
	}
	for i, fl := range all {
		if !alive[i] {
			fl.sock.emptyQueue(t)
		}
	}
}

// eachFile calls f for each file in the queue, or in the queues of a listener's backlog.
func (s *Unix) eachFile(t *sched.Thread, f func(*vfs.File)) {
	s.mu.Lock(t)
	queue, backlog := slices.Clone(s.queue), slices.Clone(s.backlog)
	for _, m := range queue {
		for _, x := range m.files {
			f(x)
		}
	}
	s.mu.Unlock(t)
	for _, c := range backlog {
		c.eachFile(t, f) // it is no listener: no deeper
	}
}

// emptyQueue throws away what nobody will ever receive.
func (s *Unix) emptyQueue(t *sched.Thread) {
	s.mu.Lock(t)
	queue, backlog := s.queue, s.backlog
	s.queue, s.backlog, s.bytes = nil, nil, 0
	s.mu.Unlock(t)
	for _, m := range queue {
		s.table.drop(t, m)
	}
	for _, c := range backlog {
		c.shut(t)
	}
}
