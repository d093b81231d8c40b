package vfstest

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ktest"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/machine/fake"
)

// Options say what to test.
type Options struct {
	// Type is the filesystem's registered name; Data its mount options.
	Type, Data string

	// Setup, if set, mounts the filesystem at the root itself; it runs before every case.
	Setup func(e *Env)

	// Skip are the names of cases that don't apply.
	Skip []string

	// CPUs for the concurrent cases; 0 means 4.
	CPUs int

	// RAM in bytes; 0 means 16 MiB.
	RAM int
}

// Env is a case's world: a task's eyes on a fresh kernel.
type Env struct {
	TB testing.TB
	T  *sched.Thread
	V  *vfs.VFS
	FS *vfs.FS
	K  *ktest.Kernel
}

// NewKernel returns an environment whose root is not mounted yet; the caller runs cases by e.K.Run and e.With.
func NewKernel(tb testing.TB, cpus, ram int) *Env {
	if ram == 0 {
		ram = 16 << 20
	}
	k := ktest.New(tb, ktest.Options{CPUs: cpus, Machine: fake.Options{RAM: ram, NowStep: 1000, WallTime: 1_800_000_000e9}})
	mem := mm.NewMemory(k.Machine.RAM(), k.Machine.Boot().Reserved)
	return &Env{TB: tb, K: k, V: vfs.New(vfs.Config{Timers: k.Timers, Memory: mem})}
}

// With returns e for another thread, with a root and working directory of its own.
func (e *Env) With(t *sched.Thread) *Env {
	n := *e
	n.T = t
	n.FS = e.V.NewFS(t)
	n.FS.SetUmask(0)
	return &n
}

// Run runs the whole suite.
func Run(t *testing.T, o Options) {
	skip := map[string]bool{}
	for _, s := range o.Skip {
		skip[s] = true
	}
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) {
			if skip[c.Name] {
				t.Skip("does not apply")
			}
			cpus := 1
			if c.Concurrent {
				cpus = max(o.CPUs, 4)
			}
			RunCase(t, o, cpus, c.Run)
		})
	}
}

// RunCase runs one case on a fresh kernel.
func RunCase(tb testing.TB, o Options, cpus int, f func(e *Env)) {
	e := NewKernel(tb, cpus, o.RAM)
	e.K.Run(func(t *sched.Thread) {
		boot := *e
		boot.T = t
		if o.Setup != nil {
			o.Setup(&boot)
		} else if _, err := e.V.MountRoot(t, o.Type, vfs.MountRequest{Source: "root", Data: o.Data}); err != nil {
			tb.Errorf("mount: %v", err)
			return
		}
		c := e.With(t)
		f(c)
		c.FS.DecRef(t)
		if n := e.V.OpenFiles(); n != 0 {
			tb.Errorf("%d files are still open", n)
		}
		if l := t.Locks(); len(l) != 0 {
			tb.Errorf("locks are still held: %v", l)
		}
	})
}

// Case is one case.
type Case struct {
	Name       string
	Concurrent bool // on several CPUs
	Run        func(e *Env)
}

var cases []Case

// add is for init functions.
func add(name string, f func(e *Env)) { cases = append(cases, Case{Name: name, Run: f}) }

func addConcurrent(name string, f func(e *Env)) {
	cases = append(cases, Case{Name: name, Run: f, Concurrent: true})
}

// All returns all cases in order of their names.
func All() []Case {
	sort.Slice(cases, func(i, j int) bool { return cases[i].Name < cases[j].Name })
	return cases
}

// Want checks that err has the number want; 0 means success.
func (e *Env) Want(err error, want errno.Errno) {
	e.TB.Helper()
	if got := errno.Of(err); got != want {
		e.TB.Errorf("got %s (%v), want %s", name(got), err, name(want))
	}
}

func name(n errno.Errno) string {
	if n == 0 {
		return "success"
	}
	return n.Name()
}

// OK checks that err is nil.
func (e *Env) OK(err error) {
	e.TB.Helper()
	if err != nil {
		e.TB.Errorf("failed: %s (%v)", errno.Of(err).Name(), err)
	}
}

// Equal checks that got is want.
func (e *Env) Equal(got, want any) {
	e.TB.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		e.TB.Errorf("got %v, want %v", got, want)
	}
}

// As runs f with the credentials of an ordinary user.
func (e *Env) As(uid, gid cred.ID, f func(), groups ...cred.ID) {
	old := e.T.Cred
	e.T.Cred = cred.User(uid, gid)
	e.T.Cred.Groups = groups
	f()
	e.T.Cred = old
}

var cwd vfs.Path

// Open opens a file.
func (e *Env) Open(name string, flags int, mode vfs.Mode) (*vfs.File, error) {
	return e.V.Open(e.T, e.FS, cwd, name, vfs.OpenHow{Flags: flags, Mode: mode})
}

// MustOpen opens a file that must open; nil if it doesn't.
func (e *Env) MustOpen(name string, flags int, mode vfs.Mode) *vfs.File {
	e.TB.Helper()
	f, err := e.Open(name, flags, mode)
	if err != nil {
		e.TB.Fatalf("open %s: %v", name, err)
	}
	return f
}

// TryOpen opens and closes a file.
func (e *Env) TryOpen(name string, flags int, mode vfs.Mode) error {
	f, err := e.Open(name, flags, mode)
	if err == nil {
		err = f.Close(e.T, nil)
	}
	return err
}

// Close closes a file.
func (e *Env) Close(f *vfs.File) { e.OK(f.Close(e.T, nil)) }

// Create makes an empty file.
func (e *Env) Create(name string, mode vfs.Mode) {
	e.TB.Helper()
	e.OK(e.TryOpen(name, abi.O_CREAT|abi.O_EXCL|abi.O_WRONLY, mode))
}

// Write makes name a file with that content.
func (e *Env) Write(name, content string) {
	e.TB.Helper()
	f := e.MustOpen(name, abi.O_CREAT|abi.O_TRUNC|abi.O_WRONLY, 0o644)
	e.Put(f, content)
	e.Close(f)
}

// Put writes at the file's position.
func (e *Env) Put(f *vfs.File, content string) {
	e.TB.Helper()
	n, err := f.Write(e.T, mm.KernelIO([]byte(content)))
	if err != nil || n != len(content) {
		e.TB.Errorf("write: %d of %d bytes, %v", n, len(content), err)
	}
}

// PutAt writes at an offset.
func (e *Env) PutAt(f *vfs.File, content string, off int64) error {
	_, err := f.WriteAt(e.T, mm.KernelIO([]byte(content)), off)
	return err
}

// Get reads up to n bytes at the file's position.
func (e *Env) Get(f *vfs.File, n int) string {
	e.TB.Helper()
	b := make([]byte, n)
	k, err := f.Read(e.T, mm.KernelIO(b))
	if err != nil {
		e.TB.Errorf("read: %v", err)
	}
	return string(b[:k])
}

// GetAt reads up to n bytes at an offset.
func (e *Env) GetAt(f *vfs.File, n int, off int64) string {
	e.TB.Helper()
	b := make([]byte, n)
	k, err := f.ReadAt(e.T, mm.KernelIO(b), off)
	if err != nil {
		e.TB.Errorf("read at %d: %v", off, err)
	}
	return string(b[:k])
}

// Read returns a file's content.
func (e *Env) Read(name string) string {
	e.TB.Helper()
	f, err := e.Open(name, abi.O_RDONLY, 0)
	if err != nil {
		e.TB.Errorf("open %s: %v", name, err)
		return ""
	}
	defer f.Close(e.T, nil)
	var b strings.Builder
	for {
		s := e.Get(f, 65536)
		if s == "" {
			return b.String()
		}
		b.WriteString(s)
	}
}

// The calls by name.

// Mkdir makes a directory.
func (e *Env) Mkdir(name string, mode vfs.Mode) error { return e.V.Mkdir(e.T, e.FS, cwd, name, mode) }

// Rmdir removes one.
func (e *Env) Rmdir(name string) error { return e.V.Rmdir(e.T, e.FS, cwd, name) }

// Unlink removes a name.
func (e *Env) Unlink(name string) error { return e.V.Unlink(e.T, e.FS, cwd, name) }

// Symlink makes a symbolic link.
func (e *Env) Symlink(target, name string) error {
	return e.V.Symlink(e.T, e.FS, target, cwd, name)
}

// Link makes a hard link; a symbolic link at the end of old is not followed.
func (e *Env) Link(old, name string) error {
	return e.At(old, 0, func(p vfs.Path) error { return e.V.Link(e.T, e.FS, p, cwd, name) })
}

// Rename renames.
func (e *Env) Rename(old, name string) error { return e.Rename2(old, name, 0) }

// Rename2 renames with flags.
func (e *Env) Rename2(old, name string, flags int) error {
	return e.V.Rename(e.T, e.FS, cwd, old, cwd, name, flags)
}

// Mknod makes a special file.
func (e *Env) Mknod(name string, mode vfs.Mode, dev vfs.Dev) error {
	return e.V.Mknod(e.T, e.FS, cwd, name, mode, dev)
}

// Mkfiles makes empty files, and directories where a name ends in a slash.
func (e *Env) Mkfiles(names ...string) {
	e.TB.Helper()
	for _, n := range names {
		if strings.HasSuffix(n, "/") {
			e.OK(e.Mkdir(n, 0o755))
		} else {
			e.Create(n, 0o644)
		}
	}
}

// At calls f with the file that name means.
func (e *Env) At(name string, how vfs.Lookup, f func(p vfs.Path) error) error {
	p, err := e.V.Resolve(e.T, e.FS, cwd, name, how)
	if err != nil {
		return err
	}
	defer p.DecRef(e.T)
	return f(p)
}

// Exists reports whether name exists.
func (e *Env) Exists(name string) error {
	return e.At(name, vfs.Follow, func(vfs.Path) error { return nil })
}

// Chmod changes permissions.
func (e *Env) Chmod(name string, mode vfs.Mode) error {
	return e.At(name, vfs.Follow, func(p vfs.Path) error { return e.V.Chmod(e.T, p, mode) })
}

// Chown changes owner and group.
func (e *Env) Chown(name string, uid, gid cred.ID) error {
	return e.At(name, vfs.Follow, func(p vfs.Path) error { return e.V.Chown(e.T, p, uid, gid) })
}

// Truncate changes the size.
func (e *Env) Truncate(name string, size int64) error {
	return e.At(name, vfs.Follow, func(p vfs.Path) error { return e.V.Truncate(e.T, p, size) })
}

// Stat follows links, Lstat doesn't.
func (e *Env) Stat(name string) vfs.Attr {
	e.TB.Helper()
	a, err := e.V.Stat(e.T, e.FS, cwd, name, vfs.Follow)
	if err != nil {
		e.TB.Errorf("stat %s: %v", name, err)
	}
	return a
}

// Lstat is Stat of a link itself.
func (e *Env) Lstat(name string) vfs.Attr {
	e.TB.Helper()
	a, err := e.V.Stat(e.T, e.FS, cwd, name, 0)
	if err != nil {
		e.TB.Errorf("lstat %s: %v", name, err)
	}
	return a
}

// Readlink returns a link's target.
func (e *Env) Readlink(name string) (s string, err error) {
	err = e.At(name, 0, func(p vfs.Path) error {
		var err error
		s, err = e.V.Readlink(e.T, e.FS, p)
		return err
	})
	return s, err
}

// Chdir changes the working directory.
func (e *Env) Chdir(name string) error {
	p, err := e.V.Resolve(e.T, e.FS, cwd, name, vfs.Follow|vfs.Directory)
	if err != nil {
		return err
	}
	e.FS.SetCwd(e.T, p)
	return nil
}

// Getcwd returns its name.
func (e *Env) Getcwd() string {
	e.TB.Helper()
	s, err := e.V.Getcwd(e.T, e.FS)
	if err != nil {
		return errno.Of(err).Name()
	}
	return s
}

// Ls returns the names in a directory, sorted, without "." and "..".
func (e *Env) Ls(name string) string {
	e.TB.Helper()
	f, err := e.Open(name, abi.O_RDONLY|abi.O_DIRECTORY, 0)
	if err != nil {
		return errno.Of(err).Name()
	}
	defer f.Close(e.T, nil)
	var names []string
	err = f.ReadDir(e.T, func(d vfs.DirEntry) bool {
		if d.Name != "." && d.Name != ".." {
			names = append(names, d.Name)
		}
		return true
	})
	if err != nil {
		return errno.Of(err).Name()
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}
