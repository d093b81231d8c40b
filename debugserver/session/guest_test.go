package session

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// both is an initial archive with programs that have debugging information.
var both = struct {
	once   sync.Once
	noC    error
	initrd string
}{}

// startBoth boots a machine with the programs both (static), both-dyn (with shared libraries, -O2) and both-stripped.
func startBoth(t testing.TB, cpus int) *vm {
	t.Helper()
	prepare(t)
	both.once.Do(func() { both.initrd, both.noC = buildBoth() })
	if both.noC != nil {
		t.Skipf("this test needs gcc and a static libc: %v", both.noC)
	}
	m := startOn(t, both.initrd, cpus)
	m.run("echo boot; echo ed", "ed")
	return m
}

func buildBoth() (string, error) {
	dir := filepath.Dir(parts.initrd)
	root := filepath.Join(dir, "both")
	for _, d := range []string{"bin", "tmp", "proc", "dev", "lib64", "lib/x86_64-linux-gnu"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return "", err
		}
	}
	box, _ := exec.LookPath("busybox")
	script := []string{"cp " + box + " bin/busybox", "for i in sh echo mount cat true; do ln -sf busybox bin/$i; done"}
	src, err := filepath.Abs("testdata/both.c")
	if err != nil {
		return "", err
	}
	for out, flags := range map[string]string{
		"both": "-O0 -g -static -pthread", "both-dyn": "-O2 -g -pthread", "both-stripped": "-O2 -s -static -pthread", "both-0dyn": "-O0 -g -pthread",
	} {
		script = append(script, fmt.Sprintf("gcc %s -o bin/%s %s", flags, out, src))
	}
	script = append(script, "gcc -O0 -g -static -pthread -o bin/watched "+filepath.Join(filepath.Dir(src), "watched.c"))
	cxx, err := filepath.Abs("../guest/testdata/cxx.cpp")
	if err != nil {
		return "", err
	}
	script = append(script, "g++ -O0 -g -static -o bin/cxx "+cxx+" || true")
	goSrc, err := filepath.Abs("testdata/gobit")
	if err != nil {
		return "", err
	}
	script = append(script, fmt.Sprintf("CGO_ENABLED=0 go build -C %s -gcflags='-N -l' -o %s/bin/gobit .", goSrc, root),
		`for f in $(ldd bin/both-dyn | grep -o '/lib[^ ]*'); do mkdir -p .$(dirname $f); cp -L $f .$f; done`,
		"find . | busybox cpio -o -H newc >../both.cpio")
	cmd := exec.Command("sh", "-e", "-c", strings.Join(script, "\n"))
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return filepath.Join(dir, "both.cpio"), nil
}

// lineOf finds the line of testdata/both.c that contains a text.
func lineOf(t testing.TB, text string) int {
	t.Helper()
	b, err := os.ReadFile("testdata/both.c")
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(string(b), "\n") {
		if strings.Contains(l, text) {
			return i + 1
		}
	}
	t.Fatalf("no line with %q", text)
	return 0
}

// stackText shows a whole stack, a frame a line.
func stackText(t testing.TB, c *Client, thread int) string {
	t.Helper()
	fs, _, err := c.Stack(thread, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "#%d %s", f.Index, f.Func)
		if f.File != "" {
			fmt.Fprintf(&b, " at %s:%d", filepath.Base(f.File), f.Line)
		}
		if f.Doubtful {
			b.WriteString(" ?")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// wantStack compares a stack with patterns that must match in this order.
func wantStack(t testing.TB, stack string, patterns ...string) {
	t.Helper()
	rest := stack
	for _, p := range patterns {
		m := regexp.MustCompile(p).FindStringIndex(rest)
		if m == nil {
			t.Fatalf("no %q (in this order) in the stack\n%s", p, stack)
		}
		rest = rest[m[1]:]
	}
}

// frameOf finds the index of the first frame of a function.
func frameOf(t testing.TB, c *Client, thread int, fn string) int {
	t.Helper()
	fs, _, err := c.Stack(thread, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fs {
		if f.Func == fn {
			return f.Index
		}
	}
	t.Fatalf("no frame of %s", fn)
	return 0
}

// TestOneStack: from the handler of a system call through the boundary and libc to main, with the program's variables.
func TestOneStack(t *testing.T) {
	m := startBoth(t, 1)
	c := connect(t, New(m), false)
	for _, prog := range []string{"both", "both-dyn", "both-stripped"} {
		t.Run(prog, func(t *testing.T) {
			p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysWrite", Task: prog}))
			m.typed(prog)
			stop := stopEvent(t, c)
			stack := stackText(t, c, stop.Thread)
			t.Log(stack)
			call := `── system call write\(1, "hello\\n", 6\)`
			switch prog {
			case "both":
				wantStack(t, stack, `#0 .*sysWrite at write.go`, `syscall.Dispatch`, call, `write`, `say at both.c:`+fmt.Sprint(lineOf(t, "// say")), `main at both.c`, `_start`)
				f := frameOf(t, c, stop.Thread, "say")
				for expr, want := range map[string]string{"length": "6", "i->name": `"first"`, "i->next->number": "2", "*i": `number = 1`, "text": "hello", "total": "4"} {
					if v, err := c.Eval(stop.Thread, f, expr); err != nil || !strings.Contains(v.Value, want) {
						t.Errorf("%s = %v, %v; want %s", expr, v.Value, err, want)
					}
				}
				args := must[[]Variable](t)(c.Arguments(stop.Thread, f))
				if len(args) != 2 || args[0].Name != "i" || args[0].Ref == 0 {
					t.Fatalf("%+v", args)
				}
				kids := must[[]Variable](t)(c.Children(args[0].Ref, 0, 0))
				if len(kids) != 3 || kids[0].Value != "1" {
					t.Errorf("%+v", kids)
				}
				if mem, err := c.ReadProgram(args[1].Space, textAddr(args[1].Value), 5); err != nil || string(mem) != "hello" {
					t.Errorf("%q %v", mem, err)
				}
				fs, _, _ := c.Stack(stop.Thread, f, 1)
				ins, err := c.DisassembleProgram(fs[0].Space, fs[0].PC, -2, 5)
				if err != nil || len(ins) != 5 || ins[0].Func != "say" {
					t.Errorf("%+v %v", ins, err)
				}
				if v, err := c.Eval(stop.Thread, 0, "a[2]"); err != nil || v.Value != "6" {
					t.Errorf("the kernel's frame: %v %v", v.Value, err)
				}
			case "both-dyn":
				wantStack(t, stack, `sysWrite`, call, `write`, `say at both.c`, `main at both.c`, `__libc_start_main`, `_start at|_start`)
			case "both-stripped":
				wantStack(t, stack, `sysWrite`, call, `in both-stripped`, `in both-stripped`)
			}
			piecemeal(t, c, stop.Thread, strings.Count(stack, "\n"))
			if err := c.Clear(p.ID); err != nil {
				t.Fatal(err)
			}
			if err := c.Continue(); err != nil {
				t.Fatal(err)
			}
			m.out.expect("number 7")
		})
	}
}

// piecemeal asks for the first frames of a stack of so many, as editors do: it says that there are more until there are none.
func piecemeal(t *testing.T, c *Client, thread, frames int) {
	t.Helper()
	for from := range 2 {
		for to := from + 1; to <= frames+1; to++ {
			fs, more, err := c.Stack(thread, from, to-from)
			if err != nil || len(fs) != min(to, frames)-from || more != (to < frames) {
				t.Errorf("frames %d to %d of %d: %d frames, more: %v, %v", from, to, frames, len(fs), more, err)
			}
		}
	}
}

func textAddr(value string) (n uint64) {
	fmt.Sscanf(value, "0x%x", &n)
	return n
}

// TestFatalSignalStack: the program that dies is seen where it dies.
func TestFatalSignalStack(t *testing.T) {
	m := startBoth(t, 1)
	c := connect(t, New(m), false)
	must[*Breakpoint](t)(c.Set(Spec{Kind: Exception, Exception: FatalSignal}))
	m.typed("both crash")
	stop := stopEvent(t, c)
	wantStack(t, stackText(t, c, stop.Thread), `FatalSignal`, `── `, fmt.Sprintf(`crash at both.c:%d`, lineOf(t, "// crash")), `main at`)
	ms := must[[]Module](t)(c.Modules())
	found := false
	for _, mod := range ms {
		found = found || mod.Comm == "both" && mod.Path == "/bin/both" && mod.Symbols == "DWARF" && mod.BuildID != ""
	}
	if !found {
		t.Errorf("modules %+v", ms)
	}
}
