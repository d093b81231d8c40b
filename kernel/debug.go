package kernel

import (
	"vitrine/kernel/bootparam"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
	"vitrine/machine/ctl"
	"vitrine/machine/layout"
	"vitrine/machine/ring"
)

var paramImages = bootparam.Flag("images", "tell the supervisor of every program and library that is mapped, for its debuggers")

// bootDebug connects what debuggers need.
func (k *Kernel) bootDebug() error {
	q, err := ring.NewQueue(layout.Ring(k.Machine.RAM(), k.Machine.Boot(), "debug"))
	if err != nil {
		return err
	}
	k.debug = q
	k.guest.mu = ksync.NewMutex(classDebug)
	k.guest.spaces, k.guest.steps = map[*mm.AddressSpace]*debugSpace{}, map[int]debugStep{}
	k.guest.past, k.guest.turns = map[uint64]*debugSite{}, map[*mm.AddressSpace]*task.Task{}
	return nil
}

// beforeUser runs before every return to user code. Without a debugger it costs four loads.
func (k *Kernel) beforeUser(t *task.Task, signal bool) {
	for {
		k.serveDebug(t.Thread)
		if k.guest.active.Load() && k.guest.beforeUser(t, signal) {
			continue
		}
		if signal || k.guest.open.Load() == 0 || !k.guest.awaitTurn(t) {
			return
		}
	}
}

// image tells the supervisor of a program that execve(2) has mapped, mapped of code that mmap(2) has.
func (k *Kernel) image(t *task.Task, path string, _ *vfs.File) {
	if paramImages.Get(k.Params) {
		k.send(&ctl.Message{Image: &ctl.Image{PID: t.PID(), Path: path, Exec: true}})
	}
	k.loaded(t, true)
}

func (k *Kernel) mapped(t *task.Task, f *vfs.File, addr, size, offset uint64) {
	if paramImages.Get(k.Params) {
		k.send(&ctl.Message{Image: &ctl.Image{PID: t.PID(), Path: f.Name(t.Thread), Base: addr, Size: size, Offset: offset}})
	}
	k.loaded(t, false)
}

// quiesceLimit bounds how long a quiesce waits for stragglers, ns.
const quiesceLimit = 2_000_000_000
