package applets

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// init - the first process
//
//	init                  mount what a system needs and run a login shell on the console
//	                      (with root=9p:TAG in the environment, in that directory of the host)
//	init COMMAND [ARG]... run the command instead (the kernel passes what follows "--"
//	                      on its command line)
//
// When the shell or the command ends, its exit status (the code, or 128 + the
// signal's number) is written to /proc/vitrine/exit, if there is such a file, and
// the machine is powered off.
//
// With another pid than 1 init leaves mounts and power alone and exits with the
// status: that is how it is tested.
func init() {
	box.Register(&box.Cmd{Name: "init", Usage: "init [COMMAND [ARG]...]", Run: initMain, RawHelp: true})
}

// exitFile tells Vitrine's supervisor the exit status of the session.
const exitFile = "/proc/vitrine/exit"

func initMain(args []string) int {
	first := os.Getpid() == 1
	name := args[0]
	shell := []string{"-sh"} // the dash makes it a login shell
	if first {
		initConsole()
		initMounts(name)
		if initSwitchRoot(name) {
			shell = initShell()
		}
		initHostname()
	}
	initEnviron()
	argv := args[1:]
	if len(argv) > 0 && argv[0] == "--" {
		argv = argv[1:]
	}
	if len(argv) == 0 {
		argv = shell
	}
	status := 127
	if pid, err := initSpawn(argv, first); err != nil {
		box.Warn(name, argv[0], err)
	} else {
		status = initReap(pid)
	}
	if first {
		initPowerOff(name, status)
	}
	return status
}

// initConsole opens the console when the kernel has started init without
// descriptors, as Linux does when /dev/console is missing in the initramfs.
func initConsole() {
	if _, err := unix.FcntlInt(0, unix.F_GETFD, 0); err == nil {
		return
	}
	unix.Mkdir("/dev", 0o755)
	unix.Mount("devtmpfs", "/dev", "devtmpfs", 0, "")
	for fd := 0; fd <= 2; fd++ {
		unix.Open("/dev/console", unix.O_RDWR, 0) // lowest free descriptor: 0, then 1, then 2
	}
}

// initMount is a filesystem every system has. The types are tried in turn.
type initMount struct {
	dir   string
	types []string
	flags uintptr
	data  string
}

var initTable = []initMount{
	{"/proc", []string{"proc"}, unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"/sys", []string{"sysfs"}, unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"/dev", []string{"devtmpfs", "devfs"}, unix.MS_NOSUID, ""},
	{"/dev/pts", []string{"devpts"}, unix.MS_NOSUID | unix.MS_NOEXEC, "mode=620,ptmxmode=666"},
	{"/dev/shm", []string{"tmpfs"}, unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	{"/tmp", []string{"tmpfs"}, unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
}

// initMounts mounts what is not mounted yet. /proc comes first, because the mount
// table is read there; a failure is reported and is no reason to stop.
func initMounts(name string) {
	mounted := initMounted()
	for i, m := range initTable {
		unix.Mkdir(m.dir, 0o755)
		if mounted[m.dir] {
			continue
		}
		var err error
		for _, t := range m.types {
			if err = unix.Mount(t, m.dir, t, m.flags, m.data); err == nil || err == unix.EBUSY {
				err = nil
				break
			}
		}
		if err != nil {
			box.Warn(name, "mounting "+m.types[0]+" on "+m.dir, err)
		}
		if i == 0 {
			mounted = initMounted() // now that there is /proc
		}
	}
	unix.Mkdir("/root", 0o700)
	unix.Chdir("/root")
}

// initMounted returns what is mounted, as far as /proc says it.
func initMounted() map[string]bool {
	dirs := map[string]bool{}
	data, _ := box.ReadFile("/proc/self/mounts")
	for _, m := range parseMounts(string(data)) {
		dirs[m.dir] = true
	}
	return dirs
}

// initHostname takes the name from /etc/hostname, else "vitrine", unless the
// kernel has been given one on its command line.
func initHostname() {
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		if now := unix.ByteSliceToString(u.Nodename[:]); now != "" && now != "(none)" && now != "localhost" {
			return
		}
	}
	host := "vitrine"
	if data, err := box.ReadFile("/etc/hostname"); err == nil && len(strings.TrimSpace(string(data))) > 0 {
		host = strings.TrimSpace(string(data))
	}
	unix.Sethostname([]byte(host))
}

// initEnviron sets what a login needs, as far as the kernel has not passed it.
func initEnviron() {
	for _, kv := range [][2]string{
		{"PATH", "/bin:/sbin:/usr/bin:/usr/sbin"},
		{"HOME", "/root"},
		{"TERM", "linux"},
		{"USER", "root"},
		{"LOGNAME", "root"},
		{"SHELL", "/bin/sh"},
	} {
		// The kernel itself passes HOME=/ to init, which nobody wants as a home.
		if v := os.Getenv(kv[0]); v == "" || (kv[0] == "HOME" && v == "/") {
			os.Setenv(kv[0], kv[1])
		}
	}
}

// initSpawn starts the session: a new session leader whose controlling terminal
// is standard input, if that is a terminal.
func initSpawn(argv []string, first bool) (int, error) {
	path := initLook(strings.TrimPrefix(argv[0], "-"))
	sys := &syscall.SysProcAttr{}
	files := []uintptr{0, 1, 2}
	if first {
		sys.Setsid = true
		for fd := range files {
			if tty := initTerminal(fd); tty >= 0 {
				defer unix.Close(tty)
				files[fd] = uintptr(tty)
			}
		}
		if isatty(0) {
			// TIOCSCTTY with descriptor 0 of the child.
			sys.Setctty, sys.Ctty = true, 0
		}
	}
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: os.Environ(), Files: files, Sys: sys})
}

// initTerminal opens the terminal behind descriptor fd by its own name: /dev/console, which the kernel gives to
// init, knows no job control. It returns -1 if fd is no terminal or has no other name.
func initTerminal(fd int) int {
	dev, err := unix.IoctlGetInt(fd, unix.TIOCGDEV)
	if err != nil {
		return -1
	}
	list, _ := readDir("/dev")
	for _, name := range list {
		var st unix.Stat_t
		path := "/dev/" + name
		if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == uint64(uint32(dev)) {
			if tty, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
				return tty
			}
		}
	}
	return -1
}

// initLook finds a command in PATH; a command of this very program is found
// even when nobody has made its link.
func initLook(cmd string) string {
	if strings.Contains(cmd, "/") {
		return cmd
	}
	for _, dir := range strings.Split(os.Getenv("PATH"), ":") {
		if p := join(dir, cmd); unix.Access(p, unix.X_OK) == nil && !isDir(p) {
			return p
		}
	}
	if box.Lookup(cmd) != nil {
		return "/proc/self/exe"
	}
	return cmd
}

// initReap waits for all children, also the orphans that the kernel gives to pid
// 1, until the session leader has ended, and returns its exit status.
func initReap(leader int) int {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 127 // ECHILD: somebody else has taken our child
		case pid == leader && ws.Exited():
			return ws.ExitStatus()
		case pid == leader && ws.Signaled():
			return 128 + int(ws.Signal())
		}
	}
}

// initPowerOff ends the world: tells the status, asks everybody to finish, writes
// back the disks, switches off. It returns only if the kernel does not let it.
func initPowerOff(name string, status int) {
	if _, err := stat(exitFile); err == nil {
		if fd, err := box.OpenFile(exitFile, unix.O_WRONLY, 0); err == nil {
			fd.WriteString(strconv.Itoa(status) + "\n")
			fd.Close()
		}
	}
	unix.Kill(-1, unix.SIGTERM)
	unix.Kill(-1, unix.SIGKILL)
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		box.Warn(name, "power off", err)
	}
}
