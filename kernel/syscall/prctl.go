package syscall

import (
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(135, "personality", sysPersonality, In("persona", Hex), Covers("ADDR_NO_RANDOMIZE; other flags are kept and ignored"))
	Define(157, "prctl", sysPrctl, In("option", prctlOptions), In("arg2", Hex), In("arg3", Hex), In("arg4", Hex), In("arg5", Hex),
		Covers("NAME PDEATHSIG DUMPABLE KEEPCAPS CAPBSET SECUREBITS TIMERSLACK CHILD_SUBREAPER NO_NEW_PRIVS CAP_AMBIENT TID_ADDRESS THP_DISABLE"),
		Lacks("SECCOMP, MM, VMA names: EINVAL"))
	Define(158, "arch_prctl", sysArchPrctl, In("code", archPrctlCodes), In("addr", Hex), Covers("SET_FS GET_FS SET_GS GET_GS GET_CPUID"),
		Lacks("SET_CPUID, CET and AMX requests: EINVAL"))
}

var prctlOptions = Enum(Flag{1, "PR_SET_PDEATHSIG"}, Flag{2, "PR_GET_PDEATHSIG"}, Flag{3, "PR_GET_DUMPABLE"}, Flag{4, "PR_SET_DUMPABLE"},
	Flag{7, "PR_GET_KEEPCAPS"}, Flag{8, "PR_SET_KEEPCAPS"}, Flag{15, "PR_SET_NAME"}, Flag{16, "PR_GET_NAME"}, Flag{21, "PR_GET_SECCOMP"},
	Flag{22, "PR_SET_SECCOMP"}, Flag{23, "PR_CAPBSET_READ"}, Flag{24, "PR_CAPBSET_DROP"}, Flag{27, "PR_GET_SECUREBITS"},
	Flag{28, "PR_SET_SECUREBITS"}, Flag{29, "PR_SET_TIMERSLACK"}, Flag{30, "PR_GET_TIMERSLACK"}, Flag{36, "PR_SET_CHILD_SUBREAPER"},
	Flag{37, "PR_GET_CHILD_SUBREAPER"}, Flag{38, "PR_SET_NO_NEW_PRIVS"}, Flag{39, "PR_GET_NO_NEW_PRIVS"}, Flag{47, "PR_CAP_AMBIENT"},
	Flag{abi.PR_SET_VMA, "PR_SET_VMA"})

var archPrctlCodes = Enum(Flag{abi.ARCH_SET_GS, "ARCH_SET_GS"}, Flag{abi.ARCH_SET_FS, "ARCH_SET_FS"}, Flag{abi.ARCH_GET_FS, "ARCH_GET_FS"},
	Flag{abi.ARCH_GET_GS, "ARCH_GET_GS"}, Flag{abi.ARCH_GET_CPUID, "ARCH_GET_CPUID"}, Flag{abi.ARCH_SET_CPUID, "ARCH_SET_CPUID"})

// sysPersonality implements personality(2).
func sysPersonality(t *task.Task, a Args) (uint64, error) {
	old := t.Personality
	if p := a.Uint(0); p != 0xffffffff {
		t.Personality = p
	}
	return uint64(old), nil
}

// sysArchPrctl implements arch_prctl(2).
func sysArchPrctl(t *task.Task, a Args) (uint64, error) {
	v := a[1]
	switch a.Int(0) {
	case abi.ARCH_SET_FS, abi.ARCH_SET_GS:
		if v >= amd64.UserTop {
			return 0, errno.EPERM.Because("not a user address")
		}
		if a.Int(0) == abi.ARCH_SET_FS {
			t.Regs.FSBase = v
		} else {
			t.Regs.GSBase = v
		}
		return 0, nil
	case abi.ARCH_GET_FS:
		return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &t.Regs.FSBase)
	case abi.ARCH_GET_GS:
		return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &t.Regs.GSBase)
	case abi.ARCH_GET_CPUID:
		return 1, nil
	}
	return 0, errno.EINVAL.Because("unknown request")
}

// sysPrctl implements prctl(2).
func sysPrctl(t *task.Task, a Args) (uint64, error) {
	arg := a[1]
	rest := a[2]|a[3]|a[4] != 0
	flag := func(on bool) (uint64, error) {
		if on {
			return 1, nil
		}
		return 0, nil
	}
	switch op := a.Int(0); op {
	case abi.PR_SET_PDEATHSIG:
		if arg > abi.NSIG {
			return 0, errno.EINVAL.Because("no such signal")
		}
		t.SetParentDeathSignal(abi.Signal(arg))
		return 0, nil
	case abi.PR_GET_PDEATHSIG:
		sig := int32(t.ParentDeathSignal())
		return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &sig)
	case abi.PR_GET_DUMPABLE:
		return flag(t.Group.Dumpable(t.Thread))
	case abi.PR_SET_DUMPABLE:
		if arg > 1 {
			return 0, errno.EINVAL
		}
		t.Group.SetDumpable(t.Thread, arg == 1)
		return 0, nil
	case abi.PR_SET_NAME:
		var b [16]byte
		if err := copyInName(t, a.Addr(1), b[:15]); err != nil {
			return 0, err
		}
		name, _, _ := strings.Cut(string(b[:]), "\x00")
		t.SetComm(t.Thread, name)
		return 0, nil
	case abi.PR_GET_NAME:
		var b [16]byte
		copy(b[:15], t.Comm(t.Thread))
		return 0, mm.CopyOut(t.Thread, a.Addr(1), b[:])
	case abi.PR_GET_TIMING, abi.PR_GET_SECCOMP, abi.PR_MCE_KILL_GET:
		return 0, nil
	case abi.PR_SET_TIMERSLACK:
		if t.TimerSlack = int64(arg); t.TimerSlack <= 0 {
			t.TimerSlack = 50_000
		}
		return 0, nil
	case abi.PR_GET_TIMERSLACK:
		return uint64(t.TimerSlack), nil
	case abi.PR_SET_CHILD_SUBREAPER:
		t.SetSubreaper(arg != 0)
		return 0, nil
	case abi.PR_GET_CHILD_SUBREAPER:
		var v int32
		if t.Subreaper() {
			v = 1
		}
		return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &v)
	case abi.PR_SET_NO_NEW_PRIVS:
		if arg != 1 || rest {
			return 0, errno.EINVAL
		}
		c := t.Cred.Clone()
		c.NoNewPrivs = true
		t.SetCredentials(c)
		return 0, nil
	case abi.PR_GET_NO_NEW_PRIVS:
		if arg != 0 || rest {
			return 0, errno.EINVAL
		}
		return flag(t.Cred.NoNewPrivs)
	case abi.PR_GET_TID_ADDRESS:
		return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &t.ClearTID)
	case abi.PR_SET_THP_DISABLE, abi.PR_GET_THP_DISABLE, abi.PR_SET_PTRACER:
		return 0, nil
	case abi.PR_SET_SECCOMP:
		return 0, errno.EINVAL.Because("no seccomp")
	default:
		return prctlCaps(t, op, a)
	}
}

// copyInName reads a string that may be longer than b.
func copyInName(t *task.Task, addr mm.UAddr, b []byte) error {
	for i := range b {
		if err := mm.CopyIn(t.Thread, b[i:i+1], addr+mm.UAddr(i)); err != nil || b[i] == 0 {
			return err
		}
	}
	return nil
}

// prctlCaps are the options about capabilities.
func prctlCaps(t *task.Task, op int, a Args) (uint64, error) {
	arg, old := a[1], t.Cred
	c := old.Clone()
	bit := func(k uint64) cred.CapSet { return 1 << k }
	yes := func(on bool) uint64 {
		if on {
			return 1
		}
		return 0
	}
	switch op {
	case abi.PR_GET_KEEPCAPS:
		return yes(old.SecureBits&abi.SECBIT_KEEP_CAPS != 0), nil
	case abi.PR_SET_KEEPCAPS:
		if arg > 1 {
			return 0, errno.EINVAL
		}
		if old.SecureBits&abi.SECBIT_KEEP_CAPS_LOCKED != 0 {
			return 0, errno.EPERM
		}
		c.SecureBits &^= abi.SECBIT_KEEP_CAPS
		if arg == 1 {
			c.SecureBits |= abi.SECBIT_KEEP_CAPS
		}
	case abi.PR_CAPBSET_READ:
		if arg > uint64(cred.LastCap) {
			return 0, errno.EINVAL.Because("no such capability")
		}
		return yes(old.Bounding&bit(arg) != 0), nil
	case abi.PR_CAPBSET_DROP:
		if !old.Has(cred.CapSetpcap) {
			return 0, errno.EPERM
		}
		if arg > uint64(cred.LastCap) {
			return 0, errno.EINVAL.Because("no such capability")
		}
		c.Bounding &^= bit(arg)
	case abi.PR_GET_SECUREBITS:
		return uint64(old.SecureBits), nil
	case abi.PR_SET_SECUREBITS:
		locked := old.SecureBits >> 1 & 0x55 // bit n: the setting below its lock
		now := uint32(arg)
		if arg > abi.SECBIT_ALL || (now^old.SecureBits)&locked != 0 || old.SecureBits&0xaa&^now != 0 || !old.Has(cred.CapSetpcap) {
			return 0, errno.EPERM
		}
		c.SecureBits = now
	case abi.PR_CAP_AMBIENT:
		k := a[2]
		if arg == abi.PR_CAP_AMBIENT_CLEAR_ALL {
			c.Ambient = 0
			break
		}
		if k > uint64(cred.LastCap) {
			return 0, errno.EINVAL.Because("no such capability")
		}
		switch arg {
		case abi.PR_CAP_AMBIENT_IS_SET:
			return yes(old.Ambient&bit(k) != 0), nil
		case abi.PR_CAP_AMBIENT_RAISE:
			if old.Permitted&old.Inheritable&bit(k) == 0 {
				return 0, errno.EPERM.Because("not both permitted and inheritable")
			}
			c.Ambient |= bit(k)
		case abi.PR_CAP_AMBIENT_LOWER:
			c.Ambient &^= bit(k)
		default:
			return 0, errno.EINVAL
		}
	default:
		return 0, errno.EINVAL.Because("unknown option")
	}
	t.SetCredentials(c)
	return 0, nil
}
