package task_test

import (
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/fs/pipefs"
	_ "vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/ktest"
	"vitrine/kernel/mm"
	"vitrine/kernel/platform/fakeuser"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
	"vitrine/kernel/trap"
	"vitrine/kernel/vfs"
	"vitrine/machine"
	"vitrine/machine/fake"
)

// world is a kernel on the fake machine, whose programs are Go functions.
type world struct {
	t    *testing.T
	k    *ktest.Kernel
	sys  *task.System
	plat *fakeuser.Platform
	vfs  *vfs.VFS

	halted atomic.Bool
	halt   machine.Halt

	mu     sync.Mutex
	events []string
}

func newWorld(t *testing.T, cpus int) *world {
	return newWorldWith(t, cpus, func(*task.Config) {})
}

func newWorldWith(t *testing.T, cpus int, change func(c *task.Config)) *world {
	w := &world{t: t}
	m := fake.New(fake.Options{CPUs: cpus, RAM: 64 << 20, NowStep: 100})
	w.k = ktest.Start(t, m, "")
	w.plat = fakeuser.New(m.RAM())
	t.Cleanup(func() {
		w.plat.Close()
		w.k.Sched.Stop()
		m.Close()
	})
	mem := mm.NewMemory(m.RAM(), m.Boot().Reserved)
	w.vfs = vfs.New(vfs.Config{Timers: w.k.Timers, Memory: mem})
	pipefs.Init(w.vfs)
	c := task.Config{
		Machine: m, Sched: w.k.Sched, Timers: w.k.Timers, Memory: mem, Platform: w.plat, VFS: w.vfs,
		RunUser: trap.Run,
		OnHalt: func(h machine.Halt) {
			w.halt = h
			w.halted.Store(true)
			w.k.Poke()
		},
	}
	c.Oopsed = func(th *sched.Thread, text string, stack []byte) { w.k.Bug(text + "\n" + string(stack)) }
	c.Panic = c.Oopsed
	change(&c)
	w.sys = task.New(c)
	return w
}

// run runs init, which shall return 0.
func (w *world) run(init fakeuser.Program, others ...fakeuser.Program) {
	w.t.Helper()
	if status := w.boot(init, others...); status != 0 {
		w.t.Errorf("init ended with status %d", status)
	}
}

// boot runs init and returns its exit status when the machine halts.
func (w *world) boot(init fakeuser.Program, others ...fakeuser.Program) int {
	w.t.Helper()
	w.k.Run(func(th *sched.Thread) {
		if _, err := w.vfs.MountRoot(th, "tmpfs", vfs.MountRequest{Source: "rootfs", Data: "mode=755"}); err != nil {
			w.t.Fatal(err)
		}
		fs := w.vfs.NewFS(th)
		defer fs.DecRef(th)
		for i, p := range append([]fakeuser.Program{init}, others...) {
			name := "/init"
			if i > 0 {
				name = "/prog" + string(rune('0'+i))
			}
			w.write(th, fs, name, fakeuser.Image(w.plat.Register(p)))
		}
		w.write(th, fs, "/garbage", []byte("this is no program"))
		w.write(th, fs, "/script", []byte("#!/prog1 arg\n"))
		t, err := w.sys.NewInit(th, task.InitConfig{Path: "/init", Argv: []string{"init"}})
		if err != nil {
			w.t.Fatal(err)
		}
		t.Start()
	})
	w.k.Poke() // the machine may be quiet by now
	w.k.Wait(w.halted.Load)
	return w.halt.Status
}

func (w *world) write(th *sched.Thread, fs *vfs.FS, name string, content []byte) {
	f, err := w.vfs.Open(th, fs, vfs.Path{}, name, vfs.OpenHow{Flags: abi.O_CREAT | abi.O_WRONLY, Mode: 0o755})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := f.Write(th, mm.KernelIO(content)); err != nil {
		w.t.Fatal(err)
	}
	f.DecRef(th)
}

// note records that something happened, in order.
func (w *world) note(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, s)
}

func (w *world) noted() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.events, " ")
}

// Numbers of system calls.
const (
	sysMmap           = 9
	sysRtSigaction    = 13
	sysRtSigprocmask  = 14
	sysPipe           = 22
	sysSchedYield     = 24
	sysPause          = 34
	sysNanosleep      = 35
	sysAlarm          = 37
	sysSetitimer      = 38
	sysGetpid         = 39
	sysClone          = 56
	sysFork           = 57
	sysVfork          = 58
	sysExecve         = 59
	sysExit           = 60
	sysWait4          = 61
	sysKill           = 62
	sysSetpgid        = 109
	sysGetppid        = 110
	sysSetsid         = 112
	sysRtSigpending   = 127
	sysRtSigtimedwait = 128
	sysRtSigqueueinfo = 129
	sysRtSigsuspend   = 130
	sysSigaltstack    = 131
	sysPrctl          = 157
	sysGettid         = 186
	sysFutex          = 202
	sysSetTidAddress  = 218
	sysTimerCreate    = 222
	sysTimerSettime   = 223
	sysTimerGetover   = 225
	sysClockGettime   = 228
	sysClockNanosleep = 230
	sysExitGroup      = 231
	sysTgkill         = 234
	sysWaitid         = 247
	sysSetRobustList  = 273
	sysPrlimit64      = 302
	sysPidfdOpen      = 434
	sysClone3         = 435
)

// alloc maps n bytes of memory; shared memory outlives a fork.
func alloc(u *fakeuser.User, n uint64, shared bool) uint64 {
	flags := uint64(0x22)
	if shared {
		flags = 0x21
	}
	return uint64(u.Syscall(sysMmap, 0, n, 3, flags, ^uint64(0), 0))
}

func load32(u *fakeuser.User, va uint64) uint32 {
	var b [4]byte
	u.Load(va, b[:])
	return binary.LittleEndian.Uint32(b[:])
}

func store32(u *fakeuser.User, va uint64, v uint32) {
	u.Store(va, binary.LittleEndian.AppendUint32(nil, v))
}

// wait4 waits for a child and returns its ID and status word.
func wait4(u *fakeuser.User, pid int64, options uint64) (int64, uint32) {
	buf := u.Registers().RSP - 4096
	id := u.Syscall(sysWait4, uint64(pid), buf, options, 0)
	if id <= 0 {
		return id, 0
	}
	return id, load32(u, buf)
}

// fork runs f in a child process.
func fork(u *fakeuser.User, f fakeuser.Program) int64 { return u.Fork(f, sysFork) }

// sigaction sets a handler.
func sigaction(u *fakeuser.User, sig abi.Signal, handler, flags, mask uint64) int64 {
	buf := u.Registers().RSP - 4096
	u.Store64(buf, handler)
	u.Store64(buf+8, flags|abi.SA_RESTORER)
	u.Store64(buf+16, 0x1000)
	u.Store64(buf+24, mask)
	return u.Syscall(sysRtSigaction, uint64(sig), buf, 0, 8)
}

// sigmask sets the signal mask and returns the one before.
func sigmask(u *fakeuser.User, set abi.SigSet) abi.SigSet {
	buf := u.Registers().RSP - 4096
	u.Store64(buf, uint64(set))
	u.Syscall(sysRtSigprocmask, abi.SIG_SETMASK, buf, buf+8, 8)
	return abi.SigSet(u.Load64(buf + 8))
}

// sleep sleeps for so many nanoseconds.
func sleep(u *fakeuser.User, ns int64) int64 {
	buf := u.Registers().RSP - 4096
	u.Store64(buf, uint64(ns/1e9))
	u.Store64(buf+8, uint64(ns%1e9))
	return u.Syscall(sysNanosleep, buf, 0)
}

// now is the monotonic time.
func now(u *fakeuser.User) int64 {
	buf := u.Registers().RSP - 4096
	u.Syscall(sysClockGettime, abi.CLOCK_MONOTONIC, buf)
	return int64(u.Load64(buf))*1e9 + int64(u.Load64(buf+8))
}

// thread starts a thread as pthread_create(3) does; its ID is at tid until it ends.
func thread(u *fakeuser.User, tid uint64, f fakeuser.Program) int64 {
	stack := alloc(u, 65536, false) + 65536
	return u.Fork(f, sysClone, abi.CLONE_VM|abi.CLONE_FS|abi.CLONE_FILES|abi.CLONE_SIGHAND|abi.CLONE_THREAD|abi.CLONE_SYSVSEM|
		abi.CLONE_PARENT_SETTID|abi.CLONE_CHILD_CLEARTID, stack, tid, tid, 0)
}

// join waits for a thread's end.
func join(u *fakeuser.User, tid uint64) {
	for v := load32(u, tid); v != 0; v = load32(u, tid) {
		u.Syscall(sysFutex, tid, 0, uint64(v), 0, 0, 0)
	}
}

// exit ends the calling thread alone.
func exit(u *fakeuser.User, code int) int {
	u.Syscall(sysExit, uint64(code))
	return 0
}
