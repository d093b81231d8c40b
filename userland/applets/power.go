package applets

import (
	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// sync - write back what is only in memory
// reboot, poweroff, halt - end the system: -f at once, without writing back
func init() {
	box.Register(&box.Cmd{Name: "sync", Usage: "sync", Run: func([]string) int { unix.Sync(); return 0 }})
	for name, cmd := range map[string]int{
		"reboot":   unix.LINUX_REBOOT_CMD_RESTART,
		"poweroff": unix.LINUX_REBOOT_CMD_POWER_OFF, "halt": unix.LINUX_REBOOT_CMD_HALT,
	} {
		box.Register(&box.Cmd{Name: name, Usage: name + " [-f]", Run: func(args []string) int {
			o, _ := box.Parse(args, "f", "force=f")
			if !o.Has('f') {
				unix.Sync()
			}
			if err := unix.Reboot(cmd); err != nil {
				return box.Fail(args[0], "", err)
			}
			return 0
		}})
	}
}
