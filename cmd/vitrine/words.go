package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"vitrine/machine/ring"
)

// execSelf replaces this process.
func execSelf(exe string, args []string) error { return syscall.Exec(exe, args, os.Environ()) }

// logLevels are the names of the kernel log's levels (kernel/klog).
const (
	levelMask  = 7
	levelDebug = 7
)

// formatLog shows a record of the dmesg ring as dmesg(1) does. What a guest wrote may hold anything: it is
// made harmless for a terminal.
func formatLog(r ring.Record) string {
	return fmt.Sprintf("[%5d.%06d] %s", r.Time/1e9, r.Time%1e9/1e3, printable(string(r.Data)))
}

// printable replaces control characters, so that nobody's text commands our terminal.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfffd }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ' && r != '\t' || r == 0x7f:
			fmt.Fprintf(&b, "\\x%02x", r)
		case r >= 0x80 && r < 0xa0:
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// lastWords tells how a kernel died: its log's last lines, its epitaph, what its process wrote.
func (m *vm) lastWords(how, words string) string {
	const lines = 20
	var b strings.Builder
	b.WriteString("\nvitrine: ")
	writeText(&b, how)
	if log := ringLines(m.board.Ring("dmesg")); len(log) > 0 {
		fmt.Fprintf(&b, "--- last lines of dmesg\n")
		for _, l := range log[max(0, len(log)-lines):] {
			b.WriteString(l + "\n")
		}
	}
	if r, err := ring.NewReader(m.board.Ring("epitaph")); err == nil {
		for rec, ok := r.Next(); ok; rec, ok = r.Next() {
			fmt.Fprintf(&b, "--- epitaph at %d.%06d\n", rec.Time/1e9, rec.Time%1e9/1e3)
			writeText(&b, string(rec.Data))
		}
	}
	if words != "" {
		b.WriteString("--- the kernel process's last words\n")
		writeText(&b, words)
	}
	return b.String()
}

func writeText(b *strings.Builder, s string) {
	for _, l := range strings.Split(strings.TrimRight(s, "\n"), "\n") {
		b.WriteString(printable(l) + "\n")
	}
}

// ringLines returns the lines of a log in shared RAM.
func ringLines(mem []byte) (lines []string) {
	r, err := ring.NewReader(mem)
	if err != nil {
		return nil
	}
	for rec, ok := r.Next(); ok; rec, ok = r.Next() {
		lines = append(lines, formatLog(rec))
	}
	return lines
}

// logTail shows the kernel's log as it grows: for -v all of it, for -strace the system calls.
type logTail struct {
	m    *vm
	quit chan struct{}
	done chan struct{}
}

// The ring holds more than a thousand lines: a kernel that traces flat out needs some milliseconds for that.
const logTailPeriod = time.Millisecond

func newLogTail(m *vm) *logTail {
	t := &logTail{m: m, quit: make(chan struct{}), done: make(chan struct{})}
	r, err := ring.NewReader(m.board.Ring("dmesg"))
	if err != nil || !m.opts.verbose && m.opts.strace == "" {
		close(t.done)
		return t
	}
	go func() {
		defer close(t.done)
		tick := time.NewTicker(logTailPeriod)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				t.show(r)
			case <-t.quit:
				t.show(r)
				return
			}
		}
	}()
	return t
}

func (t *logTail) show(r *ring.Reader) {
	var b strings.Builder
	lost := r.Lost
	for rec, ok := r.Next(); ok; rec, ok = r.Next() {
		if r.Lost != lost {
			fmt.Fprintf(&b, "vitrine: lines were lost here, the kernel is too fast%s\n", t.m.streams.newline())
			lost = r.Lost
		}
		if rec.Kind&levelMask == levelDebug || t.m.opts.verbose {
			b.WriteString(formatLog(rec) + t.m.streams.newline() + "\n")
		}
	}
	if b.Len() > 0 {
		os.Stderr.WriteString(b.String())
	}
}

func (t *logTail) stop() {
	select {
	case <-t.done:
	default:
		close(t.quit)
		<-t.done
	}
}
