package task

import (
	"path"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/loader"
	"vitrine/kernel/mm"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// ExecRequest says what to execute. The strings were copied in and bounded by the caller.
type ExecRequest struct {
	Dir  vfs.Path // where a relative Name starts; the zero Path: the working directory
	Name string
	How  vfs.Lookup
	Path string // the name that the program sees: Name, or /dev/fd/N/Name
	Argv []string
	Envp []string
}

// programFile is an executable file as the loader sees it.
type programFile struct{ f *vfs.File }

func (p programFile) ReadAt(t *sched.Thread, b []byte, off int64) (int, error) {
	for n := 0; n < len(b); {
		m, err := p.f.ReadAt(t, mm.KernelIO(b[n:]), off+int64(n))
		if err != nil || m == 0 {
			return n, err
		}
		n += m
	}
	return len(b), nil
}
func (p programFile) Mmap(t *sched.Thread, req *mm.MapRequest) error { return p.f.Mmap(t, req) }
func (p programFile) Release(t *sched.Thread)                        { p.f.DecRef(t) }

// Exec is execve(2). What can be wrong with the file is found before the old program is gone; after that an error ends
// the process. On success it returns errno.NoReturn: the registers are those of the new program.
//
//	open, examine ──▶ other threads end ──▶ old memory goes ──▶ load ──▶ signals, descriptors, credentials
//	    errors: the old program goes on     │ no way back
func (t *Task) Exec(r ExecRequest) error {
	s, th := t.Sys, t.Thread
	file, err := s.VFS.OpenExec(th, t.FS, r.Dir, r.Name, r.How)
	if err != nil {
		return err
	}
	if err := file.Inode.DenyWrite(); err != nil {
		file.DecRef(th)
		return err
	}
	c, secure := t.execCred(file)
	image := &execImage{file: file}
	defer func() { image.drop(th) }()
	file.IncRef() // the loader's
	prog, err := loader.Prepare(th, loader.Request{
		Image: programFile{file}, Path: r.Path, Argv: r.Argv, Envp: r.Envp,
		Open:   func(th *sched.Thread, name string) (loader.Image, error) { return t.openInterpreter(image, name) },
		VDSO:   s.VDSO,
		Random: s.random16(), Secure: secure,
		StackLimit: t.Limit(abi.RLIMIT_STACK), Randomize: s.layoutSeed(t),
	})
	if err != nil {
		return err
	}
	defer prog.Release(th)
	fresh, ctx, err := t.freshMemory(secure)
	if err != nil {
		return err
	}
	if err := t.killOthers(); err != nil {
		if fresh != nil {
			fresh.Release(th)
		}
		return err
	}

	// From here on there is no way back.
	t.UnshareFiles(MaxFiles)
	t.exitFutexes() // while the old memory is there
	if err = t.replaceMemory(fresh, ctx); err == nil {
		err = t.load(prog)
	}
	if err != nil {
		t.fatal(err)
		return err
	}
	t.resetSignals()
	t.Group.deletePosixTimers(th)
	t.FDs.exec(th)
	t.ClearTID, t.RobustList, t.Restart = 0, 0, nil
	if secure {
		t.setPdeath(0)
	}
	t.Group.SetDumpable(th, !secure)
	t.SetCredentials(c)
	t.SetComm(th, path.Base(r.Name))
	t.setExe(image.take())
	s.mu.Lock(th)
	t.Group.execed = true
	t.Group.exitSignal = abi.SIGCHLD
	s.mu.Unlock(th)
	if s.OnImage != nil {
		s.OnImage(t, r.Path, t.Group.exe)
	}
	return errno.NoReturn
}

// openInterpreter opens what a script's first line or PT_INTERP names. The interpreter of a script becomes the running
// image.
func (t *Task) openInterpreter(image *execImage, name string) (loader.Image, error) {
	th := t.Thread
	f, err := t.Sys.VFS.OpenExec(th, t.FS, vfs.Path{}, name, vfs.Follow)
	if err != nil {
		return nil, err
	}
	if t.isScript(image.file) {
		if err := f.Inode.DenyWrite(); err != nil {
			f.DecRef(th)
			return nil, err
		}
		image.drop(th)
		image.file = f
		f.IncRef()
	}
	return programFile{f}, nil
}

// execImage keeps writers off a running program's file.
type execImage struct{ file *vfs.File }

func (i *execImage) drop(t *sched.Thread) {
	if i.file != nil {
		i.file.Inode.AllowWrite()
		i.file.DecRef(t)
		i.file = nil
	}
}

func (i *execImage) take() *vfs.File {
	f := i.file
	i.file = nil
	return f
}

// setExe replaces the running image; it takes over a reference and a DenyWrite.
func (t *Task) setExe(f *vfs.File) {
	g := t.Group
	g.mu.Lock(t.Thread)
	old := g.exe
	g.exe = f
	g.mu.Unlock(t.Thread)
	(&execImage{old}).drop(t.Thread)
}

func (g *ThreadGroup) releaseExe(t *sched.Thread) {
	g.mu.Lock(t)
	old := g.exe
	g.exe = nil
	g.mu.Unlock(t)
	(&execImage{old}).drop(t)
}

// freshMemory returns a new address space if the old one is shared with another process (vfork), else nil: then the
// old one is emptied and used again. A program that gets rights is never put where one without them was: that one may have
// left a thread in its cell that isn't where it says it is.
func (t *Task) freshMemory(secure bool) (*mm.AddressSpace, platform.Context, error) {
	if t.mm != nil && !secure && !t.sharesMemory() {
		return nil, nil, nil
	}
	plat, ctx, err := t.Sys.Platform.NewAddressSpace()
	if err != nil {
		return nil, nil, again(err)
	}
	as, err := mm.New(t.Thread, t.Sys.Memory, plat)
	if err != nil {
		plat.Release()
		return nil, nil, err
	}
	return as, ctx, nil
}

// sharesMemory reports whether somebody who will not end with this execve uses the address space.
func (t *Task) sharesMemory() bool {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	return t.mm.Users() > g.running
}

// replaceMemory gives the task an empty address space: a fresh one, or its own emptied.
func (t *Task) replaceMemory(fresh *mm.AddressSpace, ctx platform.Context) error {
	if fresh == nil && t.mm.Users() > 1 {
		// A thread that has just ended, or a debugger, still has a hand on it.
		var err error
		plat, c, err := t.Sys.Platform.NewAddressSpace()
		if err != nil {
			return again(err)
		}
		if fresh, err = mm.New(t.Thread, t.Sys.Memory, plat); err != nil {
			plat.Release()
			return err
		}
		ctx = c
	}
	if fresh == nil {
		if err := t.mm.Exec(t.Thread, t.Context); err != nil {
			return err
		}
	} else {
		g := t.Group
		g.mu.Lock(t.Thread)
		old, oldCtx := t.mm, t.Context
		t.mm, t.Context = fresh, ctx
		g.mu.Unlock(t.Thread)
		t.Thread.MM = fresh
		t.SetUser(ctx)
		if old != nil {
			if old.Users() > 1 {
				oldCtx.Release()
			}
			old.Release(t.Thread)
		}
	}
	t.vforkFinished()
	t.mm.SetLimits(t.memoryLimits())
	return nil
}

// load maps the new program and sets the registers to its start.
func (t *Task) load(prog *loader.Program) error {
	entry, sp, err := prog.Load(t.Thread, t.mm)
	if err != nil {
		return err
	}
	if err := t.Context.SetFPU(nil); err != nil {
		return err
	}
	t.Regs = amd64.Registers{
		RIP: entry, RSP: sp, CS: amd64.UserCS, SS: amd64.UserSS, RFLAGS: amd64.FlagIF | 2, OrigRAX: ^uint64(0),
	}
	return nil
}

// fatal ends the process because execve(2) failed half-way.
func (t *Task) fatal(err error) {
	t.Sys.Log.Errf("exec: %s[%d]: %v after the old program was gone", t.Name, t.PID(), err)
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	if !g.groupExit {
		g.startExit(t.Thread, abi.SignalStatus(abi.SIGKILL, false))
	}
}

// resetSignals does to signals what execve(2) says: handlers go, ignored ones stay ignored, the alternate stack goes.
func (t *Task) resetSignals() {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	old := g.actions
	g.actions = old.copy(t.Thread, true)
	old.unref(t.Thread)
	t.sig.alt = abi.StackT{Flags: abi.SS_DISABLE}
	t.sig.hasSaved = false
}

// killOthers ends all other threads of the process; the caller becomes its leader.
func (t *Task) killOthers() error {
	g, th := t.Group, t.Thread
	g.mu.Lock(th)
	if g.groupExit || g.execing != nil {
		g.mu.Unlock(th)
		return errno.RestartNoIntr // it is about to end anyway
	}
	if g.live == 1 && g.Leader == t {
		g.mu.Unlock(th)
		return nil
	}
	g.execing = t
	for x := g.first; x != nil; x = x.next {
		if x != t {
			g.kick(x)
		}
	}
	g.mu.Unlock(th)
	g.execWait.WaitUninterruptible(th, "exec", func() bool {
		g.mu.Lock(th)
		defer g.mu.Unlock(th)
		return g.live == 1 || g.groupExit
	})
	s := t.Sys
	s.mu.Lock(th)
	defer s.mu.Unlock(th)
	g.mu.Lock(th)
	defer g.mu.Unlock(th)
	g.execing = nil
	if g.groupExit {
		return errno.RestartNoIntr
	}
	if g.Leader != t {
		s.takeOver(t)
	}
	return nil
}

// takeOver makes t the leader of its process: it gets the ID of the old leader, which is dead. Caller holds System.mu
// and g.mu.
func (s *System) takeOver(t *Task) {
	g, old := t.Group, t.Group.Leader
	g.removeThread(old)
	s.nthreads--
	s.putUser(old.user)
	mine := s.ids[t.ID]
	mine.Task = nil
	s.putID(mine)
	t.Thread.ID = g.ID
	s.ids[g.ID].Task = t
	g.Leader = t
	t.startTime = old.startTime
	t.pdeathSig = old.pdeathSig
}
