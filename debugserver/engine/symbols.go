package engine

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/go-delve/delve/pkg/proc"
)

// Cache keeps symbols over the restarts of a program. Its methods may be called from any goroutine, so that symbols can
// be loaded while the program is built or started. The zero Cache is ready.
type Cache struct {
	mu   sync.Mutex
	kept []*Symbols
}

// Symbols are what is known of a program from its file. One engine at a time uses them.
type Symbols struct {
	bi   *proc.BinaryInfo
	path string
	key  key
	mu   *sync.Mutex // the cache's
	busy bool
	keep bool
	pie  bool

	ranges map[string]bool // functions with bodies of loops over functions; nil: not known yet
}

// key tells two programs apart. The build id of a Go program changes with its content.
type key struct {
	buildID string
	dev     uint64
	ino     uint64
	size    int64
	mtime   int64
}

const maxKept = 2 // programs; the symbols of one take tens of megabytes

// Preload reads a program's symbols unless they are there.
func (c *Cache) Preload(path string) (err error) {
	defer guard(&err)
	s, err := c.get(path, 0)
	if err == nil {
		s.release()
	}
	return err
}

// forProcess returns the symbols of the program that a process runs, whatever has become of the file's name since.
func (c *Cache) forProcess(pid int) (*Symbols, error) {
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	entry, err := entryPoint(pid)
	if err != nil {
		return nil, err
	}
	if name, err := os.Readlink(exe); err == nil {
		a, errA := os.Stat(exe)
		b, errB := os.Stat(name)
		if errA == nil && errB == nil && os.SameFile(a, b) {
			exe = name // tells more in messages
		}
	}
	return c.get(exe, entry)
}

// get returns symbols that nobody else uses. entry is 0 if the program does not run yet.
func (c *Cache) get(path string, entry uint64) (*Symbols, error) {
	k, at, pie, err := identify(path)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	for _, s := range c.kept {
		if s.key == k && !s.busy {
			s.busy = true
			c.mu.Unlock()
			return s, nil
		}
	}
	c.mu.Unlock()
	if pie && entry == 0 {
		return nil, errors.New("a position independent program: its symbols are loaded when it runs")
	}
	if !pie {
		entry = at
	}
	s := &Symbols{bi: proc.NewBinaryInfo("linux", "amd64", false), path: path, key: k, mu: &c.mu, busy: true, keep: !pie, pie: pie}
	if err := s.bi.LoadBinaryInfo(path, entry, nil); err != nil {
		s.bi.Close()
		return nil, fmt.Errorf("symbols of %s: %w", path, err)
	}
	if pie { // lies elsewhere the next time
		return s, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) == maxKept {
		if old := c.kept[0]; !old.busy {
			old.bi.Close()
		} else {
			old.keep = false
		}
		c.kept = c.kept[1:]
	}
	c.kept = append(c.kept, s)
	return s, nil
}

func (s *Symbols) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
	if !s.keep {
		s.bi.Close()
	}
}

// identify returns what tells a program from others, its entry point and whether it is position independent.
func identify(path string) (k key, entry uint64, pie bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return k, 0, false, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return k, 0, false, err
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return k, 0, false, fmt.Errorf("%s: %w", path, err)
	}
	if e.Machine != elf.EM_X86_64 {
		return k, 0, false, fmt.Errorf("%s: a program for %v, not x86-64", path, e.Machine)
	}
	if s := e.Section(".note.go.buildid"); s != nil && s.Size > 16 && s.Size < 1024 {
		if b, err := s.Data(); err == nil {
			return key{buildID: string(b), size: st.Size()}, e.Entry, e.Type == elf.ET_DYN, nil
		}
	}
	k = key{size: st.Size(), mtime: st.ModTime().UnixNano()}
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		k.dev, k.ino = s.Dev, s.Ino
	}
	return k, e.Entry, e.Type == elf.ET_DYN, nil
}
