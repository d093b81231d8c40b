package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/task"
	"vitrine/kernel/tty"
)

// openPeer is ioctl(TIOCGPTPEER) of a pseudoterminal's master: it opens the slave, without its name, as flags say.
func openPeer(t *task.Task, m *tty.Master, flags int) (uint64, error) {
	if flags&^(abi.O_ACCMODE|abi.O_NOCTTY|abi.O_NONBLOCK|abi.O_CLOEXEC) != 0 {
		return 0, errno.EINVAL.Because("unknown open flag")
	}
	if m.OpenSlave == nil {
		return 0, errno.EIO.Because("no devpts shows the slave")
	}
	f, err := m.OpenSlave(t.Thread, flags)
	if err != nil {
		return 0, err
	}
	return installFile(t, f, flags&abi.O_CLOEXEC != 0)
}
