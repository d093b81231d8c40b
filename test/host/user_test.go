package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// helperEnv makes this test program a helper that takes rights away from itself and then becomes its arguments:
// "nouffd" refuses the host calls that a container's usual filter refuses, "nproc=N" sets a limit.
const helperEnv = "VITRINE_HOST_TEST_HELPER"

func helper() {
	runtime.LockOSThread() // a filter is the thread's, and exec keeps this one
	for _, w := range strings.Fields(os.Getenv(helperEnv)) {
		var err error
		if n, ok := strings.CutPrefix(w, "nproc="); ok {
			v, _ := strconv.ParseUint(n, 10, 64)
			err = unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: v, Max: v})
		} else if w == "nouffd" {
			err = refuse(unix.SYS_USERFAULTFD, unix.SYS_PTRACE, unix.SYS_PIDFD_GETFD, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
				unix.SYS_UNSHARE, unix.SYS_MOUNT, unix.SYS_SETNS, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_KEYCTL, unix.SYS_ADD_KEY)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, w, err)
			os.Exit(1)
		}
	}
	os.Unsetenv(helperEnv)
	err := syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	fmt.Fprintln(os.Stderr, os.Args[1], err)
	os.Exit(1)
}

// refuse installs a filter under which the calls fail with EPERM.
func refuse(nrs ...uint32) error {
	prog := []bpf.Instruction{bpf.LoadAbsolute{Off: 0, Size: 4}}
	for _, nr := range nrs {
		prog = append(prog, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: nr, SkipTrue: 1}, bpf.RetConstant{Val: 0x50000 | uint32(unix.EPERM)})
	}
	raw, err := bpf.Assemble(append(prog, bpf.RetConstant{Val: 0x7fff0000}))
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	fprog := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
	if _, _, e := unix.RawSyscall(unix.SYS_SECCOMP, 1, 0, uintptr(unsafe.Pointer(&fprog))); e != 0 {
		return e
	}
	return nil
}

const nobody = 65534

// asNobody starts a machine as an ordinary user without any rights.
func asNobody(t *testing.T, restrict string, args ...string) *vm {
	t.Helper()
	dir, err := os.MkdirTemp(parts, "user")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cmd := command(dir, args...)
	if os.Getuid() == 0 {
		uid := nobody
		if strings.Contains(restrict, "nproc") { // the limit counts all processes of a user
			uid = 100_000 + os.Getpid()%100_000
		}
		if err := os.Chown(dir, uid, nobody); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: nobody}}
	}
	if restrict != "" {
		self := filepath.Join(parts, "helper")
		if _, err := os.Stat(self); errors.Is(err, os.ErrNotExist) {
			data, err := os.ReadFile("/proc/self/exe")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(self, data, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		c := exec.Command(self, append([]string{cmd.Path}, cmd.Args[1:]...)...)
		c.Dir, c.SysProcAttr = cmd.Dir, cmd.SysProcAttr
		c.Env = append(cmd.Env, helperEnv+"="+restrict)
		cmd = c
	}
	return startCommand(t, dir, cmd)
}

// An ordinary user of the host runs all of it, with and without userfaultfd.
func TestOrdinaryUser(t *testing.T) {
	root := hostile(t)
	for _, restrict := range []string{"", "nouffd"} {
		for _, smp := range []string{"1", "4"} {
			t.Run(restrict+" smp"+smp, func(t *testing.T) {
				t.Parallel()
				m := asNobody(t, restrict, "-smp", smp, "-m", "128M", "-root", root, "--", "sh", "-c", `
					cat /etc/passwd; ls -ln /etc/passwd
					for mode in selfmod deaf hog shuffle threads peek signals; do /bin/hostile $mode; done
					dmesg | grep -c "no userfaultfd.*slowe[r]"
					seq 1000 | sort -n | tail -1
					ls -lR /proc/self/ >/dev/null
					echo done; cat`)
				m.out.expect(t, `^root:x:0:0`)
				m.out.expect(t, `^-\S+ +1 0 0 .*passwd$`)
				for _, want := range []string{"selfmod: exit 0", `deaf: killed by \d+`, "hog: killed by 9", "shuffle: exit 0", "threads: exit 11", "peek: found 0, .*", "signals: killed by .*"} {
					m.out.expect(t, "^"+want+"$")
				}
				m.out.expect(t, map[bool]string{true: "^1$", false: "^0$"}[restrict == "nouffd"])
				m.out.expect(t, "^1000$")
				m.out.expect(t, "^done$")
				for _, pid := range append(m.cells(), m.kernel) {
					status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
					if err == nil && os.Getuid() == 0 && !regexp.MustCompile(`(?m)^Uid:\t65534\t65534\t65534\t65534$`).Match(status) {
						t.Errorf("process %d has another user:\n%s", pid, status)
					}
				}
				m.in.Close()
				if s := m.wait(); s != 0 {
					t.Errorf("status %d", s)
				}
				m.nothingLeft()
			})
		}
	}
}

// When the host gives no more processes a fork bomb meets EAGAIN, and the system lives on.
func TestHostProcessLimit(t *testing.T) {
	root := hostile(t)
	m := asNobody(t, "nproc=150", "-root", root, "--", "/bin/hostile", "limits")
	for _, want := range []string{"forkbomb: exit 1[12]", "threads: exit 11", "forkbomb: exit 1[12]", "alive"} {
		m.out.expect(t, "^"+want+"$")
	}
	m.in.Close()
	if s := m.wait(); s != 0 {
		t.Errorf("status %d", s)
	}
	m.nothingLeft()
}
