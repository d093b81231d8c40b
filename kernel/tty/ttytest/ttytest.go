// Package ttytest is the conformance suite of terminals: it types on a line
// and looks at what a program reads and what the line shows. A driver passes it with
//
//	ttytest.Run(t, func(t *sched.Thread) ttytest.Line { … })
//
// where Line is the far end of a terminal that the driver serves. The line discipline is the real one; what is tested
// is that the driver carries every byte, in order, both ways, and keeps what it has no room for.
package ttytest

import (
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktest"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
)

// Line is the far end of a terminal: the user's side of the wire.
type Line interface {
	// TTY is the terminal, fresh, with sane settings.
	TTY() *tty.TTY
	// Type sends bytes to the terminal; it may wait until they are taken.
	Type(t *sched.Thread, s string)
	// Shown waits for at least n bytes of output and returns what has come.
	Shown(t *sched.Thread, n int) string
}

// Run runs the suite on a kernel with one CPU and with four. Open makes a terminal on it.
func Run(t *testing.T, open func(t *sched.Thread, k *ktest.Kernel) Line) {
	for _, c := range []struct {
		name string
		test func(x *bench)
	}{
		{"Lines", lines},
		{"Echo", echo},
		{"RawBytes", rawBytes},
		{"MuchOutput", muchOutput},
		{"MuchInput", muchInput},
		{"StopAndGo", stopAndGo},
		{"Settings", settings},
		{"Hangup", hangup},
	} {
		for _, cpus := range []int{1, 4} {
			name := c.name
			if cpus > 1 {
				name += "SMP"
			}
			t.Run(name, func(t *testing.T) {
				k := ktest.New(t, ktest.Options{CPUs: cpus})
				v := vfs.New(vfs.Config{Timers: k.Timers})
				k.Run(func(th *sched.Thread) {
					l := open(th, k)
					h, err := l.TTY().Open(th, tty.OpenHow{NoCTTY: true})
					if err != nil {
						t.Errorf("open: %v", err)
						return
					}
					f := v.NewAnonFile(th, "tty", h, abi.O_RDWR)
					defer f.DecRef(th)
					c.test(&bench{t, k, th, l, f})
				})
			})
		}
	}
}

// bench is a terminal with a program on one side and a user on the other.
type bench struct {
	*testing.T
	k    *ktest.Kernel
	th   *sched.Thread
	line Line
	file *vfs.File
}

func (b *bench) read(n int) string {
	p := make([]byte, n)
	n, err := b.file.Impl.(vfs.Reader).Read(b.th, b.file, mm.KernelIO(p), 0)
	if err != nil {
		b.Errorf("read: %v", err)
	}
	return string(p[:n])
}

func (b *bench) write(t *sched.Thread, s string) {
	if n, err := b.file.Impl.(vfs.Writer).Write(t, b.file, mm.KernelIO([]byte(s)), 0); n != len(s) || err != nil {
		b.Errorf("write of %d bytes: %d, %v", len(s), n, err)
	}
}

func (b *bench) expect(what, got, want string) {
	b.Helper()
	if got != want {
		b.Errorf("%s: %.80q (%d bytes), want %.80q (%d bytes)", what, got, len(got), want, len(want))
	}
}

func (b *bench) raw() {
	n := b.line.TTY().Termios(b.th)
	n.Iflag, n.Oflag, n.Lflag = 0, 0, 0
	n.Cc[abi.VMIN], n.Cc[abi.VTIME] = 1, 0
	b.line.TTY().SetTermios(b.th, n, false)
}

// besides runs f on a thread of its own.
func (b *bench) besides(f func(t *sched.Thread)) { b.k.Sched.Spawn("besides", f) }

// pattern is text in which a lost or doubled byte shows.
func pattern(n int) string {
	var s strings.Builder
	for i := 0; s.Len() < n; i++ {
		s.WriteByte(byte('!' + i*7%94))
	}
	return s.String()
}

func lines(b *bench) {
	b.line.Type(b.th, "one\rtwo\r")
	b.expect("line", b.read(100), "one\n")
	b.expect("line", b.read(100), "two\n")
	b.line.Type(b.th, "abx\x7fc\r\x04")
	b.expect("edited line", b.read(100), "abc\n")
	b.expect("end of file", b.read(100), "")
}

func echo(b *bench) {
	b.write(b.th, "$ ")
	b.line.Type(b.th, "ls\r")
	b.read(100)
	b.write(b.th, "file\n")
	b.expect("screen", b.line.Shown(b.th, 12), "$ ls\r\nfile\r\n")
}

func rawBytes(b *bench) {
	b.raw()
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	b.line.Type(b.th, string(all))
	got := ""
	for len(got) < 256 {
		got += b.read(256)
	}
	b.expect("input", got, string(all))
	b.write(b.th, string(all))
	b.expect("output", b.line.Shown(b.th, 256), string(all))
}

func muchOutput(b *bench) {
	b.raw()
	text := pattern(100_000)
	b.besides(func(t *sched.Thread) { b.write(t, text) })
	got := ""
	for len(got) < len(text) {
		got += b.line.Shown(b.th, 1)
	}
	b.expect("output", got, text)
}

func muchInput(b *bench) {
	b.raw()
	text := pattern(100_000)
	b.besides(func(t *sched.Thread) { b.line.Type(t, text) })
	var got strings.Builder
	for got.Len() < len(text) {
		got.WriteString(b.read(777))
	}
	b.expect("input", got.String(), text)
}

func stopAndGo(b *bench) {
	b.line.Type(b.th, "\x13\r") // the line shows that ^S has arrived
	b.expect("line", b.read(10), "\n")
	b.besides(func(t *sched.Thread) { b.write(t, "held") })
	b.besides(func(t *sched.Thread) {
		t.Yield()
		b.line.Type(t, "\x11")
	})
	b.expect("screen", b.line.Shown(b.th, 6), "\r\nheld")
}

func settings(b *bench) {
	t := b.line.TTY()
	n := t.Termios(b.th)
	n.Lflag &^= abi.ECHO
	t.SetTermios(b.th, n, true)
	b.line.Type(b.th, "secret\r")
	b.expect("line", b.read(100), "secret\n")
	b.write(b.th, "done")
	b.expect("screen", b.line.Shown(b.th, 4), "done")
	t.SetWinsize(b.th, abi.Winsize{Row: 30, Col: 100})
	if ws := t.Winsize(b.th); ws.Row != 30 || ws.Col != 100 {
		b.Errorf("window %v", ws)
	}
}

func hangup(b *bench) {
	b.besides(func(t *sched.Thread) { b.line.TTY().Hangup(t) })
	b.expect("read", b.read(10), "")
	_, err := b.file.Impl.(vfs.Writer).Write(b.th, b.file, mm.KernelIO([]byte("x")), 0)
	if errno.Of(err) != errno.EIO {
		b.Errorf("write after hangup: %v", err)
	}
}
