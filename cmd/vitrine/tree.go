package main

import (
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// tree is a source tree of Vitrine.
type tree struct {
	dir   string
	cache string // its directory in the user's cache

	builder *builder
}

var errNoTree = errors.New("no source tree of Vitrine: neither here nor where this program was built")

// findTree returns the source tree that the current directory lies in, else the one that this program was built from.
func findTree() (*tree, error) {
	dir := ""
	if wd, err := os.Getwd(); err == nil {
		for d := wd; ; d = filepath.Dir(d) {
			if isTree(d) {
				dir = d
				break
			}
			if d == filepath.Dir(d) {
				break
			}
		}
	}
	if dir == "" {
		// The compiler recorded this file's path, unless it was told -trimpath.
		_, file, _, _ := runtime.Caller(0)
		if d := filepath.Dir(filepath.Dir(filepath.Dir(file))); filepath.IsAbs(d) && isTree(d) {
			dir = d
		}
	}
	if dir == "" {
		return nil, errNoTree
	}
	return newTree(dir, terminalBuilder), nil
}

func newTree(dir string, b *builder) *tree {
	h := fnv.New64a()
	io.WriteString(h, dir)
	return &tree{dir: dir, cache: filepath.Join(cacheDir(), fmt.Sprintf("%s-%016x", filepath.Base(dir), h.Sum64())), builder: b}
}

func isTree(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.HasPrefix(string(data), "module vitrine\n") {
		return false
	}
	_, err = os.Stat(filepath.Join(dir, "cmd", "vkernel"))
	return err == nil
}

func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(tempDir(), "cache")
	}
	return filepath.Join(dir, "vitrine")
}

// fingerprint sums up names, sizes and times of all files below the paths that a build depends on.
// keep says which names count.
func (t *tree) fingerprint(keep func(name string) bool, paths ...string) string {
	h := fnv.New128a()
	fmt.Fprintln(h, runtime.Version(), t.dir)
	for _, p := range paths {
		stamp(h, filepath.Join(t.dir, p), keep)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func stamp(h hash.Hash, path string, keep func(string) bool) {
	entries, err := os.ReadDir(path)
	if err != nil { // a file, or nothing
		if st, err := os.Stat(path); err == nil {
			stampFile(h, path, st)
		}
		return
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."):
		case e.IsDir():
			if name != "testdata" {
				stamp(h, path+"/"+name, keep)
			}
		case keep(name):
			if st, err := e.Info(); err == nil {
				stampFile(h, path+"/"+name, st)
			}
		}
	}
}

func stampFile(h hash.Hash, path string, st os.FileInfo) {
	fmt.Fprintln(h, path, st.Size(), st.ModTime().UnixNano())
}

// goSource is a file that a Go build reads.
func goSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".s") || strings.HasSuffix(name, ".h")
}

// fresh reports whether the product was built from the sources with that fingerprint.
func fresh(product, fingerprint string) bool {
	data, err := os.ReadFile(product + ".stamp")
	if err != nil || string(data) != fingerprint {
		return false
	}
	_, err = os.Stat(product)
	return err == nil
}

// install moves a finished file into its place and notes what it was built from.
// The stamp goes away first: a crash in between costs a build, never a stale product.
func install(tmp, product, fingerprint string) error {
	os.Remove(product + ".stamp")
	if err := os.Rename(tmp, product); err != nil {
		return err
	}
	return writeFile(product+".stamp", []byte(fingerprint))
}

// writeFile writes a file at once or not at all.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
