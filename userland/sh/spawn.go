package sh

import (
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// spawn starts a program: fork, arrange descriptors, process group and terminal,
// exec. syscall.ForkExec does that in one step (with vfork, so it costs the same
// however large the shell is) and returns when exec has succeeded or failed.
//
// With job control, pgrp 0 makes the child the leader of a new process group, and
// fg gives the terminal to that group; both happen in the child before exec, so
// the program can never run without them.
//
// One gap is left, of some microseconds: a subshell whose child is stopped by ^Z
// between fork and exec waits for it inside vfork and so is not stopped itself; the
// interactive shell above it then waits on. fg cannot help there, kill -CONT can.
func (sh *Shell) spawn(path string, args, env []string, pl *plan, pgrp int, fg bool) (int, error) {
	box.Out.Flush()
	attr := &syscall.ProcAttr{Env: env, Files: sh.files(pl), Sys: &syscall.SysProcAttr{}}
	if sh.tty >= 0 {
		attr.Sys.Setpgid, attr.Sys.Pgid = true, pgrp
		if fg {
			attr.Sys.Foreground, attr.Sys.Ctty = true, sh.tty
		}
	}
	for {
		pid, err := syscall.ForkExec(path, args, attr)
		switch err {
		case nil:
			return pid, nil
		case unix.EBADF: // one of 0, 1, 2 is closed; find out which
			if !closeMissing(attr.Files) {
				return 0, err
			}
			continue
		case unix.ENOEXEC: // a script without #!
			args = append([]string{"sh", path}, args[1:]...)
			if path == selfPath() {
				return 0, err
			}
			path = selfPath()
			continue
		}
		if fg && sh.tty >= 0 { // the child may have taken the terminal before it failed
			sh.takeTerminal()
		}
		return 0, err
	}
}

// files makes the table for ForkExec: entry n becomes the child's descriptor n,
// ^0 a closed one.
func (sh *Shell) files(pl *plan) []uintptr {
	n := 3
	for fd := range pl.fds {
		n = max(n, fd+1)
	}
	files := make([]uintptr, n)
	for fd := range files {
		from, planned := pl.fds[fd]
		switch {
		case !planned && fd >= 3:
			// Between the standard descriptors and the planned ones: whatever the
			// user has opened with exec n>file, but not the shell's own.
			files[fd] = ^uintptr(0)
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
				files[fd] = uintptr(fd)
			}
		case !planned:
			files[fd] = uintptr(fd)
		default:
			files[fd] = uintptr(from)
		}
	}
	return files
}

// closeMissing marks entries that are not open as closed, and reports whether there were any.
func closeMissing(files []uintptr) bool {
	found := false
	for i, fd := range files {
		if fd == ^uintptr(0) {
			continue
		}
		if _, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil {
			files[i] = ^uintptr(0)
			found = true
		}
	}
	return found
}

// selfPath is the path of this program.
func selfPath() string {
	if unix.Access("/proc/self/exe", unix.X_OK) == nil {
		return "/proc/self/exe"
	}
	return os.Args[0]
}

// lookPath finds a command in PATH and remembers it. A command of this program
// that has no link in PATH is this program.
func (sh *Shell) lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	if p, ok := sh.hashed[name]; ok {
		return p, nil
	}
	var denied error = unix.ENOENT
	for _, dir := range strings.Split(sh.get("PATH"), ":") {
		p := name
		if dir != "" {
			p = strings.TrimSuffix(dir, "/") + "/" + name
		}
		var st unix.Stat_t
		if unix.Stat(p, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		if st.Mode&0o111 == 0 || unix.Access(p, unix.X_OK) != nil {
			denied = unix.EACCES
			continue
		}
		sh.hashed[name] = p
		return p, nil
	}
	if box.Lookup(name) != nil {
		return selfPath(), nil
	}
	return "", denied
}

// become executes a program in place of the shell; it returns only on failure.
func (sh *Shell) become(args, env []string) error {
	path, err := sh.lookPath(args[0])
	if err != nil {
		return err
	}
	box.Out.Flush()
	if sh.sigc != nil {
		signal.Stop(sh.sigc) // handlers are reset by execve, ignored signals stay ignored
	}
	err = unix.Exec(path, args, env)
	if err == unix.ENOEXEC {
		err = unix.Exec(selfPath(), append([]string{"sh", path}, args[1:]...), env)
	}
	return err
}
