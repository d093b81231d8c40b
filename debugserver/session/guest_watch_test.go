package session

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// watched runs the program to its stage, where data breakpoints are set.
func watched(t testing.TB, m *vm, c *Client, args string) (thread int) {
	t.Helper()
	p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "stage", Program: true, Task: "watched", Temporary: true}))
	m.typed("watched " + args)
	stop := stopEvent(t, c)
	if len(stop.Hits) != 1 || stop.Hits[0] != p.ID {
		t.Fatalf("%+v", stop)
	}
	return stop.Thread
}

// lineOfWatched finds a line of testdata/watched.c.
func lineOfWatched(t testing.TB, text string) int {
	t.Helper()
	b, err := os.ReadFile("testdata/watched.c")
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(b), text)
	if !ok {
		t.Fatalf("no line with %q", text)
	}
	return strings.Count(before, "\n") + 1
}

func watchExpr(t testing.TB, c *Client, thread, frame int, expr string, access Access) *Breakpoint {
	t.Helper()
	b := must[*Breakpoint](t)(c.Set(Spec{Kind: Data, Expr: expr, Thread: thread, Frame: frame, Access: access}))
	if !b.Verified {
		t.Fatalf("%s: %s", expr, b.Message)
	}
	return b
}

// wantHit continues to a hit of b, with its text. The line that did it is where the program stands, or before it.
func wantHit(t testing.TB, c *Client, b *Breakpoint, text string) *Stop {
	t.Helper()
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	stop := stopEvent(t, c)
	if stop.Reason != ReasonData || len(stop.Hits) != 1 || stop.Hits[0] != b.ID || !strings.Contains(stop.Text, text) {
		t.Fatalf("%+v; want a hit of %d, %q\n%s", stop, b.ID, text, stackText(t, c, stop.Thread))
	}
	return stop
}

func eachCPUs(t *testing.T, f func(t *testing.T, m *vm, c *Client)) {
	for _, cpus := range []int{1, 4} {
		t.Run(fmt.Sprint(cpus), func(t *testing.T) {
			m := startBoth(t, cpus)
			f(t, m, connect(t, New(m), false))
		})
	}
}

// TestWatchProgram: a global, a struct of 100 bytes, a read, twenty at once in one page that is written for other reasons, too.
func TestWatchProgram(t *testing.T) {
	eachCPUs(t, func(t *testing.T, m *vm, c *Client) {
		th := watched(t, m, c, "")
		counter := watchExpr(t, c, th, 0, "page.counter", Write)
		wide := watchExpr(t, c, th, 0, "page.wide", Write)
		if wide.Spec.Size != 100 {
			t.Errorf("%d bytes", wide.Spec.Size)
		}
		var many []*Breakpoint
		for i := range 20 {
			many = append(many, watchExpr(t, c, th, 0, fmt.Sprintf("page.many[%d]", i), Write))
		}
		read := watchExpr(t, c, th, 0, "page.read_only", ReadWrite)
		stop := wantHit(t, c, counter, "page.counter: 0 → 5")
		if got := at(t, c, stop.Thread); got != fmt.Sprintf("main:%d", lineOfWatched(t, "// five")+1) {
			t.Errorf("at %s", got)
		}
		wantHit(t, c, wide, "page.wide.tail[3]: 0 → 7")
		wantHit(t, c, wide, "page.wide.ratio: 0 → 0.5")
		for i, b := range many {
			wantHit(t, c, b, fmt.Sprintf("page.many[%d]: 0 → %d", i, i+1))
		}
		wantHit(t, c, read, "page.read_only was accessed")
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("counter 5 x 42")
	})
}

// TestWatchLocal: a local variable's watch sees its function's write alone, not those of other calls, and ends when it returns.
func TestWatchLocal(t *testing.T) {
	eachCPUs(t, func(t *testing.T, m *vm, c *Client) {
		th := watched(t, m, c, "local")
		f := frameOf(t, c, th, "with_local")
		local := watchExpr(t, c, th, f, "local", Write)
		wantHit(t, c, local, "local: 1 → 3")
		stop := wantHit(t, c, local, "local is gone")
		if got := at(t, c, stop.Thread); !strings.HasPrefix(got, "deeper:") {
			t.Errorf("at %s", got)
		}
		if b := c.Breakpoints(); len(b) != 1 || b[0].Verified {
			t.Errorf("%+v", b)
		}
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("local 12")
	})
}

// TestWatchKernelWrites: read(2) writes what is watched; the kernel's frames are shown, and under them the program's.
func TestWatchKernelWrites(t *testing.T) {
	eachCPUs(t, func(t *testing.T, m *vm, c *Client) {
		th := watched(t, m, c, "read")
		b := watchExpr(t, c, th, 0, "page.buffer[9]", Write)
		stop := wantHit(t, c, b, `0 → 98 'b', by the kernel for read(`)
		wantStack(t, stackText(t, c, stop.Thread), `KernelWatch`, `sysRead`, `── system call read`, `main at watched.c`)
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("buffer abcd")
	})
}

// TestWatchThreads: one of four threads that write to the page all the time changes what is watched, three times; nobody loses a write.
func TestWatchThreads(t *testing.T) {
	eachCPUs(t, func(t *testing.T, m *vm, c *Client) {
		th := watched(t, m, c, "threads")
		b := watchExpr(t, c, th, 0, "page.counter", Write)
		first := 0
		for i := range 3 {
			stop := wantHit(t, c, b, fmt.Sprintf("page.counter: %d → %d", i, i+1))
			wantStack(t, stackText(t, c, stop.Thread), `^#0 scribble at watched.c`)
			if first == 0 {
				first = stop.Thread
			}
			if stop.Thread != first || first == th {
				t.Errorf("thread %d; the first was %d, the main thread %d", stop.Thread, first, th)
			}
		}
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("noise 400 400 400 400 counter 3")
	})
}

// TestWatchForkAndMappings: a child's memory is another; a watch stays with its addresses, whatever is mapped there.
func TestWatchForkAndMappings(t *testing.T) {
	eachCPUs(t, func(t *testing.T, m *vm, c *Client) {
		th := watched(t, m, c, "fork")
		b := watchExpr(t, c, th, 0, "page.counter", Write)
		wantHit(t, c, b, "page.counter: 0 → 7")
		if err := c.Clear(b.ID); err != nil {
			t.Fatal(err)
		}
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("counter 7")
		th = watched(t, m, c, "mappings")
		v := must[Variable](t)(c.Eval(th, 0, "page.buffer"))
		mem := must[[]byte](t)(c.ReadProgram(v.Space, v.Addr, 8))
		addr := uint64(0)
		for i, x := range mem {
			addr |= uint64(x) << (8 * i)
		}
		b = must[*Breakpoint](t)(c.Set(Spec{Kind: Data, Space: v.Space, Addr: addr + 5, Size: 1}))
		for _, text := range []string{": 0 → 1", ": 0 → 2", ": 0 → 4"} {
			wantHit(t, c, b, text)
		}
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("mapped 4 3")
	})
}

// TestWatchAtBreakpoint: the instruction that writes is at a breakpoint, and so executed elsewhere; a step over it ends with the hit.
func TestWatchAtBreakpoint(t *testing.T) {
	eachCPUs(t, func(t *testing.T, m *vm, c *Client) {
		th := watched(t, m, c, "")
		counter := watchExpr(t, c, th, 0, "page.counter", Write)
		tail := watchExpr(t, c, th, 0, "page.wide.tail[3]", ReadWrite)
		for _, text := range []string{"// five", "// tail"} {
			must[*Breakpoint](t)(c.Set(Spec{Kind: Line, File: "watched.c", Line: lineOfWatched(t, text), Program: true}))
		}
		stopAt := func(text string) {
			t.Helper()
			if err := c.Continue(); err != nil {
				t.Fatal(err)
			}
			stop := stopEvent(t, c)
			if got := at(t, c, stop.Thread); stop.Reason != ReasonBreakpoint || got != fmt.Sprintf("main:%d", lineOfWatched(t, text)) {
				t.Fatalf("at %s, %+v", got, stop)
			}
		}
		stopAt("// five")
		stop := wantHit(t, c, counter, "page.counter: 0 → 5")
		if got := at(t, c, stop.Thread); got != fmt.Sprintf("main:%d", lineOfWatched(t, "// five")+1) {
			t.Errorf("at %s", got)
		}
		stopAt("// tail")
		if err := c.Step(th, StepOver); err != nil {
			t.Fatal(err)
		}
		stop = stopEvent(t, c)
		if stop.Reason != ReasonData || len(stop.Hits) != 1 || stop.Hits[0] != tail.ID {
			t.Errorf("%+v", stop)
		}
		for _, b := range c.Breakpoints() {
			if err := c.Clear(b.ID); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("counter 5 x 42")
	})
}

// TestWatchRepeated: an instruction that writes many bytes is watched byte by byte.
func TestWatchRepeated(t *testing.T) {
	eachCPUs(t, func(t *testing.T, m *vm, c *Client) {
		th := watched(t, m, c, "copy")
		b := watchExpr(t, c, th, 0, "copy.text[150]", Write)
		wantHit(t, c, b, `copy.text[150]: 0 → 120 'x'`)
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("copied xxx")
	})
}

// TestWatchEnds: with its program, also when that executes another one, and with its client.
func TestWatchEnds(t *testing.T) {
	m := startBoth(t, 1)
	s := New(m)
	c := connect(t, s, false)
	th := watched(t, m, c, "fast 10")
	watchExpr(t, c, th, 0, "page.counter", Write)
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	m.out.expect("fast done")
	th = watched(t, m, c, "exec")
	b := watchExpr(t, c, th, 0, "page.counter", Write)
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	m.out.expect("counter 5 x 42") // of the new program, which has the same variable at the same place
	for _, x := range c.Breakpoints() {
		if x.ID == b.ID && (x.Verified || x.Count != 0 || !strings.Contains(x.Message, "replaced")) {
			t.Errorf("after execve: %+v", x)
		}
	}
	th = watched(t, m, c, "")
	watchExpr(t, c, th, 0, "page.counter", Write)
	c.Close()
	m.out.expect("counter 5 x 42")
	c = connect(t, s, false)
	if b := must[*Breakpoint](t)(c.Set(Spec{Kind: Data, Space: 1 << 20, Addr: 4096, Size: 4})); b.Verified || b.Message == "" {
		t.Errorf("%+v", b)
	}
}

// BenchmarkWatchFar: a program that never touches a watched page, as a multiple of its time without a watch.
func BenchmarkWatchFar(b *testing.B) {
	m := startBoth(b, 1)
	c := connect(b, New(m), false)
	const loops = 300_000_000
	run := func(watch bool) time.Duration {
		th := watched(b, m, c, fmt.Sprintf("fast %d", loops))
		if watch {
			watchExpr(b, c, th, 0, "page.counter", ReadWrite)
		}
		begin := time.Now()
		if err := c.Continue(); err != nil {
			b.Fatal(err)
		}
		m.out.expect("fast done")
		return time.Since(begin)
	}
	without, with := time.Duration(0), time.Duration(0)
	for b.Loop() {
		without, with = without+run(false), with+run(true)
	}
	b.ReportMetric(float64(with)/float64(without), "times")
}

// BenchmarkWatchNear: an access to a watched page that changes nothing watched.
func BenchmarkWatchNear(b *testing.B) {
	m := startBoth(b, 1)
	c := connect(b, New(m), false)
	th := watched(b, m, c, fmt.Sprintf("loop %d", b.N))
	watchExpr(b, c, th, 0, "page.counter", Write)
	b.ResetTimer()
	if err := c.Continue(); err != nil {
		b.Fatal(err)
	}
	m.out.expect("loop done")
}
