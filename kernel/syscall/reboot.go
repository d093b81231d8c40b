package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/machine"
)

// Magic numbers and commands of reboot(2).
const (
	rebootMagic1   = 0xfee1dead
	rebootRestart  = 0x01234567
	rebootHalt     = 0xcdef0123
	rebootCADOn    = 0x89abcdef
	rebootCADOff   = 0
	rebootPowerOff = 0x4321fedc
	rebootRestart2 = 0xa1b2c3d4
)

var rebootMagic2 = [...]uint32{672274793, 85072278, 369367448, 537993216}

func init() {
	Define(169, "reboot", sysReboot, In("magic1", Hex), In("magic2", Hex),
		In("cmd", Enum(Flag{rebootRestart, "RB_AUTOBOOT"}, Flag{rebootHalt, "RB_HALT_SYSTEM"}, Flag{rebootCADOn, "RB_ENABLE_CAD"},
			Flag{rebootCADOff, "RB_DISABLE_CAD"}, Flag{rebootPowerOff, "RB_POWER_OFF"})), In("arg", Addr),
		Covers("RESTART, RESTART2, HALT, POWER_OFF; CAD_ON and CAD_OFF do nothing"), Lacks("KEXEC, SW_SUSPEND"))
}

// sysReboot implements reboot(2).
func sysReboot(t *task.Task, a Args) (uint64, error) {
	if !t.Cred.Has(cred.CapSysBoot) {
		return 0, errno.EPERM
	}
	ok := false
	for _, m := range rebootMagic2 {
		ok = ok || a.Uint(1) == m
	}
	if a.Uint(0) != rebootMagic1 || !ok {
		return 0, errno.EINVAL.Because("wrong magic numbers")
	}
	switch a.Uint(2) {
	case rebootCADOn, rebootCADOff:
	case rebootRestart2:
		if _, err := mm.CopyInString(t.Thread, a.Addr(3), 255); err != nil {
			return 0, err
		}
		fallthrough
	case rebootRestart:
		t.Sys.Halt(t.Thread, machine.Halt{Reason: machine.Reboot})
	case rebootHalt, rebootPowerOff:
		t.Sys.Halt(t.Thread, machine.Halt{Reason: machine.PowerOff})
	default:
		return 0, errno.EINVAL.Because("unknown command")
	}
	return 0, nil
}
