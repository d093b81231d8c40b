package boot

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"vitrine/test/internal/debian"
)

// debianPackages are in the directory that the Debian scripts run in; to change them is to make a new one.
const debianPackages = "python3,less,vim-tiny,procps"

// TestDebian runs the programs of a Debian directory. The scripts find it as $DEBIAN.
func TestDebian(t *testing.T) {
	dir, err := debian.Tree(t, debianPackages)
	if err != nil {
		t.Skipf("no Debian directory: %v", err)
	}
	p := params("testdata/debian")
	setup := p.Setup
	p.Setup = func(e *testscript.Env) error {
		e.Setenv("DEBIAN", dir)
		return setup(e)
	}
	testscript.Run(t, p)
}
