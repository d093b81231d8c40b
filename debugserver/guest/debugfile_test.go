package guest

import (
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// split strips a program into one without debugging information, with a debug link, and a file that has it.
func split(t *testing.T, flags ...string) (stripped, debug string) {
	t.Helper()
	if _, err := exec.LookPath("objcopy"); err != nil {
		t.Skip("this test needs objcopy")
	}
	whole := build(t, "scene", append([]string{"-O0", "-g"}, flags...)...)
	debug, stripped = whole+".debug", whole+"-s"
	for _, args := range [][]string{
		{"--only-keep-debug", whole, debug},
		{"--strip-all", "--add-gnu-debuglink=" + debug, whole, stripped},
	} {
		if out, err := exec.Command("objcopy", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return stripped, debug
}

// openWith opens a file that finds these.
func openWith(t *testing.T, name string, found ...string) (f *File, asked *string) {
	t.Helper()
	asked = new(string)
	find := func(_ *File, buildID, link string) iter.Seq[io.ReaderAt] {
		*asked = fmt.Sprintf("%d %s", len(buildID), link)
		return func(yield func(io.ReaderAt) bool) {
			for _, n := range found {
				r, err := os.Open(n)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { r.Close() })
				if !yield(r) {
					return
				}
			}
		}
	}
	r, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if f, err = Open(name, r, find); err != nil {
		t.Fatal(err)
	}
	return f, asked
}

// TestDebugFiles: found by build ID, or by the debug link and its sum; the wrong one is not believed.
func TestDebugFiles(t *testing.T) {
	stripped, debug := split(t)
	_, other := split(t, "-DOTHER")
	plain, sum := split(t, "-Wl,--build-id=none")
	spoilt := filepath.Join(t.TempDir(), "spoilt")
	b, err := os.ReadFile(sum)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(spoilt, append(b, 0), 0o600)
	for _, c := range []struct {
		name, file string
		found      []string
		ask        string
		debug      bool
		broken     string
	}{
		{"build ID", stripped, []string{debug}, "40 scene.debug", true, ""},
		{"nothing", stripped, nil, "40 scene.debug", false, ""},
		{"no ELF file", stripped, []string{"testdata/scene.c", debug}, "40 scene.debug", true, ""},
		{"of another build", stripped, []string{sum}, "40 scene.debug", false, "another build"},
		{"another build first", stripped, []string{other, debug}, "40 scene.debug", true, ""},
		{"sum", plain, []string{sum}, "0 scene.debug", true, ""},
		{"wrong sum", plain, []string{spoilt}, "0 scene.debug", false, "sum"},
		{"wrong sum first", plain, []string{spoilt, sum}, "0 scene.debug", true, ""},
	} {
		f, asked := openWith(t, c.file, c.found...)
		ls := f.Line("scene.c", 42)
		if f.Debug() != c.debug || (len(ls) == 1) != c.debug || *asked != c.ask {
			t.Errorf("%s: debugging information %v, %+v, asked for %q", c.name, f.Debug(), ls, *asked)
		}
		if c.broken == "" && f.Broken != nil || c.broken != "" && (f.Broken == nil || !strings.Contains(f.Broken.Error(), c.broken)) {
			t.Errorf("%s: %v", c.name, f.Broken)
		}
	}
}

// TestBuildIDOfSegment: of a file whose sections are not there.
func TestBuildIDOfSegment(t *testing.T) {
	b, err := os.ReadFile(build(t, "scene", "-O0"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Open("whole", strings.NewReader(string(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[40:48]) // e_shoff
	clear(b[60:64])
	cut, err := Open("cut", strings.NewReader(string(b)), nil)
	if err != nil || cut.BuildID != whole.BuildID || cut.BuildID == "" {
		t.Errorf("%v %q, want %q", err, cut.BuildID, whole.BuildID)
	}
}
