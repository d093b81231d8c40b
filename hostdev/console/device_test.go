package console

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"testing"

	"vitrine/hostdev/virtio/virtiotest"
)

// ctl is a control message.
func ctl(id uint32, event, value uint16) []byte {
	b := binary.LittleEndian.AppendUint32(nil, id)
	b = binary.LittleEndian.AppendUint16(b, event)
	return binary.LittleEndian.AppendUint16(b, value)
}

var ports = []PortSpec{{Name: "console", Console: true}, {Name: "stdin"}, {Name: "stdout"}}

// output is a writer that tells how much it has.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
	ch chan struct{}
}

func newOutput() *output { return &output{ch: make(chan struct{}, 1000)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() { o.ch <- struct{}{} }()
	return o.b.Write(p)
}

func (o *output) until(ok func(s string) bool) string {
	for {
		o.mu.Lock()
		s := o.b.String()
		o.mu.Unlock()
		if ok(s) {
			return s
		}
		<-o.ch
	}
}

func TestPortsAreAnnounced(t *testing.T) {
	dev := New(80, 25, ports...)
	d := virtiotest.New(t, dev)
	q := d.SetUp(featureMultiport|featureSize, 8, 16)
	in, out := q[queueControlIn], q[queueControlOut]
	next := func(want []byte) {
		t.Helper()
		in.Send(nil, 64)
		if got := in.Wait(); !bytes.Equal(got, want) {
			t.Errorf("message % x, want % x", got, want)
		}
	}
	out.Send(ctl(^uint32(0), eventDeviceReady, 1), 0)
	for id := range uint32(3) {
		next(ctl(id, eventDeviceAdd, 1))
	}
	out.Send(ctl(0, eventPortReady, 1), 0)
	next(ctl(0, eventConsolePort, 1))
	next(append(ctl(0, eventName, 1), "console"...))
	next(ctl(0, eventOpen, 1))
	next(append(ctl(0, eventResize, 1), 80, 0, 25, 0))
	out.Send(ctl(1, eventPortReady, 1), 0)
	next(append(ctl(1, eventName, 1), "stdin"...))
	next(ctl(1, eventOpen, 1))
	dev.Resize(300, 100)
	next(append(ctl(0, eventResize, 1), 300&0xff, 1, 100, 0))
	var cols [2]byte
	d.Regs.ReadConfig(configCols, cols[:])
	if binary.LittleEndian.Uint16(cols[:]) != 300 {
		t.Error("the configuration has the old size")
	}
}

// TestHostileControl sends messages that mean nothing; the device must go on.
func TestHostileControl(t *testing.T) {
	dev := New(80, 25, ports...)
	d := virtiotest.New(t, dev)
	q := d.SetUp(featureMultiport, 8, 16)
	for _, m := range [][]byte{
		{1},
		{1, 2, 3, 4, 5, 6, 7},
		bytes.Repeat([]byte{0xff}, 60_000),
		ctl(3, eventPortReady, 1), ctl(^uint32(0), eventOpen, 1), ctl(1<<31, eventOpen, 0),
		ctl(0, 99, 1), ctl(0, eventDeviceAdd, 1), ctl(0, eventResize, 1), ctl(1, eventOpen, 0), ctl(1, eventOpen, 77),
		ctl(1, eventPortReady, 0), ctl(0, eventDeviceReady, 0),
	} {
		q[queueControlOut].Send(m, 0)
		q[queueControlOut].Wait()
	}
	for range 1000 { // requests for announcements that nobody takes cost nothing
		q[queueControlOut].Send(ctl(^uint32(0), eventDeviceReady, 1), 0)
		q[queueControlOut].Wait()
	}
	q[queueControlIn].Send(nil, 3) // no room for a message
	if got := q[queueControlIn].Wait(); len(got) > 3 {
		t.Errorf("%d bytes", len(got))
	}
	if d.NeedsReset() {
		t.Error("the device has given up")
	}
}

// TestOddBuffers sends chains of the wrong direction and size on the data queues.
func TestOddBuffers(t *testing.T) {
	dev := New(80, 25, ports...)
	out := newOutput()
	dev.Ports[0].Output(out)
	d := virtiotest.New(t, dev)
	q := d.SetUp(featureMultiport, 8, 16)
	q[1].Send(nil, 100) // a transmit buffer that nothing can be read from
	if got := q[1].Wait(); len(got) != 0 {
		t.Errorf("%d bytes were written into a transmit buffer", len(got))
	}
	q[1].Send([]byte(strings.Repeat("x", 60_000)), 100)
	q[1].Wait()
	out.until(func(s string) bool { return len(s) == 60_000 })
	q[0].Send([]byte("a receive buffer with nothing to write to"), 0)
	dev.Ports[0].Input(strings.NewReader("keys"))
	q[0].Wait()
	q[0].Send(nil, 3)
	if got := q[0].Wait(); string(got) != "key" {
		t.Errorf("received %q", got)
	}
	q[0].Send(nil, 100)
	if got := q[0].Wait(); string(got) != "s" && string(got) != "s\x04" {
		t.Errorf("received %q", got)
	}
}

// TestWithoutMultiport is a driver that knows only the terminal.
func TestWithoutMultiport(t *testing.T) {
	dev := New(80, 25, ports...)
	out := newOutput()
	dev.Ports[0].Output(out)
	d := virtiotest.New(t, dev)
	q := d.SetUp(0, 2, 16)
	q[1].Send([]byte("hello"), 0)
	q[1].Wait()
	out.until(func(s string) bool { return s == "hello" })
	q[0].Send(nil, 100)
	r, w := io.Pipe()
	dev.Ports[0].Input(r)
	io.WriteString(w, "hi")
	if got := q[0].Wait(); string(got) != "hi" {
		t.Errorf("received %q", got)
	}
}

// TestCloseGivesUpOnStuckOutput: an output that takes nothing does not keep the machine from ending.
func TestCloseGivesUpOnStuckOutput(t *testing.T) {
	dev := New(80, 25, ports...)
	r, w := io.Pipe()
	defer r.Close()
	dev.Ports[0].Output(w)
	d := virtiotest.New(t, dev)
	q := d.SetUp(0, 2, 16)
	q[1].Send([]byte("nobody reads this"), 0)
	q[1].Wait()
	dev.Close()
}

// TestResetInTheMiddle takes the queues away while output waits.
func TestResetInTheMiddle(t *testing.T) {
	dev := New(80, 25, ports...)
	r, w := io.Pipe()
	dev.Ports[0].Output(w)
	d := virtiotest.New(t, dev)
	q := d.SetUp(0, 2, 16)
	for i := range 3 { // more than fits: the last one is half copied
		q[1].Send(bytes.Repeat([]byte("z"), 60_000), 0)
		if i < 2 {
			q[1].Wait()
		}
	}
	d.Reset()
	q = d.SetUp(0, 2, 16)
	go io.Copy(io.Discard, r)
	for range 10 {
		q[1].Send([]byte("again"), 0)
		q[1].Wait()
	}
	r.Close()
}

func TestScrollback(t *testing.T) {
	s := scrollback{limit: 10}
	for _, step := range []struct{ write, want string }{
		{"abc", "abc"}, {"defg", "abcdefg"}, {"hijk", "bcdefghijk"}, {"0123456789ABCDEF", "6789ABCDEF"}, {"xy", "89ABCDEFxy"}, {"", "89ABCDEFxy"},
	} {
		s.write([]byte(step.write))
		if got := string(s.bytes()); got != step.want {
			t.Errorf("after %q: %q, want %q", step.write, got, step.want)
		}
	}
}

// TestDrain: all that was sent before is written when Drain returns, also more than the port holds.
func TestDrain(t *testing.T) {
	dev := New(80, 25, ports...)
	out := newOutput()
	r, w := io.Pipe()
	dev.Ports[0].Output(w)
	d := virtiotest.New(t, dev)
	q := d.SetUp(0, 2, 16)
	const n, size = 3, 60_000
	for i := range n { // the last one is half copied until there is room
		q[1].Send(bytes.Repeat([]byte("z"), size), 0)
		if i < n-1 {
			q[1].Wait()
		}
	}
	go io.Copy(out, r)
	dev.Ports[0].Drain()
	q[1].Wait()
	out.until(func(s string) bool { return len(s) == n*size }) // the pipe has passed it on; the copy may be on its way
	r.Close()
	q[1].Send([]byte("lost"), 0)
	dev.Ports[0].Drain() // with an output that has failed
	q[1].Wait()
	dev.Ports[0].Output(out)
	q[1].Send([]byte("more"), 0)
	dev.Ports[0].Drain()
	out.until(func(s string) bool { return strings.HasSuffix(s, "more") && !strings.Contains(s, "lost") })
	dev.Close()
	dev.Ports[0].Drain()
}

// TestNewOutputTakesOver: what is sent after Output goes to that output, also while the last one is on its way out.
func TestNewOutputTakesOver(t *testing.T) {
	dev := New(80, 25, ports...)
	d := virtiotest.New(t, dev)
	q := d.SetUp(0, 2, 16)
	for range 300 {
		r, w := io.Pipe()
		dev.Ports[0].Output(w)
		q[1].Send([]byte("old"), 0)
		q[1].Wait()
		r.Close() // the last taker is gone, whether it has noticed or not
		out := newOutput()
		dev.Ports[0].Output(out)
		q[1].Send([]byte("new"), 0)
		q[1].Wait()
		dev.Ports[0].Drain()
		if got := out.until(func(s string) bool { return s != "" }); got != "new" {
			t.Fatalf("%q", got)
		}
	}
}
