package sound

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/hostdev/snd"
)

// server is a PulseAudio server with a null sink, in a directory of its own.
type server struct {
	dir, addr string
	cmd       *exec.Cmd
}

func pulseServer(t *testing.T) *server {
	t.Helper()
	for _, p := range []string{"pulseaudio", "parec"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed: apt-get install pulseaudio pulseaudio-utils", p)
		}
	}
	s := &server{dir: t.TempDir()}
	s.addr = filepath.Join(s.dir, "native")
	s.start(t)
	t.Cleanup(s.stop)
	return s
}

func (s *server) env() []string {
	return append(os.Environ(), "HOME="+s.dir, "XDG_RUNTIME_DIR="+s.dir, "PULSE_COOKIE="+filepath.Join(s.dir, "cookie"))
}

func (s *server) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
		"-L", "module-native-protocol-unix auth-anonymous=1 socket="+s.addr,
		"-L", "module-null-sink sink_name=out rate=48000 format=s16le channels=2")
	s.cmd.Env = s.env()
	if err := s.cmd.Start(); err != nil {
		t.Skipf("pulseaudio: %v", err)
	}
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) { // until it listens
		if c, err := net.Dial("unix", s.addr); err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal("pulseaudio does not listen")
		}
	}
}

func (s *server) stop() {
	s.cmd.Process.Signal(unix.SIGTERM)
	s.cmd.Wait()
}

// TestPulse plays to a server and compares what arrives at its sink. Null sinks drop what they have rendered ahead when a stream comes:
// so the sound begins with silence.
func TestPulse(t *testing.T) {
	dir := root(t)
	s := pulseServer(t)
	rec := exec.Command("parec", "--latency-msec=50", "-s", "unix:"+s.addr, "-d", "out.monitor", "--raw", "--format=s16le", "--rate=48000", "--channels=2")
	rec.Env = s.env()
	pipe, err := rec.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Start(); err != nil {
		t.Fatal(err)
	}
	var heard bytes.Buffer
	first := make([]byte, 4)
	if _, err := io.ReadFull(pipe, first); err != nil { // it records
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(&heard, pipe)
		done <- err
	}()
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, want := noise(f, 48000)
	clear(file[44 : 44+len(want)/2])
	guest{root: dir, audio: "pulse:unix:" + s.addr, files: map[string][]byte{"a.wav": file}, script: "aplay -q -D hw:0 a.wav"}.run(t)
	rec.Process.Signal(unix.SIGTERM)
	<-done
	rec.Wait()
	want = want[len(want)/2:]
	if !bytes.Contains(heard.Bytes(), want) {
		b := heard.Bytes()
		at := bytes.Index(b, want[:400])
		n := 0
		for at >= 0 && n < len(want) && at+n < len(b) && b[at+n] == want[n] {
			n++
		}
		t.Errorf("of %d bytes %d came, at %d of %d", len(want), n, at, len(b))
	}
}

// TestPulseComesAndGoes: without a server a program plays, into nothing, and people are told. When one comes it is used;
// when it goes again nobody waits for it.
func TestPulseComesAndGoes(t *testing.T) {
	s := pulseServer(t)
	s.stop()
	f := snd.Format{Sample: snd.S16, Channels: 2, Rate: 48000}
	file, _ := noise(f, 24000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2 {
			time.Sleep(time.Second) // somewhere in the middle
			s.start(t)
			time.Sleep(time.Second)
			s.stop()
		}
	}()
	_, errs := guest{audio: "pulse:unix:" + s.addr, files: map[string][]byte{"a.wav": file}, script: "for i in 1 2 3 4 5 6 7 8; do play a.wav || exit 1; done"}.run(t)
	<-done
	if !strings.Contains(errs, "PulseAudio") {
		t.Errorf("nobody is told: %q", errs)
	}
}
