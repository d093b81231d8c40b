package overlay

import (
	"strconv"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Marks in the upper layer.
const (
	markPrefix   = "trusted.overlay."
	markOpaque   = markPrefix + "opaque"
	markRedirect = markPrefix + "redirect"
	markOrigin   = markPrefix + "origin"
)

// mark returns a mark of a real file; "" if it has none.
func mark(t *sched.Thread, i *vfs.Inode, name string) string {
	x, ok := i.Ops.(vfs.XAttrer)
	if !ok {
		return ""
	}
	i.Lock(t)
	defer i.Unlock(t)
	v, err := x.GetXAttr(t, i, name)
	if err != nil {
		return ""
	}
	return string(v)
}

// setMark sets a mark on a file of the upper layer; "" removes it.
func setMark(t *sched.Thread, i *vfs.Inode, name, value string) error {
	x, ok := i.Ops.(vfs.XAttrer)
	if !ok {
		return errno.EOPNOTSUPP.Because("overlay: the upper layer has no extended attributes")
	}
	i.Lock(t)
	defer i.Unlock(t)
	if value == "" {
		if err := x.RemoveXAttr(t, i, name); err != nil && errno.Of(err) != errno.ENODATA {
			return err
		}
		return nil
	}
	return x.SetXAttr(t, i, name, []byte(value), 0)
}

func isWhiteout(i *vfs.Inode) bool {
	return i.Mode().Type() == abi.S_IFCHR && i.Rdev == 0
}

// find looks name up in a real directory; nil if it isn't there. The result is counted; it may be a whiteout.
func find(t *sched.Thread, dir *vfs.Inode, name string) (*vfs.Inode, error) {
	l, ok := dir.Ops.(vfs.Lookuper)
	if !ok {
		return nil, nil
	}
	dir.Lock(t)
	defer dir.Unlock(t)
	i, err := l.Lookup(t, dir, name)
	if errno.Of(err) == errno.ENOENT {
		return nil, nil
	}
	return i, err
}

// walk finds a place in the lower layers, as a redirect names it, in one of them.
func walk(t *sched.Thread, root *vfs.Inode, path string) (*vfs.Inode, error) {
	root.IncRef()
	at := root
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part == "" || part == "." || part == ".." {
			at.DecRef(t)
			return nil, errno.EIO.Because("overlay: a damaged redirect")
		}
		if !at.IsDir() {
			at.DecRef(t)
			return nil, nil
		}
		next, err := find(t, at, part)
		at.DecRef(t)
		if next == nil || err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// found is what the layers have under a name.
type found struct {
	upper *vfs.Inode
	lower []*vfs.Inode
	path  string // of a directory in the lower layers
}

func (f *found) drop(t *sched.Thread) {
	if f.upper != nil {
		f.upper.DecRef(t)
	}
	for _, l := range f.lower {
		l.DecRef(t)
	}
}

// search looks name up in all layers of d. Caller holds d's inode's lock.
func (d *dir) search(t *sched.Thread, name string) (found, error) {
	f := found{path: join(d.path, name)}
	lowers := d.lower
	if u := d.up.Load(); u != nil {
		x, err := find(t, u, name)
		if err != nil {
			return found{}, err
		}
		if x != nil {
			if isWhiteout(x) {
				x.DecRef(t)
				return found{}, nil
			}
			f.upper = x
			if !x.IsDir() || mark(t, x, markOpaque) != "" {
				return f, nil
			}
			if to := mark(t, x, markRedirect); to != "" {
				return d.redirected(t, f, to)
			}
		}
	}
	for _, l := range lowers {
		x, err := find(t, l, name)
		if err != nil {
			f.drop(t)
			return found{}, err
		}
		if x == nil {
			continue
		}
		stop, err := f.add(t, x)
		if stop || err != nil {
			return f, err
		}
	}
	return f, nil
}

// add takes what one lower layer has; true means that no lower one counts.
func (f *found) add(t *sched.Thread, x *vfs.Inode) (stop bool, err error) {
	if isWhiteout(x) || !x.IsDir() && (f.upper != nil || len(f.lower) > 0) {
		x.DecRef(t)
		return true, nil
	}
	f.lower = append(f.lower, x)
	return !x.IsDir() || mark(t, x, markOpaque) != "", nil
}

// redirected finds the lower directories of one that was renamed.
func (d *dir) redirected(t *sched.Thread, f found, to string) (found, error) {
	f.path = to
	for _, p := range d.fs.layers {
		x, err := walk(t, p.Inode(), to)
		if err != nil {
			f.drop(t)
			return found{}, err
		}
		if x == nil {
			continue
		}
		if stop, _ := f.add(t, x); stop {
			break
		}
	}
	return f, nil
}

func join(dir, name string) string {
	if dir == "" { // nothing of it is below
		return ""
	}
	return strings.TrimSuffix(dir, "/") + "/" + name
}

// Lookup implements vfs.Lookuper.
func (d *dir) Lookup(t *sched.Thread, self *vfs.Inode, name string) (*vfs.Inode, error) {
	f, err := d.search(t, name)
	if err != nil {
		return nil, err
	}
	if f.upper == nil && len(f.lower) == 0 {
		return nil, errno.ENOENT
	}
	return d.fs.inode(t, &d.node, name, f), nil
}

// inode returns the inode of what was found, whose references it takes over.
func (fs *FS) inode(t *sched.Thread, parent *node, name string, f found) *vfs.Inode {
	top := f.upper
	if top == nil {
		top = f.lower[0]
	}
	if top.IsDir() {
		path := f.path
		if len(f.lower) == 0 {
			path = ""
		}
		return fs.newDir(t, parent, name, path, f.upper, f.lower)
	}
	k := keyOf(top)
	if f.upper != nil {
		if o, ok := fs.origin(mark(t, f.upper, markOrigin)); ok {
			k = o
		}
	} else if top.Nlink() > 1 {
		fs.mu.Lock(t)
		if u := fs.copied[k]; u != nil { // it was copied up under another name
			u.IncRef()
			f.upper = u
		}
		fs.mu.Unlock(t)
	}
	fs.tabMu.Lock(t)
	if i := fs.nodes[k]; i != nil && i.TryIncRef() {
		fs.tabMu.Unlock(t)
		f.drop(t)
		return i
	}
	i := fs.newFile(k, f)
	nodeOf(i).place(parent, name)
	if n, ok := fs.nlinks[k]; ok {
		i.SetNlink(n)
	}
	fs.nodes[k] = i
	fs.tabMu.Unlock(t)
	return i
}

// newFile makes the inode of a file that is no directory.
func (fs *FS) newFile(k key, f found) *vfs.Inode {
	top := f.upper
	if top == nil {
		top = f.lower[0]
	}
	if top.Mode().IsReg() {
		o := &file{}
		o.init(fs, f.upper, f.lower, k)
		return fs.adopt(&o.node, fs.inoOf(k), o)
	}
	o := &special{}
	o.init(fs, f.upper, f.lower, k)
	i := fs.adopt(&o.node, fs.inoOf(k), o)
	i.Link = top.Link
	return i
}

// origin reads a mark of that kind: "layer:inode".
func (fs *FS) origin(s string) (key, bool) {
	layer, ino, ok := strings.Cut(s, ":")
	if !ok {
		return key{}, false
	}
	l, err1 := strconv.Atoi(layer)
	n, err2 := strconv.ParseUint(ino, 10, 64)
	if err1 != nil || err2 != nil || l < 0 || l >= len(fs.layers) {
		return key{}, false
	}
	return key{fs.layers[l].Mount.SB.Dev, n}, true
}

// originMark is the mark for a copy of a lower file.
func (fs *FS) originMark(lower *vfs.Inode) string {
	for n, p := range fs.layers {
		if p.Mount.SB == lower.SB {
			return strconv.Itoa(n) + ":" + strconv.FormatUint(lower.Ino, 10)
		}
	}
	return ""
}
