package debug

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-dap"
)

// TestSeparateDebugFiles: the debugging information of a stripped program lies in the guest's root, by build ID, or beside it, by its debug link.
func TestSeparateDebugFiles(t *testing.T) {
	if _, err := exec.LookPath("objcopy"); err != nil {
		t.Skip("this test needs objcopy")
	}
	for _, how := range []string{"build ID", "debug link"} {
		t.Run(how, func(t *testing.T) {
			root := guestRoot(t)
			run := func(name string, args ...string) string {
				t.Helper()
				cmd := exec.Command(name, args...)
				cmd.Dir = filepath.Join(root, "bin")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s %v: %v: %s", name, args, err, out)
				}
				return string(out)
			}
			run("objcopy", "--only-keep-debug", "both", "both.debug")
			if how == "build ID" {
				id := regexp.MustCompile("Build ID: ([0-9a-f]+)").FindStringSubmatch(run("readelf", "-n", "both"))
				if id == nil {
					t.Skip("the linker writes no build IDs")
				}
				dir := filepath.Join(root, "usr/lib/debug/.build-id", id[1][:2])
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				run("mv", "both.debug", filepath.Join(dir, id[1][2:]+".debug"))
			} else {
				run("objcopy", "--remove-section=.note.gnu.build-id", "--add-gnu-debuglink=both.debug", "both")
			}
			run("strip", "both")
			c, _ := stdio(t)
			launch(t, c, "", map[string]any{"root": root, "args": []string{"/bin/both"}})
			file, line := lineOf(t, guestSource, "int length")
			c.Breakpoints(file, dap.SourceBreakpoint{Line: line})
			c.ConfigurationDone()
			st := c.Stopped()
			frames := c.Stack(st.ThreadId)
			if frames[0].Name != "say" || frames[0].Line != line || !strings.HasPrefix(frames[1].Name, "main") {
				t.Errorf("%+v", frames)
			}
			c.Breakpoints(file)
			c.Continue()
			if status := c.Exited(); status != 0 {
				t.Errorf("status %d", status)
			}
		})
	}
}
