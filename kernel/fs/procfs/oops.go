package procfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/bootparam"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs/pseudo"
)

var paramOops = bootparam.Flag("debug.oops", "make /proc/vitrine/oops, where root can order a kernel bug: see what becomes of it")

// OopsParam reports whether the command line wants /proc/vitrine/oops.
func OopsParam(ps *bootparam.Params) bool { return paramOops.Get(ps) }

// oopsFile is /proc/vitrine/oops: what is written there is the bug to have.
//
//	nil     a nil pointer is followed
//	index   an index is out of range
//	lock    the same, with a lock held: nobody knows what it left behind, so the machine ends
//	thread  a kernel thread has it
func (k *Kernel) oopsFile() *pseudo.Node {
	return &pseudo.Node{Mode: abi.S_IFREG | 0o200, Write: func(t *sched.Thread, p []byte) error {
		switch what := string(trimNewline(p)); what {
		case "nil", "index":
			bug(what)
		case "lock":
			mu := ksync.NewMutex(&classOops)
			mu.Lock(t)
			bug("index")
			mu.Unlock(t)
		case "thread":
			k.Tasks.Sched.Spawn("koops", func(*sched.Thread) { bug("index") })
		default:
			return errno.EINVAL.Because("nil, index, lock or thread")
		}
		return nil
	}}
}

var classOops = ksync.Class{Name: "debug_oops", Rank: ksync.RankFSInternal}

// bug is where a report of an ordered bug must point.
//
//go:noinline
func bug(kind string) int {
	var none *Kernel
	if kind == "nil" {
		return len(none.CommandLine)
	}
	return int([]byte(kind)[len(kind)])
}

func trimNewline(p []byte) []byte {
	if n := len(p); n > 0 && p[n-1] == '\n' {
		return p[:n-1]
	}
	return p
}
