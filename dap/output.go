package dap

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/google/go-dap"
)

// outputLimit is how far a client may lag behind the guest's output. One that is slower loses some: the kernel waits for nobody.
const outputLimit = 1 << 20

// guestOutput shows a client what the guest writes, as output events.
type guestOutput struct {
	c *conn

	mu     sync.Mutex
	change *sync.Cond
	queue  []piece
	size   int
	lost   int
	on     bool // something is watched
	closed bool
	busy   bool
}

type piece struct {
	category string
	text     []byte
}

// watch begins to show a machine's output: what its program writes, and the console.
func (g *guestOutput) watch(m Machine, cfg *LaunchConfig) {
	g.mu.Lock()
	if g.change == nil {
		g.change = sync.NewCond(&g.mu)
		go g.run()
	}
	g.on = true
	g.mu.Unlock()
	if cfg != nil && cfg.Console != "internalConsole" && g.c.init.SupportsRunInTerminalRequest {
		go g.terminal(m, cfg)
		return
	}
	category := "console" // only the kernel's own words come there
	if m.Terminal() {
		category = "stdout"
	}
	stop := m.Watch(g.put)
	con := m.Console()
	go func() {
		buf := make([]byte, 16<<10)
		for {
			n, err := con.Read(buf)
			g.put(category, buf[:n])
			if err != nil {
				return
			}
		}
	}()
	g.c.onLeave(func() { stop(); con.Close() })
}

// terminal asks the client for a terminal with the machine's console in it.
func (g *guestOutput) terminal(m Machine, cfg *LaunchConfig) {
	kind := "integrated"
	if cfg.Console == "externalTerminal" {
		kind = "external"
	}
	exe := g.c.s.opts.Exe
	if exe == "" {
		exe = "vitrine"
	}
	_, err := g.c.ask(context.Background(), "runInTerminal", dap.RunInTerminalRequestArguments{
		Kind: kind, Title: "Vitrine " + m.Name(), Cwd: cfg.Cwd, Args: []string{exe, "console", m.Name()},
	})
	if err != nil {
		g.c.event("output", dap.OutputEventBody{Category: "important", Output: fmt.Sprintf("no terminal for the console: %v\n", err)})
	}
}

func (g *guestOutput) watching() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.on
}

// put queues output. It does not wait.
func (g *guestOutput) put(category string, p []byte) {
	if len(p) == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.size+len(p) > outputLimit {
		g.lost += len(p)
		return
	}
	g.size += len(p)
	if n := len(g.queue); n > 0 && g.queue[n-1].category == category {
		g.queue[n-1].text = append(g.queue[n-1].text, p...)
	} else {
		g.queue = append(g.queue, piece{category, append([]byte(nil), p...)})
	}
	g.change.Broadcast()
}

// run sends what is queued.
func (g *guestOutput) run() {
	rest := map[string][]byte{} // the beginning of a character
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		for len(g.queue) == 0 && !g.closed {
			g.change.Wait()
		}
		if g.closed && len(g.queue) == 0 {
			return
		}
		queue, lost := g.queue, g.lost
		g.queue, g.size, g.lost, g.busy = nil, 0, 0, true
		g.mu.Unlock()
		for _, p := range queue {
			text := append(rest[p.category], p.text...)
			n := wholeRunes(text)
			rest[p.category] = append([]byte(nil), text[n:]...)
			for from := 0; from < n; from += 64 << 10 { // clients like no long ones
				g.c.calm(outputLimit)
				g.c.event("output", dap.OutputEventBody{Category: p.category, Output: harmless(string(text[from:min(n, from+64<<10)]))})
			}
		}
		if lost > 0 {
			g.c.event("output", dap.OutputEventBody{Category: "important", Output: fmt.Sprintf("(%d bytes of output were lost: this client is too slow)\n", lost)})
		}
		g.mu.Lock()
		g.busy = false
		g.change.Broadcast()
	}
}

// flush waits until what was put is sent.
func (g *guestOutput) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.change != nil && !g.closed && (len(g.queue) > 0 || g.busy) {
		g.change.Wait()
	}
}

func (g *guestOutput) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.queue = true, nil
	if g.change != nil {
		g.change.Broadcast()
	}
}

// wholeRunes returns how many bytes of b are not the beginning of a character whose rest is still to come.
func wholeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}

// harmless takes control characters out, but for those that a debug console understands: line ends, tabs, colours.
func harmless(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := colour(s[i:]); n > 0 {
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\r' && strings.HasPrefix(s[i:], "\r\n"), r == '\a', r == 0:
		case r == '\b' || r == '\r' || r == '\n' || r == '\t' || r >= ' ' && r != 0x7f && (r < 0x80 || r >= 0xa0):
			b.WriteString(s[i : i+n])
		default:
			fmt.Fprintf(&b, "\\x%02x", r)
		}
		i += n
	}
	return b.String()
}

// colour returns the length of an SGR sequence (ESC [ … m) at the beginning of s, 0 if there is none.
func colour(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	for i := 2; i < len(s) && i < 32; i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

// onLeave calls f when the client leaves its machine.
func (c *conn) onLeave(f func()) {
	c.mu.Lock()
	gone := c.machine == nil
	if !gone {
		c.stops = append(c.stops, f)
	}
	c.mu.Unlock()
	if gone {
		f()
	}
}
