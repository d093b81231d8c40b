package devpts

import (
	"fmt"
	"strconv"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
)

const (
	magic      = 0x1cd1 // DEVPTS_SUPER_MAGIC
	sourceName = "kernel:devpts"
	ttyGroup   = 5 // group "tty", which may write to terminals
	ptmxIno    = 2
	firstIno   = 3 // of pair 0
)

func init() {
	vfs.RegisterType(vfs.FSType{Name: "devpts", NoDev: true, Mount: mount})
}

// instance is a mount's view of the pairs: a superblock with its own options.
type instance struct {
	all  *Pairs
	sb   *vfs.Superblock
	ptmx *vfs.Inode // immutable after mount
	opts options    // guarded by Pairs.mu

	nodes map[int]*vfs.Inode // slaves that were looked up, by index; guarded by Pairs.mu
}

// options are mount options (Documentation/filesystems/devpts.rst).
type options struct {
	mode, ptmxMode vfs.Mode
	uid, gid       int64 // -1: the opener's
}

func mount(t *sched.Thread, v *vfs.VFS, r vfs.MountRequest) (*vfs.Superblock, error) {
	all, ok := v.Source(sourceName).(*Pairs)
	if !ok {
		return nil, errno.ENODEV.Because("there are no pseudoterminals")
	}
	in := &instance{all: all, nodes: map[int]*vfs.Inode{}, opts: options{mode: 0o600, ptmxMode: 0o666, uid: -1, gid: -1}}
	if err := in.opts.parse(r.Data); err != nil {
		return nil, err
	}
	in.sb = v.NewSuperblock("devpts", r.Source, magic, in)
	root := in.sb.NewInode(1, abi.S_IFDIR|0o755, in)
	root.SetNlink(2)
	in.ptmx = in.sb.NewInode(ptmxIno, abi.S_IFCHR|in.opts.ptmxMode, nil)
	in.ptmx.Init(vfs.NewNode{Rdev: vfs.MakeDev(tty.AuxMajor, tty.MinorPTMX)})
	in.sb.SetRoot(root)
	all.mu.Lock(t)
	all.insts = append(all.insts, in)
	all.mu.Unlock(t)
	return in.sb, nil
}

func (o *options) parse(data string) error {
	for _, opt := range strings.Split(data, ",") {
		key, val, _ := strings.Cut(opt, "=")
		base := 10
		if key == "mode" || key == "ptmxmode" {
			base = 8
		}
		n, err := strconv.ParseUint(val, base, 31)
		switch key {
		case "", "newinstance", "rw", "ro", "max":
			err = nil
		case "mode":
			o.mode = vfs.Mode(n).Perm()
		case "ptmxmode":
			o.ptmxMode = vfs.Mode(n).Perm()
		case "uid":
			o.uid = int64(n)
		case "gid":
			o.gid = int64(n)
		default:
			return errno.EINVAL.Because("devpts has no option " + key)
		}
		if err != nil {
			return errno.EINVAL.Because("devpts: bad value of option " + key)
		}
	}
	return nil
}

// ShowOptions implements vfs.Optioner.
func (in *instance) ShowOptions(*vfs.Superblock) string {
	o := in.opts
	s := fmt.Sprintf("mode=%03o,ptmxmode=%03o", o.mode, o.ptmxMode)
	if o.gid >= 0 {
		s = fmt.Sprintf("gid=%d,%s", o.gid, s)
	}
	if o.uid >= 0 {
		s = fmt.Sprintf("uid=%d,%s", o.uid, s)
	}
	return s
}

// Remount implements vfs.Optioner. New options are for terminals to come.
func (in *instance) Remount(t *sched.Thread, _ *vfs.Superblock, data string) error {
	in.all.mu.Lock(t)
	o := in.opts
	in.all.mu.Unlock(t)
	if err := o.parse(data); err != nil {
		return err
	}
	in.all.mu.Lock(t)
	defer in.all.mu.Unlock(t)
	in.opts = o
	in.ptmx.SetMode(abi.S_IFCHR | o.ptmxMode)
	return nil
}

// Shutdown implements vfs.Shutdowner.
func (in *instance) Shutdown(t *sched.Thread, _ *vfs.Superblock) {
	p := in.all
	p.mu.Lock(t)
	for i, x := range p.insts {
		if x == in {
			p.insts = append(p.insts[:i:i], p.insts[i+1:]...)
			break
		}
	}
	var nodes []*vfs.Inode
	for index := range p.pairs {
		if i := in.nodes[index]; i != nil {
			nodes = append(nodes, i)
		}
	}
	in.nodes = nil
	p.mu.Unlock(t)
	for _, i := range append(nodes, in.ptmx) {
		i.DecRef(t)
	}
}

// Lookup implements vfs.Lookuper.
func (in *instance) Lookup(t *sched.Thread, _ *vfs.Inode, name string) (*vfs.Inode, error) {
	if name == "ptmx" {
		in.ptmx.IncRef()
		return in.ptmx, nil
	}
	if i := in.node(t, indexOf(name)); i != nil {
		return i, nil
	}
	return nil, errno.ENOENT
}

// Revalidate implements vfs.Revalidater: pairs come and go without a word to the cache.
func (in *instance) Revalidate(t *sched.Thread, _ *vfs.Inode, name string, child *vfs.Inode) bool {
	if name == "ptmx" {
		return true
	}
	index := indexOf(name)
	if child == nil {
		return in.all.find(t, index) == nil
	}
	in.all.mu.Lock(t)
	defer in.all.mu.Unlock(t)
	return in.nodes[index] == child
}

// indexOf returns the pair that a name means, or -1.
func indexOf(name string) int {
	n, err := strconv.ParseUint(name, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != name {
		return -1
	}
	return int(n)
}

// node returns the inode of a pair's slave with a reference for the caller, or nil.
func (in *instance) node(t *sched.Thread, index int) *vfs.Inode {
	x := in.all.find(t, index)
	if x == nil {
		return nil
	}
	in.all.mu.Lock(t)
	defer in.all.mu.Unlock(t)
	if in.nodes == nil || in.all.pairs[index] != x {
		return nil
	}
	i := in.nodes[index]
	if i == nil {
		i = in.sb.NewInode(uint64(firstIno+index), abi.S_IFCHR|in.opts.mode, nil)
		i.Init(vfs.NewNode{Rdev: vfs.MakeDev(tty.PTYMajor, uint32(index))})
		uid, gid := x.uid, x.gid
		if in.opts.uid >= 0 {
			uid = cred.ID(in.opts.uid)
		}
		if in.opts.gid >= 0 {
			gid = cred.ID(in.opts.gid)
		}
		i.SetOwner(uid, gid)
		in.nodes[index] = i
	}
	i.IncRef()
	return i
}

// openNode opens a slave without its name.
func (in *instance) openNode(t *sched.Thread, index, flags int) (*vfs.File, error) {
	x, i := in.all.find(t, index), in.node(t, index)
	if x == nil || i == nil {
		return nil, errno.EIO.Because("no such pseudoterminal")
	}
	h, err := x.master.Slave.Open(t, tty.OpenHow{NoCTTY: flags&abi.O_NOCTTY != 0})
	if err != nil {
		i.DecRef(t)
		return nil, err
	}
	return in.sb.VFS.NewAnonFileInode(t, fmt.Sprintf("/dev/pts/%d", index), i, h, flags), nil
}

// ReadDir implements vfs.DirReader. A position is that of "." (0), ".." (1), ptmx (2) or the pair plus 3.
func (in *instance) ReadDir(t *sched.Thread, f *vfs.File, emit func(vfs.DirEntry) bool) error {
	pos := f.Position(t)
	fixed := [...]vfs.DirEntry{
		{Name: ".", Ino: 1, Type: abi.DT_DIR, Next: 1},
		{Name: "..", Ino: 1, Type: abi.DT_DIR, Next: 2},
		{Name: "ptmx", Ino: ptmxIno, Type: abi.DT_CHR, Next: firstIno},
	}
	for ; pos < firstIno; pos++ {
		if pos < 0 || !emit(fixed[pos]) {
			return nil
		}
	}
	for _, index := range in.all.indices(t, int(pos-firstIno)) {
		e := vfs.DirEntry{Name: strconv.Itoa(index), Ino: uint64(firstIno + index), Type: abi.DT_CHR, Next: int64(firstIno + index + 1)}
		if !emit(e) {
			return nil
		}
	}
	return nil
}

// indices returns the pairs from a certain one on.
func (p *Pairs) indices(t *sched.Thread, from int) []int {
	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	var all []int
	for i := max(from, 0); i < len(p.pairs); i++ {
		if p.pairs[i] != nil && p.pairs[i].master != nil {
			all = append(all, i)
		}
	}
	return all
}
