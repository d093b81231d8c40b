package devpts

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
)

var classPairs = ksync.Class{Name: "devpts", Rank: ksync.RankFSInternal}

// Pairs is all pseudoterminals of a kernel: what each mount of devpts shows.
type Pairs struct {
	vfs   *vfs.VFS   // immutable
	table *tty.Table // immutable

	mu         ksync.Mutex
	pairs      []*pair // by index; nil: free; guarded by mu
	registered int     // slaves 0 … registered-1 have a device number; guarded by mu
	insts      []*instance
}

// pair is a pseudoterminal in use. It is immutable once its master is set.
type pair struct {
	index    int
	uid, gid cred.ID // of who opened the master
	master   *tty.Master
}

// Register makes devpts mountable and adds the device /dev/ptmx.
func Register(t *sched.Thread, v *vfs.VFS, table *tty.Table) (*Pairs, error) {
	p := &Pairs{vfs: v, table: table, mu: ksync.NewMutex(&classPairs)}
	v.RegisterSource(sourceName, p)
	err := v.RegisterChar(t, vfs.CharDev{
		Major: tty.AuxMajor, Minor: tty.MinorPTMX, Name: "ptmx", Mode: 0o666, GID: ttyGroup,
		Open: func(t *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) { return p.open(t) },
	})
	return p, err
}

// open makes a new pseudoterminal: open(2) of /dev/ptmx.
func (p *Pairs) open(t *sched.Thread) (any, error) {
	x, err := p.reserve(t)
	if err != nil {
		return nil, err
	}
	m, err := p.table.NewPair(t, x.index)
	if err != nil {
		p.free(t, x)
		return nil, err
	}
	m.OpenSlave = func(t *sched.Thread, flags int) (*vfs.File, error) { return p.openSlave(t, x.index, flags) }
	m.Closed = func(t *sched.Thread) { p.free(t, x) }
	p.mu.Lock(t)
	x.master = m
	p.mu.Unlock(t)
	return m, nil
}

// reserve takes the lowest free index.
func (p *Pairs) reserve(t *sched.Thread) (*pair, error) {
	x := &pair{gid: ttyGroup}
	if t.Cred != nil {
		x.uid = t.Cred.FSUID
	}
	p.mu.Lock(t)
	for x.index < len(p.pairs) && p.pairs[x.index] != nil {
		x.index++
	}
	if x.index >= tty.MaxPairs {
		p.mu.Unlock(t)
		return nil, errno.ENOSPC.Because("too many pseudoterminals")
	}
	if x.index == len(p.pairs) {
		p.pairs = append(p.pairs, nil)
	}
	p.pairs[x.index] = x
	register := x.index >= p.registered
	if register {
		p.registered = x.index + 1
	}
	p.mu.Unlock(t)
	if !register {
		return x, nil
	}
	// The number stays known from now on; without a pair behind it opening it fails.
	err := p.vfs.RegisterChar(t, vfs.CharDev{
		Major: tty.PTYMajor, Minor: uint32(x.index), Name: "pts", Hidden: true,
		Open: func(t *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) { return p.openDevice(t, x.index, f) },
	})
	if err != nil {
		p.free(t, x)
		return nil, err
	}
	return x, nil
}

// openDevice opens the slave with the given minor number.
func (p *Pairs) openDevice(t *sched.Thread, index int, f *vfs.File) (any, error) {
	x := p.find(t, index)
	if x == nil {
		return nil, errno.EIO.Because("no such pseudoterminal")
	}
	h, err := x.master.Slave.OpenFile(t, f)
	if err != nil {
		return nil, err
	}
	return h, nil
}

// find returns the pair with that index, if its master is open.
func (p *Pairs) find(t *sched.Thread, index int) *pair {
	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	if index < 0 || index >= len(p.pairs) || p.pairs[index] == nil || p.pairs[index].master == nil {
		return nil
	}
	return p.pairs[index]
}

// free gives an index back: the master was closed. Its nodes are gone.
func (p *Pairs) free(t *sched.Thread, x *pair) {
	p.mu.Lock(t)
	p.pairs[x.index] = nil
	var gone []*vfs.Inode
	for _, in := range p.insts {
		if i := in.nodes[x.index]; i != nil {
			delete(in.nodes, x.index)
			gone = append(gone, i)
		}
	}
	p.mu.Unlock(t)
	for _, i := range gone {
		i.SetNlink(0)
		i.DecRef(t)
	}
}

// openSlave opens the slave as its master's TIOCGPTPEER wants it: no name is needed.
func (p *Pairs) openSlave(t *sched.Thread, index, flags int) (*vfs.File, error) {
	p.mu.Lock(t)
	var in *instance
	if len(p.insts) > 0 {
		in = p.insts[0]
	}
	p.mu.Unlock(t)
	if in == nil {
		return nil, errno.EIO.Because("devpts is not mounted")
	}
	return in.openNode(t, index, flags)
}
