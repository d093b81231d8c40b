package pipefs

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Init makes FIFOs work on v. For boot.
func Init(v *vfs.VFS) { v.OpenFIFO = openFIFO }

// openFIFO opens a FIFO (fifo(7)): a reader waits for a writer and a writer for a reader, unless O_NONBLOCK is set; O_RDWR
// waits for nobody. A pipe that is opened by its link in /proc/PID/fd has met its peers already, and never waits.
func openFIFO(t *sched.Thread, inode *vfs.Inode, f *vfs.File) error {
	inode.Lock(t)
	p, _ := inode.Special(t).(*Pipe)
	if p == nil {
		p = newPipe()
		p.fifo = true
		inode.SetSpecial(t, p)
	}
	inode.Unlock(t)

	p.mu.Lock(t)
	defer p.mu.Unlock(t)
	read, write := f.CanRead(), f.CanWrite()
	if p.fifo && write && !read && f.Nonblock() && p.readers == 0 {
		return errno.ENXIO.Because("nobody reads the FIFO")
	}
	// A reader's mark: how many writers had come before it; POLLHUP needs one that came later.
	f.Data = p.opens[1]
	if read {
		p.readers++
		p.opens[0]++
		p.wq.WakeAll()
	}
	if write {
		p.writers++
		p.opens[1]++
		p.rq.WakeAll()
	}
	f.Impl = p
	if !p.fifo || read && write || f.Nonblock() {
		return nil
	}
	var err error
	if read && p.writers == 0 {
		seen := p.opens[1]
		err = p.rq.WaitLocked(t, "fifo_open", &p.mu, func() bool { return p.opens[1] != seen })
	} else if write && p.readers == 0 {
		seen := p.opens[0]
		err = p.wq.WaitLocked(t, "fifo_open", &p.mu, func() bool { return p.opens[0] != seen })
	}
	if read && err == nil && p.writers > 0 {
		f.Data = -1 // it has met a writer
	}
	if err != nil {
		if read {
			p.readers--
		}
		if write {
			p.writers--
		}
		if p.readers == 0 {
			p.wq.WakeAll()
		}
		if p.writers == 0 {
			p.rq.WakeAll()
		}
	}
	return err
}
