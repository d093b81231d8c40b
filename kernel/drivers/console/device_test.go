package console_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	host "vitrine/hostdev/console"
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/drivers/console"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
	"vitrine/test/devtest"
)

// rig is a kernel with a console and terminals.
type rig struct {
	*devtest.Kernel
	host *host.Device
	ttys *tty.Table
	con  *console.Console
}

func newRig(t *testing.T, cpus int, ports ...host.PortSpec) *rig {
	t.Helper()
	d := host.New(100, 30, ports...)
	r := &rig{Kernel: devtest.NewOptions(t, devtest.Options{CPUs: cpus}, d), host: d}
	r.ttys = tty.NewTable(r.Sched, nil)
	r.Bus.Provide(r.ttys)
	r.Probe()
	virtio.Each(r.Bus, func(_ *virtio.Device, c *console.Console) { r.con = c })
	if r.con == nil {
		t.Fatalf("no console; log:\n%s", strings.Join(r.Log.Lines(), "\n"))
	}
	return r
}

var standard = []host.PortSpec{{Name: "console", Console: true}, {Name: "stdin"}, {Name: "stdout"}}

// open opens a device node by name.
func (r *rig) open(th *sched.Thread, name string, flags int) *vfs.File {
	for _, c := range r.VFS.CharDevs(th) {
		if c.Name != name {
			continue
		}
		f := r.VFS.NewAnonFile(th, name, nil, flags)
		impl, err := c.Open(th, nil, f)
		if err != nil {
			r.T.Errorf("%s: %v", name, err)
			return nil
		}
		f.Impl = impl
		return f
	}
	r.T.Errorf("no device node %s", name)
	return nil
}

// sink is a writer whose content can be waited for.
type sink struct {
	mu   sync.Mutex
	cond *sync.Cond
	b    []byte
}

func newSink() *sink {
	s := &sink{}
	s.cond = sync.NewCond(&s.mu)
	return s
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b = append(s.b, p...)
	s.cond.Broadcast()
	return len(p), nil
}

// wait waits until enough says so.
func (s *sink) wait(t *testing.T, enough func(b []byte) bool) []byte {
	t.Helper()
	timer := time.AfterFunc(20*time.Second, s.cond.Broadcast)
	defer timer.Stop()
	end := time.Now().Add(20 * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !enough(s.b) {
		if time.Now().After(end) {
			t.Fatalf("output does not come; so far %d bytes: %.200q", len(s.b), s.b)
		}
		s.cond.Wait()
	}
	return append([]byte(nil), s.b...)
}

func contains(want string) func([]byte) bool {
	return func(b []byte) bool { return bytes.Contains(b, []byte(want)) }
}

func TestTerminalEchoesAndReads(t *testing.T) {
	r := newRig(t, 1, standard...)
	out := newSink()
	con := r.host.Port("console")
	con.Output(out)
	in, typist := io.Pipe()
	con.Input(in)
	done := r.Go(func(th *sched.Thread) {
		f := r.open(th, "hvc0", abi.O_RDWR)
		f.Write(th, mm.KernelIO([]byte("login: ")))
		p := make([]byte, 100)
		n, err := f.Read(th, mm.KernelIO(p))
		if err != nil {
			t.Errorf("read: %v", err)
		}
		f.Write(th, mm.KernelIO([]byte("hello "+string(p[:n]))))
		f.DecRef(th)
	})
	out.wait(t, contains("login: "))
	io.WriteString(typist, "rootx\x7f\r")
	done.Wait()
	got := out.wait(t, contains("hello"))
	if want := "login: rootx\b \b\r\nhello root\r\n"; string(got) != want {
		t.Errorf("the screen shows %q, want %q", got, want)
	}
	typist.Close()
}

func TestWindowSize(t *testing.T) {
	r := newRig(t, 1, standard...)
	line := r.con.Ports[0].TTY.Load()
	wait := func(cols, rows uint16) {
		t.Helper()
		r.Run(func(th *sched.Thread) {
			for end := th.Now() + 20e9; ; th.Yield() {
				ws := line.Winsize(th)
				if ws.Col == cols && ws.Row == rows {
					return
				}
				if th.Now() > end {
					t.Errorf("the window is %v, want %dx%d", ws, cols, rows)
					return
				}
			}
		})
	}
	wait(100, 30)
	r.host.Resize(132, 50)
	wait(132, 50)
}

func TestStreamsCarryBytesAndEOF(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		r := newRig(t, cpus, standard...)
		var data []byte
		for i := range 300_000 {
			data = append(data, byte(i), byte(i>>8), byte(i>>16))
		}
		out := newSink()
		r.host.Port("stdout").Output(out)
		r.host.Port("stdin").Input(bytes.NewReader(data))
		r.Run(func(th *sched.Thread) { // cat
			in, to := r.open(th, "virtio-ports/stdin", abi.O_RDONLY), r.open(th, "virtio-ports/stdout", abi.O_WRONLY)
			p := make([]byte, 10_000)
			for {
				n, err := in.Read(th, mm.KernelIO(p))
				if err != nil {
					t.Errorf("read: %v", err)
				}
				if n == 0 {
					break
				}
				if m, err := to.Write(th, mm.KernelIO(p[:n])); m != n || err != nil {
					t.Errorf("write: %d of %d, %v", m, n, err)
				}
			}
			if n, err := in.Read(th, mm.KernelIO(p)); n != 0 || err != nil {
				t.Errorf("read after the end: %d, %v", n, err)
			}
			in.DecRef(th)
			to.DecRef(th)
		})
		if got := out.wait(t, func(b []byte) bool { return len(b) >= len(data) }); !bytes.Equal(got, data) {
			t.Error("other bytes come out than went in")
		}
	}
}

// stuck is a writer that takes nothing until it is told.
type stuck struct {
	sink
	release chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.release
	return s.sink.Write(p)
}

func TestSlowOutputHoldsOnlyItsPort(t *testing.T) {
	r := newRig(t, 1, standard...)
	slow := &stuck{sink: *newSink(), release: make(chan struct{})}
	slow.cond = sync.NewCond(&slow.mu)
	r.host.Port("stdout").Output(slow)
	screen := newSink()
	r.host.Port("console").Output(screen)
	const total = 1 << 20
	writer := r.Go(func(th *sched.Thread) {
		f := r.open(th, "virtio-ports/stdout", abi.O_WRONLY)
		for i := range total / 4096 {
			if n, err := f.Write(th, mm.KernelIO(bytes.Repeat([]byte{byte(i)}, 4096))); n != 4096 || err != nil {
				t.Errorf("write: %d, %v", n, err)
			}
		}
		f.DecRef(th)
	})
	r.Run(func(th *sched.Thread) {
		f := r.open(th, "hvc0", abi.O_RDWR)
		f.Write(th, mm.KernelIO([]byte("still alive")))
		f.DecRef(th)
	})
	screen.wait(t, contains("still alive"))
	if writer.Done() {
		t.Error("a megabyte went into a writer that takes nothing")
	}
	extra := 0
	r.Run(func(th *sched.Thread) {
		f := r.open(th, "virtio-ports/stdout", abi.O_WRONLY|abi.O_NONBLOCK)
		for range 100 { // whatever room comes free
			n, err := f.Write(th, mm.KernelIO(make([]byte, 4096)))
			if extra += n; errno.Of(err) == errno.EAGAIN {
				f.DecRef(th)
				return
			}
		}
		t.Error("O_NONBLOCK: no EAGAIN")
	})
	close(slow.release)
	writer.Wait()
	got := slow.wait(t, func(b []byte) bool { return len(b) >= total+extra })
	for i := range total / 4096 {
		if !bytes.Contains(got, bytes.Repeat([]byte{byte(i)}, 4096)) {
			t.Fatalf("block %d is not whole", i)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestBrokenOutputIsEPIPE(t *testing.T) {
	r := newRig(t, 1, standard...)
	r.host.Port("stdout").Output(broken{})
	r.Run(func(th *sched.Thread) {
		f := r.open(th, "virtio-ports/stdout", abi.O_WRONLY)
		defer f.DecRef(th)
		for range 10_000 {
			if _, err := f.Write(th, mm.KernelIO(make([]byte, 100))); err != nil {
				if errno.Of(err) != errno.EPIPE {
					t.Errorf("write: %v", err)
				}
				return
			}
			th.Yield()
		}
		t.Error("no error")
	})
}

func TestSignalEndsRead(t *testing.T) {
	r := newRig(t, 1, standard...)
	r.host.Port("stdin").Input(blocked{})
	reader := r.Go(func(th *sched.Thread) {
		f := r.open(th, "virtio-ports/stdin", abi.O_RDONLY)
		_, err := f.Read(th, mm.KernelIO(make([]byte, 10)))
		if err != errno.RestartSys {
			t.Errorf("read: %v", err)
		}
		th.SigPending.Store(false)
		f.DecRef(th)
	})
	r.Run(func(th *sched.Thread) {
		for reader.Thread.WaitName != "console_read" {
			th.Yield()
		}
		r.Sched.Signal(reader.Thread)
	})
	reader.Wait()
}

type blocked struct{}

func (blocked) Read([]byte) (int, error) { select {} }

func TestViewersSeeAndType(t *testing.T) {
	r := newRig(t, 1, standard...)
	con := r.host.Port("console")
	write := func(s string) {
		r.Run(func(th *sched.Thread) {
			f := r.open(th, "hvc0", abi.O_RDWR)
			f.Write(th, mm.KernelIO([]byte(s)))
			f.DecRef(th)
		})
	}
	write("before ")
	first := newSink()
	v := con.View()
	go io.Copy(first, v)
	first.wait(t, contains("before "))
	write("after")
	first.wait(t, contains("before after"))
	slow := con.View() // reads nothing: must not hold anybody back
	for range 600 {
		write(strings.Repeat("x", 1000))
	}
	if slow.Lost() == 0 {
		t.Error("the slow viewer lost nothing of 600 kB")
	}
	reader := r.Go(func(th *sched.Thread) {
		f := r.open(th, "hvc0", abi.O_RDWR)
		p := make([]byte, 100)
		if n, _ := f.Read(th, mm.KernelIO(p)); string(p[:n]) != "typed\n" {
			t.Errorf("read %q", p[:n])
		}
		f.DecRef(th)
	})
	io.WriteString(v, "typed\n")
	reader.Wait()
	v.Close()
	if _, err := io.ReadAll(v); err != nil {
		t.Error(err)
	}
}

// TestFloodOfInput sends far more than the terminal can hold: nothing of it may be lost in raw mode.
func TestFloodOfInput(t *testing.T) {
	r := newRig(t, 1, standard...)
	var data []byte
	for i := range 100_000 {
		data = append(data, byte('a'+i%26), byte('0'+i%10))
	}
	opened := make(chan struct{})
	reader := r.Go(func(th *sched.Thread) {
		f := r.open(th, "hvc0", abi.O_RDWR)
		line := r.con.Ports[0].TTY.Load()
		raw := line.Termios(th)
		raw.Iflag, raw.Lflag = 0, 0
		line.SetTermios(th, raw, false)
		close(opened)
		var got []byte
		p := make([]byte, 3000)
		for len(got) < len(data) {
			n, err := f.Read(th, mm.KernelIO(p))
			if err != nil {
				t.Error(err)
				return
			}
			got = append(got, p[:n]...)
		}
		if !bytes.Equal(got, data) {
			t.Error("other bytes come out than went in")
		}
		f.DecRef(th)
	})
	<-opened
	r.host.Port("console").Input(io.MultiReader(bytes.NewReader(data), blocked{}))
	reader.Wait()
}

// TestCloseFlushes ends the machine right after the last write.
func TestCloseFlushes(t *testing.T) {
	r := newRig(t, 1, standard...)
	out := newSink()
	r.host.Port("stdout").Output(out)
	r.Run(func(th *sched.Thread) {
		f := r.open(th, "virtio-ports/stdout", abi.O_WRONLY)
		f.Write(th, mm.KernelIO(bytes.Repeat([]byte("z"), 30_000)))
		f.DecRef(th)
	})
	r.host.Close()
	if n := len(out.b); n != 30_000 {
		t.Errorf("%d of 30000 bytes were written at Close", n)
	}
}

func TestPortsAreUsedAgain(t *testing.T) {
	r := newRig(t, 1, standard...)
	for _, text := range []string{"first", "second", "third"} {
		r.host.Port("stdin").Input(strings.NewReader(text))
		r.Run(func(th *sched.Thread) {
			f := r.open(th, "virtio-ports/stdin", abi.O_RDONLY)
			var got []byte
			p := make([]byte, 3)
			for {
				n, err := f.Read(th, mm.KernelIO(p))
				if n == 0 || err != nil {
					break
				}
				got = append(got, p[:n]...)
			}
			if string(got) != text {
				t.Errorf("read %q, want %q", got, text)
			}
			f.DecRef(th)
		})
	}
}
