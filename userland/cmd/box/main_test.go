package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"vitrine/userland/applets"
	"vitrine/userland/box"
)

// TestMain makes the test binary behave as box when it is called by the name of a
// command: a directory with links to it is put into PATH, and the shell starts
// /proc/self/exe, which is the test binary too.
func TestMain(m *testing.M) {
	if name := strings.TrimPrefix(filepath.Base(os.Args[0]), "-"); name == "box" || box.Lookup(name) != nil {
		main()
	}
	os.Exit(withLinks(m))
}

func withLinks(m *testing.M) int {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "box-bin-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for _, n := range append(applets.Names(), "box") {
		if err := os.Symlink(exe, filepath.Join(dir, n)); err != nil {
			panic(err)
		}
	}
	os.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return m.Run()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

func TestListNamesEveryCommandOnce(t *testing.T) {
	names := applets.Names()
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			t.Errorf("%s is listed twice", n)
		}
		seen[n] = true
	}
	for _, must := range []string{"init", "sh", "ls", "ps", "mount", "[", "less", "top"} {
		if !seen[must] {
			t.Errorf("%s is missing", must)
		}
	}
}

// runAs runs the test binary under the name of a command.
func runAs(t *testing.T, dir string, argv ...string) (out string, status int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: exe, Args: argv, Dir: dir, Env: testEnv()}
	b, err := cmd.CombinedOutput()
	if _, isExit := err.(*exec.ExitError); err != nil && !isExit {
		t.Fatal(err)
	}
	ws := cmd.ProcessState.ExitCode()
	return string(b), ws
}

// runSnippet is runAs for a snippet, with standard output only.
func runSnippet(t *testing.T, dir, snippet string) (string, int) {
	t.Helper()
	exe, _ := os.Executable()
	cmd := &exec.Cmd{Path: exe, Args: []string{"sh", "-c", snippet}, Dir: dir, Env: testEnv()}
	out, _ := cmd.Output()
	return string(out), cmd.ProcessState.ExitCode()
}

func testEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "TERM=vt100", "LC_ALL=C"}
}

// TestAgreesWithDash runs snippets in our shell and in dash, the shell that is
// closest to POSIX; standard output and status must be the same. Messages differ.
func TestAgreesWithDash(t *testing.T) {
	dash, err := exec.LookPath("dash")
	if err != nil {
		t.Skip("no dash on this machine")
	}
	data, err := os.ReadFile("testdata/dash.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, snippet := range strings.Split(string(data), "\n---\n") {
		name, _, _ := strings.Cut(strings.TrimPrefix(snippet, "# "), "\n")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dirA, dirB := t.TempDir(), t.TempDir()
			got, gotStatus := runSnippet(t, dirA, snippet)
			cmd := exec.Command(dash, "-c", snippet)
			cmd.Args[0] = "sh"
			cmd.Dir, cmd.Env = dirB, testEnv()
			want, _ := cmd.Output()
			if w := strings.ReplaceAll(string(want), dirB, dirA); got != w {
				t.Errorf("output:\n%q\ndash says:\n%q", got, w)
			}
			if w := cmd.ProcessState.ExitCode(); gotStatus != w {
				t.Errorf("status %d, dash says %d", gotStatus, w)
			}
		})
	}
}

func TestInitRunsCommandAndReturnsItsStatus(t *testing.T) {
	for _, tc := range []struct {
		cmd    string
		status int
		out    string
	}{
		{"echo hello; exit 3", 3, "hello\n"},
		{"kill -9 $$", 137, ""},
		{"echo $PATH $HOME", 0, "/bin:/sbin:/usr/bin:/usr/sbin /root\n"},
		{"(sleep 0.01 &) ; exit 0", 0, ""}, // leaves an orphan behind
	} {
		exe, _ := os.Executable()
		cmd := &exec.Cmd{Path: exe, Args: []string{"init", "sh", "-c", tc.cmd}, Env: []string{"HOME=/"}}
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != tc.status || string(out) != tc.out {
			t.Errorf("init sh -c %q: status %d output %q, want %d %q", tc.cmd, got, out, tc.status, tc.out)
		}
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	dir := t.TempDir()
	raw := map[string]bool{
		"echo": true, "test": true, "[": true, "printf": true, "true": true, "false": true,
		"find": true, "stty": true, "init": true,
	}
	for _, n := range applets.Names() {
		if raw[n] {
			continue
		}
		out, status := runAs(t, dir, n, "--help")
		if status != 0 || !strings.HasPrefix(out, "usage: "+n) {
			t.Errorf("%s --help: status %d, output %q", n, status, out)
		}
	}
	if entries, _ := filepath.Glob(dir + "/*"); len(entries) > 0 {
		t.Errorf("--help has made files: %v", entries)
	}
}
