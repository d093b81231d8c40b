package tty

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/ksync"
	"vitrine/kernel/kview"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

func init() {
	kview.Register(kview.View{
		Name: "ttys", Doc: "every terminal with its session and foreground group", Root: "TTYs.ttys",
		Columns: kview.Cols("NAME Name", "SESSION session", "PGRP pgrp", "OPENS opens", "ROWS winsize.Row", "COLS winsize.Col",
			"LFLAG ldisc.Termios.Lflag hex", "TAIL ldisc.tail", "LINE ldisc.canon", "HEAD ldisc.head", "STOPPED ldisc.stopped", "HANGUPS generation"),
	})
}

// Lock classes.
var (
	classTTY   = &ksync.Class{Name: "tty", Rank: ksync.RankTTY}
	classInput = &ksync.Class{Name: "tty_input", Rank: ksync.RankTTYInput}
)

// Table is all terminals of a kernel. Create it with NewTable.
type Table struct {
	sched    *sched.Scheduler // immutable
	sessions Sessions         // immutable

	mu      ksync.Mutex
	ttys    []*TTY // guarded by mu, in order of creation
	console *TTY   // what /dev/console is; guarded by mu
	pairs   int    // pseudoterminals in use; guarded by mu
}

// NewTable returns a table without terminals. Sessions may be nil in a kernel without tasks.
func NewTable(s *sched.Scheduler, sessions Sessions) *Table {
	if sessions == nil {
		sessions = noSessions{}
	}
	return &Table{sched: s, sessions: sessions, mu: ksync.NewMutex(classTable)}
}

var classTable = &ksync.Class{Name: "tty_table", Rank: ksync.RankTTYTable}

// TTY is a terminal: what /dev/hvc0 or /dev/pts/3 is.
type TTY struct {
	Name         string // "hvc0", "pts/3"; immutable
	Major, Minor uint32 // immutable

	table *Table
	drv   Driver      // immutable
	pty   *Master     // the other side of a pseudoterminal; nil otherwise; immutable
	input *inputQueue // what interrupts left; nil for a pseudoterminal; immutable

	mu         ksync.Mutex
	ldisc      LineDiscipline // guarded by mu, as all below
	winsize    abi.Winsize
	session    int    // whose controlling terminal it is; 0: nobody's
	pgrp       int    // the foreground process group
	opens      int    // open files
	generation uint32 // counts hangups: files opened before are dead
	exclusive  bool   // TIOCEXCL
	throttled  bool   // the driver was told to hold its input
	sentStop   bool   // IXOFF: we sent VSTOP
	packet     bool   // TIOCPKT of the master
	masterGone bool   // a pseudoterminal without master

	readers ksync.WaitQueue // input came, or a hangup
	writers ksync.WaitQueue // room for output came, or a hangup
	room    ksync.WaitQueue // room for input came: the worker or the pty's master waits
}

func (tab *Table) newTTY(name string, major, minor uint32, drv Driver) *TTY {
	tty := &TTY{Name: name, Major: major, Minor: minor, table: tab, drv: drv, mu: ksync.NewMutex(classTTY)}
	tty.ldisc.Termios = Sane()
	return tty
}

// New adds the terminal of a device. Its kernel thread, which takes what Receive leaves, starts at once.
func (tab *Table) New(t *sched.Thread, name string, major, minor uint32, drv Driver) *TTY {
	tty := tab.newTTY(name, major, minor, drv)
	tty.input = newInputQueue()
	tab.mu.Lock(t)
	tab.ttys = append(tab.ttys, tty)
	if tab.console == nil {
		tab.console = tty
	}
	tab.mu.Unlock(t)
	tab.sched.Spawn("ktty/"+name, tty.work)
	return tty
}

// SetConsole says which terminal /dev/console is; by default the first one.
func (tab *Table) SetConsole(t *sched.Thread, tty *TTY) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	tab.console = tty
}

// Console returns the terminal that /dev/console is, or nil.
func (tab *Table) Console(t *sched.Thread) *TTY {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	return tab.console
}

// TTYs returns all terminals; for views and /proc/tty.
func (tab *Table) TTYs(t *sched.Thread) []*TTY {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	return append([]*TTY(nil), tab.ttys...)
}

// Dev returns the device number: tty_nr in /proc/PID/stat.
func (tty *TTY) Dev() vfs.Dev { return vfs.MakeDev(tty.Major, tty.Minor) }

// Foreground returns the foreground process group: tpgid in /proc/PID/stat.
func (tty *TTY) Foreground(t *sched.Thread) int {
	tty.mu.Lock(t)
	defer tty.mu.Unlock(t)
	return tty.pgrp
}

// Session returns the session whose controlling terminal this is, or 0.
func (tty *TTY) Session(t *sched.Thread) int {
	tty.mu.Lock(t)
	defer tty.mu.Unlock(t)
	return tty.session
}

// Termios returns the settings.
func (tty *TTY) Termios(t *sched.Thread) abi.Termios {
	tty.mu.Lock(t)
	defer tty.mu.Unlock(t)
	return tty.ldisc.Termios
}

// unlock gives TTY.mu back after work on the line discipline: it moves output, wakes
// who waits, and then, without the lock, sends the signals that input caused.
func (tty *TTY) unlock(t *sched.Thread) {
	tty.push(t)
	sigs, pgrp := tty.ldisc.signals, tty.pgrp
	tty.ldisc.signals = nil
	tty.mu.Unlock(t)
	if pgrp == 0 {
		return
	}
	for _, s := range sigs {
		tty.table.sessions.SignalGroup(t, pgrp, s)
	}
}
