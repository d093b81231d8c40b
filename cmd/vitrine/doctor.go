package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

var cmdDoctor = &command{
	name: "doctor", doc: "say what this host lacks, and what to do",
	help: "Exit status 1 when Vitrine can't run here.",
	run: func(c *command, args []string) int {
		if status, ok := parse(c.flags(), args); !ok {
			return status
		}
		status := 0
		for _, check := range checks {
			f := check.run()
			mark := map[severity]string{good: "ok  ", slow: "slow", lacks: "LACK", note: "note"}[f.severity]
			fmt.Printf("%s  %-16s %s\n", mark, check.name, f.found)
			if f.advice != "" {
				for _, l := range strings.Split(f.advice, "\n") {
					fmt.Printf("      %-16s → %s\n", "", l)
				}
			}
			if f.severity == lacks {
				status = 1
			}
		}
		if status == 0 {
			fmt.Println("\nVitrine runs here.")
		} else {
			fmt.Println("\nVitrine can't run here as things are.")
		}
		return status
	},
}

// severity says what a finding means for us.
type severity int

const (
	good  severity = iota
	note           // works, but something to know
	slow           // works, slower
	lacks          // does not work
)

// finding is what a check found.
type finding struct {
	severity severity
	found    string
	advice   string
}

// checks in the order of what is needed most.
var checks = []struct {
	name string
	run  func() finding
}{
	{"kernel", checkRelease},
	{"processor", checkProcessor},
	{"FSGSBASE", checkFSGSBASE},
	{"seccomp", checkSeccomp},
	{"memfd", checkMemfd},
	{"memfd exec", checkMemfdExec},
	{"userfaultfd", checkUserfaultfd},
	{"processes", checkProcesses},
	{"map count", checkMapCount},
	{"debugging", checkPtrace},
	{"cpus", checkCPUs},
	{"go", checkGo},
	{"C compiler", checkCC},
}

func checkRelease() finding {
	var u unix.Utsname
	unix.Uname(&u)
	release := unix.ByteSliceToString(u.Release[:])
	major, minor := parseRelease(release)
	found := "Linux " + release
	switch {
	case major < 5 || major == 5 && minor < 9:
		return finding{lacks, found, "Linux 5.9 is the least (FSGSBASE for user programs, close_range); 5.14 is better"}
	case major == 5 && minor < 14:
		return finding{slow, found, "from 5.14 on page faults are four times faster (userfaultfd on shared memory)"}
	}
	return finding{good, found, ""}
}

func parseRelease(s string) (major, minor int) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if len(parts) >= 2 {
		major, _ = strconv.Atoi(parts[0])
		minor, _ = strconv.Atoi(parts[1])
	}
	return major, minor
}

func checkProcessor() finding {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return finding{note, "unknown: " + err.Error(), ""}
	}
	return judgeProcessor(string(data))
}

// judgeProcessor knows emulated processors by what they are called in /proc/cpuinfo.
func judgeProcessor(info string) finding {
	field := func(name string) string {
		for _, l := range strings.Split(info, "\n") {
			if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == name {
				return strings.TrimSpace(v)
			}
		}
		return ""
	}
	model, vendor := field("model name"), field("vendor_id")
	found := strings.TrimSpace(model)
	if found == "" {
		found = vendor
	}
	advice := "x86-64 programs are translated here, not run: signal frames and system-call filters do not work as on a processor.\n" +
		"On Apple silicon use a virtual machine of x86-64 (slow), or a machine with such a processor"
	switch {
	case strings.Contains(model, "VirtualApple") || vendor == "VirtualApple" || field("CPU implementer") != "":
		return finding{lacks, "emulated (Apple's Rosetta, or ARM): " + found, advice}
	case strings.Contains(model, "QEMU TCG") || strings.Contains(model, "QEMU Virtual CPU"):
		return finding{slow, "emulated by QEMU: " + found, "everything works if QEMU emulates the whole machine; with qemu-user (docker --platform) it does not"}
	case vendor == "":
		return finding{lacks, "not an x86 processor, or a translator that hides it", advice}
	}
	return finding{good, found, ""}
}

// auxv reads an entry of this process's auxiliary vector.
func auxv(tag uint64) (uint64, bool) {
	data, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return 0, false
	}
	for ; len(data) >= 16; data = data[16:] {
		if binary.LittleEndian.Uint64(data) == tag {
			return binary.LittleEndian.Uint64(data[8:]), true
		}
	}
	return 0, false
}

func checkFSGSBASE() finding {
	const hwcap2, fsgsbase = 26, 2
	v, ok := auxv(hwcap2)
	switch {
	case !ok:
		return finding{note, "unknown: /proc is not mounted", ""}
	case v&fsgsbase == 0:
		return finding{lacks, "user programs may not use RDFSBASE and WRFSBASE", "needs a processor of 2012 or later and Linux 5.9; do not boot with nofsgsbase"}
	}
	return finding{good, "user programs may use it", ""}
}

func checkSeccomp() finding {
	// SECCOMP_GET_ACTION_AVAIL: asks and changes nothing.
	const getActionAvail = 2
	for _, a := range []struct {
		name string
		code uint32
	}{{"TRAP", 0x00030000}, {"ERRNO", 0x00050000}} {
		_, _, e := unix.Syscall(unix.SYS_SECCOMP, getActionAvail, 0, uintptr(unsafe.Pointer(&a.code)))
		if e != 0 {
			return finding{lacks, fmt.Sprintf("filters can't answer with %s: %v", a.name, e), "a host kernel with CONFIG_SECCOMP_FILTER; inside a container, one that allows seccomp(2)"}
		}
	}
	return finding{good, "filters with TRAP and ERRNO", ""}
}

func checkMemfd() finding {
	f, err := unix.MemfdCreate("vitrine-doctor", unix.MFD_CLOEXEC)
	if err != nil {
		return finding{lacks, "memfd_create: " + err.Error(), "a container's filter may forbid it: allow memfd_create(2)"}
	}
	defer unix.Close(f)
	if err := unix.Ftruncate(f, 1<<40); err != nil {
		return finding{note, "no sparse files of 1 TiB: " + err.Error(), "a file-size limit (ulimit -f) bounds the machine's RAM"}
	}
	return finding{good, "RAM can be a memory file", ""}
}

func checkMemfdExec() finding {
	data, err := os.ReadFile("/proc/sys/vm/memfd_noexec")
	if err != nil {
		return finding{good, "no sysctl vm.memfd_noexec: programs may run from memory files", ""}
	}
	switch v := strings.TrimSpace(string(data)); v {
	case "2":
		f, err := os.CreateTemp("", "vitrine-doctor")
		if err == nil {
			f.Close()
			os.Remove(f.Name())
			return finding{good, "vm.memfd_noexec = 2: cells start from an unlinked file in " + os.TempDir(), "if that is mounted noexec, set TMPDIR to a directory that is not, or: sysctl vm.memfd_noexec=1"}
		}
		return finding{lacks, "vm.memfd_noexec = 2 and no temporary files: " + err.Error(), "sysctl vm.memfd_noexec=1, or set TMPDIR"}
	default:
		return finding{good, "vm.memfd_noexec = " + v, ""}
	}
}

func checkUserfaultfd() finding {
	const userModeOnly = 1
	fd, _, e := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|userModeOnly, 0, 0)
	if e != 0 {
		return finding{slow, "not allowed: " + e.Error(), "page faults cost four times as much; a container's filter may forbid it: allow userfaultfd(2)"}
	}
	defer unix.Close(int(fd))
	api := [3]uint64{0xaa, 0x80 | 0x400, 0} // UFFD_FEATURE_MINOR_SHMEM and SIGBUS
	const uffdioAPI = 0xc018aa3f
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, fd, uffdioAPI, uintptr(unsafe.Pointer(&api))); e != 0 {
		return finding{slow, "no minor faults on shared memory: " + e.Error(), "page faults cost four times as much; Linux 5.14 has it"}
	}
	return finding{good, "minor faults on shared memory", ""}
}

func checkProcesses() finding {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &l); err != nil {
		return finding{note, "unknown: " + err.Error(), ""}
	}
	const want = 200
	switch {
	case l.Cur == unix.RLIM_INFINITY:
		return finding{good, "no limit", ""}
	case l.Cur < want:
		return finding{slow, fmt.Sprintf("at most %d tasks of this user", l.Cur), fmt.Sprintf("each guest process takes two: ulimit -u %d", 10*want)}
	}
	return finding{good, fmt.Sprintf("at most %d tasks of this user; each guest process takes two", l.Cur), ""}
}

func checkMapCount() finding {
	data, err := os.ReadFile("/proc/sys/vm/max_map_count")
	n, err2 := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || err2 != nil {
		return finding{note, "unknown", ""}
	}
	if n < 65530 {
		return finding{slow, fmt.Sprintf("vm.max_map_count = %d", n), "large guest programs lose mappings and fault again: sysctl vm.max_map_count=65530"}
	}
	return finding{good, fmt.Sprintf("vm.max_map_count = %d", n), ""}
}

func checkPtrace() finding {
	data, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil {
		return finding{good, "ptrace of child processes: nothing forbids it", ""}
	}
	switch v := strings.TrimSpace(string(data)); v {
	case "0", "1":
		return finding{good, "kernel.yama.ptrace_scope = " + v, ""}
	default:
		return finding{note, "kernel.yama.ptrace_scope = " + v + ": no debugger for the kernel; running works, with slower page faults", "sysctl kernel.yama.ptrace_scope=1"}
	}
}

func checkCPUs() finding {
	if n := runtime.NumCPU(); n == 1 {
		return finding{slow, "one", "kernel and guest take turns; two are better"}
	} else {
		return finding{good, strconv.Itoa(n), ""}
	}
}

func checkGo() finding {
	t, err := findTree()
	if err != nil {
		return finding{note, "no source tree: " + err.Error(), "the kernel is not built; give -kernel and -initrd, or have vkernel and initramfs.cpio beside vitrine"}
	}
	path, err := exec.LookPath("go")
	if err != nil {
		return finding{note, "no go command in PATH: the kernel in " + t.dir + " can't be built", "install Go from https://go.dev/dl, or give -kernel and -initrd"}
	}
	out, err := exec.Command(path, "env", "GOVERSION").Output()
	if err != nil {
		return finding{note, path + ": " + err.Error(), ""}
	}
	return finding{good, strings.TrimSpace(string(out)) + ", source tree " + t.dir, ""}
}

func checkCC() finding {
	if path, err := exec.LookPath("cc"); err == nil {
		return finding{good, path, ""}
	}
	return finding{note, "none: no C demo programs in the default userland", "apt-get install gcc libc6-dev, if you want them"}
}
