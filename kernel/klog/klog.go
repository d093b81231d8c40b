// Package klog is the kernel's log: lines with a level and the virtual time, in
// a ring in shared RAM, where the supervisor and a debugger read them whatever has
// become of the kernel.
//
//	log.Infof("mm: %d MiB of RAM", n)
//	   │
//	   ├─▶ ring "dmesg" in RAM ──▶ dmesg(1), /dev/kmsg, vitrine dmesg, a dead kernel's last lines
//	   └─▶ the console, if the level is below loglevel
//
// Any goroutine may log, holding any lock; the ring's own lock is a leaf. A nil
// *Log swallows everything, for tests of leaves.
package klog

import (
	"fmt"
	"strings"
	"sync/atomic"

	"vitrine/kernel/bootparam"
	"vitrine/machine"
	"vitrine/machine/ring"
)

// Level says how bad it is, in syslog(3)'s numbers.
type Level uint32

// Levels.
const (
	Emerg Level = iota
	Alert
	Crit
	Err
	Warning
	Notice
	Info
	Debug
)

func (l Level) String() string {
	if l > Debug {
		return "?"
	}
	return [...]string{"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"}[l]
}

var (
	paramLevel = bootparam.Int("loglevel", 4, "messages below this level (0 emerg … 7 debug) also go to the console")
	paramDebug = bootparam.Flag("debug", "show all kernel messages on the console")
	paramQuiet = bootparam.Flag("quiet", "show only the worst kernel messages on the console")
)

// MaxLine bounds a message, in bytes.
const MaxLine = 1024

// Log is the log of one kernel. Create it with New.
type Log struct {
	ring  *ring.Log
	clock machine.Clock

	level   atomic.Int32 // messages below it go to the console
	console atomic.Pointer[func(Message)]
}

// Message is one line of the log.
type Message struct {
	Seq   uint64 // rises from message to message; not by one
	Next  uint64 // where to go on reading
	Time  int64  // virtual nanoseconds
	Level Level
	User  bool // written through /dev/kmsg
	Text  string
}

// String is the line as dmesg(1) shows it.
func (m Message) String() string {
	return fmt.Sprintf("[%5d.%06d] %s", m.Time/1e9, m.Time%1e9/1e3, m.Text)
}

// New returns a log that writes to the ring in mem.
func New(mem []byte, clock machine.Clock) (*Log, error) {
	r, err := ring.NewLog(mem)
	if err != nil {
		return nil, err
	}
	l := &Log{ring: r, clock: clock}
	l.level.Store(4)
	return l, nil
}

// Configure takes loglevel, debug and quiet from the command line.
func (l *Log) Configure(ps *bootparam.Params) {
	n := paramLevel.Get(ps)
	switch {
	case paramDebug.Get(ps):
		n = 8
	case paramQuiet.Get(ps):
		n = min(n, int(Warning))
	}
	l.SetConsoleLevel(n)
}

// ConsoleLevel returns the level below which messages go to the console.
func (l *Log) ConsoleLevel() int { return int(l.level.Load()) }

// SetConsoleLevel changes it, as dmesg -n.
func (l *Log) SetConsoleLevel(n int) { l.level.Store(int32(min(max(n, 1), 8))) }

// SetConsole says how a message reaches the console; nil: not at all. write is called on
// the thread that logs, under whatever locks it holds: it must not sleep.
func (l *Log) SetConsole(write func(Message)) {
	if write == nil {
		l.console.Store(nil)
		return
	}
	l.console.Store(&write)
}

const userBit = 8

// Printf logs a message.
func (l *Log) Printf(level Level, format string, args ...any) {
	if l != nil {
		l.append(level, false, fmt.Sprintf(format, args...))
	}
}

// User logs a line that a program wrote to /dev/kmsg.
func (l *Log) User(level Level, text string) {
	if l != nil {
		l.append(level, true, text)
	}
}

func (l *Log) append(level Level, user bool, text string) {
	text = strings.TrimRight(text, "\n")
	if len(text) > MaxLine {
		text = text[:MaxLine]
	}
	kind := uint32(level & 7)
	if user {
		kind |= userBit
	}
	now := l.clock.Now()
	l.ring.Append(now, kind, []byte(text))
	if int32(level) < l.level.Load() {
		if write := l.console.Load(); write != nil {
			(*write)(Message{Time: now, Level: level, User: user, Text: text})
		}
	}
}

// Emergf logs that the kernel can't go on.
func (l *Log) Emergf(format string, args ...any) { l.Printf(Emerg, format, args...) }

// Errf logs that something failed.
func (l *Log) Errf(format string, args ...any) { l.Printf(Err, format, args...) }

// Warnf logs that something is odd.
func (l *Log) Warnf(format string, args ...any) { l.Printf(Warning, format, args...) }

// Noticef logs something normal that one should know of.
func (l *Log) Noticef(format string, args ...any) { l.Printf(Notice, format, args...) }

// Infof logs what happens.
func (l *Log) Infof(format string, args ...any) { l.Printf(Info, format, args...) }

// Debugf logs details.
func (l *Log) Debugf(format string, args ...any) { l.Printf(Debug, format, args...) }

// Limit keeps one kind of message from flooding the log: at most 10 in 5 seconds, as
// Linux's printk_ratelimited. The zero Limit is ready for use.
type Limit struct {
	window atomic.Int64 // which five seconds
	count  atomic.Int64
}

// Ok reports whether one more message may be logged now.
func (r *Limit) Ok(l *Log) bool {
	if l == nil {
		return false
	}
	w := l.clock.Now()/5e9 + 1
	if r.window.Swap(w) != w {
		r.count.Store(0)
	}
	return r.count.Add(1) <= 10
}

// Reader reads a log.
type Reader struct{ r *ring.Reader }

// Read returns a reader that stands before the oldest message.
func (l *Log) Read() *Reader { return &Reader{l.ring.Reader()} }

// Next returns the next message; false: there is none yet.
func (r *Reader) Next() (Message, bool) {
	rec, ok := r.r.Next()
	if !ok {
		return Message{}, false
	}
	return Message{
		Seq: rec.Pos, Next: rec.Next, Time: rec.Time, Level: Level(rec.Kind & 7),
		User: rec.Kind&userBit != 0, Text: string(rec.Data),
	}, true
}

// Seek moves the reader to a Message's Seq or Next.
func (r *Reader) Seek(seq uint64) { r.r.Seek(seq) }

// End moves the reader behind the newest message.
func (r *Reader) End() { r.r.End() }

// Lost counts the times messages were overwritten before they were read.
func (r *Reader) Lost() uint64 { return r.r.Lost }
