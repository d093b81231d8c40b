package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(63, "uname", sysUname, Out("buf", Addr))
	Define(170, "sethostname", sysSethostname, In("name", Buf(1)), In("len", Size))
	Define(171, "setdomainname", sysSetdomainname, In("name", Buf(1)), In("len", Size))
}

// utsname is struct new_utsname.
type utsname struct{ Sysname, Nodename, Release, Version, Machine, Domainname [65]byte }

// sysUname implements uname(2).
func sysUname(t *task.Task, a Args) (uint64, error) {
	var u utsname
	host, domain := t.Sys.Hostname(t.Thread)
	release, version := t.Sys.Release, t.Sys.Version
	copy(u.Sysname[:64], "Linux")
	copy(u.Nodename[:64], host)
	copy(u.Release[:64], release)
	copy(u.Version[:64], version)
	copy(u.Machine[:64], "x86_64")
	copy(u.Domainname[:64], domain)
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(0), &u)
}

func copyInHostname(t *task.Task, a Args) (string, error) {
	if !t.Cred.Has(cred.CapSysAdmin) {
		return "", errno.EPERM
	}
	if a.Int(1) < 0 || a.Int(1) > 64 {
		return "", errno.EINVAL.Because("the name is longer than 64 bytes")
	}
	b := make([]byte, a.Int(1))
	err := mm.CopyIn(t.Thread, b, a.Addr(0))
	return string(b), err
}

// sysSethostname implements sethostname(2).
func sysSethostname(t *task.Task, a Args) (uint64, error) {
	name, err := copyInHostname(t, a)
	if err != nil {
		return 0, err
	}
	return 0, t.Sys.SetHostname(t.Thread, name)
}

// sysSetdomainname implements setdomainname(2).
func sysSetdomainname(t *task.Task, a Args) (uint64, error) {
	name, err := copyInHostname(t, a)
	if err != nil {
		return 0, err
	}
	return 0, t.Sys.SetDomainname(t.Thread, name)
}
