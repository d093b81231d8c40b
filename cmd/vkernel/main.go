// Command vkernel is the kernel as a host process. `vitrine run` builds it and
// starts it with the machine's descriptors; started by hand it says so.
package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"vitrine/kernel"
	_ "vitrine/kernel/all" // drivers and filesystems
	"vitrine/kernel/bootparam"
	"vitrine/kernel/klog"
	"vitrine/kernel/platform"
	"vitrine/kernel/platform/cell"
	"vitrine/machine/host"
	"vitrine/machine/layout"
)

func main() {
	// The heap is small and boot makes garbage fast: collect later, but never let it grow far.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(256 << 20)
	if len(os.Args) > 1 && os.Args[1] == "-params" { // for `vitrine help bootparams`
		for _, d := range bootparam.All() {
			fmt.Printf("%-16s %s (default %s)\n", d.Name, d.Doc, cmp.Or(d.Default, `""`))
		}
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "vkernel:", err)
		os.Exit(1)
	}
}

func run() error {
	m, err := host.Open()
	if err != nil {
		return err
	}
	p := startPlatform(m) // while the supervisor still loads the initial archive
	if err := m.AwaitBoot(); err != nil {
		return err
	}
	k, err := kernel.New(m, func(k *kernel.Kernel) (platform.Platform, error) { return p.await(k.Log) })
	if err != nil {
		return err
	}
	kernel.The = k
	if err := host.Confine(); err != nil {
		return err
	}
	k.Boot()
	select {} // the machine's Halt ends the process
}

// starting is a platform that is being made.
type starting struct {
	done chan struct{}
	p    *cell.Platform
	err  error

	mu    sync.Mutex
	log   *klog.Log // nil as long as there is none
	lines []string  // what was said before
}

func startPlatform(m *host.Machine) *starting {
	s := &starting{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.p, s.err = cell.New(cell.Config{
			RAMFD:    m.RAMFile(),
			RAM:      m.RAM(),
			Registry: layout.Bytes(m.RAM(), layout.Cells()),

			NoUserfaultfd: !m.RAMInMemory(),
			Log:           s.printf,
		})
	}()
	return s
}

func (s *starting) printf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log == nil {
		s.lines = append(s.lines, fmt.Sprintf("cell: "+format, args...))
		return
	}
	s.log.Printf(klog.Info, "cell: "+format, args...)
}

// await returns the platform, which logs to log from then on.
func (s *starting) await(log *klog.Log) (platform.Platform, error) {
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = log
	for _, l := range s.lines {
		log.Printf(klog.Info, "%s", l)
	}
	if s.err != nil {
		return nil, s.err
	}
	return s.p, nil
}
