package engine

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestCoreFile(t *testing.T) {
	e := launch(t, "-goroutines=3", "-spin=1")
	spec := at(t, "TICK")
	spec.Cond = "n == 42"
	_, err := e.Break(spec)
	must(t, err)
	run(t, e.Continue)
	file := filepath.Join(t.TempDir(), "core")
	must(t, e.Dump(file))
	path, _ := toy()
	c, err := OpenCore(path, file)
	must(t, err)
	defer c.Detach()
	for _, expr := range []string{"n", "The.Tasks.Name", "The.Byname", "k.Sound", "any_"} {
		if a, b := eval(t, e, expr), eval(t, c, expr); a != b {
			t.Errorf("%s: %s alive, %s in the core file", expr, a, b)
		}
	}
	a, err := e.Stack(Where{}, 20)
	must(t, err)
	b, err := c.Stack(Where{}, 20)
	must(t, err)
	if len(a) == 0 || len(a) != len(b) || a[0] != b[0] {
		t.Errorf("stack %+v alive, %+v in the core file", a, b)
	}
	ra, err := e.Registers(Where{}, true)
	must(t, err)
	rb, err := c.Registers(Where{}, true)
	must(t, err)
	if len(ra) != len(rb) {
		t.Fatalf("%d registers alive, %d in the core file", len(ra), len(rb))
	}
	for i := range ra {
		if ra[i].Name != rb[i].Name || !bytes.Equal(ra[i].Bytes, rb[i].Bytes) {
			t.Errorf("%s: %x alive, %x in the core file", ra[i].Name, ra[i].Bytes, rb[i].Bytes)
		}
	}
	gs, _, err := c.Goroutines(0, 0)
	must(t, err)
	labelled := 0
	for _, g := range gs {
		if g.Labels["task"] != "" {
			labelled++
		}
	}
	if labelled != 3 {
		t.Errorf("%d goroutines with labels", labelled)
	}
	for name, do := range map[string]func() error{
		"continue": func() error { _, err := c.Continue(); return err },
		"next":     func() error { _, err := c.Next(); return err },
		"break":    func() error { _, err := c.Break(Spec{Function: "main.main"}); return err },
		"set":      func() error { return c.Set(Where{}, "n", "1") },
		"dump":     func() error { return c.Dump(file + "2") },
		"changed":  func() error { return c.Changed(0) },
	} {
		if do() == nil {
			t.Errorf("%s works on a core file", name)
		}
	}
	if gdb, err := exec.LookPath("gdb"); err == nil {
		out, _ := exec.Command(gdb, "-nx", "-batch", "-ex", "info threads", "-ex", "print/x $rip", path, file).CombinedOutput()
		if !bytes.Contains(out, []byte("(LWP")) {
			t.Errorf("gdb says %s", out)
		}
	}
}

func TestBadCoreFiles(t *testing.T) {
	path, err := toy()
	must(t, err)
	e := launch(t)
	file := filepath.Join(t.TempDir(), "core")
	must(t, e.Dump(file))
	good, err := os.ReadFile(file)
	must(t, err)
	for name, b := range map[string][]byte{
		"empty":        nil,
		"no ELF":       []byte("this is no core file"),
		"a program":    func() []byte { b, _ := os.ReadFile(path); return b }(),
		"only a start": good[:4096],
		"half":         good[:len(good)/2],
	} {
		bad := filepath.Join(t.TempDir(), "bad")
		must(t, os.WriteFile(bad, b, 0o600))
		if c, err := OpenCore(path, bad); err == nil {
			c.Detach()
			t.Errorf("%s: opened", name)
		}
	}
}

func TestPIE(t *testing.T) {
	path, err := build("toy-pie", "-buildmode=pie")
	must(t, err)
	for range 2 {
		e := launchProgram(t, path, "-goroutines=1")
		spec := at(t, "TICK")
		spec.Cond = "n == 300 && The.Sound.volume == 0"
		b, err := e.Break(spec)
		must(t, err)
		if s := run(t, e.Continue); s.Reason != ReasonBreakpoint || eval(t, e, "n") != "300" || e.tracer.Stats.Filtered < 200 {
			t.Errorf("%+v, %+v", s, e.tracer.Stats)
		}
		must(t, e.Clear(b.ID))
		if s := run(t, e.Next); s.Reason != ReasonStep {
			t.Errorf("%+v", s)
		}
		must(t, e.Kill())
	}
}
