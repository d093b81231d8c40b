package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vitrine/dap"
	"vitrine/debugserver/session"
	"vitrine/hostdev"
	"vitrine/hostdev/board"
	"vitrine/hostdev/console"
	"vitrine/hostdev/fs"
	"vitrine/hostdev/rng"
	"vitrine/hostdev/snd"
	"vitrine/kernel/bootparam"
	"vitrine/machine"
	"vitrine/machine/ctl"
)

// vm is a machine as `vitrine run` has it.
type vm struct {
	opts    *options
	name    string
	kernel  string // its file
	board   *board.Board
	console *console.Device
	sound   *snd.Device // nil: there is none
	streams streams
	log     *logTail
	started time.Time

	listener *listener
	release  func()
	execs    execs

	debugOnce sync.Once
	debug     *session.Session // see debugger

	dapOnce sync.Once
	dap     *dap.Server // see dapServer

	onClose  []func()    // in front of everything else; fixed when the machine starts
	quitting atomic.Bool // by Ctrl-A x or a signal
	signal   atomic.Int32
	once     sync.Once
}

// rootTag is the 9P device of -root.
const rootTag = "host"

// newVM builds what must be built and puts the machine together. Nothing runs yet.
func newVM(o *options) (*vm, error) {
	started := time.Now()
	kernel, initrd, err := findParts(o)
	if err != nil {
		return nil, err
	}
	return makeVM(o, started, kernel, initrd)
}

// makeVM puts a machine together from what is built.
func makeVM(o *options, started time.Time, kernel, initrd string) (_ *vm, err error) {
	m := &vm{opts: o, started: started, kernel: kernel}
	m.streams.guest = o.guest
	m.verbosef("kernel %s", kernel)
	if m.listener, m.name, m.release, err = claim(o.name); err != nil {
		return nil, err
	}
	m.streams.choose(len(o.command) > 0)
	cols, rows := m.streams.size()
	m.console = console.New(cols, rows, ports()...)
	devices := []hostdev.Device{m.console, rng.New(nil)}
	if o.root != "" {
		root, err := fs.New(fs.Options{Tag: rootTag, Dir: o.root})
		if err != nil {
			m.release()
			return nil, fmt.Errorf("-root: %w", err)
		}
		devices = append(devices, root)
	}
	if o.audio != "" {
		backend, err := snd.Open(o.audio, m.audiof)
		if err != nil {
			m.release()
			return nil, fmt.Errorf("-audio: %w", err)
		}
		m.sound = snd.New(snd.Options{Backend: backend})
		devices = append(devices, m.sound)
	}
	m.board, err = board.New(board.Config{
		Name:        m.name,
		Kernel:      kernel,
		KernelEnv:   kernelEnv(o.cpus),
		CommandLine: m.commandLine(),
		CPUs:        o.cpus,
		RAM:         o.ram,
		RAMPath:     o.ramPath,
		Devices:     devices,
		Message:     m.message,
	})
	if err != nil {
		m.release()
		return nil, err
	}
	m.log = newLogTail(m)
	// The kernel process starts while its initial archive is read; it waits for Boot.
	if err := m.board.Start(); err != nil {
		m.close()
		return nil, err
	}
	m.verbosef("kernel process %d", m.board.PID())
	if err := m.loadInitrd(initrd); err != nil {
		m.close()
		return nil, err
	}
	if demos := findDemos(); demos != "" && o.wantDemos() {
		if err := m.loadInitrd(demos); err != nil {
			m.verbosef("demo programs: %v", err) // this RAM is too small: it does without
		}
	}
	return m, nil
}

// kernelEnv is for the kernel's Go runtime. A thread that waits for a guest keeps its P for a while (platform/cell),
// so there are two more than guest CPUs: for interrupts and for the collector.
func kernelEnv(cpus int) []string {
	return []string{"GOTRACEBACK=all", fmt.Sprintf("GOMAXPROCS=%d", cpus+2)}
}

// findParts returns the files of kernel and initial archive. When both must be built they are built at once.
func findParts(o *options) (kernel, initrd string, err error) {
	var kernelErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if kernel = o.kernel; kernel == "" && o.tree != nil {
			kernel, kernelErr = o.tree.kernel()
		} else if kernel == "" {
			kernel, kernelErr = findKernel()
		} else if _, kernelErr = os.Stat(kernel); kernelErr != nil {
			kernelErr = fmt.Errorf("-kernel: %w", kernelErr)
		}
	}()
	if initrd = o.initrd; initrd == "" && o.tree != nil {
		initrd, err = o.tree.userland()
	} else if initrd == "" {
		initrd, err = findUserland()
	}
	<-done
	switch {
	case errors.Is(kernelErr, errBuild) || errors.Is(err, errBuild):
		return "", "", errBuild
	case kernelErr != nil:
		return "", "", fmt.Errorf("kernel: %w", kernelErr)
	case err != nil:
		return "", "", fmt.Errorf("userland: %w", err)
	}
	return kernel, initrd, nil
}

// loadInitrd puts the archive into RAM, unzipped.
func (m *vm) loadInitrd(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("-initrd: %w", err)
	}
	defer f.Close()
	var magic [2]byte
	if _, err := f.ReadAt(magic[:], 0); err != nil && err != io.EOF {
		return fmt.Errorf("-initrd: %w", err)
	}
	if magic == [2]byte{0x1f, 0x8b} {
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("-initrd %s: %w", path, err)
		}
		// More than RAM holds is refused anyway; read no further.
		data, err := io.ReadAll(io.LimitReader(z, m.opts.ram))
		if err != nil {
			return fmt.Errorf("-initrd %s: %w", path, err)
		}
		return m.board.LoadInitrd(bytes.NewReader(data), int64(len(data)))
	}
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("-initrd: %w", err)
	}
	return m.board.LoadInitrd(f, st.Size())
}

// commandLine is what the kernel is told.
func (m *vm) commandLine() string {
	var words []string
	if s := m.streams.nodes(); s != "" {
		words = append(words, "stdio="+s)
	}
	if m.streams.terminal() {
		if term := m.streams.term(); term != "" {
			words = append(words, "TERM="+term)
		}
	}
	if m.opts.strace != "" {
		words = append(words, "strace="+m.opts.strace)
	}
	if m.opts.root != "" {
		words = append(words, "root=9p:"+rootTag)
	}
	words = append(words, m.opts.env...)
	line := bootparam.Join(words...)
	if m.opts.append != "" {
		line = strings.TrimSpace(line + " " + m.opts.append)
	}
	if len(m.opts.command) > 0 {
		line += " -- " + bootparam.Join(m.opts.command...)
	}
	return line
}

// start lets the machine run.
func (m *vm) start() error {
	if err := m.open(); err != nil {
		return err
	}
	m.watchSignals()
	if m.opts.hold {
		if err := m.hold(); err != nil {
			return err
		}
	}
	if err := m.board.Boot(); err != nil {
		m.verbosef("boot record: %v", err) // the kernel has ended already: Wait tells how
	}
	return nil
}

// open connects streams and clients. The kernel waits for Boot still.
func (m *vm) open() error {
	if err := m.streams.connect(m); err != nil {
		return err
	}
	go m.serve()
	return nil
}

// message hears what the kernel says of itself.
func (m *vm) message(msg *ctl.Message) {
	switch {
	case msg.Ready != nil:
		m.verbosef("init runs after %v (kernel: %v)", time.Since(m.started).Round(time.Microsecond), time.Duration(msg.Ready.Took).Round(time.Microsecond))
		if m.opts.wantDemos() {
			go buildDemos()
		}
	case msg.Exited != nil:
		m.execs.exited(msg.ID, msg.Exited.Status)
	}
}

// quit ends the machine at once, as Ctrl-A x does.
func (m *vm) quit() {
	m.quitting.Store(true)
	m.board.Kill()
}

// close ends everything that newVM and start began.
func (m *vm) close() {
	m.once.Do(func() {
		for _, f := range m.onClose {
			f()
		}
		m.release()
		m.board.Close()
		m.log.stop()
		m.streams.restore()
	})
}

// status is the exit status for how the machine ended, with text for people if it was a bad end.
func (m *vm) status(out board.Outcome) (status int, text string) {
	if sig := m.signal.Load(); sig != 0 {
		return 128 + int(sig), ""
	}
	if m.quitting.Load() {
		return 0, ""
	}
	switch {
	case out.Halt == nil:
		return statusFailed, m.lastWords("the kernel died: "+out.Died, out.Words)
	case out.Halt.Reason == machine.Panic:
		return statusPanic, m.lastWords("kernel panic: "+out.Halt.Text, out.Words)
	}
	return out.Halt.Status & 0xff, ""
}

func (m *vm) rebooting(out board.Outcome) bool {
	return out.Halt != nil && out.Halt.Reason == machine.Reboot && !m.quitting.Load() && m.signal.Load() == 0
}

// reboot begins anew with this program, which builds what has changed: "edit the
// kernel, type reboot". It returns only if that fails.
func (m *vm) reboot() {
	exe, err := os.Executable()
	if err != nil {
		exe = "/proc/self/exe"
	}
	if err := execSelf(exe, os.Args); err != nil {
		fmt.Fprintf(os.Stderr, "vitrine run: reboot: %v\n", err)
	}
}

// audiof says what goes wrong with sound, which the guest cannot hear of.
func (m *vm) audiof(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "vitrine: -audio: "+format+"%s\n", append(args, m.streams.newline())...)
}

func (m *vm) verbosef(format string, args ...any) {
	if m.opts.verbose {
		fmt.Fprintf(os.Stderr, "vitrine: "+format+"%s\n", append(args, m.streams.newline())...)
	}
}
