package fs

import (
	"sync"

	"golang.org/x/sys/unix"

	"vitrine/machine/p9"
)

// server is one session of 9P2000.L.
type server struct {
	host     *host
	writable bool
	tree     tree
	files    openFiles

	mu    sync.Mutex
	fids  map[uint32]*fid // guarded by mu
	msize uint32          // guarded by mu; 0 before Tversion

	renameMu sync.Mutex // one rename at a time, on the host and in the tree; first of all

	orderMu sync.Mutex // requests are taken from the queue one after the other
	seq     uint64     // guarded by orderMu

	flightMu sync.Mutex
	flights  map[uint16]*flight // requests under way by tag; guarded by flightMu
	walks    map[uint32]*flight // walks under way by the fid they make; guarded by flightMu
}

// maxMsize is the greatest message. Data is not copied through the server, so it costs nothing.
const maxMsize = 1<<20 + p9.WriteHeader

func newServer(o Options) (*server, error) {
	h, err := openHost(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &server{host: h, writable: o.Writable, fids: map[uint32]*fid{}, flights: map[uint16]*flight{}, walks: map[uint32]*flight{}}
	s.files.max = o.OpenMax
	if s.files.max <= 0 {
		s.files.max = defaultOpen
	}
	return s, nil
}

func (s *server) close() {
	s.reset()
	unix.Close(s.host.root)
}

// reset drops all fids: Tversion, or a new driver.
func (s *server) reset() {
	s.mu.Lock()
	fids := s.fids
	s.fids, s.msize = map[uint32]*fid{}, 0
	s.mu.Unlock()
	for _, f := range fids {
		s.drop(f)
	}
}

func (s *server) drop(f *fid) {
	s.files.close(f)
	s.tree.put(f.node)
}

// ops are the requests and whether they change anything.
var ops = map[uint8]struct {
	run   func(*server, *request) error
	write bool
}{
	p9.Tversion:  {(*server).version, false},
	p9.Tauth:     {(*server).auth, false},
	p9.Tattach:   {(*server).attach, false},
	p9.Tflush:    {(*server).flush, false},
	p9.Twalk:     {(*server).walk, false},
	p9.Tclunk:    {(*server).clunk, false},
	p9.Tgetattr:  {(*server).getattr, false},
	p9.Tlopen:    {(*server).lopen, false},
	p9.Tread:     {(*server).read, false},
	p9.Treaddir:  {(*server).readdir, false},
	p9.Treadlink: {(*server).readlink, false},
	p9.Tstatfs:   {(*server).statfs, false},
	p9.Tfsync:    {(*server).fsync, false},

	p9.Twrite:    {(*server).write, true},
	p9.Tlcreate:  {(*server).lcreate, true},
	p9.Tsetattr:  {(*server).setattr, true},
	p9.Tmkdir:    {(*server).mkdir, true},
	p9.Tmknod:    {(*server).mknod, true},
	p9.Tsymlink:  {(*server).symlink, true},
	p9.Tlink:     {(*server).link, true},
	p9.Tunlinkat: {(*server).unlinkat, true},
	p9.Tremove:   {(*server).remove, true},
	p9.Trenameat: {(*server).renameat, true},
	p9.Trename:   {(*server).rename, true},
}

// handle answers a request: its reply's body goes into r.re.
func (s *server) handle(r *request) error {
	op, ok := ops[r.typ]
	if !ok {
		return unix.EOPNOTSUPP
	}
	if op.write && !s.writable {
		if r.typ == p9.Tremove { // remove(5): it clunks the fid, whatever becomes of it
			s.clunk(r)
		}
		return unix.EROFS
	}
	s.mu.Lock()
	started := s.msize != 0
	s.mu.Unlock()
	if !started && r.typ != p9.Tversion {
		return unix.EPROTO
	}
	return op.run(s, r)
}

// version starts a session: version(5).
func (s *server) version(r *request) error {
	msize, v := r.args.U32(), r.args.Str()
	if r.args.Err != nil {
		return r.args.Err
	}
	if msize < p9.MinMsize {
		return unix.EINVAL
	}
	s.reset()
	msize = min(msize, maxMsize)
	if v != p9.Version {
		v = "unknown"
	} else {
		s.mu.Lock()
		s.msize = msize
		s.mu.Unlock()
	}
	r.re.U32(msize)
	r.re.Str(v)
	return nil
}

// auth refuses: nobody needs to authenticate.
func (s *server) auth(*request) error { return unix.ENOENT }

// attach makes a fid for root: attach(5).
func (s *server) attach(r *request) error {
	nr, _, _, _, _ := r.args.U32(), r.args.U32(), r.args.Str(), r.args.Str(), r.args.U32()
	if r.args.Err != nil {
		return r.args.Err
	}
	st, err := s.host.stat("")
	if err != nil {
		return err
	}
	root, _ := s.tree.get(&s.tree.root)
	if err := s.bind(nr, &fid{node: root, fd: -1}); err != nil {
		return err
	}
	r.re.QID(s.host.qid(&st))
	return nil
}

// bind gives a fid its number; it takes over f's reference on its node.
func (s *server) bind(nr uint32, f *fid) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := error(nil)
	switch {
	case nr == p9.NoFid || s.fids[nr] != nil:
		err = unix.EBADF
	case len(s.fids) >= maxFids:
		err = unix.ENFILE
	default:
		s.fids[nr] = f
		return nil
	}
	s.tree.put(f.node)
	return err
}

// fid returns the next argument's fid.
func (s *server) fid(r *request) (*fid, error) {
	nr := r.args.U32()
	if r.args.Err != nil {
		return nil, r.args.Err
	}
	for {
		s.mu.Lock()
		f := s.fids[nr]
		s.mu.Unlock()
		if f != nil {
			return f, nil
		}
		if !s.awaitWalk(r, nr) {
			return nil, unix.EBADF
		}
	}
}

// walk goes from a fid by up to 16 names to a new fid: walk(5).
func (s *server) walk(r *request) error {
	f, err := s.fid(r)
	nr, count := r.args.U32(), int(r.args.U16())
	if err != nil {
		return err
	}
	if count > p9.MaxWalk {
		return unix.EINVAL
	}
	var names [p9.MaxWalk]string
	for i := range count {
		names[i] = r.args.Str()
	}
	if r.args.Err != nil {
		return r.args.Err
	}
	n, err := s.tree.get(f.node)
	if err != nil {
		return err
	}
	var qids [p9.MaxWalk]p9.QID
	for i, name := range names[:count] {
		next, q, err := s.step(n, name)
		if err != nil {
			s.tree.put(n)
			if i == 0 {
				return err
			}
			// "If a later element cannot be walked, nwqid tells how far it went; newfid is not affected."
			r.re.U16(uint16(i))
			for _, q := range qids[:i] {
				r.re.QID(q)
			}
			return nil
		}
		s.tree.put(n)
		n, qids[i] = next, q
	}
	if err := s.rebind(nr, f, &fid{node: n, fd: -1}); err != nil {
		return err
	}
	r.re.U16(uint16(count))
	for _, q := range qids[:count] {
		r.re.QID(q)
	}
	return nil
}

// rebind is bind for a walk, which may move its own fid.
func (s *server) rebind(nr uint32, old, f *fid) error {
	s.mu.Lock()
	if s.fids[nr] != old || old.isOpen() {
		s.mu.Unlock()
		return s.bind(nr, f)
	}
	s.fids[nr] = f
	s.mu.Unlock()
	s.drop(old)
	return nil
}

func (f *fid) isOpen() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// step goes to one name in a directory. The node comes with a reference.
func (s *server) step(n *node, name string) (*node, p9.QID, error) {
	if name == ".." {
		// "A walk of .. in the root directory is equivalent to a walk with no name elements."
		s.tree.mu.Lock()
		if n.parent != nil {
			n = n.parent
		}
		n.refs++
		s.tree.mu.Unlock()
		q, err := s.qidOf(n)
		return n, q, err
	}
	if !p9.Valid(name) {
		return nil, p9.QID{}, unix.EINVAL
	}
	next, err := s.tree.child(n, name)
	if err != nil {
		return nil, p9.QID{}, err
	}
	q, err := s.qidOf(next)
	return next, q, err
}

// qidOf asks the host for a node's QID. On an error it drops the node's reference.
func (s *server) qidOf(n *node) (p9.QID, error) {
	path, err := s.tree.path(n)
	if err == nil {
		var st unix.Stat_t
		if st, err = s.host.stat(path); err == nil {
			return s.host.qid(&st), nil
		}
	}
	s.tree.put(n)
	return p9.QID{}, err
}

// clunk forgets a fid: clunk(5).
func (s *server) clunk(r *request) error {
	f, err := s.takeFid(r)
	if err == nil {
		s.drop(f)
	}
	return err
}

// takeFid is fid for one that ends with the request.
func (s *server) takeFid(r *request) (*fid, error) {
	nr := r.args.Peek32()
	f, err := s.fid(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fids[nr] != f {
		return nil, unix.EBADF // another request was quicker
	}
	delete(s.fids, nr)
	return f, nil
}
