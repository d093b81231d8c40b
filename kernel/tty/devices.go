package tty

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// ttyGroup is the group "tty", which may write to terminals: write(1).
const ttyGroup = 5

// Register adds /dev/tty and /dev/console. A driver adds its terminal with TTY.Register, and package devpts /dev/ptmx.
func (tab *Table) Register(t *sched.Thread, v *vfs.VFS) error {
	err := v.RegisterChar(t, vfs.CharDev{
		Major: AuxMajor, Minor: minorTTY, Name: "tty", Mode: 0o666, GID: ttyGroup,
		Open: func(t *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) {
			jc := jobControl(t)
			if jc == nil || jc.ControllingTTY() == nil {
				return nil, errno.ENXIO.Because("the session has no controlling terminal")
			}
			return opened(jc.ControllingTTY().Open(t, OpenHow{NoCTTY: true}))
		},
	})
	if err != nil {
		return err
	}
	return v.RegisterChar(t, vfs.CharDev{
		Major: AuxMajor, Minor: minorConsole, Name: "console", Mode: 0o600,
		Open: func(t *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) {
			tty := tab.Console(t)
			if tty == nil {
				return nil, errno.ENODEV.Because("no terminal is the console")
			}
			return opened(tty.Open(t, OpenHow{Console: true}))
		},
	})
}

// Register adds the terminal's device node.
func (tty *TTY) Register(t *sched.Thread, v *vfs.VFS) error {
	return v.RegisterChar(t, vfs.CharDev{
		Major: tty.Major, Minor: tty.Minor, Name: tty.Name, Mode: 0o620, GID: ttyGroup,
		Open: func(t *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) {
			return opened(tty.OpenFile(t, f))
		},
	})
}

// OpenFile opens the terminal as f's flags say.
func (tty *TTY) OpenFile(t *sched.Thread, f *vfs.File) (*Handle, error) {
	return tty.Open(t, OpenHow{NoCTTY: f.Flags()&abi.O_NOCTTY != 0 || !f.CanRead()})
}

// opened keeps a nil *Handle from becoming an any that isn't nil.
func opened(h *Handle, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return h, nil
}
