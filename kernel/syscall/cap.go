package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(125, "capget", sysCapget, In("header", Addr), Out("data", Addr))
	Define(126, "capset", sysCapset, In("header", Addr), In("data", Addr))
}

// Versions of the structures of capget(2): one or two words of each set.
const (
	capVersion1 = 0x19980330
	capVersion2 = 0x20071026
	capVersion3 = 0x20080522
)

type capHeader struct {
	Version uint32
	PID     int32
}

type capData struct{ Effective, Permitted, Inheritable uint32 }

// capWords reads the header and returns how many capData follow. For an unknown version the best one is stored.
func capWords(t *task.Task, addr mm.UAddr) (capHeader, int, error) {
	h, err := mm.CopyInStruct[capHeader](t.Thread, addr)
	if err != nil {
		return h, 0, err
	}
	switch h.Version {
	case capVersion1:
		return h, 1, nil
	case capVersion2, capVersion3:
		return h, 2, nil
	}
	best := uint32(capVersion3)
	if err := mm.CopyOutStruct(t.Thread, addr, &best); err != nil {
		return h, 0, err
	}
	return h, 0, errno.EINVAL.Because("unknown version of the capability structures")
}

// sysCapget implements capget(2).
func sysCapget(t *task.Task, a Args) (uint64, error) {
	h, n, err := capWords(t, a.Addr(0))
	if err != nil {
		if a[1] == 0 && errno.Of(err) == errno.EINVAL {
			return 0, nil // asking for the version
		}
		return 0, err
	}
	c := t.Cred
	switch {
	case h.PID < 0:
		return 0, errno.EINVAL
	case h.PID != 0:
		x := t.Sys.Task(t.Thread, int(h.PID))
		if x == nil {
			return 0, errno.ESRCH
		}
		c = x.Credentials()
	}
	if a[1] == 0 {
		return 0, nil
	}
	data := []capData{
		{uint32(c.Effective), uint32(c.Permitted), uint32(c.Inheritable)},
		{uint32(c.Effective >> 32), uint32(c.Permitted >> 32), uint32(c.Inheritable >> 32)},
	}
	return 0, mm.CopyOutSlice(t.Thread, a.Addr(1), data[:n])
}

// sysCapset implements capset(2), for the calling thread.
func sysCapset(t *task.Task, a Args) (uint64, error) {
	h, n, err := capWords(t, a.Addr(0))
	if err != nil {
		return 0, err
	}
	if h.PID != 0 && int(h.PID) != t.TID() {
		return 0, errno.EPERM.Because("only of oneself")
	}
	data, err := mm.CopyInSlice[capData](t.Thread, a.Addr(1), n)
	if err != nil {
		return 0, err
	}
	var eff, perm, inh cred.CapSet
	for i, d := range data {
		eff |= cred.CapSet(d.Effective) << (32 * i)
		perm |= cred.CapSet(d.Permitted) << (32 * i)
		inh |= cred.CapSet(d.Inheritable) << (32 * i)
	}
	eff, perm, inh = eff&cred.AllCaps, perm&cred.AllCaps, inh&cred.AllCaps
	old := t.Cred
	switch {
	case !old.Has(cred.CapSetpcap) && inh&^(old.Inheritable|old.Permitted) != 0,
		inh&^(old.Inheritable|old.Bounding) != 0, perm&^old.Permitted != 0, eff&^perm != 0:
		return 0, errno.EPERM.Because("more than there was, or effective beyond permitted")
	}
	c := old.Clone()
	c.Effective, c.Permitted, c.Inheritable = eff, perm, inh
	c.Ambient &= perm & inh
	t.SetCredentials(c)
	return 0, nil
}
