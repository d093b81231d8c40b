package listen

import (
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for addr, want := range map[string]string{
		"tcp:127.0.0.1:0": "tcp:127.0.0.1:", "tcp:localhost:0": "tcp:127.0.0.1:", "tcp::0": "tcp:127.0.0.1:", "tcp:0": "tcp:127.0.0.1:",
		"tcp:127.3.2.1:0": "tcp:127.3.2.1:",
	} {
		l, err := Listen(addr)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		if got := l.Addr(); !strings.HasPrefix(got, want) || strings.HasSuffix(got, ":0") {
			t.Errorf("%s: listens on %s", addr, got)
		}
		l.Close()
	}
	for _, addr := range []string{"", "x", "unix:", "tcp:", "tcp:0.0.0.0:0", "tcp:10.0.0.1:5", "tcp:[::]:0", "tcp:example.org:80", "tcp:127.0.0.1:99999", "udp:1"} {
		if l, err := Listen(addr); err == nil {
			t.Errorf("%s: listens on %s", addr, l.Addr())
			l.Close()
		}
	}
}

// hello accepts one connection and says hello to it.
func hello(t *testing.T, l *Listener) {
	t.Helper()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, "hello")
		c.Close()
	}()
}

func expectHello(t *testing.T, network, addr string) {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := io.ReadAll(c); err != nil || string(b) != "hello" {
		t.Errorf("%s: %q, %v", addr, b, err)
	}
}

func TestConnect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, c := range []struct{ network, addr string }{{"tcp4", "tcp:127.0.0.1:0"}, {"tcp6", "tcp:[::1]:0"}, {"unix", "unix:" + path}} {
		l, err := Listen(c.addr)
		if err != nil {
			if c.network == "tcp6" {
				t.Logf("no IPv6 here: %v", err)
				continue
			}
			t.Fatal(err)
		}
		hello(t, l)
		_, where, _ := strings.Cut(l.Addr(), ":")
		expectHello(t, c.network, where)
		l.Close()
		if _, err := l.Accept(); err == nil {
			t.Errorf("%s: accepts after Close", c.addr)
		}
	}
}

func TestUnixFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if _, err := Listen("unix:" + path); err == nil {
		t.Error("two listen on one file")
	}
	l.f.Close() // as if its process had died
	l, err = Listen("unix:" + path)
	if err != nil {
		t.Fatalf("a dead server's socket is in the way: %v", err)
	}
	l.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("the file stays after Close")
	}
}

func TestOwnerIn(t *testing.T) {
	local, remote := netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("127.0.0.1:4660")
	for _, c := range []struct {
		line string
		uid  int
		ok   bool
	}{
		{"  0: 0100007F:1F90 0100007F:1234 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 20 4 30 10 -1", 1000, true},
		{"  0: 0100007F:1F90 0100007F:1234 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0", 0, false},
		{"  0: 0100007F:1F91 0100007F:1234 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1", 0, false},
		{"  0: 0100007F:1F90 0100007F:1235 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1", 0, false},
		{"  0: zz:1F90 0100007F:1235 01", 0, false},
		{"", 0, false},
	} {
		if uid, ok := ownerIn(c.line, local, remote); uid != c.uid || ok != c.ok {
			t.Errorf("%q: %d, %v", c.line, uid, ok)
		}
	}
}
