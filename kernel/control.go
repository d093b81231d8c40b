package kernel

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktrace"
	"vitrine/kernel/kview"
	"vitrine/kernel/sched"
	"vitrine/kernel/syscall"
	"vitrine/kernel/task"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
	"vitrine/machine"
	"vitrine/machine/ctl"
)

// control serves the supervisor's requests on a kernel thread.
type control struct {
	port    ctl.Port
	pending atomic.Bool
	queue   ksync.WaitQueue

	mu    sync.Mutex     // a leaf: taken where a process ends
	execs map[int]uint64 // processes that requests started: the request's ID
	ended []*ctl.Message // what serveControl is to send; guarded by mu
}

// bootControl connects the control channel, if the machine has one.
func (k *Kernel) bootControl() {
	p, ok := k.Machine.(ctl.Ported)
	if !ok {
		return
	}
	k.control = &control{port: p.Control(), execs: map[int]uint64{}}
	err := k.IRQ.Request(machine.LineControl, "control", func(*sched.Thread) {
		k.control.pending.Store(true)
		k.control.queue.WakeAll()
	})
	if err != nil {
		k.Log.Errf("control: %v", err)
		return
	}
	k.Sched.Spawn("kctl", k.serveControl)
}

func (k *Kernel) serveControl(t *sched.Thread) {
	t.Cred = cred.Root()
	c := k.control
	for {
		c.queue.WaitUninterruptible(t, "control", c.pending.Load)
		c.pending.Store(false)
		k.serveDebug(t)
		c.mu.Lock()
		ended := c.ended
		c.ended = nil
		c.mu.Unlock()
		for _, m := range ended {
			k.send(m)
		}
		for m := c.port.Receive(); m != nil; m = c.port.Receive() {
			k.serve(t, m)
		}
	}
}

// serve answers one request.
func (k *Kernel) serve(t *sched.Thread, m *ctl.Message) {
	var r ctl.Reply
	var err error
	switch {
	case m.View != nil:
		r.Table, err = k.View(t, m.View.Name)
	case m.Exec != nil:
		r.PID, err = k.exec(t, m.ID, m.Exec)
	case m.Signal != nil:
		err = k.signal(t, m.Signal)
	case m.Calls != nil:
		k.followCalls(m.Calls, &r)
	case m.Quiesce != nil && m.Quiesce.Resume:
		k.Tasks.Resume()
	case m.Quiesce != nil:
		if n := k.Tasks.Quiesce(t, quiesceLimit); n > 0 {
			err = fmt.Errorf("%d tasks can't be brought to a halt now", n)
		}
	default:
		err = fmt.Errorf("the kernel does not know this request")
	}
	if err != nil {
		r.Error = err.Error()
	}
	k.send(&ctl.Message{ID: m.ID, Reply: &r})
}

func (k *Kernel) send(m *ctl.Message) {
	if k.control == nil {
		return
	}
	if err := k.control.port.Send(m); err != nil {
		k.Log.Warnf("control: %v", err)
	}
}

// ready tells the supervisor that init runs.
func (k *Kernel) ready() {
	k.send(&ctl.Message{Ready: &ctl.Ready{Took: k.Timers.Now() - k.started}})
}

// View evaluates a view while nothing else in the kernel runs. "" lists the views.
func (k *Kernel) View(t *sched.Thread, name string) (*ctl.Table, error) {
	if name == "" {
		tb := &ctl.Table{View: "views", Head: []string{"VIEW", "WHAT"}}
		for _, v := range kview.All() {
			tb.Rows = append(tb.Rows, []string{v.Name, v.Doc})
		}
		return tb, nil
	}
	v, ok := kview.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("there is no view %q; `vitrine view` lists them", name)
	}
	var tb kview.Table
	var err error
	t.Exclusive(func() { tb, err = kview.Rows(k, v) })
	return &ctl.Table{View: v.Name, Head: tb.Head, Rows: tb.Rows, Exprs: tb.Exprs, Truncated: tb.Truncated}, err
}

// ViewNames returns the names of all views.
func ViewNames() []string {
	var names []string
	for _, v := range kview.All() {
		names = append(names, v.Name)
	}
	return names
}

// ViewText is a view as /proc/vitrine/view shows it.
func (k *Kernel) ViewText(t *sched.Thread, name string) (string, error) {
	tb, err := k.View(t, name)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	kt := kview.Table{Head: tb.Head, Rows: tb.Rows, Truncated: tb.Truncated}
	kt.Write(&b)
	return b.String(), nil
}

// exec starts a process beside what runs, with init's root directory; its end is told by exited.
func (k *Kernel) exec(t *sched.Thread, id uint64, r *ctl.Exec) (int, error) {
	if len(r.Argv) == 0 {
		return 0, errno.EINVAL.Because("no program")
	}
	fs := k.initDirs(t)
	path, err := k.lookPath(t, fs, r.Argv[0], r.Env)
	if err != nil {
		fs.DecRef(t)
		return 0, fmt.Errorf("%s: %w", r.Argv[0], err)
	}
	c := task.InitConfig{Path: path, Argv: r.Argv, Env: r.Env}
	if r.Tty {
		c.Begin = takeTerminal
	}
	x, err := k.Tasks.Spawn(t, c)
	if err != nil {
		fs.DecRef(t)
		return 0, err
	}
	x.FS.DecRef(t)
	x.FS = fs
	for fd, name := range r.Files {
		if err := k.openFD(t, x, fd, name); err != nil {
			k.Tasks.Abandon(t, x)
			return 0, err
		}
	}
	if r.Dir != "" {
		if p, err := k.VFS.Resolve(t, fs, vfs.Path{}, r.Dir, vfs.Follow|vfs.Directory); err == nil {
			fs.SetCwd(t, p)
		}
	}
	pid := x.PID()
	k.control.mu.Lock()
	k.control.execs[pid] = id
	k.control.mu.Unlock()
	x.Start()
	return pid, nil
}

// takeTerminal makes descriptor 0 the controlling terminal of the new process's session.
func takeTerminal(x *task.Task) {
	f, err := x.FDs.Get(x.Thread, 0)
	if err != nil {
		return
	}
	defer f.DecRef(x.Thread)
	if h, ok := f.Impl.(*tty.Handle); ok {
		h.TTY.Adopt(x.Thread)
	}
}

// initDirs returns a copy of init's root and working directory: with -root that is another root than the mount tree's.
func (k *Kernel) initDirs(t *sched.Thread) *vfs.FS {
	if g := k.Tasks.Init(t); g != nil {
		if fs := g.LeaderTask(t).Dirs(t); fs != nil {
			defer fs.DecRef(t)
			return fs.Clone(t)
		}
	}
	return k.VFS.NewFS(t)
}

// defaultPath is where programs are looked for when the environment doesn't say.
const defaultPath = "/bin:/sbin:/usr/bin:/usr/sbin"

// lookPath finds a program as a shell does.
func (k *Kernel) lookPath(t *sched.Thread, fs *vfs.FS, name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	dirs := defaultPath
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			dirs = v
		}
	}
	for _, d := range strings.Split(dirs, ":") {
		full := d + "/" + name
		p, err := k.VFS.Resolve(t, fs, vfs.Path{}, full, vfs.Follow)
		if err != nil {
			continue
		}
		ok := p.Inode().Mode().IsReg() && p.Access(t, abi.X_OK) == nil
		p.DecRef(t)
		if ok {
			return full, nil
		}
	}
	return "", errno.ENOENT.Because("not found in " + dirs)
}

// exited tells the supervisor of the end of a process that it asked for.
func (k *Kernel) exited(pid, status int) {
	c := k.control
	if c == nil {
		return
	}
	c.mu.Lock()
	id, ok := c.execs[pid]
	if ok {
		code := status >> 8 & 0xff
		if status&0x7f != 0 {
			code = 128 + status&0x7f
		}
		delete(c.execs, pid)
		c.ended = append(c.ended, &ctl.Message{ID: id, Exited: &ctl.Exited{Status: code}})
	}
	c.mu.Unlock()
	if ok {
		c.pending.Store(true)
		c.queue.WakeAll()
	}
}

// followCalls says which system calls are recorded from now on. Names that name nothing count as names.
func (k *Kernel) followCalls(r *ctl.Calls, to *ctl.Reply) {
	if r.Off {
		to.Recorded = k.Calls.Follow(nil)
		return
	}
	f := &ktrace.CallFilter{}
	if len(r.Names) > 0 {
		f.Nrs = map[uint64]bool{}
	}
	for _, name := range r.Names {
		i := slices.IndexFunc(k.Syscalls, func(c *syscall.Call) bool { return c.Name == name })
		if i < 0 {
			to.Unknown = append(to.Unknown, name)
			continue
		}
		f.Nrs[uint64(k.Syscalls[i].Nr)] = true
	}
	if len(r.PIDs) > 0 {
		f.PIDs = map[int]bool{}
	}
	for _, pid := range r.PIDs {
		f.PIDs[pid] = true
	}
	to.Recorded = k.Calls.Follow(f)
}

// signal sends a signal to a process; to 0, the power button: init gets what Linux sends it at Ctrl-Alt-Del.
func (k *Kernel) signal(t *sched.Thread, r *ctl.Signal) error {
	g := k.Tasks.Process(t, r.PID)
	sig := abi.Signal(r.Signal)
	if r.PID == 0 {
		g, sig = k.Tasks.Init(t), abi.SIGINT
	}
	if g == nil {
		return errno.ESRCH
	}
	if sig < 1 || sig > abi.NSIG {
		return errno.EINVAL
	}
	g.SendSignal(t, abi.NewSigInfo(sig, abi.SI_KERNEL))
	return nil
}
