package procfs_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	_ "vitrine/kernel/fs/sysfs"
	"vitrine/kernel/ktest/guest"
	"vitrine/kernel/platform/fakeuser"
)

// read returns a whole file, or the error number.
func read(u *fakeuser.User, buf uint64, path string) string {
	fd := u.Syscall(2, u.StoreString(buf, path), 0)
	if fd < 0 {
		return fmt.Sprint("open: ", fd)
	}
	defer u.Syscall(3, uint64(fd))
	var out []byte
	for {
		n := u.Syscall(0, uint64(fd), buf, 4096)
		if n < 0 {
			return fmt.Sprint("read: ", n)
		}
		if n == 0 {
			return string(out)
		}
		b := make([]byte, n)
		u.Load(buf, b)
		out = append(out, b...)
	}
}

func TestFiles(t *testing.T) {
	files := map[string]string{
		"/proc/version":                  `^Linux version 6\.1\.0-vitrine `,
		"/proc/uptime":                   `^\d+\.\d\d \d+\.\d\d\n$`,
		"/proc/meminfo":                  `(?s)^MemTotal: +\d+ kB\nMemFree: .*MemAvailable: `,
		"/proc/stat":                     `(?s)^cpu  \d.*\ncpu0 .*\nbtime \d+\n`,
		"/proc/loadavg":                  `^\d\.\d\d \d\.\d\d \d\.\d\d \d+/\d+ \d+\n$`,
		"/proc/cpuinfo":                  `^processor\t: 0\n`,
		"/proc/filesystems":              `nodev\tproc\n`,
		"/proc/mounts":                   `(?s)^rootfs / tmpfs rw,.*proc /proc proc rw`,
		"/proc/self/mountinfo":           `(?m)^1 1 0:\d+ / / rw,relatime - tmpfs rootfs rw`,
		"/proc/self/stat":                `^1 \(init\) R 0 1 1 0 -1 `,
		"/proc/self/status":              `(?s)^Name:\tinit\n.*\nPid:\t1\nPPid:\t0\n.*\nUid:\t0\t0\t0\t0\n.*\nThreads:\t1\n`,
		"/proc/self/statm":               `^\d+ \d+ \d+ \d+ 0 \d+ 0\n$`,
		"/proc/1/cmdline":                "^/init\x00$",
		"/proc/self/maps":                `(?s)r-xp 00000000 00:\d+ \d+ +/init\n.*rw-p .* \[stack\]\n`,
		"/proc/self/limits":              `(?m)^Max open files +1024 +16384 +files`,
		"/proc/self/task/1/comm":         `^init\n$`,
		"/proc/self/fdinfo/0":            `(?m)^flags:\t0`,
		"/proc/sys/kernel/pid_max":       `^32768\n$`,
		"/proc/sys/kernel/random/uuid":   `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$`,
		"/proc/vitrine/view/ps":          `(?m)^1 +1 .* init$`,
		"/proc/999":                      `^open: -2$`,
		"/proc/01":                       `^open: -2$`,
		"/proc/self/task/2/comm":         `^open: -2$`,
		"/sys/devices/system/cpu/online": `^0\n$`,
		"/sys/kernel/mm/transparent_hugepage/enabled": `\[never\]`,
	}
	got := map[string]string{}
	s := guest.Boot(t, guest.Options{Init: func(u *fakeuser.User) int {
		p := uint64(u.Syscall(9, 0, 8192, 3, 0x22, ^uint64(0), 0))
		for _, fs := range []string{"proc", "sysfs"} {
			dir := map[string]string{"proc": "/proc", "sysfs": "/sys"}[fs]
			u.Syscall(83, u.StoreString(p, dir), 0o755)
			if r := u.Syscall(165, u.StoreString(p, fs), u.StoreString(p+256, dir), u.StoreString(p+512, fs), 0, 0); r != 0 {
				t.Errorf("mount %s: %d", fs, r)
			}
		}
		for f := range files {
			got[f] = read(u, p, f)
		}
		// What init writes before it powers off is its status.
		fd := u.Syscall(2, u.StoreString(p, "/proc/vitrine/exit"), 1)
		u.StoreString(p, "x")
		if r := u.Syscall(1, uint64(fd), p, 1); r != -22 {
			t.Errorf("garbage as an exit status: %d", r)
		}
		u.StoreString(p, "7\n")
		u.Syscall(1, uint64(fd), p, 2)
		u.Syscall(169, 0xfee1dead, 672274793, 0x4321fedc, 0)
		return 0
	}})
	if h := s.Wait(); h.Status != 7 {
		t.Errorf("status %d, want what was written to /proc/vitrine/exit", h.Status)
	}
	for f, want := range files {
		if !regexp.MustCompile(want).MatchString(got[f]) {
			t.Errorf("%s:\n%s\ndoes not match %s", f, strings.ReplaceAll(got[f], "\x00", "\\0"), want)
		}
	}
}

// `echo >/dev/stderr` opens /proc/self/fd/2 with O_CREAT: what the link leads to, a pipe here, is opened.
func TestCreateThroughDescriptor(t *testing.T) {
	s := guest.Boot(t, guest.Options{Init: func(u *fakeuser.User) int {
		p := uint64(u.Syscall(9, 0, 8192, 3, 0x22, ^uint64(0), 0))
		u.Syscall(165, u.StoreString(p, "proc"), u.StoreString(p+256, "/proc"), u.StoreString(p+512, "proc"), 0, 0)
		u.Syscall(22, p) // pipe
		r, w := u.Load64(p)&0xffffffff, u.Load64(p)>>32
		const flags = 0o1 | 0o100 | 0o1000 // O_WRONLY|O_CREAT|O_TRUNC
		fd := u.Syscall(2, u.StoreString(p, fmt.Sprint("/proc/self/fd/", w)), flags, 0o666)
		if fd < 0 {
			t.Errorf("open: %d", fd)
			return 1
		}
		u.StoreString(p, "abc")
		if n := u.Syscall(1, uint64(fd), p, 3); n != 3 {
			t.Errorf("write: %d", n)
		}
		if n := u.Syscall(0, r, p, 9); n != 3 {
			t.Errorf("read: %d", n)
		}
		if r := u.Syscall(2, u.StoreString(p, "/proc/self/fd"), flags, 0o666); r != -21 {
			t.Errorf("a directory: %d, want EISDIR", r)
		}
		return 0
	}})
	s.Wait()
}
