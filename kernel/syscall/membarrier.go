package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/task"
)

// Commands of membarrier(2).
const (
	membarrierQuery            = 0
	membarrierGlobal           = 1 << 0
	membarrierGlobalExpedited  = 1 << 1
	membarrierRegisterGlobal   = 1 << 2
	membarrierPrivateExpedited = 1 << 3
	membarrierRegisterPrivate  = 1 << 4
	membarrierSyncCore         = 1 << 5
	membarrierRegisterSyncCore = 1 << 6
	membarrierSupported        = membarrierGlobal | membarrierGlobalExpedited | membarrierRegisterGlobal |
		membarrierPrivateExpedited | membarrierRegisterPrivate | membarrierSyncCore | membarrierRegisterSyncCore
)

func init() {
	Define(324, "membarrier", sysMembarrier, In("cmd", Hex), In("flags", Hex), In("cpu", Int),
		Covers("QUERY, GLOBAL, GLOBAL_EXPEDITED, PRIVATE_EXPEDITED, PRIVATE_EXPEDITED_SYNC_CORE and their REGISTER_ forms"), Lacks("RSEQ"))
}

// sysMembarrier implements membarrier(2): every thread concerned that runs user code is brought into the kernel once,
// which is a barrier, and serialises its core too.
func sysMembarrier(t *task.Task, a Args) (uint64, error) {
	if a[1] != 0 {
		return 0, errno.EINVAL.Because("no flags are known")
	}
	switch cmd := a.Int(0); cmd {
	case membarrierQuery:
		return membarrierSupported, nil
	case membarrierRegisterGlobal, membarrierRegisterPrivate, membarrierRegisterSyncCore:
		return 0, nil
	case membarrierPrivateExpedited, membarrierSyncCore:
		return 0, t.Barrier([]*task.ThreadGroup{t.Group})
	case membarrierGlobal, membarrierGlobalExpedited:
		return 0, t.Barrier(t.Sys.Processes(t.Thread))
	}
	return 0, errno.EINVAL.Because("unknown command")
}
