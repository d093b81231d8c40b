package vfs

import (
	"sync/atomic"

	"vitrine/kernel/sched"
)

// Dentry is a cached name of an inode in a directory.
//
// Its count of references includes one for being hashed, that is found under its
// parent. Only who holds dcache can find a hashed dentry, so the last reference of an unhashed one is the last
// for ever.
type Dentry struct {
	SB *Superblock // immutable

	name     string             // guarded by VFS.dcache
	parent   *Dentry            // guarded by VFS.dcache; the root's is itself; counted
	children map[string]*Dentry // guarded by VFS.dcache; hashed ones
	hashed   bool               // guarded by VFS.dcache
	used     bool               // guarded by VFS.dcache: found since the shrinker last came by
	mounted  int                // guarded by VFS.dcache: mounts on it
	root     bool               // immutable
	quirks   quirk              // immutable: its directory's

	inode atomic.Pointer[Inode] // nil: negative. Set once, under dcache; counted
	refs  atomic.Int32

	lruNext, lruPrev *Dentry // guarded by VFS.dcache: all hashed dentries
}

// Inode returns what the name stands for; nil if it doesn't exist.
func (d *Dentry) Inode() *Inode { return d.inode.Load() }

// IncRef takes a reference; the caller has one.
func (d *Dentry) IncRef() {
	if d.refs.Add(1) <= 1 {
		panic("dentry: reference taken on a dead dentry")
	}
}

// DecRef drops a reference.
func (d *Dentry) DecRef(t *sched.Thread) {
	for d.refs.Add(-1) == 0 {
		// Nobody can find it: it is not hashed. What it holds goes with it.
		if i := d.inode.Load(); i != nil {
			i.DecRef(t)
		}
		if d.root {
			return
		}
		d = d.parent // stable: only a hashed or referenced dentry is moved
	}
}

// Refs returns the number of references; for views and tests.
func (d *Dentry) Refs() int { return int(d.refs.Load()) }

// DcacheStats counts what happened in the dentry cache.
type DcacheStats struct {
	Dentries, Negative int   // hashed now
	Hits, Misses       int64 // of lookups
	Evicted            int64
}

// DcacheStats returns the counts.
func (v *VFS) DcacheStats(t *sched.Thread) DcacheStats {
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	s := v.stats
	s.Dentries = v.lru.n
	return s
}

// lruList is all hashed dentries, for the shrinker's clock: it takes from the tail, and gives those that were
// used since a second chance.
type lruList struct {
	head, tail *Dentry
	n, max     int
}

// defaultDentries bounds the cache: about 300 bytes each.
const defaultDentries = 16384

func (l *lruList) push(d *Dentry) {
	d.lruPrev, d.lruNext = nil, l.head
	if l.head != nil {
		l.head.lruPrev = d
	} else {
		l.tail = d
	}
	l.head = d
	l.n++
}

func (l *lruList) remove(d *Dentry) {
	if d.lruPrev != nil {
		d.lruPrev.lruNext = d.lruNext
	} else {
		l.head = d.lruNext
	}
	if d.lruNext != nil {
		d.lruNext.lruPrev = d.lruPrev
	} else {
		l.tail = d.lruPrev
	}
	d.lruNext, d.lruPrev = nil, nil
	l.n--
}

// newDentry makes an unhashed dentry with one reference. It takes over the inode's reference.
func newDentry(parent *Dentry, name string, inode *Inode) *Dentry {
	parent.IncRef()
	d := &Dentry{SB: parent.SB, name: name, parent: parent}
	d.inode.Store(inode)
	d.refs.Store(1)
	if dir := parent.Inode(); dir != nil {
		d.quirks = dir.quirks & quirkRevalidate
	}
	return d
}

// hash makes d findable under its parent. Caller holds dcache.
func (v *VFS) hash(t *sched.Thread, d *Dentry) {
	v.dcache.AssertHeld(t)
	if d.parent.children == nil {
		d.parent.children = map[string]*Dentry{}
	}
	d.parent.children[d.name] = d
	d.hashed = true
	d.used = true
	d.refs.Add(1)
	v.lru.push(d)
	if d.Inode() == nil {
		v.stats.Negative++
	}
}

// unhash makes d unfindable. Caller holds dcache and drops the reference of the hash (DecRef) after it has unlocked.
func (v *VFS) unhash(t *sched.Thread, d *Dentry) bool {
	v.dcache.AssertHeld(t)
	if !d.hashed {
		return false
	}
	d.hashed = false
	delete(d.parent.children, d.name)
	v.lru.remove(d)
	if d.Inode() == nil {
		v.stats.Negative--
	}
	return true
}

// drop forgets a cached name: the next lookup asks the filesystem.
func (v *VFS) drop(t *sched.Thread, d *Dentry) {
	v.dcache.Lock(t)
	was := v.unhash(t, d)
	v.dcache.Unlock(t)
	if was {
		d.DecRef(t)
	}
}

// collect unhashes up to want unused dentries for the caller to drop. Caller holds dcache.
func (v *VFS) collect(t *sched.Thread, want int) []*Dentry {
	v.dcache.AssertHeld(t)
	var out []*Dentry
	for scan := min(v.lru.n, 4*want+64); scan > 0 && len(out) < want; scan-- {
		d := v.lru.tail
		if d.refs.Load() > 1 || d.used || d.mounted > 0 {
			d.used = false
			v.lru.remove(d)
			v.lru.push(d)
			continue
		}
		v.unhash(t, d)
		v.stats.Evicted++
		out = append(out, d)
	}
	return out
}

// trim keeps the cache within its bound. Caller holds no lock above RankInode.
func (v *VFS) trim(t *sched.Thread) {
	v.dcache.Lock(t)
	var out []*Dentry
	if v.lru.n > v.lru.max {
		out = v.collect(t, v.lru.n-v.lru.max+64)
	}
	v.dcache.Unlock(t)
	for _, d := range out {
		d.DecRef(t)
	}
}

// DropUnused forgets all unused names (/proc/sys/vm/drop_caches).
func (v *VFS) DropUnused(t *sched.Thread) int {
	n := 0
	for {
		v.dcache.Lock(t)
		for d := v.lru.head; d != nil; d = d.lruNext {
			d.used = false
		}
		out := v.collect(t, v.lru.n)
		v.dcache.Unlock(t)
		if len(out) == 0 {
			return n
		}
		n += len(out)
		for _, d := range out {
			d.DecRef(t)
		}
	}
}

// dropSuper unhashes all names of a superblock, newest first: it goes.
func (v *VFS) dropSuper(t *sched.Thread, sb *Superblock) {
	v.dcache.Lock(t)
	var out []*Dentry
	for d := v.lru.head; d != nil; {
		next := d.lruNext
		if d.SB == sb && v.unhash(t, d) {
			out = append(out, d)
		}
		d = next
	}
	v.dcache.Unlock(t)
	for _, d := range out {
		d.DecRef(t)
	}
}

// Children calls f for each cached name in d, under the cache's lock: f must be short. For views.
func (v *VFS) Children(t *sched.Thread, d *Dentry, f func(name string, c *Dentry)) {
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	for n, c := range d.children {
		f(n, c)
	}
}

// Name returns d's last name.
func (v *VFS) Name(t *sched.Thread, d *Dentry) string {
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	return d.name
}
