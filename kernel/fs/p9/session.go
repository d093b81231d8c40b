package p9

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/machine/p9"
)

// version starts the session: the greatest message, and which protocol.
func (c *client) version(t *sched.Thread) error {
	m, err := c.begin(t, p9.Tversion, "9p_version")
	if err != nil {
		return err
	}
	defer m.end(t)
	m.Reset(p9.Tversion, p9.NoTag)
	m.U32(maxMsize)
	m.Str(p9.Version)
	d, err := m.send(t)
	if err != nil {
		return err
	}
	msize, v := d.U32(), d.Str()
	if d.Err != nil || v != p9.Version || msize < p9.MinMsize || msize > maxMsize {
		return errno.EIO.Because("the server does not speak 9P2000.L")
	}
	c.msize = msize
	return nil
}

// maxData is how many bytes of data a message can have.
func (c *client) maxData() int { return int(c.msize) - p9.WriteHeader }

// attach returns a fid for the server's root.
func (c *client) attach(t *sched.Thread, uname, aname string) (uint32, error) {
	m, err := c.begin(t, p9.Tattach, "9p_attach")
	if err != nil {
		return 0, err
	}
	defer m.end(t)
	m.newFid = c.getFid(t)
	m.U32(m.newFid)
	m.U32(p9.NoFid)
	m.Str(uname)
	m.Str(aname)
	m.U32(0)
	if _, err := m.send(t); err != nil {
		return 0, m.noFid(t, err)
	}
	return m.newFid, nil
}

// noFid gives back the number of a fid that did not come to be. If the message was abandoned, finished does.
func (m *message) noFid(t *sched.Thread, err error) error {
	if m.slot != nil {
		m.c.putFid(t, m.newFid)
	}
	return err
}

// walk returns a fid for a name in the directory fid, or with no name a second fid for the same file.
func (c *client) walk(t *sched.Thread, fid uint32, names ...string) (uint32, error) {
	m, err := c.begin(t, p9.Twalk, "9p_walk")
	if err != nil {
		return 0, err
	}
	defer m.end(t)
	m.newFid = c.getFid(t)
	m.U32(fid)
	m.U32(m.newFid)
	m.U16(uint16(len(names)))
	for _, n := range names {
		m.Str(n)
	}
	d, err := m.send(t)
	if err == nil && (int(d.U16()) != len(names) || d.Err != nil) {
		err = errno.ENOENT // it went only part of the way: newfid was not made
	}
	if err != nil {
		return 0, m.noFid(t, err)
	}
	return m.newFid, nil
}

// getattr returns a file's attributes.
func (c *client) getattr(t *sched.Thread, fid uint32) (a p9.Attr, err error) {
	m, err := c.begin(t, p9.Tgetattr, "9p_getattr")
	if err != nil {
		return a, err
	}
	defer m.end(t)
	m.U32(fid)
	m.U64(p9.GetattrBasic)
	d, err := m.send(t)
	if err != nil {
		return a, err
	}
	return attrOf(d)
}

func attrOf(d *p9.Decoder) (p9.Attr, error) {
	a := d.Attr()
	if d.Err != nil || int64(a.Size) < 0 {
		return a, errBad
	}
	return a, nil
}

// walkAttr is walk by one name and getattr of what it finds, sent together: a server that takes requests in order, as ours
// does, answers both in one round. One that does not says that it knows no such fid, and is asked again.
func (c *client) walkAttr(t *sched.Thread, fid uint32, name string) (uint32, p9.Attr, error) {
	w, err := c.begin(t, p9.Twalk, "9p_walk")
	if err != nil {
		return 0, p9.Attr{}, err
	}
	defer w.end(t)
	w.newFid = c.getFid(t)
	w.U32(fid)
	w.U32(w.newFid)
	w.U16(1)
	w.Str(name)
	if err := w.submit(t); err != nil {
		return 0, p9.Attr{}, w.noFid(t, err)
	}
	g := c.tryBegin(t, p9.Tgetattr, "9p_getattr")
	if g != nil {
		defer g.end(t)
		g.U32(w.newFid)
		g.U64(p9.GetattrBasic)
		if g.submit(t) != nil {
			g.end(t)
			g = nil
		}
	}
	d, err := w.receive(t)
	if err == nil && (d.U16() != 1 || d.Err != nil) {
		err = errno.ENOENT
	}
	if err != nil {
		if g != nil {
			c.abandon(t, g) // its answer says nothing
		}
		return 0, p9.Attr{}, w.noFid(t, err)
	}
	var a p9.Attr
	err = errno.EBADF
	if g != nil {
		if d, err = g.receive(t); err == nil {
			a, err = attrOf(d)
		}
	}
	if errno.Of(err) == errno.EBADF {
		a, err = c.getattr(t, w.newFid)
	}
	if err != nil {
		c.clunk(t, w.newFid)
		return 0, a, err
	}
	return w.newFid, a, nil
}

// open opens the file of a fid.
func (c *client) open(t *sched.Thread, fid uint32, flags int) error {
	m, err := c.begin(t, p9.Tlopen, "9p_open")
	if err != nil {
		return err
	}
	defer m.end(t)
	m.must = true // whether the fid is open must be known
	m.U32(fid)
	m.U32(uint32(flags))
	_, err = m.send(t)
	return err
}

// read reads into buf, which lies in RAM.
func (c *client) read(t *sched.Thread, typ uint8, reason string, fid uint32, off uint64, buf []byte) (int, error) {
	buf = buf[:min(len(buf), c.maxData())]
	m, err := c.begin(t, typ, reason)
	if err != nil {
		return 0, err
	}
	defer m.end(t)
	m.U32(fid)
	m.U64(off)
	m.U32(uint32(len(buf)))
	m.in = buf
	d, err := m.send(t)
	if err != nil {
		return 0, err
	}
	n := d.U32()
	if d.Err != nil || uint64(n) > uint64(len(buf)) || uint64(n)+p9.IOHeaderSize > uint64(m.slot.req.Written) {
		return 0, errBad
	}
	return int(n), nil
}

// write writes data, which lies in RAM.
func (c *client) write(t *sched.Thread, fid uint32, off uint64, data []byte) (int, error) {
	data = data[:min(len(data), c.maxData())]
	m, err := c.begin(t, p9.Twrite, "9p_write")
	if err != nil {
		return 0, err
	}
	defer m.end(t)
	m.must = true
	m.U32(fid)
	m.U64(off)
	m.U32(uint32(len(data)))
	m.out = data
	d, err := m.send(t)
	if err != nil {
		return 0, err
	}
	n := d.U32()
	if d.Err != nil || int64(n) > int64(len(data)) {
		return 0, errBad
	}
	return int(n), nil
}

// readlink returns a symbolic link's target.
func (c *client) readlink(t *sched.Thread, fid uint32) (string, error) {
	m, err := c.begin(t, p9.Treadlink, "9p_readlink")
	if err != nil {
		return "", err
	}
	defer m.end(t)
	m.U32(fid)
	d, err := m.send(t)
	if err != nil {
		return "", err
	}
	s := d.Str()
	if d.Err != nil || s == "" || len(s) > p9.MaxLink {
		return "", errBad
	}
	return s, nil
}

// statfs returns sizes of the server's file system.
func (c *client) statfs(t *sched.Thread, fid uint32) (s p9.StatFS, err error) {
	m, err := c.begin(t, p9.Tstatfs, "9p_statfs")
	if err != nil {
		return s, err
	}
	defer m.end(t)
	m.U32(fid)
	d, err := m.send(t)
	if err != nil {
		return s, err
	}
	s = d.StatFS()
	if d.Err != nil {
		return s, errBad
	}
	return s, nil
}

// change sends a request that changes something; args appends its arguments.
func (c *client) change(t *sched.Thread, typ uint8, args func(m *message)) error {
	m, err := c.begin(t, typ, "9p_change")
	if err != nil {
		return err
	}
	defer m.end(t)
	m.must = true
	args(m)
	_, err = m.send(t)
	return err
}
