package sh

import (
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// biRead - read [-r] [-p PROMPT] [-u FD] NAME...: read a line and split it into variables
func biRead(sh *Shell, args []string) int {
	raw, fd := false, 0
	o, names := box.Parse(args, "+rsp:u:n:t:d:", "")
	raw = o.Has('r')
	fd = o.Int('u', 0)
	if p := o.Str('p', ""); p != "" {
		box.Out.Flush()
		box.Stderr.WriteString(p)
	}
	if len(names) == 0 {
		names = []string{"REPLY"}
	}
	line, escaped, eof := sh.readLine(fd, raw)
	for i, v := range sh.readSplit(line, escaped, len(names)) {
		sh.set(names[i], v)
	}
	if eof {
		return 1
	}
	return 0
}

// readLine reads up to a newline, byte by byte: what comes after belongs to the
// next reader of the descriptor. escaped marks bytes that had a backslash.
func (sh *Shell) readLine(fd int, raw bool) (line []byte, escaped []bool, eof bool) {
	ready, stop := sh.readable(fd)
	defer stop()
	var b [1]byte
	back := false
	for {
		ready()
		if n, err := box.FD(fd).Read(b[:]); err != nil || n == 0 {
			return line, escaped, true
		}
		c := b[0]
		switch {
		case back:
			back = false
			if c != '\n' { // backslash-newline: the line goes on
				line, escaped = append(line, c), append(escaped, true)
			}
		case c == '\\' && !raw:
			back = true
		case c == '\n':
			return line, escaped, false
		case c != 0:
			line, escaped = append(line, c), append(escaped, false)
		}
	}
}

// readable returns a function that waits until fd can be read, and meanwhile
// handles signals. A blocking read(2) would be restarted after a signal, so it
// waits in poll(2) for fd and for a pipe into which arriving signals are written.
func (sh *Shell) readable(fd int) (ready, stop func()) {
	if sh.sigc == nil {
		return func() {}, func() {}
	}
	r, w := sh.pipe()
	c := make(chan os.Signal, 8)
	finished := make(chan struct{})
	var sigs []os.Signal
	for s := range sh.traps {
		if s != 0 && sh.traps[s] != "" {
			sigs = append(sigs, unix.Signal(s))
		}
	}
	if sh.interactive {
		sigs = append(sigs, unix.SIGINT, unix.SIGHUP)
	}
	if len(sigs) > 0 {
		signal.Notify(c, sigs...)
	}
	go func() {
		for range c {
			unix.Write(w, []byte{0})
		}
		close(finished)
	}()
	ready = func() {
		for {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(r), Events: unix.POLLIN}}
			if _, err := unix.Poll(p, -1); err != nil && err != unix.EINTR {
				return
			}
			if p[1].Revents != 0 {
				var b [1]byte
				unix.Read(r, b[:])
				sh.pollSignals() // may unwind: ^C ends the read
			}
			if p[0].Revents != 0 {
				return
			}
		}
	}
	stop = func() {
		signal.Stop(c)
		close(c)
		<-finished
		unix.Close(r)
		unix.Close(w)
	}
	return ready, stop
}

// readSplit splits a line into n fields at IFS; the last one takes the rest.
func (sh *Shell) readSplit(line []byte, escaped []bool, n int) []string {
	ifs := " \t\n"
	if v := sh.vars["IFS"]; v.Set {
		ifs = v.Str
	}
	blank := func(i int) bool {
		return !escaped[i] && (line[i] == ' ' || line[i] == '\t') && strings.IndexByte(ifs, line[i]) >= 0
	}
	sep := func(i int) bool { return !escaped[i] && strings.IndexByte(ifs, line[i]) >= 0 }
	out := make([]string, n)
	i := 0
	skip := func() {
		for i < len(line) && blank(i) {
			i++
		}
	}
	skip()
	for f := 0; f < n && i < len(line); f++ {
		start := i
		if f == n-1 {
			// The rest, without blanks at its end; one separator alone at the end goes too.
			end := len(line)
			for end > start && blank(end-1) {
				end--
			}
			if end > start && sep(end-1) && !blank(end-1) {
				inner := false
				for k := start; k < end-1; k++ {
					inner = inner || sep(k)
				}
				if !inner {
					end--
				}
			}
			out[f] = string(line[start:end])
			break
		}
		for i < len(line) && !sep(i) {
			i++
		}
		out[f] = string(line[start:i])
		skip()
		if i < len(line) && sep(i) && !blank(i) && (i == start+len(out[f]) || blank(i-1)) {
			i++
		}
		skip()
	}
	return out
}
