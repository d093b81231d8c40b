package sh

import (
	"os"
	"os/signal"
	"sort"
	"syscall"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// Signals reach the shell through the channel sh.sigc and are looked at between
// commands (POSIX: a trap runs when the foreground command has ended). A shell
// without traps, and not interactive, has no channel and dies of its signals.

// catch makes signals arrive at sh.sigc.
func (sh *Shell) catch(sigs ...os.Signal) {
	if sh.sigc == nil {
		sh.sigc = make(chan os.Signal, 64)
	}
	signal.Notify(sh.sigc, sigs...)
}

// interactiveSignals: the shell itself must survive what is meant for its jobs.
// Caught signals are back at their default in a program that is exec'ed, ignored
// ones would stay ignored; so they are caught, and dropped.
func (sh *Shell) interactiveSignals() {
	sh.catch(unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGHUP)
}

// pollSignals handles the signals that have arrived.
func (sh *Shell) pollSignals() {
	for sh.sigc != nil && !sh.inTrap {
		select {
		case s := <-sh.sigc:
			sh.signal(int(s.(syscall.Signal)))
		default:
			return
		}
	}
}

// signal runs the trap of a signal, or does what an interactive shell does.
func (sh *Shell) signal(sig int) (trapped bool) {
	if cmd, ok := sh.traps[sig]; ok && cmd != "" {
		status, line := sh.status, sh.line
		sh.inTrap = true
		defer func() { sh.inTrap = false }()
		sh.runText(cmd, "trap")
		sh.status, sh.line = status, line
		return true
	}
	if !sh.interactive {
		return false
	}
	switch syscall.Signal(sig) {
	case unix.SIGINT:
		box.Stderr.WriteString("\n")
		panic(unwind{status: 130})
	case unix.SIGHUP:
		panic(unwind{status: 129, exit: true})
	}
	return false
}

// drainInterrupt drops ^C that has reached the shell together with its child.
func (sh *Shell) drainInterrupt() {
	for sh.sigc != nil {
		select {
		case s := <-sh.sigc:
			if s != unix.SIGINT {
				sh.signal(int(s.(syscall.Signal)))
			}
		default:
			return
		}
	}
}

// setTrap sets the action of a signal: nil the default, "" to ignore it.
func (sh *Shell) setTrap(sig int, cmd *string) {
	if cmd == nil {
		delete(sh.traps, sig)
	} else {
		sh.traps[sig] = *cmd
	}
	if sig == 0 {
		return
	}
	s := syscall.Signal(sig)
	switch {
	case cmd == nil:
		signal.Reset(s)
		if sh.interactive {
			sh.interactiveSignals()
		}
	case *cmd == "":
		signal.Ignore(s)
	default:
		sh.catch(s)
	}
}

// ignoreKeyboard ignores SIGINT and SIGQUIT while a background command is started
// without job control: it inherits that, so ^C does not reach it (POSIX 2.11).
func (sh *Shell) ignoreKeyboard() (restore func()) {
	if sh.tty >= 0 {
		return func() {}
	}
	signal.Ignore(unix.SIGINT, unix.SIGQUIT)
	return func() {
		for _, sig := range []int{int(unix.SIGINT), int(unix.SIGQUIT)} {
			if cmd, ok := sh.traps[sig]; ok {
				sh.setTrap(sig, &cmd)
			} else {
				sh.setTrap(sig, nil)
			}
		}
	}
}

// biTrap - trap [ACTION] SIGNAL..., trap lists
func biTrap(sh *Shell, args []string) int {
	a := args[1:]
	if len(a) > 0 && a[0] == "--" {
		a = a[1:]
	}
	if len(a) == 0 || a[0] == "-p" {
		var sigs []int
		for s := range sh.traps {
			sigs = append(sigs, s)
		}
		sort.Ints(sigs)
		for _, s := range sigs {
			name := "EXIT"
			if s != 0 {
				name = box.SignalName(s)
			}
			box.Out.WriteString("trap -- '" + quoteBare(sh.traps[s]) + "' " + name + "\n")
		}
		return 0
	}
	var cmd *string
	if _, num := box.ParseSignal(a[0]); a[0] == "-" {
		a = a[1:]
	} else if !(num && a[0][0] >= '0' && a[0][0] <= '9') && len(a) > 1 { // "trap 2" resets, like "trap - 2"
		cmd = &a[0]
		a = a[1:]
	} else if len(a) == 1 && !num {
		sh.errorf("trap: " + a[0] + ": bad trap")
		return 1
	}
	status := 0
	for _, name := range a {
		sig, ok := box.ParseSignal(name)
		if !ok {
			sh.errorf("trap: " + name + ": bad trap")
			status = 1
			continue
		}
		sh.setTrap(sig, cmd)
	}
	return status
}
