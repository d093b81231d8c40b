package sh

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// biJobs - jobs [-lp] [JOB]...
func biJobs(sh *Shell, args []string) int {
	mode, status := "", 0
	for sh.wait(false) {
	}
	list := append([]*job(nil), sh.jobs...)
	named := false
	for _, a := range args[1:] {
		if a == "-l" || a == "-p" {
			mode = a
			continue
		}
		if !named {
			list, named = nil, true
		}
		j, msg := sh.findJob(a)
		if j == nil {
			sh.errorf("jobs: " + a + ": " + msg)
			status = 1
			continue
		}
		list = append(list, j)
	}
	for i := 0; i+2 < len(sh.parentJobs) && !named; i += 3 {
		box.Out.WriteString(sh.parentJobs[i+map[string]int{"": 0, "-l": 1, "-p": 2}[mode]] + "\n")
	}
	for _, j := range list {
		if j.id == 0 {
			continue
		}
		if mode == "-p" {
			fmt.Fprintln(box.Out, j.pgrp)
			continue
		}
		box.Out.WriteString(sh.jobLine(j, mode == "-l") + "\n")
		j.notify = false
		if j.state() == done && sh.interactive {
			sh.dropJob(j)
		}
	}
	return status
}

// biFg - fg [JOB], bg [JOB]...: continue a job in the foreground or background
func biFg(sh *Shell, args []string) int {
	if sh.tty < 0 {
		sh.errorf(args[0] + ": no job control")
		return 1
	}
	specs := args[1:]
	if len(specs) == 0 {
		specs = []string{"%+"}
	}
	status := 0
	for _, spec := range specs {
		j, msg := sh.findJob(spec)
		if j != nil && j.state() == done {
			j, msg = nil, "job has terminated"
		}
		if j == nil {
			sh.errorf(args[0] + ": " + spec + ": " + msg)
			return 1
		}
		if args[0] == "bg" {
			fmt.Fprintf(box.Out, "[%d]+ %s &\n", j.id, j.text)
			sh.lastBg = j.procs[len(j.procs)-1].pid
			if err := sh.continueJob(j); err != nil {
				sh.errorf("bg: " + box.Strerror(err))
				status = 1
			}
			continue
		}
		box.Out.WriteString(j.text + "\n")
		box.Out.Flush()
		// First the terminal, then SIGCONT: the job must not wake up in the background.
		sh.giveTerminal(j.pgrp)
		if j.modes != nil {
			unix.IoctlSetTermios(sh.tty, unix.TCSETSW, j.modes)
		}
		sh.continueJob(j)
		status = sh.waitForeground(j)
	}
	return status
}

// biWait - wait [-n] [JOB|PID]...: wait for background jobs
func biWait(sh *Shell, args []string) int {
	specs := args[1:]
	if len(specs) > 0 && specs[0] == "--" {
		specs = specs[1:]
	}
	if len(specs) > 0 && specs[0] == "-n" {
		return sh.waitAny()
	}
	if len(specs) == 0 {
		for _, j := range append([]*job(nil), sh.jobs...) {
			if j.state() != stopped || sh.tty < 0 {
				if sig := sh.waitFor(func() bool { return j.state() != running }); sig > 0 {
					return 128 + sig
				}
			}
			if j.state() == done && !sh.interactive {
				sh.dropJob(j)
			}
		}
		return 0
	}
	status := 0
	for _, spec := range specs {
		j, _ := sh.findJob(spec)
		if j == nil {
			if _, err := strconv.Atoi(spec); err != nil {
				sh.errorf("wait: " + spec + ": no such job")
			}
			status = 127
			continue
		}
		if sig := sh.waitFor(func() bool { return j.state() != running }); sig > 0 {
			return 128 + sig
		}
		status = j.exitStatus(sh.opt.pipefail)
		if pid, err := strconv.Atoi(spec); err == nil { // a process of the job: its own status
			for _, p := range j.procs {
				if p.pid == pid && j.failed == 0 {
					status = statusOf(p.status)
				}
			}
		}
		if j.state() == done {
			sh.dropJob(j)
		}
	}
	return status
}

// waitAny waits for the next job to end.
func (sh *Shell) waitAny() int {
	var ended *job
	found := func() bool {
		running := false
		for _, j := range sh.jobs {
			if j.id > 0 && j.state() == done {
				ended = j
				return true
			}
			running = running || j.id > 0
		}
		return !running
	}
	if sig := sh.waitFor(found); sig > 0 {
		return 128 + sig
	}
	if ended == nil {
		return 127
	}
	sh.dropJob(ended)
	return ended.exitStatus(sh.opt.pipefail)
}

// waitFor waits until the condition holds. A trapped signal ends the wait and is
// returned. With a signal channel, the wait is for SIGCHLD or another signal: it
// is registered before the children are looked at, so none can be missed.
func (sh *Shell) waitFor(cond func() bool) (sig int) {
	if sh.sigc == nil {
		for !cond() && sh.wait(true) {
		}
		return 0
	}
	sh.catch(unix.SIGCHLD)
	for {
		for sh.wait(false) {
		}
		if cond() {
			return 0
		}
		if sh.childless {
			return 0
		}
		s := int((<-sh.sigc).(syscall.Signal))
		if sh.signal(s) && syscall.Signal(s) != unix.SIGCHLD {
			return s
		}
	}
}

// biKill - kill [-s SIGNAL | -SIGNAL] PID|JOB...
func biKill(sh *Shell, args []string) (status int) {
	var sig unix.Signal
	var rest []string
	if c := box.Lookup("kill"); c != nil { // for the usage message
		wrapped := box.Cmd{Name: c.Name, Usage: c.Usage, Run: func(a []string) int {
			var st int
			sig, rest, st = box.KillArgs(a)
			return st
		}}
		status = box.Run(&wrapped, args)
	}
	for _, a := range rest {
		var err error
		if a[0] == '%' {
			j, msg := sh.findJob(a)
			if j == nil {
				sh.errorf("kill: " + a + ": " + msg)
				status = 1
				continue
			}
			err = sh.killJob(j, sig)
		} else if pid, perr := strconv.Atoi(a); perr != nil {
			sh.errorf("kill: " + a + ": arguments must be process or job IDs")
			status = 1
			continue
		} else if pid == os.Getpid() {
			err = sh.killSelf(sig)
		} else {
			err = unix.Kill(pid, sig)
		}
		if err != nil {
			sh.errorf("kill: " + a + ": " + box.Strerror(err))
			status = 1
		}
	}
	return status
}

// killSelf sends the shell a signal that takes effect before the next command. It
// goes to the calling thread: sent to the process, another thread might take it
// while this one already runs on, or exits. A trap's signal comes through a
// goroutine of the Go runtime, so that is waited for.
func (sh *Shell) killSelf(sig unix.Signal) error {
	runtime.LockOSThread()
	err := unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
	runtime.UnlockOSThread()
	if cmd := sh.traps[int(sig)]; err != nil || cmd == "" || sh.sigc == nil || sh.inTrap {
		return err
	}
	for {
		s := int((<-sh.sigc).(syscall.Signal))
		sh.signal(s)
		if s == int(sig) {
			return nil
		}
	}
}

// killJob sends a signal to all of a job. A stopped job could not die of it before
// it is continued.
func (sh *Shell) killJob(j *job, sig unix.Signal) error {
	if j.ownGroup {
		err := unix.Kill(-j.pgrp, sig)
		if j.state() == stopped && (sig == unix.SIGTERM || sig == unix.SIGHUP || sig == unix.SIGCONT || sig == unix.SIGKILL) {
			return sh.continueJob(j) // also so that a following wait does wait
		}
		return err
	}
	var err error
	for _, p := range j.procs {
		if p.state != done {
			err = unix.Kill(p.pid, sig)
		}
	}
	return err
}
