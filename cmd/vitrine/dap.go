package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"vitrine/dap"
	socket "vitrine/dap/listen"
)

var cmdDAP = &command{
	name: "dap", args: "[-listen ADDRESS]", doc: "serve the Debug Adapter Protocol, for VS Code and its like",
	help: `
On standard input and output, or with -listen for any number of clients at unix:PATH or
tcp:HOST:PORT (loopback, processes of this user only). launch builds a kernel, boots it and runs to
the first breakpoint; attach finds a machine that runs. See docs/dap.md.`,
	run: runDAP,
}

func runDAP(c *command, args []string) int {
	fs := c.flags()
	addr := fs.String("listen", "", "`address`: unix:PATH or tcp:HOST:PORT; without, standard input and output")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	if fs.NArg() > 0 {
		c.usage(os.Stderr, fs)
		return 2
	}
	signal.Ignore(unix.SIGPIPE)
	host := &dapHost{}
	host.server = newDAPServer(host)
	defer host.server.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	done := make(chan int, 1)
	if *addr == "" {
		go func() {
			// What else is written to standard output must not get between the messages.
			stdio := stdio{os.Stdin, os.Stdout}
			os.Stdout = os.Stderr
			if err := host.server.Serve(stdio); err != nil {
				done <- fail("dap: %v", err)
				return
			}
			done <- 0
		}()
	} else {
		l, err := socket.Listen(*addr)
		if err != nil {
			return fail("dap: %v", err)
		}
		defer l.Close()
		fmt.Printf("DAP server listening at: %s\n", l.Addr())
		go serveDAP(host.server, l)
	}
	select {
	case sig := <-stop:
		return 128 + int(sig.(unix.Signal))
	case status := <-done:
		return status
	}
}

func newDAPServer(h dap.Host) *dap.Server {
	exe, err := os.Executable()
	if err != nil {
		exe = "vitrine"
	}
	return dap.NewServer(dap.Options{Host: h, Exe: exe, Command: dapCommand, Words: dapWords})
}

// serveDAP serves who connects until the listener is closed.
func serveDAP(s *dap.Server, l *socket.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go s.Serve(c)
	}
}

// stdio is this process's standard input and output as a connection.
type stdio struct {
	io.ReadCloser
	io.Writer
}

// listenDAP serves DAP for this machine at an address; "" is none.
func (m *vm) listenDAP(addr string) error {
	if addr == "" {
		return nil
	}
	l, err := socket.Listen(addr)
	if err != nil {
		return fmt.Errorf("-dap: %w", err)
	}
	fmt.Fprintf(os.Stderr, "DAP server listening at: %s\n", l.Addr())
	m.onClose = append(m.onClose, func() { l.Close() })
	go serveDAP(m.dapServer(), l)
	return nil
}

// dapServer returns the server of this machine's DAP clients.
func (m *vm) dapServer() *dap.Server {
	m.dapOnce.Do(func() {
		if m.dap == nil {
			m.dap = newDAPServer(&runHost{newDAPMachine(m)})
		}
	})
	return m.dap
}

// given reports whether an option was given.
func given(fs *flag.FlagSet, name string) (yes bool) {
	fs.Visit(func(f *flag.Flag) { yes = yes || f.Name == name })
	return yes
}
