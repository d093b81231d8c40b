package tty

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Device numbers (Documentation/admin-guide/devices.txt).
const (
	AuxMajor     = 5 // minor 0 is /dev/tty, 1 /dev/console, 2 /dev/ptmx
	PTYMajor     = 136
	minorTTY     = 0
	minorConsole = 1
	MinorPTMX    = 2
)

// Handle is an open terminal: the Impl of its File. Files from before a hangup stay dead when
// the terminal is opened anew.
type Handle struct {
	TTY        *TTY
	generation uint32 // of the TTY at the open; immutable
	console    bool   // /dev/console: no job control, survives hangups; immutable
}

// dead reports whether the terminal was hung up since the open. Caller holds TTY.mu.
func (h *Handle) dead() bool { return h.generation != h.TTY.generation && !h.console }

// OpenHow says how a terminal is opened.
type OpenHow struct {
	NoCTTY  bool // O_NOCTTY, or not for reading: it does not become the controlling terminal
	Console bool // as /dev/console
}

// Open opens the terminal for the calling task. A session leader without a controlling terminal gets this one,
// unless how says no.
func (tty *TTY) Open(t *sched.Thread, how OpenHow) (*Handle, error) {
	tty.mu.Lock(t)
	switch {
	case tty.masterGone:
		tty.mu.Unlock(t)
		return nil, errno.EIO.Because("the pseudoterminal's master is closed")
	case tty.pty != nil && tty.pty.locked:
		tty.mu.Unlock(t)
		return nil, errno.EIO.Because("the pseudoterminal is locked: see unlockpt(3)")
	case tty.exclusive && t.Cred != nil && !t.Cred.Has(cred.CapSysAdmin):
		tty.mu.Unlock(t)
		return nil, errno.EBUSY.Because("TIOCEXCL is set")
	}
	h := &Handle{TTY: tty, generation: tty.generation, console: how.Console}
	tty.opens++
	if tty.opens == 1 {
		if d, ok := tty.drv.(OpenCloser); ok {
			d.Open(t)
		}
	}
	tty.mu.Unlock(t)
	if !how.NoCTTY && !how.Console {
		tty.Adopt(t)
	}
	return h, nil
}

// Release implements vfs.Releaser.
func (h *Handle) Release(t *sched.Thread, _ *vfs.File) {
	tty := h.TTY
	tty.mu.Lock(t)
	tty.opens--
	if tty.opens == 0 {
		tty.exclusive = false
		if d, ok := tty.drv.(OpenCloser); ok {
			d.Close(t)
		}
	}
	tty.unlock(t)
}
