// Package procfs is /proc (proc(5)): processes and the kernel's figures as text.
//
//	/proc ── fixed files ── system.go, sysctl.go
//	  ├─ PID/ ── process.go, status.go, maps.go, fd.go, mem.go
//	  │    └─ task/TID/
//	  ├─ self, thread-self
//	  ├─ asound/, sysvipc/ ── asound.go, sysvipc.go
//	  └─ vitrine/ ── view/NAME: every kernel view as text; exit: init's last word; oops.go
//
// It is the one filesystem that knows processes. Nothing is stored: a file's
// text is made when it is read, a process's directory is there as long as the process.
//
// First breakpoint: the function of the file, by its name: procStat, procMeminfo.
package procfs

import (
	"strconv"
	"strings"
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/irq"
	"vitrine/kernel/klog"
	"vitrine/kernel/sched"
	"vitrine/kernel/sound"
	"vitrine/kernel/task"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/pseudo"
)

// Kernel is what /proc shows.
type Kernel struct {
	Tasks       *task.System
	IRQ         *irq.Controller
	TTYs        *tty.Table
	Log         *klog.Log
	CommandLine string
	Release     string // 6.1.0-vitrine
	Version     string // #1 SMP …
	Oops        bool   // there is /proc/vitrine/oops

	// Views returns the names of the kernel's views, View one of them as text.
	Views func() []string
	View  func(t *sched.Thread, name string) (string, error)

	// ExitStatus is what init wrote into /proc/vitrine/exit before it powers off; -1 before.
	ExitStatus atomic.Int32

	bootID string // a UUID that stays the same until the machine is started again
}

const sourceName = "kernel:procfs"

// Provide makes the kernel's figures available to mounts of proc.
func Provide(v *vfs.VFS, k *Kernel) {
	k.ExitStatus.Store(-1)
	k.bootID = k.uuid()
	v.RegisterSource(sourceName, k)
}

func init() {
	vfs.RegisterType(vfs.FSType{Name: "proc", NoDev: true, Mount: mount})
}

func mount(t *sched.Thread, v *vfs.VFS, r vfs.MountRequest) (*vfs.Superblock, error) {
	k, ok := v.Source(sourceName).(*Kernel)
	if !ok {
		return nil, errno.ENODEV.Because("the kernel has no processes to show")
	}
	return pseudo.New(v, "proc", r, abi.PROC_MAGIC, k.root(sound.Of(t, v))), nil
}

func child(name string, n *pseudo.Node) pseudo.Child { return pseudo.Child{Name: name, Node: n} }

// root describes /proc.
func (k *Kernel) root(core *sound.Core) *pseudo.Node {
	return &pseudo.Node{
		Mode: abi.S_IFDIR | 0o555,
		Children: append(k.systemFiles(),
			child("asound", k.asoundDir(core)),
			child("self", &pseudo.Node{Mode: abi.S_IFLNK | 0o777, Target: selfLink}),
			child("thread-self", &pseudo.Node{Mode: abi.S_IFLNK | 0o777, Target: threadSelfLink}),
			child("mounts", pseudo.Link("self/mounts")),
			child("net", pseudo.Link("self/net")),
			child("sys", k.sysctls()),
			child("sysvipc", k.sysvipcDir()),
			child("tty", pseudo.Dir(child("drivers", pseudo.Text(k.procTTYDrivers)))),
			child("vitrine", k.vitrineDir()),
		),
		Lookup: func(t *sched.Thread, name string) *pseudo.Node {
			g := k.Tasks.Process(t, number(name))
			if g == nil {
				return nil
			}
			return k.processDir(t, g)
		},
		List: func(t *sched.Thread) []vfs.DirEntry {
			var out []vfs.DirEntry
			for _, g := range k.Tasks.Processes(t) {
				out = append(out, vfs.DirEntry{Name: strconv.Itoa(g.ID), Type: abi.DT_DIR})
			}
			return out
		},
	}
}

// number reads a canonical decimal number; -1 for anything else.
func number(name string) int {
	n, err := strconv.ParseUint(name, 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != name {
		return -1
	}
	return int(n)
}

func selfLink(t *sched.Thread) (string, error) {
	c := task.Current(t)
	if c == nil {
		return "", errno.ENOENT
	}
	return strconv.Itoa(c.PID()), nil
}

func threadSelfLink(t *sched.Thread) (string, error) {
	c := task.Current(t)
	if c == nil {
		return "", errno.ENOENT
	}
	return strconv.Itoa(c.PID()) + "/task/" + strconv.Itoa(c.TID()), nil
}

// vitrineDir describes /proc/vitrine.
func (k *Kernel) vitrineDir() *pseudo.Node {
	views := &pseudo.Node{
		Mode: abi.S_IFDIR | 0o555,
		Lookup: func(t *sched.Thread, name string) *pseudo.Node {
			for _, v := range k.Views() {
				if v == name {
					return &pseudo.Node{Mode: abi.S_IFREG | 0o400, Key: name, Read: func(t *sched.Thread) ([]byte, error) {
						s, err := k.View(t, name)
						return []byte(s), err
					}}
				}
			}
			return nil
		},
		List: func(t *sched.Thread) []vfs.DirEntry {
			var out []vfs.DirEntry
			for _, v := range k.Views() {
				out = append(out, vfs.DirEntry{Name: v, Type: abi.DT_REG})
			}
			return out
		},
	}
	exit := &pseudo.Node{
		Mode: abi.S_IFREG | 0o600,
		Read: func(t *sched.Thread) ([]byte, error) {
			return strconv.AppendInt(nil, int64(k.ExitStatus.Load()), 10), nil
		},
		Write: func(t *sched.Thread, p []byte) error {
			n, err := strconv.ParseUint(strings.TrimSpace(string(p)), 10, 8)
			if err != nil {
				return errno.EINVAL.Because("an exit status is a number from 0 to 255")
			}
			k.ExitStatus.Store(int32(n))
			return nil
		},
	}
	files := []pseudo.Child{child("view", views), child("exit", exit)}
	if k.Oops {
		files = append(files, child("oops", k.oopsFile()))
	}
	return pseudo.Dir(files...)
}
