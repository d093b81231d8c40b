package tty

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitrine/kernel/abi"
)

// term is a line discipline with what it showed.
type term struct {
	LineDiscipline
	screen string
}

func newTerm(change func(*abi.Termios)) *term {
	t := &term{}
	n := Sane()
	if change != nil {
		change(&n)
	}
	t.Termios = n
	return t
}

func (t *term) typed(s string) *term {
	t.Input([]byte(s))
	t.screen += string(t.out)
	t.out = nil
	return t
}

func (t *term) line() string {
	var b [QueueSize]byte
	n, _ := t.ReadLine(b[:])
	return string(b[:n])
}

func TestCanonicalEditing(t *testing.T) {
	set := func(f func(*abi.Termios)) func(*abi.Termios) { return f }
	utf8 := set(func(n *abi.Termios) { n.Iflag |= abi.IUTF8 })
	for _, c := range []struct {
		name   string
		change func(*abi.Termios)
		typed  string
		lines  []string
		screen string
	}{
		{"line", nil, "hello\r", []string{"hello\n"}, "hello\r\n"},
		{"two lines", nil, "a\nb\n", []string{"a\n", "b\n"}, "a\r\nb\r\n"},
		{"erase", nil, "ab\x7f\x7fc\n", []string{"c\n"}, "ab\b \b\b \bc\r\n"},
		{"erase nothing", nil, "\x7fx\n", []string{"x\n"}, "x\r\n"},
		{"erase control char", nil, "a\x01\x7fb\n", []string{"ab\n"}, "a^A\b \b\b \bb\r\n"},
		{"erase tab", nil, "a\tb\x7f\x7fc\n", []string{"ac\n"}, "a\tb\b \b\b\b\b\b\b\b\bc\r\n"},
		{"erase utf8", utf8, "a\u00e9\x7fb\n", []string{"ab\n"}, "a\u00e9\b \bb\r\n"},
		{"erase utf8 as bytes", nil, "\u00e9\x7f\n", []string{"\xc3\n"}, "\u00e9\b \b\r\n"},
		{"word erase", nil, "foo bar \x17\n", []string{"foo \n"}, "foo bar \b \b\b \b\b \b\b \b\r\n"},
		{"kill", nil, "abc\x15d\n", []string{"d\n"}, "abc\b \b\b \b\b \bd\r\n"},
		{"kill with echok", set(func(n *abi.Termios) { n.Lflag &^= abi.ECHOKE }), "abc\x15d\n", []string{"d\n"}, "abc^U\r\nd\r\n"},
		{"erase printed", set(func(n *abi.Termios) { n.Lflag |= abi.ECHOPRT }), "ab\x7f\x7fc\n", []string{"c\n"}, "ab\\ba/c\r\n"},
		{"erase echoed", set(func(n *abi.Termios) { n.Lflag &^= abi.ECHOE }), "ab\x7fc\n", []string{"ac\n"}, "ab^?c\r\n"},
		{"reprint", nil, "ab\x12c\n", []string{"abc\n"}, "ab^R\r\nabc\r\n"},
		{"literal next", nil, "a\x16\x03b\n", []string{"a\x03b\n"}, "a^\b^Cb\r\n"},
		{"end of file", nil, "ab\x04", []string{"ab"}, "ab"},
		{"end of file alone", nil, "\x04", []string{""}, ""},
		{"eol", set(func(n *abi.Termios) { n.Cc[abi.VEOL] = ';' }), "a;b\n", []string{"a;", "b\n"}, "a;b\r\n"},
		{"no echo", set(func(n *abi.Termios) { n.Lflag &^= abi.ECHO }), "ab\x7fc\n", []string{"ac\n"}, ""},
		{"echo newline", set(func(n *abi.Termios) { n.Lflag = n.Lflag&^abi.ECHO | abi.ECHONL }), "ab\n", []string{"ab\n"}, "\r\n"},
		{"no icrnl", set(func(n *abi.Termios) { n.Iflag &^= abi.ICRNL }), "a\rb\n", []string{"a\rb\n"}, "a^Mb\r\n"},
		{"inlcr", set(func(n *abi.Termios) { n.Iflag = n.Iflag&^abi.ICRNL | abi.INLCR }), "a\nb\x04", []string{"a\rb"}, "a^Mb"},
		{"igncr", set(func(n *abi.Termios) { n.Iflag |= abi.IGNCR }), "a\rb\n", []string{"ab\n"}, "ab\r\n"},
		{"istrip", set(func(n *abi.Termios) { n.Iflag |= abi.ISTRIP }), "\xe1\n", []string{"a\n"}, "a\r\n"},
		{"iuclc", set(func(n *abi.Termios) { n.Iflag |= abi.IUCLC }), "ABC\n", []string{"abc\n"}, "abc\r\n"},
		{"parmrk", set(func(n *abi.Termios) { n.Iflag |= abi.PARMRK }), "\xff\n", []string{"\xff\xff\n"}, "\xff\r\n"},
		{"disabled erase", set(func(n *abi.Termios) { n.Cc[abi.VERASE] = 0 }), "a\x00\n", []string{"a\x00\n"}, "a^@\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newTerm(c.change).typed(c.typed)
			for i, want := range c.lines {
				if !l.InputReady(1) {
					t.Fatalf("line %d is not there", i)
				}
				if got := l.line(); got != want {
					t.Errorf("line %d = %q, want %q", i, got, want)
				}
			}
			if l.InputReady(1) {
				t.Error("there is more")
			}
			if l.screen != c.screen {
				t.Errorf("screen %q, want %q", l.screen, c.screen)
			}
		})
	}
}

func TestLineInPieces(t *testing.T) {
	l := newTerm(nil).typed("abcdef\nx\n")
	var b [4]byte
	if n, done := l.ReadLine(b[:]); n != 4 || done {
		t.Fatalf("first read: %d, %v", n, done)
	}
	if got := l.line(); got != "ef\n" {
		t.Fatalf("rest: %q", got)
	}
	if got := l.line(); got != "x\n" {
		t.Fatalf("next: %q", got)
	}
	// An end of file right after what fills the buffer belongs to it.
	l.typed("abcd\x04")
	if n, done := l.ReadLine(b[:]); n != 4 || !done {
		t.Fatalf("read before end of file: %d, %v", n, done)
	}
	if l.InputReady(1) {
		t.Fatal("the end of file is seen twice")
	}
}

func TestSignals(t *testing.T) {
	l := newTerm(nil).typed("abc\x03")
	if !slices.Equal(l.signals, []abi.Signal{abi.SIGINT}) || l.Readable() != 0 || l.head != l.tail {
		t.Errorf("signals %v, %d bytes left", l.signals, l.head-l.tail)
	}
	if l.screen != "^C" { // abc was shown before; typed takes the output at the end, when it was flushed
		t.Errorf("screen %q", l.screen)
	}
	l = newTerm(func(n *abi.Termios) { n.Lflag |= abi.NOFLSH }).typed("abc\x1cd\x1a\n")
	if !slices.Equal(l.signals, []abi.Signal{abi.SIGQUIT, abi.SIGTSTP}) {
		t.Errorf("signals %v", l.signals)
	}
	if got := l.line(); got != "abcd\n" {
		t.Errorf("line %q", got)
	}
	if l.screen != "abc^\\d^Z\r\n" {
		t.Errorf("screen %q", l.screen)
	}
	l = newTerm(func(n *abi.Termios) { n.Lflag &^= abi.ISIG }).typed("\x03\n")
	if got := l.line(); got != "\x03\n" || len(l.signals) != 0 {
		t.Errorf("without ISIG: %q, %v", got, l.signals)
	}
}

func TestOutputProcessing(t *testing.T) {
	for _, c := range []struct {
		oflag   uint32
		in, out string
		column  uint32
	}{
		{abi.OPOST | abi.ONLCR, "ab\ncd", "ab\r\ncd", 2},
		{abi.OPOST, "ab\ncd", "ab\ncd", 4},
		{abi.OPOST | abi.ONLRET, "ab\ncd", "ab\ncd", 2},
		{abi.OPOST | abi.OCRNL, "ab\rcd", "ab\ncd", 4},
		{abi.OPOST | abi.ONOCR, "\rab\rc", "ab\rc", 1},
		{abi.OPOST | abi.XTABS, "a\tb\t", "a       b       ", 16},
		{abi.OPOST, "a\tb", "a\tb", 9},
		{abi.OPOST | abi.OLCUC, "aBc", "ABC", 3},
		{abi.OPOST, "ab\b", "ab\b", 1},
		{0, "a\n\t", "a\n\t", 0},
	} {
		t.Run(fmt.Sprintf("%#o %q", c.oflag, c.in), func(t *testing.T) {
			l := newTerm(func(n *abi.Termios) { n.Oflag = c.oflag })
			l.Output([]byte(c.in))
			if string(l.out) != c.out || l.column != c.column {
				t.Errorf("got %q, column %d; want %q, %d", l.out, l.column, c.out, c.column)
			}
		})
	}
}

func TestFlowControl(t *testing.T) {
	l := newTerm(nil).typed("\x13")
	if !l.OutputStopped() {
		t.Fatal("^S did not stop")
	}
	if l.typed("a"); !l.OutputStopped() {
		t.Fatal("a restarts without IXANY")
	}
	if l.typed("\x11"); l.OutputStopped() {
		t.Fatal("^Q did not start")
	}
	l.Termios.Iflag |= abi.IXANY
	if l.typed("\x13b"); l.OutputStopped() {
		t.Fatal("IXANY: b did not start")
	}
	l.SetFlow(false)
	if l.typed("\x11"); !l.OutputStopped() {
		t.Fatal("^Q undoes tcflow(TCOOFF)")
	}
	if l.SetFlow(true); l.OutputStopped() {
		t.Fatal("tcflow(TCOON) did not start")
	}
}

func TestLongLineIsCut(t *testing.T) {
	l := newTerm(func(n *abi.Termios) { n.Iflag |= abi.IMAXBEL; n.Lflag &^= abi.ECHO })
	l.typed(strings.Repeat("x", 5000) + "\n")
	if got := l.line(); len(got) != QueueSize || got[QueueSize-1] != '\n' {
		t.Errorf("a line of %d bytes", len(got))
	}
	if n := strings.Count(l.screen, "\a"); n != 5000-(QueueSize-1) {
		t.Errorf("%d beeps", n)
	}
}

func TestFullQueueWaitsForReaders(t *testing.T) {
	l := newTerm(func(n *abi.Termios) { n.Lflag &^= abi.ECHO })
	in := []byte(strings.Repeat("line\n", 2000))
	n := l.Input(in)
	if n >= len(in) || n < QueueSize-8 {
		t.Fatalf("took %d of %d", n, len(in))
	}
	if k := l.Input([]byte("more\n")); k != 0 {
		t.Fatalf("took %d more", k)
	}
	// ^C gets through all the same.
	if k := l.Input([]byte("ab\x03")); k != 3 || len(l.signals) != 1 || l.head != l.tail {
		t.Fatalf("^C: took %d, signals %v", k, l.signals)
	}
}

func TestModeSwitch(t *testing.T) {
	l := newTerm(nil).typed("abc")
	raw := l.Termios
	raw.Lflag &^= abi.ICANON
	if l.InputReady(1) {
		t.Fatal("an unfinished line can be read")
	}
	l.SetTermios(raw)
	if !l.InputReady(1) || l.Readable() != 3 {
		t.Fatalf("raw: %d bytes", l.Readable())
	}
	l.SetTermios(Sane())
	if got := l.line(); got != "abc" {
		t.Fatalf("canonical again: %q", got)
	}
	l.typed("x\ny")
	l.SetTermios(raw)
	var b [8]byte
	if n := l.ReadRaw(b[:]); string(b[:n]) != "x\ny" {
		t.Fatalf("raw: %q", b[:n])
	}
}

func FuzzTermios(f *testing.F) {
	f.Add(uint32(abi.ICRNL|abi.IXON), uint32(abi.OPOST|abi.ONLCR), uint32(0xffff), []byte("\x7f\x03"), []byte("ab\x7f\tc\x17\n\x04"))
	f.Add(uint32(abi.PARMRK|abi.IMAXBEL), uint32(abi.OPOST|abi.XTABS), uint32(abi.ICANON|abi.ECHO), []byte{}, []byte("\xff\t\xff\x12\x13"))
	f.Fuzz(func(t *testing.T, iflag, oflag, lflag uint32, cc, in []byte) {
		l := newTerm(func(n *abi.Termios) {
			n.Iflag, n.Oflag, n.Lflag = iflag, oflag, lflag
			copy(n.Cc[:], cc)
		})
		var buf [100]byte
		for round := 0; len(in) > 0 && round < 1000; round++ {
			n := l.Input(in[:min(len(in), 700)])
			in = in[n:]
			l.check(t)
			if l.canonical() {
				l.ReadLine(buf[:round%len(buf)])
			} else {
				l.ReadRaw(buf[:round%len(buf)])
			}
			l.check(t)
			l.Output(in[:min(len(in), 20)])
			l.out = l.out[:0]
			if round%7 == 3 {
				m := l.Termios
				m.Lflag ^= abi.ICANON
				if round%2 == 0 {
					m.Lflag ^= abi.EXTPROC
				}
				l.SetTermios(m)
				l.check(t)
			}
		}
	})
}

// check panics on what must never be.
func (l *LineDiscipline) check(t *testing.T) {
	t.Helper()
	if used := l.head - l.tail; used > QueueSize {
		t.Fatalf("%d bytes in the queue", used)
	}
	if int32(l.canon-l.tail) < 0 || int32(l.head-l.canon) < 0 {
		t.Fatalf("tail %d, canon %d, head %d are out of order", l.tail, l.canon, l.head)
	}
	if len(l.out) > 8*outLimit || len(l.signals) > 3 {
		t.Fatalf("%d bytes of output, %d signals", len(l.out), len(l.signals))
	}
	if l.canonical() && l.canon != l.tail && !l.endsAt(l.canon-1) {
		t.Fatal("the last line has no end")
	}
	if n := l.Readable(); n < 0 || n > QueueSize {
		t.Fatalf("%d bytes are readable", n)
	}
}
