package kernel

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/bootparam"
	"vitrine/kernel/cred"
	"vitrine/kernel/fs/devfs"
	"vitrine/kernel/fs/devpts"
	"vitrine/kernel/fs/initramfs"
	"vitrine/kernel/fs/pipefs"
	"vitrine/kernel/fs/procfs"
	"vitrine/kernel/klog"
	"vitrine/kernel/loader"
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
	{"/dev", (*Kernel).bootDev},
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
	k.bootWatchdog()
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
	pipefs.Init(k.VFS)
	if err := devfs.RegisterMem(t, k.VFS, k.Machine.Entropy); err != nil {
		return err
	}
	if err := devfs.RegisterKmsg(t, k.VFS, k.Log); err != nil {
		return err
	}
	if err := k.TTYs.Register(t, k.VFS); err != nil {
		return err
	}
	if _, err := devpts.Register(t, k.VFS, k.TTYs); err != nil {
		return err
	}
	procfs.Provide(k.VFS, k.Proc)
	k.Bus.Provide(k.VFS)
	k.Bus.Provide(k.TTYs)
	return nil
}

// bootDrivers lets the drivers find their devices.
func (k *Kernel) bootDrivers(t *sched.Thread) error {
	k.Bus.Probe(t)
	return nil
}

// bootInitrd unpacks the initial archive into the root.
func (k *Kernel) bootInitrd(t *sched.Thread) error {
	e := k.Machine.Boot().Initrd
	if e.Size == 0 {
		return nil
	}
	if layout.Bytes(k.Machine.RAM(), e) == nil {
		return errno.EINVAL.Because("the initial archive does not lie in RAM")
	}
	fs := k.VFS.NewFS(t)
	defer fs.DecRef(t)
	st, err := initramfs.UnpackRAM(t, k.VFS, fs, k.Memory, e.Addr, e.Size)
	if err != nil {
		return err
	}
	k.logf("initramfs: %+v", st)
	return nil
}

// bootDev mounts the device nodes on /dev, where init's console is.
func (k *Kernel) bootDev(t *sched.Thread) error {
	fs := k.VFS.NewFS(t)
	defer fs.DecRef(t)
	if err := k.VFS.Mkdir(t, fs, vfs.Path{}, "/dev", 0o755); err != nil && errno.Of(err) != errno.EEXIST {
		return err
	}
	p, err := k.VFS.Resolve(t, fs, vfs.Path{}, "/dev", vfs.Follow|vfs.Directory)
	if err != nil {
		return err
	}
	defer p.DecRef(t)
	return k.VFS.MountNew(t, p, "devtmpfs", vfs.MountRequest{Source: "devtmpfs", FS: fs})
}

// bootInit makes the first process.
func (k *Kernel) bootInit(t *sched.Thread) error {
	path := paramInit.Get(k.Params)
	argv := append([]string{path}, k.Params.InitArgs...)
	env := k.Params.Environ("HOME=/", "TERM=linux", "PATH=/bin:/sbin:/usr/bin:/usr/sbin")
	var err error
	if k.Tasks.VDSO, err = loader.NewVDSO(t, k.Memory); err != nil {
		return err
	}
	k.Memory.OOM = k.Tasks.MakeRoom
	k.Memory.Watched = touchedByKernel
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
		if err := k.openFD(t, init, i, name); err != nil {
			return err
		}
	}
	return nil
}

// openFD gives a process that has not started yet the descriptor fd.
func (k *Kernel) openFD(t *sched.Thread, x *task.Task, fd int, name string) error {
	f, err := k.VFS.Open(t, x.FS, vfs.Path{}, name, vfs.OpenHow{Flags: abi.O_RDWR})
	if errno.Of(err) == errno.EACCES || errno.Of(err) == errno.EINVAL {
		flags := abi.O_WRONLY
		if fd == 0 {
			flags = abi.O_RDONLY
		}
		f, err = k.VFS.Open(t, x.FS, vfs.Path{}, name, vfs.OpenHow{Flags: flags})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := x.FDs.Install(t, f, false, fd); err != nil {
		f.DecRef(t)
		return err
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
			Trace: k.Trace, Calls: k.Calls, StraceFilter: filter, BeforeUser: k.beforeUser, DebugTrap: k.debugTrap,
			DebugFault: k.debugFault, Mapped: k.mapped,
			StraceLine: func(line string) { k.Log.Printf(klog.Debug, "%s", line) },
			Exited:     k.exited, Oopsed: k.Oops, Panic: k.Panic,
		},
		Machine: k.Machine, Sched: k.Sched, Timers: k.Timers, Memory: k.Memory,
		Platform: k.Platform, VFS: k.VFS, Log: k.Log,
		RunUser: trap.Run,
		// A process takes some 100 KiB of RAM at the least: a fork bomb meets EAGAIN before memory is short.
		MaxThreads: min(max(len(k.Machine.RAM())>>18, 64), task.DefaultMaxThreads),
		OnHalt:     k.halt,
		OnImage:    k.image,
	}
}

// halt ends the machine in good order.
func (k *Kernel) halt(h machine.Halt) {
	if s := k.Proc.ExitStatus.Load(); h.Reason == machine.PowerOff && s >= 0 {
		h.Status = int(s)
	}
	layout.HeaderOf(k.Machine.RAM()).Phase.Store(uint32(layout.PhaseHalted))
	k.logf("machine: %v, status %d", h.Reason, h.Status)
	k.Machine.Halt(h)
}
