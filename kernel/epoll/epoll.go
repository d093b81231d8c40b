package epoll

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

const (
	// maxWatches bounds the items of one kernel (/proc/sys/fs/epoll/max_user_watches).
	maxWatches = 1 << 18
	// maxNesting bounds how deep instances may watch each other: wake-ups and polls recurse as deep.
	maxNesting = 5
)

var (
	classTable    = &ksync.Class{Name: "epoll_table", Rank: ksync.RankEpollTable}
	classInstance = &ksync.Class{Name: "epoll", Rank: ksync.RankEpoll}
)

// Table is what the epoll instances of a kernel share. Create it with NewTable.
type Table struct {
	mu      ksync.Mutex // held to add an instance to an instance
	watches atomic.Int64
}

// NewTable returns the table of a kernel.
func NewTable() *Table { return &Table{mu: ksync.NewMutex(classTable)} }

// Instance is an epoll instance: the Impl of the File that epoll_create(2) makes.
type Instance struct {
	table *Table // immutable

	mu       ksync.Mutex
	items    map[key]*item // guarded by mu
	first    *item         // all items, oldest first; guarded by mu
	last     *item
	ready    readyList // guarded by mu
	closed   bool      // guarded by mu
	watchers []*item   // items of other instances that watch this one; guarded by Table.mu

	woken atomic.Pointer[item] // items that woke since the last look, newest first
	wait  ksync.WaitQueue      // of epoll_wait, and of those who poll the instance itself
}

type key struct {
	file *vfs.File
	fd   int
}

// item is a file that an instance watches.
type item struct {
	key
	ep     *Instance
	events atomic.Uint32 // what is wanted, with the flags; changed under ep.mu
	data   uint64        // guarded by ep.mu
	hook   vfs.FileHook

	waiters []joined // where it waits; immutable after add
	queued  atomic.Bool
	dead    atomic.Bool
	woke    *item // next in Instance.woken

	next, prev           *item // Instance.first; guarded by ep.mu
	readyNext, readyPrev *item // Instance.ready; guarded by ep.mu
	inReady              bool
}

type joined struct {
	q *ksync.WaitQueue
	w *ksync.Waiter
}

const (
	flags  = abi.EPOLLEXCLUSIVE | abi.EPOLLWAKEUP | abi.EPOLLONESHOT | abi.EPOLLET
	always = abi.POLLERR | abi.POLLHUP // are reported whether wanted or not
)

// New returns an empty instance.
func (tab *Table) New() *Instance {
	return &Instance{table: tab, mu: ksync.NewMutex(classInstance), items: map[key]*item{}}
}

// Add is EPOLL_CTL_ADD: ep, which is self's Impl, watches f, known to the program as fd.
func (ep *Instance) Add(t *sched.Thread, self, f *vfs.File, fd int, events uint32, data uint64) error {
	if err := ep.check(self, f); err != nil {
		return err
	}
	inner, nested := f.Impl.(*Instance)
	if events&abi.EPOLLEXCLUSIVE != 0 {
		const ok = abi.EPOLLIN | abi.EPOLLOUT | abi.EPOLLERR | abi.EPOLLHUP | abi.EPOLLWAKEUP | abi.EPOLLET | abi.EPOLLEXCLUSIVE
		if events&^uint32(ok) != 0 || nested {
			return errno.EINVAL.Because("EPOLLEXCLUSIVE goes with EPOLLIN, EPOLLOUT, EPOLLET and EPOLLWAKEUP only, and not with an epoll file")
		}
	}
	if nested {
		ep.table.mu.Lock(t)
		defer ep.table.mu.Unlock(t)
		if err := ep.checkNesting(t, inner); err != nil {
			return err
		}
	}
	if ep.table.watches.Add(1) > maxWatches {
		ep.table.watches.Add(-1)
		return errno.ENOSPC.Because("too many files are watched by epoll")
	}
	it := &item{key: key{f, fd}, ep: ep, data: data}
	it.events.Store(events)
	it.hook.Fn = func(t *sched.Thread, _ *vfs.File) { it.fileClosed(t) }
	ep.mu.Lock(t)
	defer ep.mu.Unlock(t)
	if ep.items[it.key] != nil {
		ep.table.watches.Add(-1)
		return errno.EEXIST
	}
	ep.items[it.key] = it
	if it.prev = ep.last; it.prev != nil {
		it.prev.next = it
	} else {
		ep.first = it
	}
	ep.last = it
	f.AddHook(t, &it.hook)
	if nested {
		inner.watchers = append(inner.watchers, it)
	}
	ev := f.Poll(t, &vfs.PollTable{Join: func(q *ksync.WaitQueue) {
		w := &ksync.Waiter{Func: it.wake}
		it.waiters = append(it.waiters, joined{q, w})
		q.Add(w)
	}})
	if uint32(ev)&(events&^flags|always) != 0 {
		ep.makeReady(it)
	}
	return nil
}

// Mod is EPOLL_CTL_MOD. It also rearms an item with EPOLLONESHOT.
func (ep *Instance) Mod(t *sched.Thread, self, f *vfs.File, fd int, events uint32, data uint64) error {
	if err := ep.check(self, f); err != nil {
		return err
	}
	ep.mu.Lock(t)
	defer ep.mu.Unlock(t)
	it := ep.items[key{f, fd}]
	if it == nil {
		return errno.ENOENT
	}
	if events&abi.EPOLLEXCLUSIVE != 0 || it.events.Load()&abi.EPOLLEXCLUSIVE != 0 {
		return errno.EINVAL.Because("EPOLLEXCLUSIVE can't be modified")
	}
	it.data = data
	it.events.Store(events) // before the poll: a wake-up from now on counts
	if uint32(f.Poll(t, nil))&(events&^flags|always) != 0 {
		ep.makeReady(it)
	}
	return nil
}

// Del is EPOLL_CTL_DEL.
func (ep *Instance) Del(t *sched.Thread, self, f *vfs.File, fd int) error {
	if err := ep.check(self, f); err != nil {
		return err
	}
	if _, nested := f.Impl.(*Instance); nested {
		ep.table.mu.Lock(t)
		defer ep.table.mu.Unlock(t)
	}
	ep.mu.Lock(t)
	defer ep.mu.Unlock(t)
	it := ep.items[key{f, fd}]
	if it == nil {
		return errno.ENOENT
	}
	ep.remove(t, it)
	return nil
}

func (ep *Instance) check(self, f *vfs.File) error {
	if f == self {
		return errno.EINVAL.Because("an epoll instance can't watch itself")
	}
	if _, ok := f.Impl.(vfs.Poller); !ok {
		return errno.EPERM.Because("the file is always ready: epoll can't watch it")
	}
	return nil
}

// remove forgets an item. Caller holds mu, and Table.mu if the file is an instance.
func (ep *Instance) remove(t *sched.Thread, it *item) {
	ep.mu.AssertHeld(t)
	it.dead.Store(true)
	for _, j := range it.waiters {
		j.q.Remove(j.w)
	}
	it.file.RemoveHook(t, &it.hook)
	delete(ep.items, it.key)
	if it.prev != nil {
		it.prev.next = it.next
	} else {
		ep.first = it.next
	}
	if it.next != nil {
		it.next.prev = it.prev
	} else {
		ep.last = it.prev
	}
	ep.ready.remove(it)
	if inner, ok := it.file.Impl.(*Instance); ok {
		for i, x := range inner.watchers {
			if x == it {
				inner.watchers = append(inner.watchers[:i:i], inner.watchers[i+1:]...)
				break
			}
		}
	}
	ep.table.watches.Add(-1)
}

// fileClosed is the item's FileHook.
func (it *item) fileClosed(t *sched.Thread) {
	ep := it.ep
	if _, nested := it.file.Impl.(*Instance); nested {
		ep.table.mu.Lock(t)
		defer ep.table.mu.Unlock(t)
	}
	ep.mu.Lock(t)
	defer ep.mu.Unlock(t)
	if !it.dead.Load() {
		ep.remove(t, it)
	}
}

// Release implements vfs.Releaser.
func (ep *Instance) Release(t *sched.Thread, _ *vfs.File) {
	ep.table.mu.Lock(t)
	defer ep.table.mu.Unlock(t)
	ep.mu.Lock(t)
	defer ep.mu.Unlock(t)
	ep.closed = true
	for ep.first != nil {
		ep.remove(t, ep.first)
	}
}

// checkNesting makes sure that with ep watching inner the instances still form a tree of bounded depth. Caller holds Table.mu.
func (ep *Instance) checkNesting(t *sched.Thread, inner *Instance) error {
	seen := map[*Instance]int{}
	var depth func(e *Instance, level int) (int, error)
	depth = func(e *Instance, level int) (int, error) {
		if e == ep {
			return 0, errno.ELOOP.Because("the instance would watch itself")
		}
		if level > maxNesting {
			return 0, errno.ELOOP.Because("epoll instances are nested too deep")
		}
		if d, ok := seen[e]; ok {
			return d, nil
		}
		d := 1
		for _, child := range e.nested(t) {
			n, err := depth(child, level+1)
			if err != nil {
				return 0, err
			}
			d = max(d, n+1)
		}
		seen[e] = d
		return d, nil
	}
	below, err := depth(inner, 1)
	if err != nil {
		return err
	}
	if ep.height(map[*Instance]int{})+below > maxNesting {
		return errno.ELOOP.Because("epoll instances are nested too deep")
	}
	return nil
}

// nested returns the instances that e watches. Caller holds Table.mu.
func (ep *Instance) nested(t *sched.Thread) []*Instance {
	ep.mu.Lock(t)
	defer ep.mu.Unlock(t)
	var all []*Instance
	for it := ep.first; it != nil; it = it.next {
		if e, ok := it.file.Impl.(*Instance); ok {
			all = append(all, e)
		}
	}
	return all
}

// height returns the length of the longest chain of watchers that ends at ep. There are no loops. Caller holds Table.mu.
func (ep *Instance) height(seen map[*Instance]int) int {
	if h, ok := seen[ep]; ok {
		return h
	}
	h := 1
	for _, w := range ep.watchers {
		h = max(h, w.ep.height(seen)+1)
	}
	seen[ep] = h
	return h
}
