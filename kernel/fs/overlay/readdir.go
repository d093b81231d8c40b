package overlay

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// listing is a directory's names, all layers merged.
type listing struct {
	entries []vfs.DirEntry // "." and ".." first
	white   []string       // whiteouts of the upper layer
}

// maxListing bounds a listing: host directories can be huge.
const maxListing = 1 << 20

// merge lists all layers. Caller holds the directory's lock, or fs.mu.
func (d *dir) merge(t *sched.Thread) (*listing, error) {
	l := &listing{}
	up := d.self.Ino
	if d.parent != nil {
		up = d.parent.self.Ino
	}
	l.entries = append(l.entries, vfs.DirEntry{Name: ".", Ino: d.self.Ino, Type: abi.DT_DIR},
		vfs.DirEntry{Name: "..", Ino: up, Type: abi.DT_DIR})
	seen := map[string]bool{".": true, "..": true}
	layers := d.lower
	upper := d.up.Load()
	if upper != nil {
		layers = append([]*vfs.Inode{upper}, d.lower...)
	}
	for n, r := range layers {
		isUpper := upper != nil && n == 0
		if err := d.mergeOne(t, l, r, isUpper, seen); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (d *dir) mergeOne(t *sched.Thread, l *listing, r *vfs.Inode, isUpper bool, seen map[string]bool) error {
	f, err := vfs.OpenInode(t, r, abi.O_RDONLY|abi.O_NOATIME)
	if err != nil {
		return err
	}
	defer f.DecRef(t)
	var odd []string // upper names whose inode number must be looked up, and devices that may be whiteouts
	at := map[string]int{}
	err = f.ReadDir(t, func(e vfs.DirEntry) bool {
		if seen[e.Name] || len(l.entries) >= maxListing {
			return true
		}
		seen[e.Name] = true
		if e.Type == abi.DT_CHR || e.Type == abi.DT_UNKNOWN || isUpper && len(d.fs.layers) > 0 {
			odd = append(odd, e.Name)
			at[e.Name] = len(l.entries)
		}
		e.Ino = d.fs.inoOf(key{r.SB.Dev, e.Ino})
		l.entries = append(l.entries, e)
		return true
	})
	if err != nil {
		return err
	}
	gone := false
	for _, name := range odd {
		x, err := find(t, r, name)
		if err != nil {
			return err
		}
		e := &l.entries[at[name]]
		switch {
		case x == nil:
			e.Name, gone = "", true
			continue
		case isWhiteout(x):
			e.Name, gone = "", true
			if isUpper {
				l.white = append(l.white, name)
			}
		default:
			e.Type = x.Mode().DirType()
			if isUpper {
				if e.Ino, err = d.upperIno(t, name, x); err != nil {
					x.DecRef(t)
					return err
				}
			}
		}
		x.DecRef(t)
	}
	if gone {
		keep := l.entries[:0]
		for _, e := range l.entries {
			if e.Name != "" {
				keep = append(keep, e)
			}
		}
		l.entries = keep
	}
	return nil
}

// upperIno is the number that Lookup will give to what the upper layer has under name.
func (d *dir) upperIno(t *sched.Thread, name string, x *vfs.Inode) (uint64, error) {
	if !x.IsDir() {
		if k, ok := d.fs.origin(mark(t, x, markOrigin)); ok {
			return d.fs.inoOf(k), nil
		}
		return d.fs.inoOf(keyOf(x)), nil
	}
	f, err := d.search(t, name)
	if err != nil {
		return 0, err
	}
	defer f.drop(t)
	if len(f.lower) > 0 {
		return d.fs.inoOf(keyOf(f.lower[0])), nil
	}
	return d.fs.inoOf(keyOf(x)), nil
}

// Open implements vfs.Opener.
func (d *dir) Open(t *sched.Thread, i *vfs.Inode, f *vfs.File) error {
	f.Impl = &openDir{dir: d}
	return nil
}

// openDir is an open directory: the listing as it was when it was read from the start. Positions are indices.
type openDir struct {
	*dir
	list *listing // guarded by the directory's lock
}

var _ vfs.DirReader = (*openDir)(nil)

// ReadDir implements vfs.DirReader.
func (o *openDir) ReadDir(t *sched.Thread, f *vfs.File, emit func(vfs.DirEntry) bool) error {
	pos := f.Position(t)
	if pos == 0 || o.list == nil {
		l, err := o.merge(t)
		if err != nil {
			return err
		}
		o.list = l
	}
	for ; pos < int64(len(o.list.entries)); pos++ {
		e := o.list.entries[pos]
		e.Next = pos + 1
		if !emit(e) {
			return nil
		}
	}
	return nil
}
