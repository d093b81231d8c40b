package debug

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vitrine/dap/daptest"
)

// garbage is what no server wants to hear; more comes from the generator.
func garbage(r *rand.Rand) [][]byte {
	frame := func(s string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(s), s) }
	hello := frame(`{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"x"}}`)
	attach := frame(`{"seq":2,"type":"request","command":"attach","arguments":{}}`)
	all := []string{
		"", "\x00", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "$qSupported#37", strings.Repeat("A", 1<<20),
		"\xff\xff\xff\xff", "\xff\xff\x3f\x00" + strings.Repeat("{", 1000), "\x00\x00\x40\x00", "\x02\x00\x00\x00{}", "\x0e\x00\x00\x00" + `{"Op":"debug"}`, "\x0c\x00\x00\x00" + `{"Op":"dap"}`,
		"Content-Length: 99999999999999999999\r\n\r\n", "Content-Length: 4194304\r\n\r\n", "Content-Length: -5\r\n\r\n", "Content-Length: 4\r\n\r\nnull",
		frame("{}"), frame("[[[["), frame(strings.Repeat("[", 1<<20)), frame(`{"seq":1,"type":"request","command":"continue"}`),
		attach + hello, hello + attach + frame(`{"seq":3,"type":"request","command":"configurationDone"}`) + frame(`{"seq":4,"type":"request","command":"stackTrace","arguments":{"threadId":-1}}`),
		hello + attach, hello + attach + frame(`{"seq":3,"type":"request","command":"setBreakpoints","arguments":{"source":{"path":"\u0000"},"breakpoints":[{"line":-1}]}}`) + "Content-Len",
		hello + hello + hello + attach + attach + frame(`{"seq":3,"type":"request","command":"restart"}`),
		hello + attach + frame(`{"seq":3,"type":"request","command":"evaluate","arguments":{"expression":"`+strings.Repeat("(", 10000)+`"}}`),
		hello + attach + frame(`{"seq":3,"type":"request","command":"readMemory","arguments":{"memoryReference":"0xffffffffffffffff","count":2000000000}}`),
		hello + attach + frame(`{"seq":3,"type":"request","command":"disassemble","arguments":{"memoryReference":"0","instructionOffset":-2000000000,"instructionCount":2000000000}}`),
	}
	var out [][]byte
	for _, s := range all {
		out = append(out, []byte(s))
		// Cut short, and with bytes turned.
		if n := min(len(s), 4000); n > 1 {
			out = append(out, []byte(s[:r.IntN(n)]))
			b := []byte(s[:n])
			for range 3 {
				b[r.IntN(n)] = byte(r.Uint32())
			}
			out = append(out, b)
		}
	}
	return out
}

// TestGarbage: nonsense on every socket of a machine. The servers go on, the kernel and a stopped session are untouched.
func TestGarbage(t *testing.T) {
	_, out, errs := run(t, "-name", "garbage", "-dap", "tcp:127.0.0.1:0", "--", "sh", "-c", ticking)
	tcp := strings.TrimPrefix(expectLine(t, errs, "listening at: "), "DAP server listening at: ")
	expectLine(t, out, "tick 1")
	sockets := []string{tcp, "unix:" + filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "vitrine", "garbage.sock")}

	conn, err := dial(tcp)
	if err != nil {
		t.Fatal(err)
	}
	c := daptest.New(t, conn)
	c.Attach(nil)
	functions(t, c, "(*FS).SetUmask", "")
	c.ConfigurationDone()
	c.Stopped()

	r := rand.New(rand.NewPCG(1, 2))
	for _, addr := range sockets {
		for i, b := range garbage(r) {
			conn, err := dial(addr)
			if err != nil {
				t.Fatalf("%s no longer answers after %d: %v", addr, i, err)
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second)) // a half message is waited for by both
			conn.Write(b)
			if i%3 == 0 {
				conn.Close() // at once
				continue
			}
			conn.(interface{ CloseWrite() error }).CloseWrite()
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}
	if n := c.Pending("continued") + c.Pending("terminated"); n != 0 {
		t.Errorf("the session was disturbed: %d events", n)
	}
	c.FunctionBreakpoints()
	c.Threads()
	c.Continue()
	for range 5 {
		expectLine(t, out, "tick")
	}
	c.Do("disconnect", nil, nil)
}

// TestGarbageOnStdio: an adapter whose client talks nonsense ends.
func TestGarbageOnStdio(t *testing.T) {
	a := start(t)
	io.WriteString(a, "hello\r\n")
	<-a.done
	if a.err == nil {
		t.Error("it takes hello for DAP")
	}
}
