package fs

import (
	"container/list"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Bounds of what a client can have.
const (
	maxFids     = 1 << 16
	maxDepth    = 512 // directories above a file
	defaultOpen = 512 // host descriptors of open files
)

// node is a name below root. Fids point to nodes, so that a rename of a directory renames all fids
// below it.
type node struct {
	parent   *node // nil: root
	name     string
	depth    int
	refs     int              // fids and children
	children map[string]*node // so that one name is one node
	gone     bool             // the name was removed
}

// tree is all nodes. mu guards them.
type tree struct {
	mu   sync.Mutex
	root node
}

// child returns the node of a name in dir, with a reference.
func (t *tree) child(dir *node, name string) (*node, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.alive(dir) {
		return nil, unix.ENOENT
	}
	if n := dir.children[name]; n != nil {
		n.refs++
		return n, nil
	}
	if dir.depth >= maxDepth {
		return nil, unix.ENAMETOOLONG
	}
	n := &node{parent: dir, name: name, depth: dir.depth + 1, refs: 1}
	if dir.children == nil {
		dir.children = map[string]*node{}
	}
	dir.children[name] = n
	dir.refs++
	return n, nil
}

// alive reports whether n can be named. A request may hold a node whose last fid another request has just
// clunked. Caller holds t.mu.
func (t *tree) alive(n *node) bool { return n == &t.root || n.refs > 0 && !n.gone }

// get takes a reference.
func (t *tree) get(n *node) (*node, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n != &t.root && n.refs == 0 {
		return nil, unix.EBADF
	}
	n.refs++
	return n, nil
}

// put drops a reference.
func (t *tree) put(n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.release(n)
}

func (t *tree) release(n *node) {
	for n != &t.root {
		if n.refs--; n.refs > 0 {
			return
		}
		p := n.parent
		if p.children[n.name] == n {
			delete(p.children, n.name)
		}
		n = p
	}
}

// path returns the way from root to n; ENOENT if it is no longer there.
func (t *tree) path(n *node) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for ; n != &t.root; n = n.parent {
		if n.gone {
			return "", unix.ENOENT
		}
		names = append(names, n.name)
	}
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	return strings.Join(names, "/"), nil
}

// remove says that a name is gone.
func (t *tree) remove(dir *node, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(dir, name)
}

// removeNode says that n's name is gone.
func (t *tree) removeNode(n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.parent != nil && n.parent.children[n.name] == n {
		t.forget(n.parent, n.name)
	}
}

func (t *tree) forget(dir *node, name string) {
	if n := dir.children[name]; n != nil {
		n.gone = true
		delete(dir.children, name)
	}
}

// rename moves a name; what the new name was is gone. The caller serialises renames with what they do on the
// host, so that the tree has the host's shape and no directory comes below itself.
func (t *tree) rename(from *node, oldName string, to *node, newName string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := from.children[oldName]
	if from == to && oldName == newName || n != nil && n == to.children[newName] {
		return
	}
	t.forget(to, newName)
	if n == nil {
		return
	}
	delete(from.children, oldName)
	for d := to; d != nil; d = d.parent {
		if d == n || !t.alive(d) { // somebody on the host has moved things behind our back
			n.gone = true
			return
		}
	}
	if to.children == nil {
		to.children = map[string]*node{}
	}
	to.children[newName] = n
	n.name = newName
	if from != to {
		n.parent, n.depth = to, to.depth+1
		to.refs++
		t.release(from)
	}
}

// fid is a client's handle for a file.
type fid struct {
	node *node // immutable; counted

	mu    sync.Mutex // guards open … ino; held to open and to list
	open  bool
	flags int // of the open
	dir   bool
	dev   uint64 // of the file that was opened: opened again it must be the same
	ino   uint64
	at    uint64 // directory: the cookie at which fd stands

	// Guarded by openFiles.mu.
	fd    int  // -1: none; or closed meanwhile, to be opened again
	users int  // calls that use fd now
	dying bool // to be closed by the last of them
	lru   *list.Element
}

// openFiles bounds the host descriptors. Those of files that are open for reading only
// are closed, least recently used first, and opened again when they are needed.
type openFiles struct {
	mu   sync.Mutex
	max  int
	n    int
	list list.List // of *fid with a descriptor that can be closed; front: used last
}

// install gives f a descriptor, making room for it; ENFILE if all are in use. Evictable: it may be closed
// while nobody uses it. f is in use afterwards.
func (o *openFiles) install(f *fid, fd int, evictable bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.n >= o.max && !o.evict() {
		unix.Close(fd)
		return unix.ENFILE
	}
	o.n++
	f.fd, f.users = fd, f.users+1
	if evictable {
		f.lru = o.list.PushFront(f)
	}
	return nil
}

// evict closes the least recently used descriptor. Caller holds o.mu.
func (o *openFiles) evict() bool {
	for e := o.list.Back(); e != nil; e = e.Prev() {
		if f := e.Value.(*fid); f.users == 0 {
			o.drop(f)
			return true
		}
	}
	return false
}

// drop closes f's descriptor. Caller holds o.mu.
func (o *openFiles) drop(f *fid) {
	if f.lru != nil {
		o.list.Remove(f.lru)
		f.lru = nil
	}
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
		o.n--
	}
}

// use keeps f's descriptor open until unuse. It returns -1 if there is none.
func (o *openFiles) use(f *fid) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.fd < 0 {
		return -1
	}
	f.users++
	if f.lru != nil {
		o.list.MoveToFront(f.lru)
	}
	return f.fd
}

func (o *openFiles) unuse(f *fid) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.users--; f.users == 0 && f.dying {
		o.drop(f)
	}
}

// close closes f's descriptor for good, now or after its last use.
func (o *openFiles) close(f *fid) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f.dying = true
	if f.users == 0 {
		o.drop(f)
	}
}
