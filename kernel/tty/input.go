package tty

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// inputLimit bounds what a driver may leave before the terminal's thread takes it.
const inputLimit = 64 << 10

// throttleAt is the room in the input queue below which the sender is asked to pause, and
// unthrottleAt that above which it may go on.
const (
	throttleAt   = 128
	unthrottleAt = QueueSize - 128
)

// inputQueue is what interrupt handlers leave for the terminal's thread.
type inputQueue struct {
	mu      ksync.SpinLock
	bytes   []byte       // guarded by mu, as all below
	held    int          // bytes that the thread has taken, but has no room for
	winsize *abi.Winsize // the window changed
	lost    bool         // the line was hung up
	poked   bool         // there is room: in the driver, or in the line discipline
	dropped int          // bytes for which there was no place
	short   bool         // Receive had no place for all: the driver waits for Unthrottle

	notes  atomic.Pointer[note] // the kernel's own messages, newest first
	nnotes atomic.Int32

	wait ksync.WaitQueue
}

// note is a message of the kernel.
type note struct {
	text string
	next *note
}

// maxNotes bounds the messages that wait to be shown.
const maxNotes = 256

func newInputQueue() *inputQueue {
	return &inputQueue{mu: ksync.NewSpinLock(classInput)}
}

// Receive takes bytes from the driver; it may be called from interrupts. It returns how many found a
// place: a driver that can hold the rest back offers it again at the next Unthrottle, which is sure to come.
func (tty *TTY) Receive(t *sched.Thread, p []byte) int {
	n := 0
	tty.input.tell(t, func(q *inputQueue) {
		n = max(0, min(len(p), inputLimit-len(q.bytes)-q.held))
		q.bytes = append(q.bytes, p[:n]...)
		q.dropped += len(p) - n
		q.short = q.short || n < len(p)
	})
	return n
}

// WriteWakeup says that the driver has room again; it may be called from interrupts.
func (tty *TTY) WriteWakeup(t *sched.Thread) {
	tty.input.tell(t, func(q *inputQueue) { q.poked = true })
}

// Resized says that the window has a new size; it may be called from interrupts.
func (tty *TTY) Resized(t *sched.Thread, ws abi.Winsize) {
	tty.input.tell(t, func(q *inputQueue) { q.winsize = &ws })
}

// Lost says that the line is gone: a hangup. It may be called from interrupts.
func (tty *TTY) Lost(t *sched.Thread) {
	tty.input.tell(t, func(q *inputQueue) { q.lost = true })
}

// Emergency shows a message of the kernel on the terminal, as soon as its thread gets to it. It takes no
// lock and needs no thread, so it may be called from anywhere; where too many wait a message is lost.
func (tty *TTY) Emergency(text string) {
	q := tty.input
	if q == nil || q.nnotes.Add(1) > maxNotes {
		return
	}
	n := &note{text: text}
	for {
		n.next = q.notes.Load()
		if q.notes.CompareAndSwap(n.next, n) {
			break
		}
	}
	q.wait.WakeAll()
}

// takeNotes returns the messages that wait, oldest first.
func (q *inputQueue) takeNotes() (text []byte) {
	n := q.notes.Swap(nil)
	q.nnotes.Store(0)
	var oldest *note
	for n != nil {
		next := n.next
		n.next = oldest
		oldest, n = n, next
	}
	for ; oldest != nil; oldest = oldest.next {
		text = append(text, oldest.text...)
	}
	return text
}

// tell changes the queue and wakes the terminal's thread.
func (q *inputQueue) tell(t *sched.Thread, change func(*inputQueue)) {
	q.mu.Lock(t)
	change(q)
	q.mu.Unlock(t)
	q.wait.WakeAll()
}

func (q *inputQueue) pending(t *sched.Thread) bool {
	q.mu.Lock(t)
	defer q.mu.Unlock(t)
	return len(q.bytes) > 0 || q.winsize != nil || q.lost || q.poked || q.notes.Load() != nil
}

// work is the life of a terminal's kernel thread: what came by interrupt goes
// into the line discipline. Bytes for which it has no room wait here, but a signal character
// among them, a resize or a hangup does not.
func (tty *TTY) work(t *sched.Thread) {
	q := tty.input
	var stash []byte
	for {
		if q.wait.Wait(t, "tty_input", func() bool { return q.pending(t) }) != nil {
			t.SigPending.Store(false) // nobody signals a kernel thread
			continue
		}
		q.mu.Lock(t)
		stash = append(stash, q.bytes...)
		ws, lost, poked := q.winsize, q.lost, q.poked
		q.bytes, q.winsize, q.lost, q.poked = nil, nil, false, false
		q.held = len(stash)
		q.mu.Unlock(t)
		if ws != nil {
			tty.SetWinsize(t, *ws)
		}
		if lost {
			stash = nil
			tty.Hangup(t)
		}
		tty.mu.Lock(t)
		tty.ldisc.show(q.takeNotes())
		stash = stash[tty.take(t, stash):]
		if poked {
			tty.outputRoom(t) // writers wait for it also when no output of theirs does
		}
		q.mu.Lock(t)
		q.held = len(stash)
		again := q.short && len(stash) == 0 && !tty.throttled
		if again {
			q.short = false
		}
		q.mu.Unlock(t)
		if d, ok := tty.drv.(Throttler); ok && again {
			d.Unthrottle(t) // it may never have been throttled
		}
		tty.unlock(t)
		if len(stash) == 0 {
			stash = nil // its memory was for this burst
		}
		t.CondResched()
	}
}

// take gives bytes to the line discipline and returns how many it took. Caller holds mu.
func (tty *TTY) take(t *sched.Thread, p []byte) int {
	l := &tty.ldisc
	n := l.Input(p)
	if n > 0 {
		tty.wakeReaders()
	}
	if l.Room() < throttleAt && !(l.canonical() && l.canon == l.tail) {
		tty.throttle(t)
	}
	return n
}

func (tty *TTY) wakeReaders() {
	if tty.ldisc.InputReady(1) {
		tty.readers.WakeKey(abi.POLLIN | abi.POLLRDNORM)
	}
}

// throttle asks the sender to pause. Caller holds mu.
func (tty *TTY) throttle(t *sched.Thread) {
	if tty.throttled {
		return
	}
	tty.throttled = true
	if tty.ldisc.iflag(abi.IXOFF) {
		tty.sentStop = true
		tty.ldisc.sendControl(abi.VSTOP)
	}
	if d, ok := tty.drv.(Throttler); ok {
		d.Throttle(t)
	}
}

// madeRoom follows everything that takes bytes out of the input queue. Caller holds mu.
func (tty *TTY) madeRoom(t *sched.Thread) {
	l := &tty.ldisc
	if tty.throttled && l.Room() >= unthrottleAt {
		tty.throttled = false
		if tty.sentStop {
			tty.sentStop = false
			l.sendControl(abi.VSTART)
		}
		if d, ok := tty.drv.(Throttler); ok {
			d.Unthrottle(t)
		}
	}
	if l.full() {
		return
	}
	tty.room.WakeKey(abi.POLLOUT | abi.POLLWRNORM)
	if q := tty.input; q != nil {
		q.mu.Lock(t)
		waits := q.held > 0
		q.poked = q.poked || waits
		q.mu.Unlock(t)
		if waits {
			q.wait.WakeAll()
		}
	}
}
