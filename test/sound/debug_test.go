package sound

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-dap"

	"vitrine/dap/daptest"
	"vitrine/hostdev/snd"
)

// machine is a machine with a debugger attached. Its script waits for a line before it does anything.
type machine struct {
	*daptest.Client
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    bytes.Buffer
	errs   bytes.Buffer
	exited chan error
}

// debug starts a machine and attaches to it.
func debug(t *testing.T, g guest) *machine {
	t.Helper()
	sock := filepath.Join(t.TempDir(), "dap")
	g.args = append(g.args, "-dap", "unix:"+sock)
	g.script = "read go; " + g.script
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	m := &machine{exited: make(chan error, 1)}
	var in []byte
	m.cmd, in = g.command(ctx)
	m.cmd.Stdout, m.cmd.Stderr = &m.out, &m.errs
	w, err := m.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.in = w
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { m.exited <- m.cmd.Wait() }()
	if _, err := w.Write(in); err != nil {
		t.Fatalf("%v: %s", err, m.errs.String())
	}
	var conn net.Conn
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) { // until it listens
		if conn, err = net.Dial("unix", sock); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%v: %s", err, m.errs.String())
		}
	}
	m.Client = daptest.New(t, conn)
	m.Attach(map[string]any{})
	return m
}

// goOn lets the script go on.
func (m *machine) goOn() { io.WriteString(m.in, "go\n") }

// end waits for the machine's end.
func (m *machine) end() {
	m.T.Helper()
	if err := <-m.exited; err != nil {
		m.T.Fatalf("%v\n%s", err, m.errs.String())
	}
}

// number evaluates an expression.
func (m *machine) number(frame int, expr string) int {
	m.T.Helper()
	n, err := strconv.Atoi(m.Evaluate(frame, expr).Result)
	if err != nil {
		m.T.Fatalf("%s: %v", expr, err)
	}
	return n
}

// frame returns the number of the frame of a function.
func (m *machine) frame(thread int, name string) int {
	m.T.Helper()
	for _, f := range m.Stack(thread) {
		if strings.HasSuffix(f.Name, name) {
			return f.Id
		}
	}
	m.T.Fatalf("no frame of %s: %+v", name, m.Stack(thread))
	return 0
}

// TestDemo is what a usermode kernel is for: break at the opening of the sound device, look around, continue: the music is whole.
func TestDemo(t *testing.T) {
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, want := noise(f, 24000)
	out := filepath.Join(t.TempDir(), "out.wav")
	m := debug(t, guest{root: root(t), audio: "wav:out=" + out, files: map[string][]byte{"a.wav": file}, script: "aplay -q -D hw:0 --period-size=2400 --buffer-size=9600 a.wav"})
	m.FunctionBreakpoints("(*Substream).open")
	m.ConfigurationDone()
	m.goOn()
	st := m.Stopped()

	// The task, the file, the substream, the device and its queues.
	frame := m.frame(st.ThreadId, "(*Substream).open")
	for expr, want := range map[string]string{
		"t.Name": `"aplay"`, "s.Name": `"pcmC0D0p"`, "s.Card.ID": `"Vitrine"`, "s.State": "0", "s.users": "0",
	} {
		if got := m.Evaluate(frame, expr).Result; got != want {
			t.Errorf("%s is %s, want %s", expr, got, want)
		}
	}
	file0 := m.frame(st.ThreadId, "(*Substream).openFile")
	if got := m.Evaluate(file0, "f.Path.Dentry.name").Result; got != `"pcmC0D0p"` {
		t.Errorf("the file is %s", got)
	}
	var table struct{ Rows [][]string }
	queue := func() (added int) {
		m.Do("vitrine/view", map[string]any{"name": "virtqueues"}, &table)
		for _, r := range table.Rows {
			if r[2] == "tx" && r[3] == "256" {
				added, _ = strconv.Atoi(r[4])
				return added
			}
		}
		t.Fatalf("no tx queue: %q", table.Rows)
		return 0
	}
	if n := queue(); n != 0 {
		t.Errorf("%d pieces before anything is played", n)
	}
	time.Sleep(3 * time.Second) // as somebody who looks around

	// The hardware pointer moves by periods.
	m.FunctionBreakpoints("(*Substream).update")
	for i := range 4 {
		m.Continue()
		st = m.Stopped()
		if hw := m.number(m.frame(st.ThreadId, "(*Substream).update"), "s.HWPtr"); hw != 2400*(i+1) {
			t.Errorf("stop %d: the hardware pointer is %d", i, hw)
		}
	}
	m.Do("vitrine/view", map[string]any{"name": "substreams"}, &table)
	if len(table.Rows) != 2 || table.Rows[0][1] != "pcmC0D0p" || table.Rows[0][2] != "running" && table.Rows[0][2] != "draining" {
		t.Errorf("substreams: %q", table.Rows)
	}
	if n := queue(); n < 4 {
		t.Errorf("%d pieces", n)
	}
	time.Sleep(time.Second)
	m.FunctionBreakpoints()
	m.Continue()
	m.end()
	got, played := samples(t, out)
	if got != f {
		t.Errorf("%v", got)
	}
	same(t, "what was played", played, want)
}

// TestHundredStops stops the machine at random, again and again, while it plays and records: nothing is lost or repeated.
func TestHundredStops(t *testing.T) {
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, want := noise(f, 4*48000)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.wav"), filepath.Join(dir, "out.wav")
	if err := os.WriteFile(in, file, 0o666); err != nil {
		t.Fatal(err)
	}
	m := debug(t, guest{
		root: root(t), audio: "wav:out=" + out + ",in=" + in, files: map[string][]byte{"a.wav": file},
		script: `aplay -q -D hw:0 --period-size=1000 --buffer-size=8000 a.wav & arecord -q -D hw:0 -s 180000 -t raw -f S16_LE -r 48000 -c 2 --period-size=1000 --buffer-size=8000 r.raw >&2
			wait; cat r.raw`,
	})
	m.ConfigurationDone()
	m.goOn()
	rng := rand.New(rand.NewPCG(7, 8))
	const stops = 100
	for range stops {
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond) // when it stops is to be random
		m.Do("pause", dap.PauseArguments{}, nil)
		m.Stopped()
		time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
		m.Continue()
	}
	m.end()
	_, played := samples(t, out)
	same(t, "what was played", played, want)
	if rec := m.out.Bytes(); len(rec) != 4*180000 || !bytes.Equal(rec, want[:len(rec)]) {
		n := 0
		for n < min(len(rec), len(want)) && rec[n] == want[n] {
			n++
		}
		t.Errorf("what was recorded: %d bytes, and the %dth is another; %s", len(rec), n, m.errs.String())
	}
}
