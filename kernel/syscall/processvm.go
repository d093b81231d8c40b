package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	params := []Option{
		In("pid", Int), In("local", Addr), In("nlocal", Size), In("remote", Addr), In("nremote", Size), In("flags", Hex),
	}
	Define(310, "process_vm_readv", sysProcessVMReadv, params...)
	Define(311, "process_vm_writev", sysProcessVMWritev, params...)
}

// sysProcessVMReadv implements process_vm_readv(2).
func sysProcessVMReadv(t *task.Task, a Args) (uint64, error) { return processVM(t, a, false) }

// sysProcessVMWritev implements process_vm_writev(2).
func sysProcessVMWritev(t *task.Task, a Args) (uint64, error) { return processVM(t, a, true) }

func processVM(t *task.Task, a Args, write bool) (uint64, error) {
	if a[5] != 0 || a[2] > mm.MaxIOVecs || a[4] > mm.MaxIOVecs {
		return 0, errno.EINVAL
	}
	local, err := mm.UserIOVec(t.Thread, a.Addr(1), int(a[2]))
	if err != nil {
		return 0, err
	}
	remote, err := mm.CopyInSlice[mm.IOVec](t.Thread, a.Addr(3), int(a[4]))
	if err != nil {
		return 0, err
	}
	x := t.Sys.Task(t.Thread, a.Int(0))
	if x == nil {
		return 0, errno.ESRCH
	}
	if !mayAccess(t, x) {
		return 0, errno.EPERM
	}
	as := x.AddressSpace(t.Thread)
	if as == nil {
		return 0, errno.ESRCH
	}
	defer as.Release(t.Thread)
	var done uint64
	buf := make([]byte, 16*mm.PageSize)
	for _, r := range remote {
		for r.Len > 0 && local.Len() > 0 {
			part := buf[:min(uint64(len(buf)), r.Len, uint64(local.Len()))]
			n := 0
			if write {
				if n, err = local.CopyIn(t.Thread, part); n > 0 {
					var werr error
					if n, werr = mm.AccessRemote(t.Thread, as, r.Base, part[:n], true, false); werr != nil {
						err = werr
					}
				}
			} else if n, err = mm.AccessRemote(t.Thread, as, r.Base, part, false, false); n > 0 {
				m, cerr := local.CopyOut(t.Thread, part[:n])
				if n = m; cerr != nil {
					err = cerr
				}
			}
			done += uint64(n)
			if err != nil {
				if done > 0 {
					return done, nil
				}
				return 0, err
			}
			r.Base += mm.UAddr(n)
			r.Len -= uint64(n)
			if t.SigPending.Load() && done > 0 {
				return done, nil
			}
		}
	}
	return done, nil
}

// mayAccess is ptrace(2)'s "PTRACE_MODE_ATTACH_REALCREDS" without a security module.
func mayAccess(t, x *task.Task) bool {
	c, o := t.Cred, x.Credentials()
	if t.Group == x.Group || c.Has(cred.CapSysPtrace) {
		return true
	}
	return o != nil && c.UID == o.UID && c.UID == o.EUID && c.UID == o.SUID && c.GID == o.GID && c.GID == o.EGID && c.GID == o.SGID
}
