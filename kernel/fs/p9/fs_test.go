package p9_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	host "vitrine/hostdev/fs"
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	_ "vitrine/kernel/drivers/p9"
	"vitrine/kernel/fs/p9"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/test/devtest"
)

// rig is a kernel whose root is a directory of the host.
type rig struct {
	*devtest.Kernel
	dir string
	fs  *vfs.FS
}

func newRig(t *testing.T, cpus int, dir string, writable bool) *rig {
	t.Helper()
	d, err := host.New(host.Options{Tag: "host", Dir: dir, Writable: writable, OpenMax: 8})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Kernel: devtest.NewOptions(t, devtest.Options{CPUs: cpus}, d), dir: dir}
	r.Probe()
	r.Run(func(th *sched.Thread) {
		flags := abi.MS_RDONLY
		if writable {
			flags = 0
		}
		if _, err := r.VFS.MountRoot(th, "9p", vfs.MountRequest{Source: "host", Flags: flags, Data: "trans=virtio,version=9p2000.L"}); err != nil {
			t.Errorf("mount: %v; log:\n%s", err, strings.Join(r.Log.Lines(), "\n"))
			return
		}
		r.fs = r.VFS.NewFS(th)
	})
	if t.Failed() {
		t.FailNow()
	}
	return r
}

func (r *rig) open(th *sched.Thread, name string, flags int) (*vfs.File, error) {
	return r.VFS.Open(th, r.fs, vfs.Path{}, name, vfs.OpenHow{Flags: flags, Mode: 0o644})
}

func (r *rig) read(th *sched.Thread, name string) ([]byte, error) {
	f, err := r.open(th, name, abi.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close(th, nil)
	var all []byte
	p := make([]byte, 50_000)
	for {
		n, err := f.Read(th, mm.KernelIO(p))
		all = append(all, p[:n]...)
		if n == 0 || err != nil {
			return all, err
		}
	}
}

func (r *rig) list(th *sched.Thread, name string, batch int) ([]vfs.DirEntry, error) {
	f, err := r.open(th, name, abi.O_RDONLY|abi.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer f.Close(th, nil)
	var all []vfs.DirEntry
	for {
		n := 0
		err := f.ReadDir(th, func(e vfs.DirEntry) bool {
			if n == batch {
				return false
			}
			n++
			all = append(all, e)
			return true
		})
		if err != nil || n == 0 {
			return all, err
		}
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + i>>16)
	}
	return b
}

func TestReadOnlyRoot(t *testing.T) {
	dir := t.TempDir()
	big := pattern(3<<20 + 123)
	write(t, dir+"/etc/motd", []byte("welcome\n"))
	write(t, dir+"/big", big)
	write(t, dir+"/empty", nil)
	os.Symlink("etc/motd", dir+"/link")
	os.Symlink("/etc/motd", dir+"/absolute")
	os.Symlink("../../../../../../etc/passwd", dir+"/escape")
	os.Link(dir+"/etc/motd", dir+"/hard")
	syscall.Mkfifo(dir+"/fifo", 0o600)
	os.Chmod(dir+"/etc/motd", 0o640)
	when := time.Unix(1234567890, 123456789)
	os.Chtimes(dir+"/etc/motd", when, when)
	for _, cpus := range []int{1, 4} {
		t.Run(fmt.Sprint(cpus), func(t *testing.T) {
			r := newRig(t, cpus, dir, false)
			r.Run(func(th *sched.Thread) {
				for name, want := range map[string]string{
					"/etc/motd": "welcome\n", "/link": "welcome\n", "/absolute": "welcome\n", "/hard": "welcome\n",
					"/big": string(big), "/empty": "", "/etc/../big": string(big),
				} {
					if got, err := r.read(th, name); err != nil || string(got) != want {
						t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(want))
					}
				}
				for name, want := range map[string]errno.Errno{
					"/nothing": errno.ENOENT, "/etc/nothing": errno.ENOENT, "/etc/motd/x": errno.ENOTDIR,
					"/escape": errno.ENOENT, "/" + strings.Repeat("n", 256): errno.ENAMETOOLONG,
				} {
					if _, err := r.read(th, name); errno.Of(err) != want {
						t.Errorf("%s: %v, want %v", name, err, want)
					}
				}
				a, err := r.VFS.Stat(th, r.fs, vfs.Path{}, "/etc/motd", vfs.Follow)
				if err != nil || a.Mode != abi.S_IFREG|0o640 || a.UID != 0 || a.GID != 0 || a.Size != 8 || a.Nlink != 2 ||
					a.Mtime != when.UnixNano() {
					t.Errorf("stat: %+v, %v", a, err)
				}
				b, _ := r.VFS.Stat(th, r.fs, vfs.Path{}, "/hard", vfs.Follow)
				if a.Ino != b.Ino {
					t.Error("two names of one file have two inodes")
				}
				if l, err := r.VFS.Stat(th, r.fs, vfs.Path{}, "/link", 0); err != nil || !l.Mode.IsSymlink() {
					t.Errorf("lstat of a link: %v, %v", l.Mode, err)
				}
				if l, err := r.VFS.Stat(th, r.fs, vfs.Path{}, "/fifo", 0); err != nil || l.Mode.Type() != abi.S_IFIFO {
					t.Errorf("stat of a FIFO: %v, %v", l.Mode, err)
				}
				if _, err := r.open(th, "/new", abi.O_WRONLY|abi.O_CREAT); errno.Of(err) != errno.EROFS {
					t.Errorf("create: %v", err)
				}
				// Parts of a file, out of order.
				f, err := r.open(th, "/big", abi.O_RDONLY)
				if err != nil {
					t.Error(err)
					return
				}
				p := make([]byte, 10_000)
				for _, off := range []int{2 << 20, 5, 3<<20 - 100, 1<<20 - 1, len(big) - 3, len(big), len(big) + 5000} {
					n, err := f.ReadAt(th, mm.KernelIO(p), int64(off))
					want := big[min(off, len(big)):min(off+len(p), len(big))]
					if err != nil || !bytes.Equal(p[:n], want) {
						t.Errorf("read at %d: %d bytes, %v; want %d", off, n, err, len(want))
					}
				}
				f.Close(th, nil)
			})
		})
	}
}

func TestListing(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 3000 {
		name := fmt.Sprintf("file-with-a-longish-name-%04d", i)
		want = append(want, name)
		write(t, dir+"/"+name, nil)
	}
	os.Mkdir(dir+"/sub", 0o755)
	want = append(want, "sub", ".", "..")
	sort.Strings(want)
	r := newRig(t, 1, dir, false)
	r.Run(func(th *sched.Thread) {
		for _, batch := range []int{1 << 30, 7, 1} {
			all, err := r.list(th, "/", batch)
			if err != nil {
				t.Error(err)
			}
			var got []string
			for _, e := range all {
				got = append(got, e.Name)
				if (e.Name == "sub" || e.Name == "." || e.Name == "..") != (e.Type == abi.DT_DIR) {
					t.Errorf("%s has type %d", e.Name, e.Type)
				}
			}
			sort.Strings(got)
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("in steps of %d: %d names, want %d", batch, len(got), len(want))
			}
		}
		// From a remembered position.
		f, _ := r.open(th, "/", abi.O_RDONLY|abi.O_DIRECTORY)
		var names []string
		var at []int64
		f.ReadDir(th, func(e vfs.DirEntry) bool {
			names, at = append(names, e.Name), append(at, e.Next)
			return true
		})
		if _, err := f.Seek(th, at[1500], abi.SEEK_SET); err != nil {
			t.Error(err)
		}
		f.ReadDir(th, func(e vfs.DirEntry) bool {
			if e.Name != names[1501] {
				t.Errorf("after a seek the next name is %s, want %s", e.Name, names[1501])
			}
			return false
		})
		f.Close(th, nil)
	})
}

// TestManyOpenFiles opens more files than the server keeps open on the host.
func TestManyOpenFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range 100 {
		write(t, fmt.Sprintf("%s/f%d", dir, i), []byte(strings.Repeat(fmt.Sprint(i, " "), 5000)))
	}
	r := newRig(t, 4, dir, false)
	var readers []*devtest.Going
	for k := range 4 {
		readers = append(readers, r.Go(func(th *sched.Thread) {
			var files []*vfs.File
			for i := range 100 {
				f, err := r.open(th, fmt.Sprintf("/f%d", (i*7+k)%100), abi.O_RDONLY)
				if err != nil {
					t.Error(err)
					return
				}
				files = append(files, f)
			}
			p := make([]byte, 40_000)
			for i, f := range files {
				want := strings.Repeat(fmt.Sprint((i*7+k)%100, " "), 5000)
				if n, err := f.ReadAt(th, mm.KernelIO(p), 0); err != nil || string(p[:n]) != want {
					t.Errorf("file %d: %d bytes, %v", (i*7+k)%100, n, err)
				}
				f.Close(th, nil)
			}
		}))
	}
	for _, g := range readers {
		g.Wait()
	}
}

func TestWritableDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/old", []byte("old content"))
	r := newRig(t, 1, dir, true)
	big := pattern(600_000)
	r.Run(func(th *sched.Thread) {
		check := func(what string, err error) {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		put := func(name string, flags int, data []byte) {
			f, err := r.open(th, name, flags)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if n, err := f.Write(th, mm.KernelIO(data)); n != len(data) || err != nil {
				t.Errorf("write %s: %d of %d, %v", name, n, len(data), err)
			}
			check("close", f.Close(th, nil))
		}
		put("/new", abi.O_RDWR|abi.O_CREAT|abi.O_EXCL, big)
		put("/old", abi.O_WRONLY|abi.O_APPEND, []byte(", and new"))
		check("mkdir", r.VFS.Mkdir(th, r.fs, vfs.Path{}, "/d", 0o750))
		check("mkdir", r.VFS.Mkdir(th, r.fs, vfs.Path{}, "/d/e", 0o750))
		put("/d/e/f", abi.O_WRONLY|abi.O_CREAT, []byte("deep"))
		check("rename", r.VFS.Rename(th, r.fs, vfs.Path{}, "/d", vfs.Path{}, "/moved", 0))
		// What was known by the old name is found by the new one.
		if got, err := r.read(th, "/moved/e/f"); string(got) != "deep" || err != nil {
			t.Errorf("after the rename: %q, %v", got, err)
		}
		put("/moved/e/f", abi.O_WRONLY|abi.O_TRUNC, []byte("cut"))
		check("symlink", r.VFS.Symlink(th, r.fs, "moved/e/f", vfs.Path{}, "/s"))
		old, err := r.VFS.Resolve(th, r.fs, vfs.Path{}, "/old", vfs.Follow)
		check("resolve", err)
		check("link", r.VFS.Link(th, r.fs, old, vfs.Path{}, "/old2"))
		old.DecRef(th)
		check("unlink", r.VFS.Unlink(th, r.fs, vfs.Path{}, "/old"))
		if err := r.VFS.Rmdir(th, r.fs, vfs.Path{}, "/moved"); errno.Of(err) != errno.ENOTEMPTY {
			t.Errorf("rmdir of a full directory: %v", err)
		}
		p, err := r.VFS.Resolve(th, r.fs, vfs.Path{}, "/new", vfs.Follow)
		check("resolve", err)
		check("chmod", r.VFS.Chmod(th, p, 0o600))
		check("truncate", r.VFS.Truncate(th, p, 500_000))
		check("utimes", r.VFS.Utimes(th, p, vfs.Utime{NS: 1e18 + 5}, vfs.Utime{NS: 1e18 + 7}))
		p.DecRef(th)
		// A file without a name lives on while it is open.
		f, err := r.open(th, "/moved/e/f", abi.O_RDWR)
		check("open", err)
		check("unlink", r.VFS.Unlink(th, r.fs, vfs.Path{}, "/moved/e/f"))
		b := make([]byte, 10)
		if n, err := f.Read(th, mm.KernelIO(b)); string(b[:n]) != "cut" || err != nil {
			t.Errorf("read of an unlinked file: %q, %v", b[:n], err)
		}
		if _, err := f.Write(th, mm.KernelIO([]byte("!"))); err != nil {
			t.Errorf("write to an unlinked file: %v", err)
		}
		check("close of an unlinked file", f.Close(th, nil))
	})
	st, err := os.Stat(dir + "/new")
	if err != nil || st.Mode() != 0o600 || st.ModTime().UnixNano() != 1e18+7 {
		t.Errorf("the host sees %v, %v", st, err)
	}
	if got, _ := os.ReadFile(dir + "/new"); !bytes.Equal(got, big[:500_000]) {
		t.Errorf("the host sees %d bytes of /new", len(got))
	}
	if got, _ := os.ReadFile(dir + "/old2"); string(got) != "old content, and new" {
		t.Errorf("the host sees %q", got)
	}
	if got, _ := os.Readlink(dir + "/s"); got != "moved/e/f" {
		t.Errorf("the host sees a link to %q", got)
	}
	if _, err := os.Stat(dir + "/old"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the host sees the unlinked file: %v", err)
	}
}

func TestUnreadableFileIsEACCES(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the server's user is root, whom no permission stops")
	}
	dir := t.TempDir()
	write(t, dir+"/secret", []byte("x"))
	os.Chmod(dir+"/secret", 0)
	r := newRig(t, 1, dir, false)
	r.Run(func(th *sched.Thread) {
		if _, err := r.read(th, "/secret"); errno.Of(err) != errno.EACCES {
			t.Errorf("read: %v", err)
		}
	})
}

// TestFidsAreGivenBack walks over many files and looks whether the client clunks what it forgets.
func TestFidsAreGivenBack(t *testing.T) {
	dir := t.TempDir()
	for i := range 200 {
		write(t, fmt.Sprintf("%s/d/f%d", dir, i), []byte("x"))
	}
	r := newRig(t, 1, dir, false)
	r.Run(func(th *sched.Thread) {
		for range 3 {
			for i := range 200 {
				if _, err := r.read(th, fmt.Sprintf("/d/f%d", i)); err != nil {
					t.Error(err)
				}
				r.read(th, fmt.Sprintf("/d/not%d", i))
			}
		}
		p, _ := r.VFS.Resolve(th, r.fs, vfs.Path{}, "/", vfs.Follow)
		c := p.Inode().SB.Fs.(*p9.FS).Client
		p.DecRef(th)
		if n := c.Fids(th); n > 203 {
			t.Errorf("%d fids for 202 files", n)
		}
	})
}

// TestFileBiggerThanMemory reads a file that does not fit: its own pages must give way.
func TestFileBiggerThanMemory(t *testing.T) {
	dir := t.TempDir()
	big := pattern(12 << 20)
	write(t, dir+"/big", big)
	d, err := host.New(host.Options{Tag: "host", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Kernel: devtest.NewOptions(t, devtest.Options{CPUs: 2, RAM: 6 << 20}, d)}
	r.Probe()
	read := func(th *sched.Thread) {
		if got, err := r.read(th, "/big"); err != nil || !bytes.Equal(got, big) {
			t.Errorf("%d bytes of %d, %v", len(got), len(big), err)
		}
	}
	r.Run(func(th *sched.Thread) {
		if _, err := r.VFS.MountRoot(th, "9p", vfs.MountRequest{Source: "host", Flags: abi.MS_RDONLY}); err != nil {
			t.Error(err)
			return
		}
		r.fs = r.VFS.NewFS(th)
		read(th)
		read(th)
	})
	a, b := r.Go(read), r.Go(read)
	a.Wait()
	b.Wait()
}

func BenchmarkLookup(b *testing.B) {
	dir := b.TempDir()
	for i := range b.N {
		os.WriteFile(fmt.Sprintf("%s/f%d", dir, i), []byte("x"), 0o644)
	}
	d, err := host.New(host.Options{Tag: "host", Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	k := devtest.NewOptions(b, devtest.Options{CPUs: 1}, d)
	k.Probe()
	k.Run(func(th *sched.Thread) {
		if _, err := k.VFS.MountRoot(th, "9p", vfs.MountRequest{Source: "host", Flags: abi.MS_RDONLY}); err != nil {
			b.Error(err)
			return
		}
		fs := k.VFS.NewFS(th)
		b.ResetTimer()
		for i := range b.N {
			if _, err := k.VFS.Stat(th, fs, vfs.Path{}, fmt.Sprintf("/f%d", i), vfs.Follow); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
