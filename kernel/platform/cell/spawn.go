package cell

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

func vforkCell(elf, ram, ctl uintptr, argv **byte, empty *byte) int

// The warden is the one OS thread that is the parent of all cells. It spawns
// the template and then waits for children for the rest of the platform's
// life. It must live as long as the cells: PR_SET_PDEATHSIG fires when the
// parent thread ends, not the parent process. With __WNOTHREAD it reaps its
// own children only and so takes none away from other parts of the program.
type warden struct {
	p     *Platform
	ready chan error
	ended chan struct{}
}

func startWarden(p *Platform) (*warden, error) {
	w := &warden{p: p, ready: make(chan error, 1), ended: make(chan struct{})}
	go w.run()
	return w, <-w.ready
}

func (w *warden) wait() {
	select {
	case <-w.ended:
	case <-time.After(10 * time.Second):
		w.p.cfg.Log("cell: some cells did not end")
	}
}

func (w *warden) run() {
	runtime.LockOSThread() // and never unlock
	defer close(w.ended)
	err := w.spawn()
	w.ready <- err
	if err != nil {
		w.p.closing.Store(true)
	}
	const wnothread, wall = 0x20000000, 0x40000000
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, wnothread|wall, nil)
		switch {
		case err == syscall.EINTR:
		case err == syscall.ECHILD:
			if w.p.closing.Load() {
				return
			}
			time.Sleep(10 * time.Millisecond)
			w.respawn()
		case err != nil:
			w.p.cfg.Log("cell: wait4: %v", err)
			return
		default:
			if w.p.reap(pid, ws) && !w.p.closing.Load() {
				w.respawn()
			}
		}
	}
}

// respawn makes a new template, for the old one has died. Without a template there are no new cells:
// it tries until the host has room.
func (w *warden) respawn() {
	const wnothread, wall = 0x20000000, 0x40000000
	for pause := 10 * time.Millisecond; !w.p.closing.Load(); pause = min(2*pause, time.Second) {
		err := w.spawn()
		if err == nil {
			return
		}
		w.p.cfg.Log("cell: no new template: %v", err)
		for { // cells end meanwhile
			var ws syscall.WaitStatus
			pid, _ := syscall.Wait4(-1, &ws, wnothread|wall|syscall.WNOHANG, nil)
			if pid <= 0 {
				break
			}
			w.p.reap(pid, ws)
		}
		time.Sleep(pause)
	}
}

// spawn execs a template. Its caller is the warden's thread.
func (w *warden) spawn() error {
	p := w.p
	c := &cell{p: p, gone: make(chan struct{}), uffd: -1, regSlot: -1, template: true}
	c.order = p.tmplBlock
	c.expectFirst()
	argv := [2]*byte{&[]byte("vitrine-cell\x00")[0]}
	empty := []byte{0}
	pid := vforkCell(uintptr(p.elf), uintptr(p.ram), uintptr(p.ctl.fd), &argv[0], &empty[0])
	runtime.KeepAlive(empty)
	if pid < 0 {
		return fmt.Errorf("vfork: %w", syscall.Errno(-pid))
	}
	c.pid = pid
	p.mu.Lock()
	p.live[pid] = c
	c.regSlot = p.reg.add(pid, RegLive|RegTemplate|RegGroup)
	p.mu.Unlock()
	// The warden itself must reap if the child fails, so it polls both here.
	for t0 := time.Now(); ; {
		if ok, _ := c.order.acked(1); ok {
			p.mu.Lock()
			p.tmpl = c // not before: its first acknowledgement must not be taken for another
			p.mu.Unlock()
			return nil
		}
		var ws syscall.WaitStatus
		if got, _ := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil); got == pid {
			p.reap(pid, ws)
			return fmt.Errorf("the template died: %s (step %d of cell_amd64.s, or its exec failed)", describe(ws), ws.ExitStatus()-64)
		}
		if time.Since(t0) > 10*time.Second {
			c.kill("the template did not start")
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// reap is told by the warden that the host process pid has ended. It reports
// whether that was the template.
func (p *Platform) reap(pid int, ws syscall.WaitStatus) bool {
	p.mu.Lock()
	c := p.live[pid]
	delete(p.live, pid)
	if c == nil { // a clone that died before it told its pid
		c, p.flight = p.flight, nil
	}
	template, spare := c != nil && c.template, false
	if c != nil {
		if p.tmpl == c {
			p.tmpl = nil
		}
		p.reg.drop(c.regSlot)
		n := len(p.pool) + len(p.washing)
		p.pool, p.washing = without(p.pool, c), without(p.washing, c)
		spare = len(p.pool)+len(p.washing) < n
	}
	p.mu.Unlock()
	if c != nil {
		p.stats.deaths.Add(1)
		c.die("host process: " + describe(ws))
		c.reaped()
		if spare {
			go c.free()
		}
	}
	return template
}

func without(list []*cell, c *cell) []*cell {
	if i := slices.Index(list, c); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

func describe(ws syscall.WaitStatus) string {
	if ws.Signaled() {
		return "killed by " + ws.Signal().String()
	}
	return fmt.Sprintf("exit status %d", ws.ExitStatus())
}

func kill(pid int, sig syscall.Signal) { syscall.Kill(pid, sig) }

// tgkill signals one thread of a cell.
func tgkill(pid int, tid uint32, sig syscall.Signal) syscall.Errno {
	_, _, e := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(pid), uintptr(tid), uintptr(sig))
	return e
}

// Shared futexes. The wait gives its P away, the wake does not block.
func futexWait(addr *uint32, val uint32, d time.Duration) syscall.Errno {
	ts := syscall.NsecToTimespec(int64(d))
	_, _, e := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), 0, uintptr(val), uintptr(unsafe.Pointer(&ts)), 0, 0)
	return e
}

// futexNap is futexWait with the P kept. It returns what is left of d, at most 0 after d.
func futexNap(addr *uint32, val uint32, d time.Duration) time.Duration {
	ts := syscall.NsecToTimespec(int64(d))
	start := time.Now()
	syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), 0, uintptr(val), uintptr(unsafe.Pointer(&ts)), 0, 0)
	return d - time.Since(start)
}

func futexWake(addr *uint32) {
	syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), 1, 1<<31-1, 0, 0, 0)
}

func load(addr *uint32) uint32 { return atomic.LoadUint32(addr) }
