package kernel

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/bootparam"
	"vitrine/kernel/cred"
	"vitrine/kernel/fs/devfs"
	"vitrine/kernel/fs/initramfs"
	"vitrine/kernel/klog"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
	"vitrine/kernel/trap"
	"vitrine/kernel/vfs"
	"vitrine/machine"
	"vitrine/machine/layout"
)

var (
	paramInit  = bootparam.String("init", "/init", "the first program")
	paramDebug = bootparam.Flag("initcall_debug", "log each step of booting")
)

// steps is the order in which the kernel boots, on its first thread.
var steps = []struct {
	name string
	run  func(k *Kernel, t *sched.Thread) error
}{
	{"root file system", (*Kernel).bootRoot},
	{"device nodes", (*Kernel).bootDevices},
	{"drivers", (*Kernel).bootDrivers},
	{"initial archive", (*Kernel).bootInitrd},
	{"init", (*Kernel).bootInit},
}

// Boot starts the kernel. It returns at once; the machine's Halt tells the end.
func (k *Kernel) Boot() {
	b := k.Machine.Boot()
	k.logf("Vitrine %s, machine %s: %d CPUs, %d MiB", Release, b.Name, b.CPUs, len(k.Machine.RAM())>>20)
	k.logf("Command line: %s", b.CommandLine)
	for _, w := range k.Params.Warnings {
		k.Log.Warnf("command line: %s", w)
	}
	k.bootControl()
	k.IRQ.Connect(k.Machine)
	k.Sched.Spawn("kboot", func(t *sched.Thread) {
		t.Cred = cred.Root()
		for _, s := range steps {
			if err := s.run(k, t); err != nil {
				k.Panic(t, fmt.Sprintf("%s: %v", s.name, err), nil)
				return
			}
			if paramDebug.Get(k.Params) {
				k.logf("boot: %s done", s.name)
			}
		}
	})
	k.Sched.Balance()
}

// bootRoot mounts an empty tmpfs as root.
func (k *Kernel) bootRoot(t *sched.Thread) error {
	_, err := k.VFS.MountRoot(t, "tmpfs", vfs.MountRequest{Source: "rootfs", Data: "mode=755"})
	return err
}

// bootDevices makes /dev and tells the virtio bus which cores its drivers can plug into.
func (k *Kernel) bootDevices(t *sched.Thread) error {
	devfs.Init(t, k.VFS, devfs.Sources{Entropy: k.Machine.Entropy, Log: k.Log})
	if err := k.TTYs.Register(t, k.VFS); err != nil {
		return err
	}
	k.Bus.Provide(k.VFS)
	k.Bus.Provide(k.TTYs)
	return nil
}

// bootDrivers lets the drivers find their devices.
func (k *Kernel) bootDrivers(t *sched.Thread) error {
	k.Bus.Probe(t)
	if c := k.TTYs.Console(t); c != nil {
		k.Log.SetConsole(func(m klog.Message) { c.Emergency(m.String() + "\r\n") })
	}
	return nil
}

// bootInitrd unpacks the initial archive into the root.
func (k *Kernel) bootInitrd(t *sched.Thread) error {
	e := k.Machine.Boot().Initrd
	if e.Size == 0 {
		return nil
	}
	archive := layout.Bytes(k.Machine.RAM(), e)
	if archive == nil {
		return errno.EINVAL.Because("the initial archive does not lie in RAM")
	}
	fs := k.VFS.NewFS(t)
	defer fs.DecRef(t)
	if err := initramfs.Unpack(t, k.VFS, fs, archive); err != nil {
		return err
	}
	k.Memory.Donate(t, e.Addr, e.Size)
	return nil
}

// bootInit makes the first process.
func (k *Kernel) bootInit(t *sched.Thread) error {
	path := paramInit.Get(k.Params)
	argv := append([]string{path}, k.Params.InitArgs...)
	env := append([]string{"HOME=/", "TERM=linux", "PATH=/bin:/sbin:/usr/bin:/usr/sbin"}, k.Params.InitEnv...)
	init, err := k.Tasks.NewInit(t, task.InitConfig{Path: path, Argv: argv, Env: env, Strace: paramStrace.Get(k.Params) != ""})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := k.openStdio(t, init); err != nil {
		return err
	}
	layout.HeaderOf(k.Machine.RAM()).Phase.Store(uint32(layout.PhaseRunning))
	k.ready()
	init.Start()
	return nil
}

// openStdio gives init its descriptors 0, 1 and 2: the console, or the device
// nodes that vitrine.stdio names.
func (k *Kernel) openStdio(t *sched.Thread, init *task.Task) error {
	names := strings.Split(paramStdio.Get(k.Params), ",")
	for i := range 3 {
		name := names[min(i, len(names)-1)]
		f, err := k.VFS.Open(t, init.FS, vfs.Path{}, name, abi.O_RDWR|abi.O_NOCTTY, 0)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := init.FDs.Install(t, f, false, i); err != nil {
			return err
		}
	}
	return nil
}

var paramStdio = bootparam.String("stdio", "/dev/console", "what init gets as standard input, output and error: device nodes with commas between")

func (k *Kernel) taskConfig() task.Config {
	filter := paramStrace.Get(k.Params)
	if filter == "1" {
		filter = ""
	}
	return task.Config{
		Hooks: task.Hooks{
			Trace: k.Trace, StraceFilter: filter,
			StraceLine: func(line string) { k.Log.Printf(klog.Debug, "%s", line) },
			Oopsed:     k.Oops, Panic: k.Panic,
		},
		Machine: k.Machine, Sched: k.Sched, Timers: k.Timers, Memory: k.Memory,
		Platform: k.Platform, VFS: k.VFS, Log: k.Log,
		RunUser: trap.Run,
		OnHalt:  k.halt,
	}
}

// halt ends the machine in good order.
func (k *Kernel) halt(h machine.Halt) {
	layout.HeaderOf(k.Machine.RAM()).Phase.Store(uint32(layout.PhaseHalted))
	k.logf("machine: %v, status %d", h.Reason, h.Status)
	k.Machine.Halt(h)
}
