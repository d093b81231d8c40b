package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The C demo programs are in an archive of their own, which goes into RAM behind the default userland's: they are
// larger than all of that, and only somebody at a shell wants them.

func (t *tree) demoArchive() string { return filepath.Join(t.cache, "demo.cpio") }

// findDemos returns the archive of the demo programs, or "" if there is none (yet).
func findDemos() string {
	t, err := findTree()
	if err != nil {
		path, err := sibling("demo.cpio", err)
		if err != nil {
			return ""
		}
		return path
	}
	if _, err := os.Stat(t.demoArchive()); err != nil {
		return ""
	}
	return t.demoArchive()
}

// wantDemos reports whether a machine gets the demo programs.
func (o *options) wantDemos() bool {
	if o.initrd != "" || o.root != "" || o.ram < 64<<20 {
		return false
	}
	return len(o.command) == 0 || strings.Contains(strings.Join(o.command, " "), "/demo")
}

// buildDemos compiles the demo programs for the next start. It runs beside the first shell, at the lowest
// priority, and says nothing: a host without a C compiler simply has no demos.
func buildDemos() {
	t, err := findTree()
	if err != nil {
		return
	}
	t.builder = silentBuilder
	sources, _ := filepath.Glob(filepath.Join(t.dir, "userland", "demo", "*.c"))
	cc, err := exec.LookPath("cc")
	if err != nil || len(sources) == 0 {
		return
	}
	print := packVersion
	programs := map[string]string{} // name → its file in the cache, named by content
	for _, src := range sources {
		data, err := os.ReadFile(src)
		if err != nil {
			return
		}
		name := strings.TrimSuffix(filepath.Base(src), ".c")
		sum := fmt.Sprintf("%x", sha256.Sum256(data))[:16]
		programs[name] = filepath.Join(t.cache, "demo", name+"-"+sum)
		print += " " + name + "-" + sum
	}
	if fresh(t.demoArchive(), print) {
		return
	}
	t.locked("demo", func() error {
		if fresh(t.demoArchive(), print) {
			return nil
		}
		if err := os.MkdirAll(filepath.Join(t.cache, "demo"), 0o777); err != nil {
			return err
		}
		for _, src := range sources {
			out := programs[strings.TrimSuffix(filepath.Base(src), ".c")]
			if _, err := os.Stat(out); err == nil {
				continue // from a time when we were interrupted
			}
			// With -g: they are written to be stepped through. One that does not compile is left out.
			cmd := exec.Command("nice", "-n", "19", cc, "-g", "-O0", "-static", "-pthread", "-o", out+".new", src)
			if cmd.Run() == nil {
				os.Rename(out+".new", out)
			}
		}
		return t.packDemos(programs, print)
	})
}

func (t *tree) packDemos(programs map[string]string, print string) error {
	var archive bytes.Buffer
	c := &cpioWriter{w: &archive}
	c.Entry("demo", cpioDir|0o755, mtime, nil)
	for _, name := range sortedKeys(programs) {
		if data, err := os.ReadFile(programs[name]); err == nil {
			c.Entry("demo/"+name, cpioRegular|0o755, mtime, data)
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	if err := writeFile(t.demoArchive()+".new", archive.Bytes()); err != nil {
		return err
	}
	return install(t.demoArchive()+".new", t.demoArchive(), print)
}
