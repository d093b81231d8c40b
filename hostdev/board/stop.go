package board

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/machine"
	"vitrine/machine/layout"
)

// PauseDevices holds all devices back. Every CPU must have stopped.
func (b *Board) PauseDevices() { b.pauseDevices(true) }

// ResumeDevices lets all devices go on. No CPU may run yet.
func (b *Board) ResumeDevices() { b.pauseDevices(false) }

func (b *Board) pauseDevices(pause bool) {
	b.mu.Lock()
	change := b.paused != pause
	first := !pause && !b.belled
	b.paused = pause
	if first {
		b.belled = true
	}
	b.mu.Unlock()
	if !change {
		return
	}
	for _, d := range b.cfg.Devices {
		if pause {
			d.Pause()
		} else {
			d.Resume()
		}
	}
	if first {
		go b.ring()
	}
}

// FreezeClock stops virtual time.
func (b *Board) FreezeClock() { b.clock.Freeze(monotonic()) }

// ThawClock lets virtual time go on. The alarm's interrupt, which comes early then, makes
// the kernel ask for it anew.
func (b *Board) ThawClock() {
	b.clock.Thaw(monotonic())
	b.interrupt(machine.LineTimer)
}

// Now is the virtual time.
func (b *Board) Now() (now int64, frozen bool) { return b.clock.Now(monotonic()) }

// FreezeCells stops every host process that runs user code and returns when
// all their threads stand. The kernel must stand already, or it makes new ones.
func (b *Board) FreezeCells() error {
	deadline := time.Now().Add(2 * time.Second)
	for {
		pids := b.cellPIDs(func(e *layout.CellEntry) { e.Flags.Or(layout.CellFrozen) })
		for _, pid := range pids {
			unix.Kill(pid, unix.SIGSTOP)
		}
		moving := 0
		for _, pid := range pids {
			if !standing(pid) {
				moving++
			}
		}
		// A clone in flight may have come meanwhile: done when a look finds nothing new.
		if moving == 0 && len(b.cellPIDs(nil)) == len(pids) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d cells do not stop", moving)
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// ThawCells lets the cells run again.
func (b *Board) ThawCells() {
	for _, pid := range b.cellPIDs(func(e *layout.CellEntry) { e.Flags.And(^uint32(layout.CellFrozen)) }) {
		unix.Kill(pid, unix.SIGCONT)
	}
}

// killCells ends what a dead kernel has left and reaps it. PR_SET_PDEATHSIG has sent the signals already, but for a
// cell that was born at that moment; the dead are this process's children now, for it is their subreaper.
func (b *Board) killCells() {
	for range 1000 {
		// Groups first: a new member of one is reached without its number being known.
		left := false
		for _, pgid := range b.cellGroups() {
			unix.Kill(-pgid, unix.SIGKILL)
			left = !reapAll(-pgid) || left
		}
		for _, pid := range b.cellPIDs(nil) {
			unix.Kill(pid, unix.SIGKILL)
			left = !reapAll(pid) || left
		}
		if !left {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// reapAll reaps what has ended of the children that wait4(2) selects by pid. It reports whether none is left.
func reapAll(pid int) bool {
	for {
		n, err := unix.Wait4(pid, nil, unix.WNOHANG|unix.WALL, nil)
		if err == unix.EINTR || n > 0 {
			continue
		}
		return err != nil // ECHILD
	}
}

// cellGroups returns the process groups to which cells of this machine belong.
func (b *Board) cellGroups() (groups []int) {
	for i := range b.cells {
		e := &b.cells[i]
		if pid := int(e.PID.Load()); e.Flags.Load()&layout.CellGroup != 0 && b.inSession(pid) {
			groups = append(groups, pid)
		}
	}
	return groups
}

// cellPIDs returns the living cells: those of the table that belong to the
// kernel's session, and all in a process group that a cell leads. mark is called for the entries.
func (b *Board) cellPIDs(mark func(e *layout.CellEntry)) []int {
	var pids []int
	seen := map[int]bool{}
	add := func(pid int) {
		if !seen[pid] && b.ours(pid) {
			seen[pid] = true
			pids = append(pids, pid)
		}
	}
	flight := false
	for i := range b.cells {
		e := &b.cells[i]
		flags := e.Flags.Load()
		if flags == 0 {
			continue
		}
		flight = flight || flags&layout.CellFlight != 0
		if mark != nil {
			mark(e)
		}
		add(int(e.PID.Load()))
	}
	if flight { // its PID is not in the table: look for it among the kernel's children
		for _, pid := range b.children() {
			add(pid)
		}
	}
	return pids
}

// ours reports whether the process is a cell of this machine. The table is the kernel's to
// write, so its word is not enough to send a signal.
func (b *Board) ours(pid int) bool { return b.inSession(pid) && !zombie(pid) }

func (b *Board) inSession(pid int) bool {
	if pid <= 1 || pid == b.pid {
		return false
	}
	sid, err := unix.Getsid(pid)
	return err == nil && sid == b.pid
}

// children lists the kernel process's children, where the host tells.
func (b *Board) children() (pids []int) {
	dir := fmt.Sprintf("/proc/%d/task", b.pid)
	threads, _ := os.ReadDir(dir)
	for _, t := range threads {
		data, _ := os.ReadFile(dir + "/" + t.Name() + "/children")
		for _, f := range bytes.Fields(data) {
			if pid, err := strconv.Atoi(string(f)); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// standing reports whether all threads of a process are stopped, or it has ended.
func standing(pid int) bool {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(dir)
	if err != nil {
		return true
	}
	for _, t := range threads {
		switch state(dir + "/" + t.Name() + "/stat") {
		case 'T', 't', 'Z', 'X', 0:
		default:
			return false
		}
	}
	return true
}

func zombie(pid int) bool { return state(fmt.Sprintf("/proc/%d/stat", pid)) == 'Z' }

// state is the letter in a stat file of /proc; 0 if there is none.
func state(path string) byte {
	data, err := os.ReadFile(path)
	if i := bytes.LastIndexByte(data, ')'); err == nil && i >= 0 && i+2 < len(data) {
		return data[i+2]
	}
	return 0
}
