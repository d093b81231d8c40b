package syscall

import (
	"vitrine/kernel/task"
)

func init() {
	Define(109, "setpgid", sysSetpgid, In("pid", Int), In("pgid", Int))
	Define(111, "getpgrp", sysGetpgrp)
	Define(112, "setsid", sysSetsid)
	Define(121, "getpgid", sysGetpgid, In("pid", Int))
	Define(124, "getsid", sysGetsid, In("pid", Int))
}

// sysSetpgid implements setpgid(2).
func sysSetpgid(t *task.Task, a Args) (uint64, error) { return 0, t.SetPGID(a.Int(0), a.Int(1)) }

// sysGetpgrp implements getpgrp(2).
func sysGetpgrp(t *task.Task, a Args) (uint64, error) { return uint64(t.GroupID()), nil }

// sysGetpgid implements getpgid(2).
func sysGetpgid(t *task.Task, a Args) (uint64, error) {
	id, err := t.GetPGID(a.Int(0))
	return uint64(id), err
}

// sysSetsid implements setsid(2).
func sysSetsid(t *task.Task, a Args) (uint64, error) {
	id, err := t.SetSID()
	return uint64(id), err
}

// sysGetsid implements getsid(2).
func sysGetsid(t *task.Task, a Args) (uint64, error) {
	id, err := t.GetSID(a.Int(0))
	return uint64(id), err
}
