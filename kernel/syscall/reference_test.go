package syscall

import (
	"bufio"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/ref/syscalls.md")

const page = "../../docs/ref/syscalls.md"

func TestReferenceIsFresh(t *testing.T) {
	want := Reference()
	if *update {
		if err := os.MkdirAll("../../docs/ref", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/ref/syscalls.md is stale: run go generate ./kernel/syscall")
	}
}

// TestHandlersHaveManualPages looks for the comment "sysX implements x(2)" before every handler.
func TestHandlersHaveManualPages(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range files {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := os.Open(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		first := "" // of the comment block above
		for sc := bufio.NewScanner(f); sc.Scan(); {
			line := sc.Text()
			switch {
			case strings.HasPrefix(line, "//"):
				if first == "" {
					first = line
				}
				continue
			case strings.HasPrefix(line, "func sys"):
				name := line[len("func "):strings.IndexByte(line, '(')]
				if n++; !strings.HasPrefix(first, "// "+name+" ") {
					t.Errorf("%s: %s has no comment that begins with its name", e.Name(), name)
				}
			}
			first = ""
		}
		f.Close()
	}
	if n < 100 {
		t.Errorf("only %d handlers were found", n)
	}
}
