package mm

import (
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// Fork returns a copy of the address space on child, as fork(2) needs it; child belongs to it, and is
// released if Fork fails.
//
// The pages of private areas:
//
//	few and writable     copied at once: cheaper than the faults they would bring
//	others, writable     shared: both sides lose the right to write, the first to write copies
//	read-only            shared
//
// Pages of pagers are entered in the child as they are in the parent.
func (as *AddressSpace) Fork(t *sched.Thread, child platform.AddressSpace) (*AddressSpace, error) {
	n, err := New(t, as.mem, child)
	if err != nil {
		child.Release()
		return nil, err
	}
	if err := as.forkTo(t, n); err != nil {
		n.Release(t)
		return nil, err
	}
	return n, nil
}

func (as *AddressSpace) forkTo(t *sched.Thread, n *AddressSpace) error {
	as.lock(t)
	defer as.unlock(t)
	// Nobody else knows the child but reclaim, which locks it.
	n.mu.Lock(t)
	defer n.unlock(t)
	n.brkStart, n.brk, n.mmapTop = as.brkStart, as.brk, as.mmapTop
	n.args, n.env, n.auxv = as.args, as.env, as.auxv
	for i := range as.limits {
		n.limits[i].Store(as.limits[i].Load())
	}
	defer as.flush(t)
	budget := uint64(maxCopiedFork)
	for _, v := range as.vmas {
		if v.Flags&DontFork != 0 {
			continue
		}
		c := &VMA{
			Start: v.Start, End: v.End, Prot: v.Prot, Flags: v.Flags &^ Locked, Pager: v.Pager, Offset: v.Offset,
			File: v.File, Name: v.Name, as: n, untracked: v.untracked,
		}
		if c.File != nil {
			c.File.IncRef()
		}
		n.vmas = append(n.vmas, c)
		n.account(c, +1)
		if c.Pager != nil {
			c.Pager.Attach(t, c)
		}
		if v.Flags&WipeOnFork != 0 {
			continue
		}
		if err := as.forkPages(t, v, n, c, &budget); err != nil {
			return err
		}
	}
	n.emitAll()
	return nil
}

// forkPages gives the child's area c the pages of v.
func (as *AddressSpace) forkPages(t *sched.Thread, v *VMA, n *AddressSpace, c *VMA, budget *uint64) error {
	var writable uint64
	if v.Flags&Shared == 0 {
		as.pt.each(v.Start, v.End, func(_ uint64, e *pte) {
			if e.Has(pteWrite) {
				writable++
			}
		})
	}
	copies := writable <= chunkPages && writable <= *budget
	if copies {
		*budget -= writable
	}
	var err error
	as.pt.each(v.Start, v.End, func(va uint64, e *pte) {
		if err != nil {
			return
		}
		var d *pte
		if d, err = n.pt.entry(t, va); err != nil {
			return
		}
		p, bits := PFN(e.Frame()), *e&^amd64.MakePTE(^uint64(0), 0)
		if copies && e.Has(pteWrite) && v.Flags&Shared == 0 {
			var own PFN
			if own, err = n.claimFrame(t, c, va, chunkPages); err == nil {
				n.mem.own(own, false)
				copy(n.mem.Bytes(own, 1), n.mem.Bytes(p, 1))
				n.set(d, own, bits)
			}
			return
		}
		as.mem.IncRef(p)
		if v.Flags&Shared == 0 || !v.untracked {
			bits &^= pteWrite
		}
		n.set(d, p, bits)
	})
	if !copies {
		as.writeProtect(v, v.Start, v.End)
	}
	return err
}
