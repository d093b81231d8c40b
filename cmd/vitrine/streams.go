package main

import (
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"vitrine/hostdev/console"
)

// Names of the console device's ports; see docs/boot.md.
const consoleNode = "/dev/console"

var streamNames = [3]string{"stdin", "stdout", "stderr"}

func portNode(name string) string { return "/dev/virtio-ports/" + name }

// ports are the console device's ports: the terminal, three streams, and those of `vitrine exec`.
func ports() []console.PortSpec {
	specs := []console.PortSpec{{Name: "console", Console: true}}
	for _, name := range streamNames {
		specs = append(specs, console.PortSpec{Name: name})
	}
	for i := range maxExecs {
		for _, name := range streamNames {
			specs = append(specs, console.PortSpec{Name: execPort(i, name)})
		}
	}
	for i := range maxTerminals {
		specs = append(specs, console.PortSpec{Name: execTerminal(i), Console: true})
	}
	return specs
}

// streams joins this process's standard streams to the machine.
type streams struct {
	command bool    // a command runs: streams that are no terminals have ports of their own
	tty     [3]bool // this process's stream is a terminal
	raw     *rawTerminal
	guest   *guest // instead of this process's streams
}

// choose finds out what the streams are.
func (s *streams) choose(command bool) {
	s.command = command
	if s.guest != nil {
		s.tty = [3]bool{s.guest.terminal, s.guest.terminal, s.guest.terminal}
		return
	}
	for fd := range 3 {
		s.tty[fd] = isTerminal(fd)
	}
}

// terminal reports whether somebody sits at a terminal.
func (s *streams) terminal() bool { return s.tty[0] || s.tty[1] }

// size is the terminal's size.
func (s *streams) size() (cols, rows int) {
	for fd := range 3 {
		if s.tty[fd] && s.guest == nil {
			return windowSize(fd)
		}
	}
	return 80, 24
}

// nodes are the device nodes of the program's three streams; "" is the console for all.
func (s *streams) nodes() string {
	if !s.command || s.tty[0] && s.tty[1] && s.tty[2] {
		return ""
	}
	var n [3]string
	for fd := range 3 {
		if n[fd] = consoleNode; !s.tty[fd] {
			n[fd] = portNode(streamNames[fd])
		}
	}
	return n[0] + "," + n[1] + "," + n[2]
}

var files = [3]*os.File{os.Stdin, os.Stdout, os.Stderr}

// connect joins the streams, and makes the terminal raw.
func (s *streams) connect(m *vm) error {
	if s.guest != nil {
		s.guest.connect(m)
		return nil
	}
	con := m.console.Ports[0]
	// The console shows itself on a terminal; without one, with an interactive
	// guest on standard output, and else what little comes (kernel messages) on standard error.
	show := 2
	switch {
	case s.tty[1] || !s.command:
		show = 1
	case s.tty[2]:
	case s.tty[0]:
		show = 0
	}
	con.Output(files[show])
	if s.tty[0] {
		var err error
		if s.raw, err = makeRaw(0, show != 1); err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
		esc := &escapeReader{r: os.Stdin}
		esc.command = func(key byte) {
			switch key {
			case 'x':
				fmt.Fprint(files[show], "\r\nvitrine: switched off\r\n")
				m.quit()
			case '?':
				fmt.Fprintf(files[show], escapeHelp, "switch the machine off")
			}
		}
		con.Input(sizedKeys{esc, reportSize(0, m.console.Resize)})
	} else if !s.command {
		con.Input(os.Stdin)
	}
	if !s.command {
		return nil
	}
	if !s.tty[0] {
		m.console.Port(streamNames[0]).Input(os.Stdin)
	}
	for fd := 1; fd <= 2; fd++ {
		if !s.tty[fd] {
			m.console.Port(streamNames[fd]).Output(files[fd])
		}
	}
	return nil
}

// restore gives the terminal back.
func (s *streams) restore() { s.raw.restore() }

// newline ends a line of our own on a terminal that may be raw.
func (s *streams) newline() string {
	if s.raw != nil {
		return "\r"
	}
	return ""
}

// watchSignals sees that the terminal is restored whatever ends us.
func (m *vm) watchSignals() {
	c := make(chan os.Signal, 4)
	signal.Notify(c, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGTSTP, unix.SIGCONT)
	go func() {
		for sig := range c {
			switch sig {
			case unix.SIGTSTP: // kill -TSTP: whoever stops us gets the terminal as it was
				m.streams.raw.restore()
				// Go has no way back to the signal's default action; this one can't be caught.
				unix.Kill(os.Getpid(), unix.SIGSTOP)
			case unix.SIGCONT:
				if m.streams.raw != nil {
					m.streams.raw.raw()
				}
			default:
				m.signal.Store(int32(sig.(unix.Signal)))
				m.board.Kill()
			}
		}
	}()
}

// restoreOnSignal is watchSignals for a client, which has no machine to end.
func restoreOnSignal(raw *rawTerminal) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	go func() {
		sig := <-c
		raw.restore()
		os.Exit(128 + int(sig.(unix.Signal)))
	}()
}
