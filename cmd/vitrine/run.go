package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/machine"
	"vitrine/machine/layout"
)

var cmdRun = &command{
	name: "run", args: "[options] [-- command args…]", doc: "start a machine, with a shell or a command",
	help: `
Without a command, an interactive shell. With one, it runs under init; its standard
streams are those of this process, and so is its exit status (128+n for signal n).

The kernel and the default userland are built when their sources have changed.
On a terminal, Ctrl-A x quits and Ctrl-A ? helps.`,
	run: run,
}

// options are what `vitrine run` was told.
type options struct {
	name    string
	ram     int64
	ramPath string
	cpus    int
	append  string
	initrd  string
	root    string
	kernel  string
	audio   string
	strace  string
	verbose bool
	command []string
	dap     string // where to listen for DAP clients
	hold    bool   // a debugger starts it

	// For machines that are not this process's own.
	guest *guest   // the guest's streams; nil: this process's
	tree  *tree    // to build from; nil: findTree
	env   []string // of init, NAME=value
}

// Exit statuses of our own, as env(1) and docker use them.
const (
	statusFailed = 125 // the machine did not start, or its kernel died
	statusPanic  = 255
)

func run(c *command, args []string) int {
	o := options{ram: 512 << 20}
	var strace optional
	strace.what = "filter"
	fs := c.flags()
	fs.StringVar(&o.name, "name", "", "`name` of the machine, for vitrine ps NAME and its like")
	fs.Func("m", "`size` of RAM: a number with K, M or G; without, it is MiB (default 512M)", func(v string) (err error) {
		o.ram, err = parseSize(v)
		return err
	})
	fs.StringVar(&o.ramPath, "mem-path", "", "keep RAM in `file` (it is overwritten)")
	fs.IntVar(&o.cpus, "smp", runtime.NumCPU(), "`number` of processors")
	fs.StringVar(&o.append, "append", "", "`words` for the kernel command line; vitrine help bootparams lists them")
	fs.StringVar(&o.initrd, "initrd", "", "initial archive, `file` in cpio format (newc), may be gzipped")
	fs.StringVar(&o.root, "root", "", "`directory` of the host to be the root, read-only under an overlay in memory")
	fs.StringVar(&o.kernel, "kernel", "", "kernel, a `file` built from cmd/vkernel")
	fs.StringVar(&o.audio, "audio", "", "sound device that plays to and records from `where`: wav:out=FILE,in=FILE, pulse or none")
	fs.Var(&strace, "strace", "show system calls on standard error; filter: names with commas between, !name excludes")
	fs.StringVar(&o.dap, "dap", "", "serve the Debug Adapter Protocol at `address`: unix:PATH or tcp:HOST:PORT (with it, -smp is 1 unless given)")
	fs.BoolVar(&o.hold, "S", false, "do not start: wait until a debugger (vitrine debug) lets the machine run (with it, -smp is 1 unless given)")
	fs.BoolVar(&o.verbose, "v", false, "say what is done and how long it takes; show the kernel's log")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	o.strace, o.command = strace.value, fs.Args()
	if (o.dap != "" || o.hold) && !given(fs, "smp") {
		o.cpus = 1
	}
	if err := o.check(); err != nil {
		fmt.Fprintf(os.Stderr, "vitrine run: %v\n", err)
		return 2
	}
	return o.run(fs)
}

func (o *options) check() error {
	if o.cpus < 1 || o.cpus > machine.NumLines {
		return fmt.Errorf("-smp %d: 1 to %d", o.cpus, machine.NumLines)
	}
	if o.ram < layout.MinRAM {
		return fmt.Errorf("-m: %d KiB of RAM; %d KiB is the least", o.ram>>10, layout.MinRAM>>10)
	}
	if o.root != "" {
		st, err := os.Stat(o.root)
		if err != nil {
			return fmt.Errorf("-root: %w", err)
		}
		if !st.IsDir() {
			return fmt.Errorf("-root: %s is not a directory", o.root)
		}
	}
	if strings.Contains(o.append, "\x00") {
		return errors.New("-append: a zero byte")
	}
	return nil
}

// parseSize reads a size in QEMU's way.
func parseSize(v string) (int64, error) {
	shift := 20
	s := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(v), "IB"), "B")
	if n := len(s); n > 0 {
		if i := strings.IndexByte("KMGT", s[n-1]); i >= 0 {
			shift, s = 10*(i+1), s[:n-1]
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > 1<<42>>shift {
		return 0, fmt.Errorf("%q is not a size like 512M or 2G", v)
	}
	return (n << shift) &^ (machine.PageSize - 1), nil
}

// run starts the machine and waits for its end.
func (o *options) run(fs *flag.FlagSet) int {
	started := time.Now()
	// A reader that goes away is an error of the write, which the port then tells the guest.
	signal.Ignore(unix.SIGPIPE)
	m, err := newVM(o)
	if err != nil {
		if !errors.Is(err, errBuild) {
			fmt.Fprintf(os.Stderr, "vitrine run: %v\n", err)
		}
		return statusFailed
	}
	m.verbosef("machine ready after %v", time.Since(started).Round(time.Microsecond))
	defer m.close()
	if err = m.listenDAP(o.dap); err == nil {
		err = m.start()
	}
	if err != nil {
		m.close()
		fmt.Fprintf(os.Stderr, "vitrine run: %v\n", err)
		return statusFailed
	}
	out := m.board.Wait()
	m.close() // flushes outputs, then gives the terminal back
	m.verbosef("machine ran for %v; CPU time: vitrine %v, kernel and cells %v", time.Since(started).Round(time.Microsecond),
		cpuTime(unix.RUSAGE_SELF), cpuTime(unix.RUSAGE_CHILDREN))
	if m.rebooting(out) {
		m.reboot()
	}
	status, text := m.status(out)
	say(text)
	return status
}

// say writes to standard error, unless nobody takes it: an output of the guest's that is stuck there holds it for ever.
func say(text string) {
	if text == "" {
		return
	}
	done := make(chan struct{})
	go func() {
		os.Stderr.WriteString(text)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
}

// cpuTime is how long this process, or its ended children with theirs, have used a processor.
func cpuTime(who int) time.Duration {
	var u unix.Rusage
	unix.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Round(10 * time.Microsecond)
}
