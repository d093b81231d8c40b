// Package kernel puts the kernel together and boots it.
//
//	cmd/vkernel ── New(machine, platform) ──▶ Kernel ── Boot ──▶ runs until the machine halts
//
//	Kernel
//	  ├─ Log, Trace, Params           what it says
//	  ├─ Timers, Sched, IRQ           time and CPUs
//	  ├─ Memory, Platform             frames and address spaces
//	  ├─ VFS, TTYs                    files and terminals
//	  ├─ Bus                          devices
//	  └─ Tasks                        processes
//
// Everything hangs from a *Kernel, so a debugger reaches all of it from The,
// and many kernels live in one test process.
//
// First breakpoint: (*Kernel).Boot; a guest's way in is kernel/trap.
package kernel

import (
	"fmt"

	"vitrine/kernel/bootparam"
	"vitrine/kernel/fs/procfs"
	"vitrine/kernel/irq"
	"vitrine/kernel/klog"
	"vitrine/kernel/ktime"
	"vitrine/kernel/ktrace"
	"vitrine/kernel/kview"
	"vitrine/kernel/mm"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
	"vitrine/kernel/syscall"
	"vitrine/kernel/task"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
	"vitrine/machine"
	"vitrine/machine/layout"
	"vitrine/machine/ring"
)

// The is the kernel of this process, where a debugger's views start. Only cmd/vkernel sets it.
var The *Kernel

func init() { kview.SetRoot("kernel.The", &The) }

// Kernel is one kernel. The fields are immutable after New.
type Kernel struct {
	Machine  machine.Machine
	Params   *bootparam.Params
	Log      *klog.Log
	Trace    *ktrace.Buffer
	Calls    *ktrace.Calls
	Timers   *ktime.Timers
	Sched    *sched.Scheduler
	IRQ      *irq.Controller
	Memory   *mm.Memory
	Platform platform.Platform
	VFS      *vfs.VFS
	TTYs     *tty.Table
	Bus      *virtio.Bus
	Tasks    *task.System
	Proc     *procfs.Kernel // what /proc shows

	Syscalls   []*syscall.Call   // the table, for the view
	BootParams []*bootparam.Decl // what the command line may say, for the view

	control *control    // the supervisor's requests; nil without it
	debug   *ring.Queue // what debuggers leave for the kernel to do
	guest   guestDebug  // what they have set in programs
	epitaph *ring.Log   // last words, which outlive the kernel
	started int64       // monotonic time of New
}

// Version is the kernel's, as uname(2) and /proc/version show it. Programs parse it: glibc refuses to start on
// kernels that it takes for too old.
const (
	Release = "6.1.0-vitrine"
	Version = "#1 SMP PREEMPT Vitrine"
)

var (
	paramSched   = bootparam.String("sched", "fair", "scheduling policy")
	paramTrace   = bootparam.Int("trace_size", 4096, "events that the trace keeps")
	paramTraceOn = bootparam.Flag("trace", "record events from the start")
	paramStrace  = bootparam.String("strace", "", "log system calls of all tasks: names with commas between, !names, or 1 for all")
)

// New puts a kernel together on a machine. NewPlatform makes the guest platform, which lives on
// the machine's RAM.
func New(m machine.Machine, newPlatform func(k *Kernel) (platform.Platform, error)) (*Kernel, error) {
	boot := m.Boot()
	k := &Kernel{
		Machine: m, Params: bootparam.Parse(boot.CommandLine), started: m.Clock().Now(),
		Syscalls: syscall.Calls(), BootParams: bootparam.All(),
	}

	var err error
	if k.Log, err = klog.New(layout.Ring(m.RAM(), boot, "dmesg"), m.Clock()); err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	k.Log.Configure(k.Params)
	if k.epitaph, err = ring.NewLog(layout.Ring(m.RAM(), boot, "epitaph")); err != nil {
		return nil, fmt.Errorf("epitaph: %w", err)
	}
	if err := k.bootDebug(); err != nil {
		return nil, fmt.Errorf("debug ring: %w", err)
	}
	k.Trace = ktrace.NewBuffer(paramTrace.Get(k.Params))
	k.Trace.Enable(paramTraceOn.Get(k.Params))
	if k.Calls, err = ktrace.NewCalls(layout.Ring(m.RAM(), boot, "events")); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}

	policy, err := sched.NewPolicy(paramSched.Get(k.Params))
	if err != nil {
		return nil, err
	}
	k.Timers = ktime.New(m.Clock(), boot.WallTime)
	k.Sched = sched.New(boot.CPUs, k.Timers, policy)
	k.Sched.OnPanic = k.threadPanicked
	k.IRQ = irq.New(k.Sched)
	if err := k.IRQ.Request(machine.LineTimer, "timer", func(*sched.Thread) { k.Timers.Expire() }); err != nil {
		return nil, err
	}

	k.Memory = mm.NewMemory(m.RAM(), boot.Reserved)
	if k.Platform, err = newPlatform(k); err != nil {
		return nil, fmt.Errorf("platform: %w", err)
	}
	k.VFS = vfs.New(vfs.Config{Timers: k.Timers, Memory: k.Memory})
	k.Tasks = task.New(k.taskConfig())
	k.VFS.FileSizeLimit = task.FileSizeLimit
	k.Proc = &procfs.Kernel{
		Tasks: k.Tasks, IRQ: k.IRQ, Log: k.Log, CommandLine: boot.CommandLine, Release: Release, Version: Version, Oops: procfs.OopsParam(k.Params),
		Views: ViewNames, View: k.ViewText,
	}
	k.TTYs = tty.NewTable(k.Sched, k.Tasks)
	k.Proc.TTYs = k.TTYs
	if k.Bus, err = virtio.New(m, k.Memory, k.IRQ, k.Log); err != nil {
		return nil, fmt.Errorf("virtio: %w", err)
	}
	return k, nil
}

// logf logs a step of booting.
func (k *Kernel) logf(format string, args ...any) { k.Log.Infof(format, args...) }
