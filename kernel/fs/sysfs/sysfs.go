// Package sysfs is the little of /sys (sysfs(5)) that programs look for before
// there are devices to show: the CPUs, memory features, empty classes.
package sysfs

import (
	"fmt"

	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/pseudo"
)

func init() {
	vfs.RegisterType(vfs.FSType{Name: "sysfs", NoDev: true, Mount: mount})
}

func mount(t *sched.Thread, v *vfs.VFS, r vfs.MountRequest) (*vfs.Superblock, error) {
	return pseudo.New(v, "sysfs", r, abi.SYSFS_MAGIC, root(len(t.Scheduler().CPUs))), nil
}

func child(name string, n *pseudo.Node) pseudo.Child { return pseudo.Child{Name: name, Node: n} }

// root describes /sys of a machine with that many CPUs.
func root(cpus int) *pseudo.Node {
	all := "0\n"
	if cpus > 1 {
		all = fmt.Sprintf("0-%d\n", cpus-1)
	}
	cpu := []pseudo.Child{
		child("kernel_max", pseudo.Const("63\n")), child("offline", pseudo.Const("\n")), child("online", pseudo.Const(all)),
		child("possible", pseudo.Const(all)), child("present", pseudo.Const(all)),
	}
	for i := range cpus {
		cpu = append(cpu, child(fmt.Sprintf("cpu%d", i), pseudo.Dir(
			child("online", pseudo.Const("1\n")),
			child("topology", pseudo.Dir(
				child("core_id", pseudo.Const(fmt.Sprintln(i))), child("physical_package_id", pseudo.Const("0\n")),
				child("thread_siblings_list", pseudo.Const(fmt.Sprintln(i))), child("core_siblings_list", pseudo.Const(all)),
			)),
		)))
	}
	return pseudo.Dir(
		child("block", pseudo.Dir()),
		child("bus", pseudo.Dir()),
		child("class", pseudo.Dir(child("tty", pseudo.Dir()), child("input", pseudo.Dir()), child("net", pseudo.Dir()))),
		child("dev", pseudo.Dir(child("block", pseudo.Dir()), child("char", pseudo.Dir()))),
		child("devices", pseudo.Dir(child("system", pseudo.Dir(
			child("clocksource", pseudo.Dir(child("clocksource0", pseudo.Dir(
				child("available_clocksource", pseudo.Const("vitrine\n")), child("current_clocksource", pseudo.Const("vitrine\n")),
			)))),
			child("cpu", pseudo.Dir(cpu...)),
		)))),
		child("firmware", pseudo.Dir()),
		child("fs", pseudo.Dir(child("cgroup", pseudo.Dir()))),
		child("kernel", pseudo.Dir(
			child("mm", pseudo.Dir(child("transparent_hugepage", pseudo.Dir(
				child("defrag", pseudo.Const("always defer defer+madvise madvise [never]\n")),
				child("enabled", pseudo.Const("always madvise [never]\n")),
			)))),
			child("ostype", pseudo.Const("Linux\n")),
		)),
		child("module", pseudo.Dir()),
		child("power", pseudo.Dir()),
	)
}
