package main

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A stripped program runs, and has of its sections those that are loaded.
func TestStrip(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte("package main\n\nfunc main() { println(\"it runs\") }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(dir, "whole")
	c := exec.Command("go", "build", boxFlags[0], "-o", whole, filepath.Join(dir, "p.go"))
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	b, err := strip(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > len(program)*4/5 {
		t.Errorf("%d of %d bytes are left", len(b), len(program))
	}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{".text": true, ".gopclntab": true, ".note.gnu.build-id": true, ".debug_info": false, ".symtab": false} {
		if got := f.Section(name) != nil; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(short).CombinedOutput(); err != nil || string(out) != "it runs\n" {
		t.Errorf("%q, %v", out, err)
	}
	tr := &tree{cache: dir}
	if err := tr.publishDebug(whole); err != nil {
		t.Fatal(err)
	}
	found, _ := filepath.Glob(filepath.Join(dir, ".build-id", "??", "*.debug"))
	if len(found) != 1 {
		t.Fatalf("%v", found)
	}
	if got, err := os.ReadFile(found[0]); err != nil || !bytes.Equal(got, program) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, bad := range [][]byte{nil, []byte("\x7fELF"), program[:100], b[:len(b)/2]} {
		if _, err := strip(bad); err == nil {
			t.Errorf("%d bytes of a program were stripped", len(bad))
		}
	}
}
