package all

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "vitrine/kernel"
	"vitrine/kernel/bootparam"
	"vitrine/kernel/kview"
)

//go:generate go test -run TestReferencesAreFresh . -update

var update = flag.Bool("update", false, "write docs/ref/bootparams.md and docs/ref/views.md")

// TestReferencesAreFresh compares the generated pages with what a whole kernel registers.
func TestReferencesAreFresh(t *testing.T) {
	head := "Generated from the code by `go generate ./kernel/all`; do not edit.\n\n"
	var params, views strings.Builder
	params.WriteString("# Boot parameters\n\n" + head + "| parameter | default | |\n|---|---|---|\n")
	for _, p := range bootparam.All() {
		fmt.Fprintf(&params, "| `%s` | %s | %s |\n", p.Name, p.Default, p.Doc)
	}
	views.WriteString("# Views\n\n" + head + "`vitrine view NAME`, and `/proc/vitrine/view/NAME` in a guest.\n\n| view | | columns |\n|---|---|---|\n")
	for _, v := range kview.All() {
		var cols []string
		for _, c := range v.Columns {
			cols = append(cols, c.Head)
		}
		fmt.Fprintf(&views, "| `%s` | %s | %s |\n", v.Name, v.Doc, strings.Join(cols, " "))
	}
	for page, want := range map[string]string{"bootparams": params.String(), "views": views.String()} {
		file := "../../docs/ref/" + page + ".md"
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is stale: run go generate ./kernel/all", file)
		}
	}
}
