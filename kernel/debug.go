package kernel

import (
	"encoding/binary"

	"vitrine/kernel/bootparam"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
	"vitrine/machine/ctl"
	"vitrine/machine/layout"
	"vitrine/machine/ring"
)

// Kinds of request in the debug ring: what a debugger leaves for the kernel to do while the machine stands still.
// A request is served before any return to user code, on whichever task comes first.
const (
	// DebugPoke writes guest memory, also where the program may not write: a
	// breakpoint in a shared page of text gets a private copy. Data: PID, address (8 bytes each), then the bytes.
	DebugPoke = 1
)

var paramImages = bootparam.Flag("images", "tell the supervisor of every program and library that is mapped, for its debuggers")

// bootDebug connects what debuggers need.
func (k *Kernel) bootDebug() error {
	q, err := ring.NewQueue(layout.Ring(k.Machine.RAM(), k.Machine.Boot(), "debug"))
	if err != nil {
		return err
	}
	k.debug = q
	return nil
}

// beforeUser runs before every return to user code.
func (k *Kernel) beforeUser(t *task.Task) {
	for !k.debug.Empty() {
		r, ok := k.debug.Take()
		if !ok {
			return
		}
		k.debugRequest(t, r)
	}
}

func (k *Kernel) debugRequest(t *task.Task, r ring.Record) {
	if r.Kind != DebugPoke || len(r.Data) < 16 {
		k.Log.Warnf("debug: request of kind %d with %d bytes is not understood", r.Kind, len(r.Data))
		return
	}
	pid, addr := binary.LittleEndian.Uint64(r.Data), binary.LittleEndian.Uint64(r.Data[8:])
	x := k.Tasks.Task(t.Thread, int(pid))
	if x == nil {
		k.Log.Warnf("debug: no task %d", pid)
		return
	}
	as := x.AddressSpace(t.Thread)
	if as == nil {
		return
	}
	defer as.Release(t.Thread)
	if _, err := mm.AccessRemote(t.Thread, as, mm.UAddr(addr), r.Data[16:], true, true); err != nil {
		k.Log.Warnf("debug: task %d, %#x: %v", pid, addr, err)
	}
}

// image tells the supervisor of a program that execve(2) has mapped, mapped of code that mmap(2) has.
func (k *Kernel) image(t *task.Task, path string, _ *vfs.File) {
	if paramImages.Get(k.Params) {
		k.send(&ctl.Message{Image: &ctl.Image{PID: t.PID(), Path: path, Exec: true}})
	}
}

func (k *Kernel) mapped(t *task.Task, f *vfs.File, addr, size, offset uint64) {
	if paramImages.Get(k.Params) {
		k.send(&ctl.Message{Image: &ctl.Image{PID: t.PID(), Path: f.Name(t.Thread), Base: addr, Size: size, Offset: offset}})
	}
}

// quiesceLimit bounds how long a quiesce waits for stragglers, ns.
const quiesceLimit = 2_000_000_000
