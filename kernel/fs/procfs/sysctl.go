package procfs

import (
	"fmt"
	"strconv"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/pseudo"
)

// sysctls is /proc/sys.
func (k *Kernel) sysctls() *pseudo.Node {
	host := func(pick int) *pseudo.Node {
		return &pseudo.Node{
			Mode: abi.S_IFREG | 0o644,
			Read: func(t *sched.Thread) ([]byte, error) {
				h, d := k.Tasks.Hostname(t)
				return []byte([]string{h, d}[pick] + "\n"), nil
			},
			Write: func(t *sched.Thread, p []byte) error {
				name := strings.TrimRight(string(p), "\n")
				if pick == 0 {
					return k.Tasks.SetHostname(t, name)
				}
				return k.Tasks.SetDomainname(t, name)
			},
		}
	}
	return pseudo.Dir(
		child("kernel", pseudo.Dir(append(k.sysvLimits(),
			child("cap_last_cap", pseudo.Const("40\n")),
			child("core_pattern", pseudo.Const("core\n")),
			child("domainname", host(1)),
			child("hostname", host(0)),
			child("ngroups_max", pseudo.Const("65536\n")),
			child("osrelease", pseudo.Const(k.Release+"\n")),
			child("ostype", pseudo.Const("Linux\n")),
			child("overflowuid", pseudo.Const("65534\n")),
			child("overflowgid", pseudo.Const("65534\n")),
			child("pid_max", pseudo.Const(fmt.Sprintln(sched.MaxPID))),
			child("printk", k.printkFile()),
			child("random", pseudo.Dir(
				child("boot_id", pseudo.Const(k.bootID+"\n")),
				child("entropy_avail", pseudo.Const("256\n")),
				child("poolsize", pseudo.Const("256\n")),
				child("uuid", pseudo.Text(func(*sched.Thread) string { return k.uuid() + "\n" })),
			)),
			child("randomize_va_space", pseudo.Const("0\n")),
			child("threads-max", pseudo.Const(fmt.Sprintln(k.Tasks.MaxThreads))),
			child("version", pseudo.Const(k.Version+"\n")),
		)...)),
		child("vm", pseudo.Dir(
			child("max_map_count", pseudo.Const("65530\n")),
			child("mmap_min_addr", pseudo.Const("65536\n")),
			child("overcommit_memory", pseudo.Const("0\n")),
			child("overcommit_ratio", pseudo.Const("50\n")),
			child("swappiness", pseudo.Const("0\n")),
		)),
		child("fs", pseudo.Dir(
			child("file-max", pseudo.Const(fmt.Sprintln(vfs.MaxFiles))),
			child("file-nr", pseudo.Text(func(*sched.Thread) string {
				return fmt.Sprintf("%d\t0\t%d\n", k.Tasks.VFS.OpenFiles(), vfs.MaxFiles)
			})),
			child("nr_open", pseudo.Const(fmt.Sprintln(task.MaxFiles))),
			child("pipe-max-size", pseudo.Const("1048576\n")),
		)),
		child("net", pseudo.Dir(child("core", pseudo.Dir(child("somaxconn", pseudo.Const("4096\n")))))),
	)
}

// printkFile is /proc/sys/kernel/printk, of which the first number can be changed.
func (k *Kernel) printkFile() *pseudo.Node {
	return &pseudo.Node{
		Mode: abi.S_IFREG | 0o644,
		Read: func(*sched.Thread) ([]byte, error) {
			return fmt.Appendf(nil, "%d\t4\t1\t7\n", k.Log.ConsoleLevel()), nil
		},
		Write: func(_ *sched.Thread, p []byte) error {
			f := strings.Fields(string(p))
			if len(f) == 0 {
				return errno.EINVAL
			}
			n, err := strconv.Atoi(f[0])
			if err != nil {
				return errno.EINVAL
			}
			k.Log.SetConsoleLevel(n)
			return nil
		},
	}
}

// uuid is a random UUID, version 4.
func (k *Kernel) uuid() string {
	var b [16]byte
	k.Tasks.Machine.Entropy(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
