package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
)

// findUserland returns the file of the default initial archive, and builds it if its sources changed.
func findUserland() (string, error) {
	t, err := findTree()
	if err != nil {
		return sibling("initramfs.cpio", err)
	}
	return t.userland()
}

func (t *tree) userland() (string, error) {
	product := t.archive()
	source := t.userlandPrint()
	if fresh(product, packPrint(source)) {
		return product, nil
	}
	return product, t.locked("userland", func() error {
		if fresh(product, packPrint(source)) {
			return nil
		}
		if err := t.buildBox(source); err != nil {
			return err
		}
		return t.packUserland(source)
	})
}

func (t *tree) archive() string { return filepath.Join(t.cache, "initramfs.cpio") }
func (t *tree) box() string     { return filepath.Join(t.cache, "box") }

func userlandSource(name string) bool {
	return goSource(name) || name == "go.mod" || name == "go.sum"
}

// userlandPrint sums up what the multi-call program is made from, packPrint what the archive is.
func (t *tree) userlandPrint() string {
	return t.fingerprint(userlandSource, "userland") + " " + strings.Join(boxFlags, " ")
}

func packPrint(source string) string { return source + "-" + packVersion }

// mtime is the time of all files in the archives: the same sources give the same archive.
const mtime = 1767225600 // 2026-01-01

// boxFlags build the program: with a build ID, by which its debugging information is found; our packages without optimisation, for they are to
// be stepped through.
var boxFlags = []string{"-ldflags=-B gobuildid", "-gcflags=vitrine/userland/...=-N -l"}

// packVersion changes when the archive's layout does.
const packVersion = "5"

// buildBox builds the multi-call program. When only times of files have changed, as git does to them,
// the program that is there is taken.
func (t *tree) buildBox(source string) error {
	if fresh(t.box(), source) {
		return nil
	}
	sum, err := t.content("userland")
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(t.box() + ".content"); err == nil && string(old) == sum {
		if _, err := os.Stat(t.box()); err == nil {
			return writeFile(t.box()+".stamp", []byte(source))
		}
	}
	tmp := t.box() + ".new"
	defer os.Remove(tmp)
	err = t.goTool(filepath.Join(t.dir, "userland"), "building the userland", []string{"CGO_ENABLED=0", "GOFLAGS=-buildvcs=false"},
		append(append([]string{"build"}, boxFlags...), "-o", tmp, "./cmd/box")...)
	if err != nil {
		return err
	}
	if err := install(tmp, t.box(), source); err != nil {
		return err
	}
	if err := t.publishDebug(t.box()); err != nil {
		return err
	}
	return writeFile(t.box()+".content", []byte(sum))
}

// content sums up the contents of the files that fingerprint looks at.
func (t *tree) content(path string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), boxFlags)
	err := filepath.WalkDir(filepath.Join(t.dir, path), func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !userlandSource(e.Name()) {
			return err
		}
		data, err := os.ReadFile(file)
		fmt.Fprintf(sum, "%s %d\n", file, len(data))
		sum.Write(data)
		return err
	})
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}

// packUserland makes the archive of the multi-call program and what else a system needs.
func (t *tree) packUserland(source string) error {
	program, err := os.ReadFile(t.box())
	if err != nil {
		return err
	}
	if program, err = strip(program); err != nil {
		return fmt.Errorf("%s: %w", t.box(), err)
	}
	list, err := exec.Command(t.box(), "--list").Output()
	if err != nil {
		return fmt.Errorf("%s --list: %w", t.box(), err)
	}
	var archive bytes.Buffer
	archive.Grow(len(program) + 1<<20)
	c := &cpioWriter{w: &archive}
	for _, dir := range []string{
		"bin", "demo", "dev", "etc", "lib", "mnt", "newroot", "opt", "proc", "run", "sys", "usr", "usr/share", "var", "var/log",
	} {
		c.Entry(dir, cpioDir|0o755, mtime, nil)
	}
	c.Entry("root", cpioDir|0o700, mtime, nil)
	c.Entry("tmp", cpioDir|0o1777, mtime, nil)
	c.Entry("bin/box", cpioRegular|0o755, mtime, program)
	links := map[string]string{
		"init": "bin/box", "sbin": "bin", "usr/bin": "../bin", "usr/sbin": "../bin", "var/run": "../run", "var/tmp": "../tmp",
	}
	for _, name := range strings.Fields(string(list)) {
		links["bin/"+name] = "box"
	}
	for _, from := range sortedKeys(links) {
		c.Entry(from, cpioLink|0o777, mtime, []byte(links[from]))
	}
	for _, name := range sortedKeys(etcFiles) {
		c.Entry("etc/"+name, cpioRegular|0o644, mtime, []byte(etcFiles[name]))
	}
	if err := c.Close(); err != nil {
		return err
	}
	if err := writeFile(t.archive()+".new", archive.Bytes()); err != nil {
		return err
	}
	return install(t.archive()+".new", t.archive(), packPrint(source))
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// etcFiles are the files in /etc.
var etcFiles = map[string]string{
	"passwd":   "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
	"group":    "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
	"hostname": "vitrine\n",
	"hosts":    "127.0.0.1\tlocalhost\n",
	"shells":   "/bin/sh\n",
	"profile": `# Read by login shells.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin:/demo
export PAGER=less EDITOR=vi
umask 022
`,
	"os-release": "NAME=Vitrine\nID=vitrine\nPRETTY_NAME=\"Vitrine's default userland\"\n",
}
