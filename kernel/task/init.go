package task

import (
	"fmt"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/machine"
)

// InitConfig says what the first process is.
type InitConfig struct {
	Path   string
	Argv   []string
	Env    []string
	Strace bool
	Cred   *cred.Cred // nil: root

	// Begin, if not nil, is called by the process itself before it executes Path.
	Begin func(t *Task)
}

// StatusSignal is the status word of a process that a signal ended.
func StatusSignal(sig abi.Signal) int { return abi.SignalStatus(sig, false) }

// NewInit makes the first process, in a session of its own, with an empty table of descriptors and root and working
// directory at the root of the mount tree. Start lets it go; then it executes Path.
func (s *System) NewInit(by *sched.Thread, c InitConfig) (*Task, error) {
	s.mu.Lock(by)
	if s.init != nil {
		s.mu.Unlock(by)
		return nil, errno.EEXIST.Because("there is an init already")
	}
	s.mu.Unlock(by)
	t, err := s.newFirst(by, s.initPID, c)
	if err != nil {
		return nil, err
	}
	t.Group.unkillable = true
	s.mu.Lock(by)
	s.init = t.Group
	s.mu.Unlock(by)
	return t, nil
}

// Spawn makes a process that is a child of init without a fork: the supervisor's "exec". Start lets it go. Done, if not
// nil, hears of its status word.
func (s *System) Spawn(by *sched.Thread, c InitConfig) (*Task, error) {
	id, err := s.Sched.AllocID()
	if err != nil {
		return nil, err
	}
	t, err := s.newFirst(by, id, c)
	if err != nil {
		s.Sched.FreeID(id)
		return nil, err
	}
	s.mu.Lock(by)
	if s.init != nil && s.init.live > 0 {
		s.init.addChild(t.Group)
		t.Group.parentTID = s.init.ID
	}
	s.mu.Unlock(by)
	return t, nil
}

// newFirst makes a process that no process forked.
func (s *System) newFirst(by *sched.Thread, id int, c InitConfig) (*Task, error) {
	if c.Cred == nil {
		c.Cred = cred.Root()
	}
	name := c.Path
	t := &Task{Sys: s, startTime: s.Timers.Now(), TimerSlack: 50_000}
	t.comm = clip(base(name))
	t.sched = SchedParam{Affinity: ^uint64(0)}
	t.sig.alt = abi.StackT{Flags: abi.SS_DISABLE}
	t.FDs, t.FS = NewFDTable(), s.VFS.NewFS(by)
	t.Regs.OrigRAX = ^uint64(0)
	t.creds.Store(c.Cred)
	t.Strace.Store(c.Strace)
	g := s.newGroup(id)
	t.Group, g.Leader = g, t
	g.exitSignal = abi.SIGCHLD
	g.actions = newSigActions()
	g.limits = s.defaultLimits()
	t.begin = func(t *Task) { t.first(c) }

	s.mu.Lock(by)
	defer s.mu.Unlock(by)
	t.user = s.user(uint32(c.Cred.UID))
	t.user.Processes++
	g.sigUser = t.user
	s.nthreads++
	t.attach(id, c.Cred)
	g.addThread(t)
	s.idOf(id).Task = t
	s.link(g)
	s.newSession(g)
	return t, nil
}

// first executes the program of a process that no process forked.
func (t *Task) first(c InitConfig) {
	if c.Begin != nil {
		c.Begin(t)
	}
	err := t.Exec(ExecRequest{Name: c.Path, How: vfs.Follow, Path: c.Path, Argv: c.Argv, Envp: c.Env})
	if errno.Of(err) == errno.NoReturn {
		return
	}
	t.Sys.Log.Errf("exec: %s: %v", c.Path, err)
	if t.Group == t.Sys.Init(t.Thread) {
		t.Sys.halt(t.Thread, machine.Halt{Reason: machine.Panic, Status: 127, Text: fmt.Sprintf("no working init: %s: %v", c.Path, err)})
	}
	t.ExitGroup(abi.ExitStatus(127))
}

// base is the last element of a path.
func base(p string) string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '/' {
			return p[i+1:]
		}
	}
	return p
}

// clip cuts a command's name to the 15 bytes that there are for it.
func clip(name string) string {
	if len(name) > 15 {
		return name[:15]
	}
	return name
}
