package applets

import (
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// action parses the primaries that do something.
func (r *findRun) action(word string) findExpr {
	r.acts = true
	switch word {
	case "-print":
		return func(f *findFile) bool { box.Out.WriteString(f.path + "\n"); return true }
	case "-print0":
		return func(f *findFile) bool { box.Out.WriteString(f.path + "\x00"); return true }
	case "-ls":
		return func(f *findFile) bool {
			l := &lsRun{name: r.name}
			l.printLong([]lsEntry{{name: f.path, path: f.path, st: f.st}})
			return true
		}
	case "-quit":
		return func(*findFile) bool { r.quit = true; return true }
	case "-delete":
		r.depthFirst = true
		return func(f *findFile) bool {
			err := error(nil)
			if f.st.Mode&unix.S_IFMT == unix.S_IFDIR {
				if f.path == "." {
					return true
				}
				err = unix.Rmdir(f.path)
			} else {
				err = unix.Unlink(f.path)
			}
			if err != nil {
				r.status = box.Fail(r.name, "cannot delete '"+f.path+"'", err)
			}
			return err == nil
		}
	case "-exec", "-ok":
		return r.exec(word == "-ok")
	}
	r.bad("unknown predicate '" + word + "'")
	return nil
}

func (r *findRun) exec(confirm bool) findExpr {
	var cmd []string
	for {
		a := r.next()
		if a == ";" {
			break
		}
		if a == "+" && len(cmd) > 1 && cmd[len(cmd)-1] == "{}" {
			b := &findBatch{cmd: cmd[:len(cmd)-1]}
			r.batches = append(r.batches, b)
			return func(f *findFile) bool {
				if b.files = append(b.files, f.path); len(b.files) >= 500 {
					r.flush(b)
				}
				return true
			}
		}
		cmd = append(cmd, a)
	}
	if len(cmd) == 0 {
		r.bad("-exec needs a command")
	}
	return func(f *findFile) bool {
		argv := make([]string, len(cmd))
		for i, a := range cmd {
			argv[i] = strings.ReplaceAll(a, "{}", f.path)
		}
		if confirm && !ask("< "+strings.Join(argv, " ")+" > ? ") {
			return false
		}
		return runCommand(r.name, argv, os.Environ(), nil) == 0
	}
}

func (r *findRun) flush(b *findBatch) {
	if len(b.files) == 0 {
		return
	}
	if runCommand(r.name, append(append([]string{}, b.cmd...), b.files...), os.Environ(), nil) != 0 {
		r.status = 1
	}
	b.files = nil
}

// runCommand runs a program with our descriptors and returns its exit status.
// sys may be nil.
func runCommand(name string, argv, env []string, sys *syscall.SysProcAttr) int {
	box.Out.Flush()
	pid, err := syscall.ForkExec(initLook(argv[0]), argv, &syscall.ProcAttr{Env: env, Files: []uintptr{0, 1, 2}, Sys: sys})
	if err != nil {
		box.Warn(name, argv[0], err)
		return execStatus(err)
	}
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// execStatus is the exit status for a program that could not be started.
func execStatus(err error) int {
	if err == unix.ENOENT {
		return 127
	}
	return 126
}
