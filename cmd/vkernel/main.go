// Command vkernel is the kernel as a host process. `vitrine run` builds it and
// starts it with the machine's descriptors; started by hand it says so.
package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime/debug"

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
	k, err := kernel.New(m, func(k *kernel.Kernel) (platform.Platform, error) {
		return cell.New(cell.Config{
			RAMFD:    m.RAMFile(),
			RAM:      m.RAM(),
			Registry: layout.Bytes(m.RAM(), m.Boot().Cells),

			NoUserfaultfd: !m.RAMInMemory(),
			Log:           func(format string, args ...any) { k.Log.Printf(klog.Info, "cell: "+format, args...) },
		})
	})
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
