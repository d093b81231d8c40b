package console

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"vitrine/debugserver/session"
)

func TestPlaces(t *testing.T) {
	const file = "/src/vitrine/kernel/syscall/open.go"
	for text, want := range map[string]session.Spec{
		"":                                      {Kind: session.Address, Addr: 0x1000},
		"sysOpenat":                             {Kind: session.Function, Func: "sysOpenat"},
		"vfs.(*File).Read":                      {Kind: session.Function, Func: "vfs.(*File).Read"},
		"open.go:45":                            {Kind: session.Line, File: "open.go", Line: 45},
		"45":                                    {Kind: session.Line, File: file, Line: 45},
		"+2":                                    {Kind: session.Line, File: file, Line: 9},
		"-2":                                    {Kind: session.Line, File: file, Line: 5},
		"*0x1234":                               {Kind: session.Address, Addr: 0x1234},
		"*$pc":                                  {Kind: session.Address, Addr: 0x1000},
		"syscall openat":                        {Kind: session.Syscall, Syscall: "openat"},
		"syscall * return":                      {Kind: session.Syscall, Syscall: "*", When: session.OnReturn},
		"syscall 2 entry return":                {Kind: session.Syscall, Syscall: "2", When: session.OnEntry | session.OnReturn},
		"on oops":                               {Kind: session.Exception, Exception: "oops"},
		"panic":                                 {Kind: session.Exception, Exception: "panic"},
		"sysRead if a[2] > 5 && t.comm==\"sh\"": {Kind: session.Function, Func: "sysRead", Cond: "a[2] > 5 && t.comm==\"sh\""},
		"sysRead task sh hits % 10 if x":        {Kind: session.Function, Func: "sysRead", Task: "sh", Hits: "% 10", Cond: "x"},
		"if x":                                  {Kind: session.Address, Addr: 0x1000, Cond: "x"},
		"notify":                                {Kind: session.Function, Func: "notify"}, // no word if
	} {
		_, in, _ := newFake(t)
		got, err := in.parseSpec(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"syscall", "syscall openat sometimes", "on", "on fire", "sysRead if", "sysRead task", "sysRead task a b", "a b", "-20", "*nosuch", "sysRead hits"} {
		_, in, _ := newFake(t)
		if s, err := in.parseSpec(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, s)
		}
	}
}

func TestLogText(t *testing.T) {
	for args, want := range map[string][2]string{
		`sysOpenat {t.comm} opens`:        {"sysOpenat", "{t.comm} opens"},
		`sysOpenat "a b" if x`:            {"sysOpenat   if x", "a b"},
		`syscall openat return got {ret}`: {"syscall openat return", "got {ret}"},
		`open.go:5 "say \"it\"" task sh`:  {"open.go:5   task sh", `say "it"`},
		`on oops "oops"`:                  {"on oops  ", "oops"},
	} {
		place, text, err := cutLogText(args)
		if err != nil || place != want[0] || text != want[1] {
			t.Errorf("%q: %q, %q, %v", args, place, text, err)
		}
	}
	for _, args := range []string{"", "sysOpenat", `sysOpenat "x`, "syscall openat"} {
		if place, text, err := cutLogText(args); err == nil {
			t.Errorf("%q: %q, %q; want an error", args, place, text)
		}
	}
}

func TestCommandsAreFoundByTheirBeginnings(t *testing.T) {
	for word, want := range map[string]string{
		"b": "break", "c": "continue", "n": "next", "s": "step", "si": "stepi", "ni": "nexti", "p": "print", "l": "list", "i": "info",
		"bt": "bt", "where": "bt", "u": "until", "fin": "finish", "f": "frame", "q": "quit", "h": "help", "d": "delete", "conti": "continue",
		"v": "view", "disas": "disas", "dis": "disable", "tas": "", "threa": "threads", "task": "task", "tb": "tbreak", "x": "x", "w": "",
		"nosuch": "", "": "",
	} {
		c, err := find(word)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is taken for %s", word, c.name)
		case want != "" && (err != nil || c.name != want):
			t.Errorf("%q: %v, %v; want %s", word, c, err, want)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, g := range groups {
		for _, c := range g.commands {
			for _, n := range append([]string{c.name}, c.short...) {
				if seen[n] != "" {
					t.Errorf("%s names both %s and %s", n, seen[n], c.name)
				}
				seen[n] = c.name
			}
			if c.doc == "" || c.run == nil {
				t.Errorf("%s has no help or does nothing", c.name)
			}
		}
	}
}

// TestOutput runs commands on a machine that is always at the same place.
func TestOutput(t *testing.T) {
	values := map[string]session.Variable{
		"n":          {Value: "-2", Type: "int32", Kind: "int32", Size: 4},
		"u":          {Value: "65", Type: "uint8", Kind: "uint8", Size: 1},
		"enum":       {Value: "Sleeping (2)", Type: "sched.State", Kind: "uint8"},
		"s":          {Value: "\"a\x1bb\"", Type: "string", Kind: "string"},
		"uintptr(p)": {Value: "28672", Type: "uintptr", Kind: "uintptr"},
		"st":         {Value: "T {}", Kind: "struct", Addr: 0x7008},
	}
	for _, tt := range []struct{ line, want string }{
		{"break sysOpenat", "Breakpoint 1: sysOpenat\n"},
		{"tbreak open.go:5 if x", "Temporary breakpoint 1: syscall. at open.go:5 if x\n"},
		{"break nosuch", "error: the kernel has no function nosuch"},
		{"p n", "n = -2\n"},
		{"p/x n", "n = 0xfffffffe\n"},
		{"print /c u", "u = 'A'\n"},
		{"p/t u", "u = 0b1000001\n"},
		{"p/x s", "error: /x is for numbers, and this is string"},
		{"p enum", "enum = Sleeping (2)\n"},
		{"p s", "s = \"a\\x1bb\"\n"},
		{"p nosuch", "error: could not find symbol nosuch"},
		{"p", "error: usage: print [/FORMAT] EXPR"},
		{"set n = 5", "n = 5\n"},
		{"set var m[\"a=b\"] = 5", "m[\"a=b\"] = 5\n"},
		{"set n == 5", "error: usage: set [var] EXPR = VALUE"},
		{"call n", "n = -2\n"},
		{"x/2xg p", "0x7000:\t0x050403020100fffe\t0x0d0c0b0a09080706\n"},
		{"x/4ub p", "0x7000:\t254\t255\t0\t1\n"},
		{"x/2db p", "0x7000:\t-2\t-1\n"},
		{"x/1xw $sp", "0x7000:\t0x0100fffe\n"},
		{"x/9xg p", "0x7000:\t0x050403020100fffe\t0x0d0c0b0a09080706\n0x7010:\t0x1514131211100f0e\t0x1d1c1b1a19181716\nerror: memory at 0x7020 is not mapped"},
		{"x st", "error: st is a struct, not an address; it lies at 0x7008"},
		{"x/zz p", "error: /zz: 'z' is no format or size; see help x"},
		{"x/1i $pc", "   0x1000  90                       nop\n"},
		{"bt", ">#0  syscall.sysOpenat at kernel/syscall/open.go:7\n #1  vfs.(*File[vitrine/kernel/x.T]).Read at 0x2000\n"},
		{"bt 1", ">#0  syscall.sysOpenat at kernel/syscall/open.go:7\n (more: bt 2)\n"},
		{"frame", "#0  syscall.sysOpenat(t = *task.Task{…}) at kernel/syscall/open.go:7\n"},
		{"up", "#1  vfs.(*File[vitrine/kernel/x.T]).Read(t = *task.Task{…}) at 0x2000\n"},
		{"frame 7", "error: there is no frame 7"},
		{"down", "error: this is the innermost frame"},
		{"threads", "  1 init        S  wait\n  2 kctl\n* 12 sh\\x1b[2J           on a CPU\n"},
		{"tasks", "  1 init        S  wait\n* 12 sh\\x1b[2J           on a CPU\n"},
		{"task 99", "error: there is no task \"99\"; tasks lists them"},
		{"view", "ps           tasks\nports        ports\n"},
		{"view ps", "PID  TID\n1    1\n12   12\n"},
		{"view nosuch", "error: there is no view nosuch"},
		{"info line", "syscall.sysOpenat at kernel/syscall/open.go:7, 0x1000\n"},
		{"info regs", "rip      0x1000  syscall.sysOpenat\nrsp      0x7000  28672\n"},
		{"info regs xmm0", "xmm0     0x0\n"},
		{"info functions Read", "vitrine/kernel/vfs.(*File).Read\n"},
		{"info sources", "cmd/vkernel/main.go\nkernel/syscall/open.go\n"},
		{"info state", "stopped (entry), task 12 sh\\x1b[2J\n"},
		{"info th", "  1 init        S  wait\n  2 kctl\n* 12 sh\\x1b[2J           on a CPU\n"},
		{"echo  hello", "hello\n"},
		{"# comment", ""},
		{"quit", "error: quit"},
		{"nosuch", "error: there is no command \"nosuch\"; help lists them"},
		{"dmesg", "error: the kernel's log is not to be had here"},
		{"hits 7 3", "error: there is no breakpoint 7; breakpoints lists them\nusage: hits ID [COUNT]"},
	} {
		f, in, out := newFake(t)
		f.values = values
		if err := in.Execute(tt.line); err != nil {
			fmt.Fprintf(out, "error: %v", err)
		}
		if got := out.String(); got != tt.want {
			t.Errorf("%s\n got: %q\nwant: %q", tt.line, got, tt.want)
		}
	}
}

// execute runs lines, which must not fail.
func execute(t *testing.T, in *Interp, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if err := in.Execute(l); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
	}
}

func TestRunCommandsWaitForTheStop(t *testing.T) {
	f, in, out := newFake(t)
	execute(t, in, "next", "", "step 3", "finish", "until sysRead")
	if st, stop := f.State(); st != session.Stopped || stop.Seq != 8 {
		t.Errorf("%v, %+v; want stop 8", st, stop)
	}
	want := "step 0 0|step 0 0|step 0 1|step 0 1|step 0 1|step 0 2|runto 12 sysRead"
	if got := strings.Join(f.calls, "|"); got != want {
		t.Errorf("asked for %s; want %s", got, want)
	}
	if n := strings.Count(out.String(), "task 12 sh\\x1b[2J: #0  syscall.sysOpenat("); n != 7 {
		t.Errorf("%d stops were shown, want 7:\n%s", n, out)
	}
}

func TestAnotherStopEndsTheSteps(t *testing.T) {
	f, in, _ := newFake(t)
	f.next = session.ReasonBreakpoint
	execute(t, in, "next 5")
	if len(f.calls) != 1 {
		t.Errorf("%d steps after a breakpoint was hit", len(f.calls))
	}
}

func TestInterruptStopsTheMachine(t *testing.T) {
	f, in, _ := newFake(t)
	f.hang = true
	done := make(chan error)
	go func() { done <- in.Execute("continue") }()
	for { // until it runs
		if st, _ := f.State(); st == session.Running {
			break
		}
		runtime.Gosched()
	}
	in.Interrupt()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if st, stop := f.State(); st != session.Stopped || stop.Reason != session.ReasonPause {
		t.Errorf("%v, %+v", st, stop)
	}
}

func TestBackgroundAndWait(t *testing.T) {
	f, in, _ := newFake(t)
	f.hang = true
	execute(t, in, "continue &")
	if st, _ := f.State(); st != session.Running {
		t.Fatal("it does not run")
	}
	if err := in.Execute("next"); err == nil {
		t.Error("a step while the machine runs")
	}
	if err := in.Execute("wait 0.01"); err == nil || !strings.Contains(err.Error(), "no stop within") {
		t.Errorf("wait: %v", err)
	}
	execute(t, in, "wait") // it stands still already
}

func TestNoWait(t *testing.T) {
	f, in, out := newFake(t)
	in.NoWait, f.hang = true, true
	in.Select(1, 1)
	if th, fr := in.selection(); th != 1 || fr != 1 {
		t.Errorf("thread %d, frame %d", th, fr)
	}
	execute(t, in, "next 3") // would wait for ever
	if len(f.calls) != 1 || out.Len() > 0 {
		t.Errorf("%v, %s", f.calls, out)
	}
	if err := in.Execute("wait"); err == nil {
		t.Error("wait does not say that it doesn't")
	}
}

func TestTheEndEndsTheWait(t *testing.T) {
	f, in, out := newFake(t)
	f.hang = true
	done := make(chan error)
	go func() { done <- in.Execute("continue") }()
	in.Handle(session.Event{Exited: &session.Exit{Status: 3}})
	if err := <-done; err != nil || !strings.Contains(out.String(), "[the kernel has ended with status 3]") {
		t.Errorf("%v, %s", err, out)
	}
}

func TestWhatOthersDoIsTold(t *testing.T) {
	f, in, out := newFake(t)
	in.Handle(session.Event{Running: &session.Resumed{By: "editor"}})
	in.Handle(session.Event{Output: &session.Output{Breakpoint: 3, Text: "opens \x07x"}})
	in.Handle(session.Event{Stopped: &session.Stop{Seq: 9, Reason: session.ReasonException, Text: "BUG: nil", Thread: 12, By: "editor", Hits: []int{4}}})
	want := "[editor lets the machine run]\n[3] opens \\ax\n[editor] Breakpoint 4, exception: BUG: nil\ntask 12 sh\\x1b[2J: #0"
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("%s\nwant %s…", out, want)
	}
	_ = f
}

func TestAStopSelectsItsFrame(t *testing.T) {
	_, in, _ := newFake(t)
	execute(t, in, "task 1", "up")
	if th, fr := in.selection(); th != 1 || fr != 1 {
		t.Fatalf("thread %d, frame %d", th, fr)
	}
	execute(t, in, "continue")
	if th, fr := in.selection(); th != 0 || fr != 0 {
		t.Errorf("thread %d, frame %d after a stop", th, fr)
	}
}

func TestBreakpointCommands(t *testing.T) {
	f, in, out := newFake(t)
	f.points = []session.Breakpoint{{ID: 1, Owner: "editor", Verified: true, Spec: session.Spec{Func: "sysRead", Kind: session.Function}}}
	execute(t, in, "break sysOpenat", "cond 2 t.ID == 5", "hits 2 >= 3", "disable 2", "log sysRead {x}")
	out.Reset()
	execute(t, in, "breakpoints")
	want := `ID  HITS  STATE  OWNER     WHERE
1   0     on     editor    sysRead
2   0     off    me (you)  sysOpenat hits >= 3 if t.ID == 5
3   0     on     me (you)  sysRead log {x}
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	execute(t, in, "cond 2", "enable")
	if s := f.points[1].Spec; s.Cond != "" || s.Disabled || s.Hits != ">= 3" {
		t.Errorf("%+v", s)
	}
	execute(t, in, "delete")
	if len(f.points) != 1 {
		t.Errorf("%d breakpoints are left, want the other client's", len(f.points))
	}
	if err := in.Execute("delete 1"); err == nil {
		t.Error("another client's breakpoint was deleted")
	}
}

func TestSource(t *testing.T) {
	_, in, out := newFake(t)
	files := map[string]string{
		"/home/me/ok":    "# comment\n\necho one\nsource bad\n",
		"/home/me/bad":   "echo two\nnosuch\necho three\n",
		"/home/me/cycle": "source cycle\n",
	}
	in.Dir = "/home/me"
	in.ReadFile = func(name string) ([]byte, error) {
		if s, ok := files[name]; ok {
			return []byte(s), nil
		}
		return nil, errors.New("no file")
	}
	err := in.Execute("source ok")
	if err == nil || err.Error() != `ok:4: bad:2: there is no command "nosuch"; help lists them` || out.String() != "one\ntwo\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if err := in.Execute("source cycle"); err == nil {
		t.Error("no error for a file that sources itself")
	}
}

func TestComplete(t *testing.T) {
	for line, want := range map[string]string{
		"con":                  "cond continue",
		"":                     strings.Join(names(), " "),
		"break sysOpen":        "sysOpen sysOpenat",
		"b vfs.(*Fi":           "", // a word begins behind a parenthesis
		"break syscall.sysO":   "syscall.sysOpen syscall.sysOpenat",
		"break op":             "open.go:",
		"break open.go":        "open.go:",
		"break on o":           "oops",
		"break syscall op":     "open openat",
		"break sysOpen if t.c": "t.comm t.count",
		"p t.c":                "t.comm t.count",
		"p 1+t.co":             "t.comm t.count",
		"view p":               "ports ps",
		"help br":              "break breakpoints",
		"info f":               "functions",
		"nosuch x":             "",
		"up x":                 "",
	} {
		_, in, _ := newFake(t)
		if got := strings.Join(in.Complete(line, len(line)), " "); got != want {
			t.Errorf("%q: %s; want %s", line, got, want)
		}
	}
	_, in, _ := newFake(t)
	if w := in.Complete("x", 5); w != nil {
		t.Errorf("behind the line: %v", w)
	}
}

// FuzzExecute feeds lines to commands: none may crash the supervisor.
func FuzzExecute(f *testing.F) {
	for _, g := range groups {
		for _, c := range g.commands {
			f.Add(c.name)
			f.Add(c.name + " x")
			f.Add(c.name + "/x 1")
			f.Add(c.name + " \"a = $")
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		fk, in, _ := newFake(t)
		fk.values["x"] = session.Variable{Value: "1"}
		defer func() {
			// The fake lacks some methods.
			if r := recover(); r != nil && !strings.Contains(fmt.Sprint(r), "nil pointer dereference") {
				t.Errorf("%q: %v", line, r)
			}
		}()
		if strings.Contains(line, "source") {
			return
		}
		in.Execute(line)
		in.Complete(line, len(line)/2)
	})
}
