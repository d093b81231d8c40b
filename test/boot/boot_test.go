// Package boot holds the whole-system tests: real programs in a real kernel, at
// a terminal where it matters. Each script in testdata tells one story.
//
// Besides testscript's own commands a script has
//
//	tty PROGRAM ARGS…   start a program on a terminal
//	expect REGEXP       wait until the screen shows it
//	type TEXT           type; \n, \r, \t, \e and ^X are keys
//	resize ROWS COLS    change the terminal's size
//	ended STATUS        wait for the program's end
package boot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"vitrine/test/internal/expect"
)

// limit bounds a wait that fails; a loaded machine needs some.
const limit = 60 * time.Second

var bin string // where vitrine and vkernel were built

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "vitrine-test")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin = dir
		build := exec.Command("go", "build", "-o", dir, "./cmd/vitrine")
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

func TestScripts(t *testing.T) { testscript.Run(t, params("testdata")) }

// params says how the scripts of a directory run.
func params(dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
			cache, err := os.UserCacheDir()
			if err != nil {
				return err
			}
			e.Setenv("XDG_CACHE_HOME", cache)
			e.Setenv("GOCACHE", goEnv("GOCACHE"))
			e.Setenv("GOMODCACHE", goEnv("GOMODCACHE"))
			e.Setenv("XDG_RUNTIME_DIR", e.WorkDir)
			programs, err := filepath.Abs("programs")
			if err != nil {
				return err
			}
			e.Setenv("PROGRAMS", programs)
			e.Values[sessionKey{}] = &terminal{}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if path, ok := strings.CutPrefix(cond, "file:"); ok {
				_, err := os.Stat(path)
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"tty": cmdTTY, "expect": cmdExpect, "type": cmdType, "resize": cmdResize, "ended": cmdEnded,
		},
	}
}

func goEnv(name string) string {
	out, _ := exec.Command("go", "env", name).Output()
	return strings.TrimSpace(string(out))
}

type sessionKey struct{}

// terminal holds a script's program; there is at most one at a time.
type terminal struct{ *expect.Session }

func session(ts *testscript.TestScript) *expect.Session {
	s := ts.Value(sessionKey{}).(*terminal).Session
	if s == nil {
		ts.Fatalf("no program runs on the terminal; use tty first")
	}
	return s
}

func cmdTTY(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: tty PROGRAM ARGS…")
	}
	prog, err := exec.LookPath(args[0])
	if p := filepath.Join(bin, args[0]); fileExists(p) {
		prog, err = p, nil
	}
	ts.Check(err)
	cmd := exec.Command(prog, args[1:]...)
	cmd.Dir = ts.Getenv("WORK")
	for _, k := range []string{"PATH", "HOME", "XDG_CACHE_HOME", "GOCACHE", "GOMODCACHE", "XDG_RUNTIME_DIR"} {
		cmd.Env = append(cmd.Env, k+"="+ts.Getenv(k))
	}
	cmd.Env = append(cmd.Env, "TERM=xterm")
	s, err := expect.Start(cmd)
	ts.Check(err)
	ts.Defer(func() {
		ts.Logf("[terminal]\n%s", s.Output())
		s.Close()
	})
	ts.Value(sessionKey{}).(*terminal).Session = s
}

func fileExists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}

func cmdExpect(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expect REGEXP")
	}
	_, err := session(ts).Expect(args[0], limit)
	ts.Check(err)
}

func cmdType(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: type TEXT")
	}
	ts.Check(session(ts).Type(keys(args[0])))
}

// keys replaces \n \r \t \e and ^X by what the keys send.
func keys(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+1 < len(s) && s[i] == '\\' {
			i++
			b.WriteByte(map[byte]byte{'n': '\r', 'r': '\r', 't': '\t', 'e': 27, '\\': '\\', '^': '^'}[s[i]])
		} else if i+1 < len(s) && s[i] == '^' {
			i++
			b.WriteByte(s[i] & 0x1f)
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func cmdResize(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: resize ROWS COLS")
	}
	rows, err1 := strconv.Atoi(args[0])
	cols, err2 := strconv.Atoi(args[1])
	ts.Check(err1)
	ts.Check(err2)
	ts.Check(session(ts).Resize(rows, cols))
}

func cmdEnded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ended STATUS")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got, err := session(ts).Wait(limit)
	ts.Check(err)
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
