package console

import (
	"flag"
	"os"
	"strings"
	"testing"
)

//go:generate go test -run TestReferenceIsFresh . -update

var update = flag.Bool("update", false, "write docs/ref/debugger.md")

// TestReferenceIsFresh compares the page with the table of commands.
func TestReferenceIsFresh(t *testing.T) {
	const page = "../../docs/ref/debugger.md"
	var b strings.Builder
	Reference(&b)
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Errorf("%s is stale: run go generate ./debugserver/console", page)
	}
}
