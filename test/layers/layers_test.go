// Package layers holds the test that keeps the kernel's layers apart.
package layers

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// pkg is what the test wants of `go list -json`.
type pkg struct {
	ImportPath string
	Imports    []string
}

// rows reads the table in docs/layers.md: pattern → row, in order of rows.
func rows(t *testing.T) (patterns []string, row []int) {
	f, err := os.Open("../../docs/layers.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	quoted := regexp.MustCompile("`([^`]+)`")
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		cells := strings.Split(sc.Text(), "|")
		if len(cells) < 4 || strings.TrimSpace(cells[1]) == "row" || strings.HasPrefix(cells[1], "--") ||
			strings.HasPrefix(strings.TrimSpace(cells[1]), "host") {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			patterns, row = append(patterns, m[1]), append(row, n)
		}
		n++
	}
	if n < 5 {
		t.Fatalf("docs/layers.md has %d rows; is the table still there?", n)
	}
	return patterns, row
}

// find returns the row of a package by the longest pattern that matches, or -1.
func find(patterns []string, row []int, path string) int {
	best, at := -1, -1
	for i, p := range patterns {
		tree, isTree := strings.CutSuffix(p, "/...")
		if path == p || isTree && (path == tree || strings.HasPrefix(path, tree+"/")) {
			if len(p) > best {
				best, at = len(p), row[i]
			}
		}
	}
	return at
}

func TestLayers(t *testing.T) {
	patterns, row := rows(t)
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./machine/...", "./kernel/...")
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	checked := 0
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		from := strings.TrimPrefix(p.ImportPath, "vitrine/")
		r := find(patterns, row, from)
		if r < 0 {
			t.Errorf("%s is in no row of docs/layers.md", from)
			continue
		}
		for _, imp := range p.Imports {
			to, ours := strings.CutPrefix(imp, "vitrine/")
			if !ours {
				if door(from, imp) {
					t.Errorf("%s imports %s: the kernel reaches its host only through machine and platform", from, imp)
				}
				continue
			}
			checked++
			q := find(patterns, row, to)
			switch {
			case strings.HasPrefix(to, "hostdev") || strings.HasPrefix(to, "cmd/"):
				t.Errorf("%s imports %s, which belongs to the host's side", from, to)
			case q > r:
				t.Errorf("%s (row %d) imports %s (row %d)", from, r, to, q)
			case q == r && !sameTree(from, to):
				t.Errorf("%s imports its sibling %s", from, to)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d imports were looked at", checked)
	}
}

// door reports whether a kernel package may not import imp, a package that reaches the host.
func door(from, imp string) bool {
	if !strings.HasPrefix(from, "kernel/") || strings.HasPrefix(from, "kernel/platform/") {
		return false
	}
	switch imp {
	case "os", "net", "syscall", "math/rand", "os/exec", "time", "golang.org/x/sys/unix":
		return true
	}
	return false
}

// sameTree reports whether one package may import the other though they share a row: a parent and its
// child, or two packages of machine.
func sameTree(from, to string) bool {
	return strings.HasPrefix(from, to+"/") || strings.HasPrefix(to, from+"/") ||
		strings.HasPrefix(from, "machine/") && strings.HasPrefix(to, "machine/") ||
		from == "kernel/irq" || from == "kernel/ktest"
}
