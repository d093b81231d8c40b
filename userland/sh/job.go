package sh

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// A job is a pipeline: the processes that the user thinks of as one thing.
//
//	              ^Z, kill -STOP
//	running  ───────────────────────>  stopped
//	   │     <───────────────────────
//	   │            fg, bg
//	   v
//	 done   -> reported before the next prompt, then forgotten
//
// With job control (an interactive shell on a terminal) every job is a process
// group of its own, and the terminal belongs to the group in the foreground: only
// this group may read from it and gets the signals of ^C and ^Z.
type job struct {
	id       int // %1; 0: a foreground job that has no number
	pgrp     int // with ownGroup
	ownGroup bool
	procs    []proc
	text     string
	failed   int // status when the last command could not be started
	modes    *unix.Termios
	notify   bool // its state has changed and the user does not know
}

// proc is one process of a job.
type proc struct {
	pid     int
	state   procState
	status  unix.WaitStatus
	started bool
}

type procState int

const (
	running procState = iota
	stopped
	done
)

// newJob makes a job of processes that have been started.
func (sh *Shell) newJob(pids []int, st *syntax.Stmt) *job {
	j := &job{ownGroup: sh.tty >= 0}
	if st != nil && sh.interactive {
		j.text = jobText(st)
	}
	for _, p := range pids {
		j.procs = append(j.procs, proc{pid: p})
	}
	if len(pids) > 0 {
		j.pgrp = pids[0]
	}
	sh.jobs = append(sh.jobs, j)
	return j
}

// keepJob gives a job a number, because the shell goes on without waiting for it.
func (sh *Shell) keepJob(j *job) {
	if j.id == 0 {
		for _, other := range sh.jobs {
			j.id = max(j.id, other.id)
		}
		j.id++
	}
	if sh.interactive && j.state() == running {
		fmt.Fprintf(box.Stderr, "[%d] %d\n", j.id, j.procs[len(j.procs)-1].pid)
	}
}

// dropJob forgets a job.
func (sh *Shell) dropJob(j *job) {
	for i, other := range sh.jobs {
		if other == j {
			sh.jobs = append(sh.jobs[:i], sh.jobs[i+1:]...)
			return
		}
	}
}

// state of a job: done when all processes are, stopped when no process runs.
func (j *job) state() procState {
	s := done
	for _, p := range j.procs {
		switch p.state {
		case running:
			return running
		case stopped:
			s = stopped
		}
	}
	return s
}

// exitStatus is the status of the last command, or with pipefail of the last that failed.
func (j *job) exitStatus(pipefail bool) int {
	if j.failed != 0 || len(j.procs) == 0 {
		return j.failed
	}
	if pipefail {
		for i := len(j.procs) - 1; i >= 0; i-- {
			if s := statusOf(j.procs[i].status); s != 0 {
				return s
			}
		}
	}
	return statusOf(j.procs[len(j.procs)-1].status)
}

// statusOf turns a wait status into $?.
func statusOf(ws unix.WaitStatus) int {
	switch {
	case ws.Signaled():
		return 128 + int(ws.Signal())
	case ws.Stopped():
		return 128 + int(ws.StopSignal())
	}
	return ws.ExitStatus()
}

// wait calls wait4(2) once and books the result. It reports false when there are
// no children, or, without block, none that has changed.
func (sh *Shell) wait(block bool) bool {
	flags := unix.WUNTRACED | unix.WCONTINUED
	if !block {
		flags |= unix.WNOHANG
	}
	var ws unix.WaitStatus
	pid, err := unix.Wait4(-1, &ws, flags, nil)
	for err == unix.EINTR {
		pid, err = unix.Wait4(-1, &ws, flags, nil)
	}
	sh.childless = err == unix.ECHILD
	if err != nil || pid <= 0 {
		return false
	}
	for _, j := range sh.jobs {
		for i := range j.procs {
			p := &j.procs[i]
			if p.pid != pid || p.state == done {
				continue
			}
			before := j.state()
			p.status = ws
			switch {
			case ws.Stopped():
				p.state = stopped
				if !j.ownGroup && sh.interactive { // ^Z in a command substitution: nothing could continue it
					unix.Kill(pid, unix.SIGCONT)
					p.state = running
				}
			case ws.Continued():
				p.state = running
			default:
				p.state = done
			}
			j.notify = j.notify || j.state() != before
			return true
		}
	}
	return true // not ours: a process substitution, or an orphan
}

// waitForeground waits until a job is done or stopped and returns its status.
func (sh *Shell) waitForeground(j *job) int {
	for j.state() == running {
		if !sh.wait(true) {
			for i := range j.procs { // somebody else has waited for them
				j.procs[i].state = done
			}
		}
	}
	last := unix.WaitStatus(0)
	if n := len(j.procs); n > 0 {
		last = j.procs[n-1].status
	}
	if sh.tty >= 0 && j.ownGroup {
		if j.state() == stopped {
			j.modes, _ = unix.IoctlGetTermios(sh.tty, unix.TCGETS)
		}
		sh.takeTerminal()
		if (j.state() == stopped || last.Signaled()) && sh.ttyModes != nil {
			unix.IoctlSetTermios(sh.tty, unix.TCSETSW, sh.ttyModes)
		} else if m, err := unix.IoctlGetTermios(sh.tty, unix.TCGETS); err == nil {
			sh.ttyModes = m
		}
	}
	j.notify = false
	status := j.exitStatus(sh.opt.pipefail)
	if j.state() == stopped {
		sh.keepJob(j)
		box.Stderr.WriteString("\n" + sh.jobLine(j, false) + "\n")
		return 128 + int(unix.SIGTSTP)
	}
	sh.dropJob(j)
	if last.Signaled() && j.failed == 0 {
		sh.reportSignal(last)
	}
	return status
}

// reportSignal tells that a signal has ended a foreground job. ^C also ends what
// the interactive shell was doing, loops included.
func (sh *Shell) reportSignal(ws unix.WaitStatus) {
	switch sig := ws.Signal(); {
	case sig == unix.SIGINT && sh.interactive:
		box.Stderr.WriteString("\n")
		sh.drainInterrupt()
		panic(unwind{status: 128 + int(sig)})
	case sig == unix.SIGINT || sig == unix.SIGPIPE:
	case sh.interactive || sig != unix.SIGTERM:
		text := box.SignalText(int(sig))
		if ws.CoreDump() {
			text += " (core dumped)"
		}
		box.Stderr.WriteString(text + "\n")
	}
}

// takeTerminal makes our process group the foreground group. A background process
// that does this gets SIGTTOU, so it is blocked meanwhile; the mask belongs to the
// thread, which therefore must stay ours.
func (sh *Shell) takeTerminal() { sh.giveTerminal(sh.pgrp) }

func (sh *Shell) giveTerminal(pgrp int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, old unix.Sigset_t
	block.Val[0] = 1 << (unix.SIGTTOU - 1)
	unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old)
	unix.IoctlSetPointerInt(sh.tty, unix.TIOCSPGRP, pgrp)
	unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
}

// continueJob sends SIGCONT to a stopped job.
func (sh *Shell) continueJob(j *job) error {
	for i := range j.procs {
		if j.procs[i].state == stopped {
			j.procs[i].state = running
		}
	}
	j.notify = false
	if !j.ownGroup {
		return unix.Kill(j.pgrp, unix.SIGCONT)
	}
	return unix.Kill(-j.pgrp, unix.SIGCONT)
}

// reportJobs reports changed jobs, before a prompt, and forgets those that are done.
func (sh *Shell) reportJobs() {
	for sh.wait(false) {
	}
	for _, j := range append([]*job(nil), sh.jobs...) {
		if j.notify && j.id > 0 && j.state() != running {
			box.Stderr.WriteString(sh.jobLine(j, false) + "\n")
		}
		j.notify = false
		if j.state() == done {
			sh.dropJob(j)
		}
	}
}

// current returns the jobs %+ and %-: stopped ones first, younger ones first.
func (sh *Shell) current() (plus, minus *job) {
	for _, want := range []procState{stopped, running, done} {
		for i := len(sh.jobs) - 1; i >= 0; i-- {
			j := sh.jobs[i]
			if j.id == 0 || j.state() != want {
				continue
			}
			switch {
			case plus == nil:
				plus = j
			case minus == nil:
				return plus, j
			}
		}
	}
	return plus, nil
}

// jobLine is a line of jobs: "[1]+  Running                 sleep 100".
func (sh *Shell) jobLine(j *job, long bool) string {
	mark := " "
	switch plus, minus := sh.current(); j {
	case plus:
		mark = "+"
	case minus:
		mark = "-"
	}
	state := "Running"
	switch last := j.procs[len(j.procs)-1]; j.state() {
	case stopped:
		state = "Stopped"
		if sig := last.status; sig.Stopped() && sig.StopSignal() != unix.SIGTSTP {
			state += " (SIG" + box.SignalName(int(sig.StopSignal())) + ")"
		}
	case done:
		state = "Done"
		if last.status.Signaled() {
			state = box.SignalText(int(last.status.Signal()))
		} else if s := last.status.ExitStatus(); s != 0 {
			state = "Done(" + strconv.Itoa(s) + ")"
		}
	}
	pid := ""
	if long {
		pid = strconv.Itoa(j.procs[0].pid) + " "
	}
	return strings.TrimRight(fmt.Sprintf("[%d]%s  %s%-24s%s", j.id, mark, pid, state, j.text), " ")
}

// findJob resolves %1, %+, %%, %-, %name, %?text, or a pid.
func (sh *Shell) findJob(spec string) (*job, string) {
	if !strings.HasPrefix(spec, "%") {
		pid, err := strconv.Atoi(spec)
		if err != nil {
			return nil, "no such job"
		}
		for _, j := range sh.jobs {
			for _, p := range j.procs {
				if p.pid == pid {
					return j, ""
				}
			}
		}
		return nil, "no such job"
	}
	plus, minus := sh.current()
	var found *job
	switch s := spec[1:]; s {
	case "", "+", "%":
		found = plus
	case "-":
		if found = minus; found == nil {
			found = plus
		}
	default:
		n, err := strconv.Atoi(s)
		for _, j := range sh.jobs {
			hit := err == nil && j.id == n && n > 0
			if err != nil && j.id > 0 {
				if q, ok := strings.CutPrefix(s, "?"); ok {
					hit = strings.Contains(j.text, q)
				} else {
					hit = strings.HasPrefix(j.text, s)
				}
			}
			if hit && found != nil {
				return nil, "ambiguous job"
			}
			if hit {
				found = j
			}
		}
	}
	if found == nil {
		return nil, "no such job"
	}
	return found, ""
}

// hangup tells stopped jobs that the shell goes, as an interactive shell does.
func (sh *Shell) hangup() {
	if !sh.interactive || sh.tty < 0 {
		return
	}
	for _, j := range sh.jobs {
		if j.ownGroup && j.state() == stopped {
			unix.Kill(-j.pgrp, unix.SIGHUP)
			unix.Kill(-j.pgrp, unix.SIGCONT)
		}
	}
}
