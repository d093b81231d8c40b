package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/kernel/bootparam"
)

func TestParseSize(t *testing.T) {
	for v, want := range map[string]int64{"512": 512 << 20, "512M": 512 << 20, "1g": 1 << 30, "64MiB": 64 << 20, "4096K": 4 << 20, "5K": 4096, "2GB": 2 << 30} {
		if n, err := parseSize(v); err != nil || n != want {
			t.Errorf("%s: %d, %v", v, n, err)
		}
	}
	for _, v := range []string{"", "0", "-1", "x", "1.5G", "M", "99999999999999999999", "8388608T", "1P"} {
		if n, err := parseSize(v); err == nil {
			t.Errorf("%q is taken for %d", v, n)
		}
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain":        "plain",
		"a\x01\x01b":   "a\x01b",
		"a\x01xb":      "ab [x]",
		"a\x01?b\x01h": "ab [?] [?]",
		"a\x01zb":      "ab",
		"end\x01":      "end",
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in))} {
			commands := ""
			e := &escapeReader{r: r, command: func(key byte) { commands += fmt.Sprintf(" [%c]", key) }}
			out, err := io.ReadAll(e)
			if err != nil || string(out)+commands != want {
				t.Errorf("%s %q: %q, want %q (%v)", name, in, string(out)+commands, want, err)
			}
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain tab\t ünï": "plain tab\t ünï", "\x1b]52;c;AAAA\a": `\x1b]52;c;AAAA\x07`, "a\nb\r": `a\x0ab\x0d`, "\u009b31m": `\u009b31m`, "\x7f": `\x7f`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := printable("bad \xff utf"); strings.Contains(got, "\xff") {
		t.Errorf("%q", got)
	}
}

func TestCpio(t *testing.T) {
	var b bytes.Buffer
	c := &cpioWriter{w: &b}
	big := bytes.Repeat([]byte("0123456789abcdef"), 10000)
	c.Entry("dir", cpioDir|0o755, 1, nil)
	c.Entry("dir/small", cpioRegular|0o644, 1, []byte("hi"))
	c.Entry("dir/big", cpioRegular|0o755, 1, big)
	c.Entry("dir/after", cpioRegular|0o755, 1, big)
	c.Entry("link", cpioLink|0o777, 1, []byte("dir/small"))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if at := bytes.Index(b.Bytes(), big); at%cpioAlign != 0 {
		t.Errorf("large data begins at %#x", at)
	}
	cpio, err := exec.LookPath("cpio")
	if err != nil {
		t.Skip("no cpio here to check against: apt-get install cpio")
	}
	dir := t.TempDir()
	cmd := exec.Command(cpio, "-id", "--quiet")
	cmd.Dir, cmd.Stdin = dir, &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cpio: %v\n%s", err, out)
	}
	for name, want := range map[string][]byte{"dir/small": []byte("hi"), "dir/big": big, "dir/after": big, "link": []byte("hi")} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestStreamNodes(t *testing.T) {
	p := func(n string) string { return "/dev/virtio-ports/" + n }
	for _, c := range []struct {
		command bool
		tty     [3]bool
		want    string
	}{
		{false, [3]bool{false, false, false}, ""},
		{true, [3]bool{true, true, true}, ""},
		{true, [3]bool{false, true, true}, p("stdin") + ",/dev/console,/dev/console"},
		{true, [3]bool{true, false, true}, "/dev/console," + p("stdout") + ",/dev/console"},
		{true, [3]bool{}, p("stdin") + "," + p("stdout") + "," + p("stderr")},
	} {
		s := streams{command: c.command, tty: c.tty}
		if got := s.nodes(); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestCommandLine(t *testing.T) {
	t.Setenv("TERM", "xterm")
	m := &vm{opts: &options{
		append: "loglevel=7", strace: "open,read", root: "/", command: []string{"sh", "-c", `echo "a b" --`},
	}}
	m.streams = streams{command: true, tty: [3]bool{true, true, false}}
	line := m.commandLine()
	ps := bootparam.Parse(line)
	if got := fmt.Sprintf("%q", ps.InitArgs); got != `["sh" "-c" "echo \"a b\" --"]` {
		t.Errorf("%s: arguments %s", line, got)
	}
	if !strings.Contains(line, "TERM=xterm") || !strings.Contains(line, "root=9p:host") || !strings.Contains(line, "loglevel=7 -- sh") {
		t.Errorf("%s", line)
	}
}

func TestClaim(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	l, name, release, err := claim("")
	if err != nil || name != "vitrine" {
		t.Fatalf("%q, %v", name, err)
	}
	l2, name2, release2, err := claim("")
	if err != nil || name2 != "vitrine2" {
		t.Fatalf("%q, %v", name2, err)
	}
	defer l2.Close()
	if _, _, _, err := claim("vitrine"); err == nil {
		t.Error("a name is given twice")
	}
	if got := fmt.Sprint(running()); got != "[vitrine vitrine2]" {
		t.Errorf("running: %s", got)
	}
	if _, _, err := dial(""); err == nil || !strings.Contains(err.Error(), "several") {
		t.Errorf("two machines: %v", err)
	}
	release2()
	if _, name, err := dial(""); err != nil || name != "vitrine" {
		t.Errorf("the only machine: %q, %v", name, err)
	}
	// A supervisor that was killed leaves its socket: the next one takes the name over.
	l.Close()
	if got := running(); len(got) != 0 {
		t.Errorf("a dead machine runs: %v", got)
	}
	_, name, release3, err := claim("vitrine")
	if err != nil || name != "vitrine" {
		t.Fatalf("a dead machine's name: %v", err)
	}
	release3()
	release()
	for _, bad := range []string{"../x", "a/b", "-x", ".x", "a b", strings.Repeat("x", 65)} {
		if _, _, _, err := claim(bad); err == nil {
			t.Errorf("%q is a name", bad)
		}
	}
	if _, _, err := dial("nobody"); err == nil {
		t.Error("nobody answers")
	}
}

func TestRunDirIsPrivate(t *testing.T) {
	x := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", x)
	if err := os.Mkdir(filepath.Join(x, "vitrine"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := runDir(); err == nil {
		t.Error("a directory that others can enter is used")
	}
	os.Remove(filepath.Join(x, "vitrine"))
	os.Symlink("/tmp", filepath.Join(x, "vitrine"))
	if _, err := runDir(); err == nil {
		t.Error("a symbolic link is used")
	}
}

func TestLongSocketPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := listen(dir, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	path, done, err := socketPath(dir, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	c, err := dialUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestWire(t *testing.T) {
	dir := t.TempDir()
	l, err := listenUnix(dir + "/s")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		w := &wire{rw: c}
		var a ask
		w.receive(&a)
		w.send(answer{Lines: []string{a.Op}})
		io.Copy(streamWriter{w, 1}, bytes.NewReader(make([]byte, 300000)))
		c.Close()
		if _, err := l.Accept(); err == nil {
			t.Error("a closed listener accepts")
		}
	}()
	c, err := dialUnix(dir + "/s")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{rw: c}
	w.send(ask{Op: "hello"})
	var r answer
	if err := w.receive(&r); err != nil || r.Lines[0] != "hello" {
		t.Fatalf("%+v, %v", r, err)
	}
	n := 0
	for {
		var p part
		if err := w.receive(&p); err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			break
		}
		n += len(p.Data)
	}
	if n != 300000 {
		t.Errorf("%d bytes", n)
	}
	time.AfterFunc(10*time.Millisecond, func() { l.Close() })
}

func TestFreshness(t *testing.T) {
	dir := t.TempDir()
	tr := &tree{dir: dir}
	write := func(name, data string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("a.go", "package a")
	write("a_test.go", "package a")
	write("notes.txt", "x")
	first := tr.fingerprint(goSource, ".")
	write("a_test.go", "package a // changed")
	write("notes.txt", "changed")
	if tr.fingerprint(goSource, ".") != first {
		t.Error("a test counts as source")
	}
	product := filepath.Join(dir, "product")
	write("new", "x")
	if err := install(filepath.Join(dir, "new"), product, first); err != nil {
		t.Fatal(err)
	}
	if !fresh(product, first) {
		t.Error("not fresh after install")
	}
	write("a.go", "package a // longer")
	if fresh(product, tr.fingerprint(goSource, ".")) {
		t.Error("fresh after a change")
	}
	os.Remove(product)
	if fresh(product, first) {
		t.Error("fresh without the product")
	}
}

func TestJudgeProcessor(t *testing.T) {
	for info, want := range map[string]severity{
		"vendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R)\n":     good,
		"vendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n":             good,
		"vendor_id\t: VirtualApple\nmodel name\t: VirtualApple @ 2.50G\n": lacks,
		"vendor_id\t: GenuineIntel\nmodel name\t: QEMU TCG CPU version\n": slow,
		"processor\t: 0\nCPU implementer\t: 0x61\n":                       lacks,
		"": lacks,
	} {
		if f := judgeProcessor(info); f.severity != want {
			t.Errorf("%q: %+v", info, f)
		}
	}
}

func TestParseRelease(t *testing.T) {
	for s, want := range map[string][2]int{"6.18.44-fc": {6, 18}, "5.4.0-1-amd64": {5, 4}, "6.1-rc3": {6, 1}, "": {0, 0}} {
		if a, b := parseRelease(s); a != want[0] || b != want[1] {
			t.Errorf("%q: %d.%d", s, a, b)
		}
	}
}

func TestTerminalIsRestored(t *testing.T) {
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudoterminals here: ", err)
	}
	defer ptmx.Close()
	if err := unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ptmx.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	get := func() unix.Termios {
		tio, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return *tio
	}
	before := get()
	raw, err := makeRaw(int(tty.Fd()), false)
	if err != nil {
		t.Fatal(err)
	}
	if now := get(); now.Lflag&(unix.ECHO|unix.ISIG|unix.ICANON) != 0 || now.Oflag&unix.OPOST != 0 {
		t.Errorf("raw: %+v", now)
	}
	raw.restore()
	raw.restore()
	if get() != before {
		t.Errorf("restored: %+v, was %+v", get(), before)
	}
}
