package vfs

import (
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// Lookup says how a name is resolved.
type Lookup uint32

// Ways of resolving.
const (
	Follow       Lookup = 1 << iota // a symbolic link at the end is followed
	Directory                       // the end must be a directory
	EmptyPath                       // an empty name means the starting point
	NoXDev                          // RESOLVE_NO_XDEV
	NoMagicLinks                    // RESOLVE_NO_MAGICLINKS
	NoSymlinks                      // RESOLVE_NO_SYMLINKS
	Beneath                         // RESOLVE_BENEATH
	InRoot                          // RESOLVE_IN_ROOT
	Cached                          // RESOLVE_CACHED
)

// maxLinks bounds the symbolic links in one resolution (path_resolution(7)).
const maxLinks = 40

// Resolve finds the file that name means, seen from at (or from the working directory, if at is the zero Path).
// The result has references.
func (v *VFS) Resolve(t *sched.Thread, fs *FS, at Path, name string, how Lookup) (Path, error) {
	w := walker{v: v, t: t, fs: fs, how: how}
	if err := w.start(at, name); err != nil {
		w.finish()
		return Path{}, err
	}
	for {
		again, err := w.end()
		if err != nil {
			w.finish()
			return Path{}, err
		}
		if !again {
			return w.result()
		}
	}
}

// end walks to the last component and into it. It reports whether a link has to be followed yet.
func (w *walker) end() (again bool, err error) {
	if err := w.toParent(); err != nil {
		return false, err
	}
	return w.into(w.how&Follow != 0)
}

// into goes into the last component. It reports whether that was a link which is to be followed.
func (w *walker) into(follow bool) (again bool, err error) {
	switch w.kind {
	case lastRoot, lastDot:
		// An empty name that is the start itself needs no search permission.
		if w.last == "." {
			if err := w.search(); err != nil {
				return false, err
			}
		}
	case lastDotDot:
		if err := w.search(); err != nil {
			return false, err
		}
		if err := w.up(); err != nil {
			return false, err
		}
	default:
		if err := w.search(); err != nil {
			return false, err
		}
		return w.step(w.last, follow || w.slash)
	}
	return false, nil
}

// parent resolves all but the last component: for calls that make, remove or rename names. The result has
// references; name is valid for lastNorm only.
func (v *VFS) parent(t *sched.Thread, fs *FS, at Path, name string, how Lookup) (dir Path, w walker, err error) {
	w = walker{v: v, t: t, fs: fs, how: how &^ EmptyPath}
	err = w.start(at, name)
	if err == nil {
		err = w.toParent()
	}
	if err == nil && !w.at.Inode().IsDir() {
		err = errno.ENOTDIR
	}
	if err != nil {
		w.finish()
		return Path{}, w, err
	}
	slash := w.slash
	w.slash = false // it says something about the last component, not about the directory
	how2 := w.how
	w.how &^= Directory
	dir, err = w.result()
	w.slash, w.how = slash, how2
	return dir, w, err
}

// lastKind is what the last component is.
type lastKind uint8

const (
	lastNorm lastKind = iota
	lastDot
	lastDotDot
	lastRoot
)

// walker resolves one name. While locked it holds dcache and needs no references: that is enough as long as all
// names are cached. Where it must ask a filesystem it takes a reference on where it is (anchor), unlocks, asks, and
// goes on.
type walker struct {
	v   *VFS
	t   *sched.Thread
	fs  *FS
	how Lookup

	root   Path   // ".." stops here
	at     Path   // where it is
	anchor Path   // referenced: at, or a place on the way that keeps it alive
	hold   Path   // referenced: root, once dcache was given back
	locked bool   // it holds dcache
	rest   string // what is still to be walked
	links  int    // symbolic links followed

	last  string // the last component, when toParent has returned
	kind  lastKind
	slash bool // a slash follows the last component: it must be a directory
}

// start begins at the root, the working directory, or at, and takes the dcache lock.
func (w *walker) start(at Path, name string) error {
	if len(name) >= abi.PATH_MAX {
		return errno.ENAMETOOLONG
	}
	if name == "" && w.how&EmptyPath == 0 {
		return errno.ENOENT.Because("the name is empty")
	}
	w.v.dcache.Lock(w.t)
	w.locked = true
	w.root = w.fs.root
	w.at = at
	if !at.OK() {
		w.at = w.fs.cwd
	}
	if w.how&(Beneath|InRoot) != 0 {
		w.root = w.at
		w.root.IncRef()
		w.hold = w.root
	}
	if strings.HasPrefix(name, "/") {
		if w.how&Beneath != 0 {
			return errno.EXDEV.Because("an absolute name leads out of the directory")
		}
		if err := w.jump(w.root); err != nil {
			return err
		}
	}
	if !w.at.OK() {
		return errno.ENOENT.Because("nothing is mounted")
	}
	w.rest = name
	return nil
}

// jump goes to p. Caller holds dcache.
func (w *walker) jump(p Path) error {
	if w.how&NoXDev != 0 && p.Mount != w.at.Mount {
		return errno.EXDEV
	}
	w.at = p
	return nil
}

// toParent walks all components but the last.
func (w *walker) toParent() error {
	for {
		name := strings.TrimLeft(w.rest, "/")
		if name == "" {
			// "/" alone, or an empty name.
			w.last, w.kind = "", lastRoot
			w.slash = w.slash || w.rest != ""
			w.rest = ""
			return nil
		}
		n := strings.IndexByte(name, '/')
		if n < 0 {
			n = len(name)
		}
		if n > abi.NAME_MAX {
			return errno.ENAMETOOLONG
		}
		after := strings.TrimLeft(name[n:], "/")
		if after == "" {
			w.slash = w.slash || n < len(name)
			w.last, w.rest = name[:n], ""
			switch w.last {
			case ".":
				w.kind = lastDot
			case "..":
				w.kind = lastDotDot
			default:
				w.kind = lastNorm
			}
			return nil
		}
		w.rest = after
		if err := w.search(); err != nil {
			return err
		}
		switch name = name[:n]; name {
		case ".":
		case "..":
			if err := w.up(); err != nil {
				return err
			}
		default:
			if _, err := w.step(name, true); err != nil {
				return err
			}
		}
	}
}

// search checks that where we are is a directory that may be searched.
func (w *walker) search() error {
	i := w.at.Dentry.Inode()
	if !i.IsDir() {
		return errno.ENOTDIR
	}
	if i.quirks&quirkPermission == 0 {
		return i.GenericPermission(w.t.Cred, abi.X_OK)
	}
	if err := w.unlock(); err != nil {
		return err
	}
	err := i.Permission(w.t, abi.X_OK)
	w.relock()
	return err
}

// up goes to the parent directory, across mount points, never above the root.
func (w *walker) up() error {
	for {
		if w.at == w.root {
			if w.how&Beneath != 0 {
				return errno.EXDEV.Because("\"..\" leads out of the directory")
			}
			return nil
		}
		if w.at.Dentry != w.at.Mount.Root {
			break
		}
		if w.at.Mount.parent == nil {
			return nil
		}
		if w.how&NoXDev != 0 {
			return errno.EXDEV
		}
		w.at = Path{w.at.Mount.parent, w.at.Mount.point}
	}
	w.at.Dentry = w.at.Dentry.parent
	return w.top()
}

// top goes to what is mounted on where we are.
func (w *walker) top() error {
	if w.at.Dentry.mounted == 0 {
		return nil
	}
	return w.jump(w.v.top(w.at))
}

// step goes from a directory to the name in it. A link that is to be followed is put before the rest of the
// name, and step reports true.
func (w *walker) step(name string, follow bool) (bool, error) {
	d := w.at.Dentry.children[name]
	if d == nil || d.quirks&quirkRevalidate != 0 {
		return w.stepSlow(name, follow)
	}
	d.used = true
	w.v.stats.Hits++
	i := d.Inode()
	if i == nil {
		return false, errno.ENOENT
	}
	if follow && i.Mode().IsSymlink() {
		if i.Link == "" {
			return w.stepSlow(name, follow)
		}
		return true, w.follow(i.Link)
	}
	w.at.Dentry = d
	return false, w.top()
}

// stepSlow is step where the filesystem must be asked.
func (w *walker) stepSlow(name string, follow bool) (bool, error) {
	if err := w.unlock(); err != nil {
		return false, err
	}
	d, err := w.v.lookup(w.t, w.at.Dentry, name)
	if err != nil {
		w.relock()
		return false, err
	}
	i := d.Inode()
	if i == nil {
		d.DecRef(w.t)
		w.relock()
		return false, errno.ENOENT
	}
	if follow && i.Mode().IsSymlink() {
		err := w.readlink(Path{w.at.Mount, d})
		d.DecRef(w.t)
		w.relock()
		return true, err
	}
	w.moveAnchor(d)
	w.relock()
	return false, w.top()
}

// moveAnchor makes d, whose reference it takes over, in the present mount, the place that is kept. Dcache isn't held.
func (w *walker) moveAnchor(d *Dentry) {
	w.at.Mount.refs.Add(1)
	old := w.anchor
	w.at.Dentry = d
	w.anchor = w.at
	old.DecRef(w.t)
}

// readlink prepares to follow the link at p. Dcache isn't held.
func (w *walker) readlink(p Path) error {
	i := p.Inode()
	if i.quirks&quirkMagic != 0 {
		if w.how&(NoMagicLinks|NoSymlinks) != 0 {
			return errno.ELOOP.Because("a magic link")
		}
		if w.links++; w.links > maxLinks {
			return errno.ELOOP
		}
		to, err := i.Ops.(MagicLinker).FollowLink(w.t, i)
		if err != nil {
			return err
		}
		if w.how&(Beneath|InRoot) != 0 || w.how&NoXDev != 0 && to.Mount != w.at.Mount {
			to.DecRef(w.t)
			return errno.EXDEV.Because("a magic link")
		}
		old := w.anchor
		w.at, w.anchor = to, to
		old.DecRef(w.t)
		return nil
	}
	target := i.Link
	if target == "" {
		r, ok := i.Ops.(Readlinker)
		if !ok {
			return errno.EINVAL.Because("the filesystem has no symbolic links")
		}
		var err error
		if target, err = r.Readlink(w.t, i); err != nil {
			return err
		}
		i.Accessed(w.t, p.Mount)
	}
	w.v.dcache.Lock(w.t)
	err := w.follow(target)
	w.v.dcache.Unlock(w.t)
	return err
}

// follow puts a link's target before the rest of the name. Caller holds dcache.
func (w *walker) follow(target string) error {
	if w.how&NoSymlinks != 0 || w.at.Mount.Flags()&abi.MS_NOSYMFOLLOW != 0 {
		return errno.ELOOP.Because("symbolic links are not to be followed here")
	}
	if w.links++; w.links > maxLinks {
		return errno.ELOOP.Because("more than 40 symbolic links")
	}
	if target == "" {
		return errno.ENOENT.Because("an empty symbolic link")
	}
	if target[0] == '/' {
		if w.how&Beneath != 0 {
			return errno.EXDEV.Because("an absolute link leads out of the directory")
		}
		if err := w.jump(w.root); err != nil {
			return err
		}
	}
	if w.rest == "" {
		w.rest = target
	} else {
		w.rest = target + "/" + w.rest
	}
	return nil
}

// unlock takes references on where we are and gives dcache back. EAGAIN with RESOLVE_CACHED.
func (w *walker) unlock() error {
	if w.how&Cached != 0 {
		return errno.EAGAIN.Because("the name is not cached")
	}
	old := w.anchor
	w.at.IncRef()
	w.anchor = w.at
	if !w.hold.OK() {
		w.root.IncRef()
		w.hold = w.root
	}
	w.v.dcache.Unlock(w.t)
	w.locked = false
	if old.OK() {
		old.DecRef(w.t)
	}
	return nil
}

func (w *walker) relock() {
	w.v.dcache.Lock(w.t)
	w.locked = true
}

// result returns where we are, with references, and ends the walk.
func (w *walker) result() (Path, error) {
	i := w.at.Dentry.Inode()
	if (w.slash || w.how&Directory != 0) && !i.IsDir() {
		w.finish()
		return Path{}, errno.ENOTDIR
	}
	p := w.at
	p.IncRef()
	w.finish()
	return p, nil
}

// finish gives back what the walk holds.
func (w *walker) finish() {
	if w.locked {
		w.locked = false
		w.v.dcache.Unlock(w.t)
	}
	if w.anchor.OK() {
		w.anchor.DecRef(w.t)
		w.anchor = Path{}
	}
	if w.hold.OK() {
		w.hold.DecRef(w.t)
		w.hold = Path{}
	}
}
