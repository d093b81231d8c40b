package vfstest

import (
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/vfs"
)

const (
	rd = abi.O_RDONLY
	wr = abi.O_WRONLY
	rw = abi.O_RDWR
	cr = abi.O_CREAT
	ex = abi.O_EXCL
	tr = abi.O_TRUNC
	ap = abi.O_APPEND
)

func init() {
	add("file/write-read", func(e *Env) {
		e.Write("f", "hello")
		e.Equal(e.Read("f"), "hello")
		e.Equal(e.Stat("f").Size, 5)
		e.Equal(e.Stat("f").Mode, vfs.Mode(abi.S_IFREG|0o644))
		e.Equal(e.Stat("f").Nlink, 1)
	})
	add("file/big", func(e *Env) {
		s := strings.Repeat("0123456789abcdef", 50_000)
		e.Write("f", s)
		if e.Read("f") != s {
			e.TB.Error("content differs")
		}
		f := e.MustOpen("f", rd, 0)
		defer e.Close(f)
		for _, off := range []int64{0, 1, 4095, 4096, 262143, 262144, 799_990} {
			e.Equal(e.GetAt(f, 10, off), s[off:min(off+10, 800_000)])
		}
		e.Equal(e.GetAt(f, 10, 800_000), "")
		e.Equal(e.GetAt(f, 10, 1<<40), "")
	})
	add("file/many-small-writes", func(e *Env) {
		f := e.MustOpen("f", cr|wr, 0o644)
		for range 3000 {
			e.Put(f, "abcdefghijk")
		}
		e.Close(f)
		if e.Read("f") != strings.Repeat("abcdefghijk", 3000) {
			e.TB.Error("content differs")
		}
	})
	add("file/position", func(e *Env) {
		e.Write("f", "0123456789")
		f := e.MustOpen("f", rw, 0)
		defer e.Close(f)
		e.Equal(e.Get(f, 3), "012")
		e.Equal(e.Get(f, 3), "345")
		seek := func(off int64, whence int, want int64, errWant errno.Errno) {
			e.TB.Helper()
			got, err := f.Seek(e.T, off, whence)
			e.Want(err, errWant)
			if err == nil {
				e.Equal(got, want)
			}
		}
		seek(0, abi.SEEK_CUR, 6, 0)
		seek(-2, abi.SEEK_END, 8, 0)
		e.Equal(e.Get(f, 9), "89")
		seek(-1, abi.SEEK_SET, 0, errno.EINVAL)
		seek(-11, abi.SEEK_END, 0, errno.EINVAL)
		seek(1<<63-1, abi.SEEK_CUR, 0, errno.EOVERFLOW)
		seek(0, 99, 0, errno.EINVAL)
		seek(100, abi.SEEK_SET, 100, 0)
		e.Equal(e.Get(f, 9), "")
		seek(2, abi.SEEK_SET, 2, 0)
		e.Put(f, "XY")
		e.Equal(e.Get(f, 2), "45")
		e.Equal(e.GetAt(f, 4, 1), "1XY4")
		seek(0, abi.SEEK_CUR, 6, 0)
	})
	add("file/hole", func(e *Env) {
		f := e.MustOpen("f", cr|rw, 0o644)
		defer e.Close(f)
		e.OK(e.PutAt(f, "end", 300_000))
		e.Equal(f.Inode.Size(), 300_003)
		e.Equal(e.GetAt(f, 4, 0), "\x00\x00\x00\x00")
		e.Equal(e.GetAt(f, 5, 299_998), "\x00\x00end")
		e.OK(e.PutAt(f, "x", 5000))
		e.Equal(e.GetAt(f, 3, 4999), "\x00x\x00")
	})
	add("file/seek-data-hole", func(e *Env) {
		f := e.MustOpen("f", cr|rw, 0o644)
		defer e.Close(f)
		e.OK(e.PutAt(f, "x", 1<<20))
		e.OK(f.Truncate(e.T, 2<<20))
		at := func(off int64, whence int) int64 {
			n, err := f.Seek(e.T, off, whence)
			if err != nil {
				return -int64(errno.Of(err))
			}
			return n
		}
		// A filesystem that knows no holes says that all is data.
		if at(0, abi.SEEK_DATA) == 0 {
			e.Equal(at(5, abi.SEEK_DATA), 5)
			e.Equal(at(5, abi.SEEK_HOLE), 2<<20)
		} else {
			e.Equal(at(0, abi.SEEK_DATA), 1<<20)
			e.Equal(at(0, abi.SEEK_HOLE), 0)
			e.Equal(at(1<<20, abi.SEEK_DATA), 1<<20)
			e.Equal(at(1<<20, abi.SEEK_HOLE), 1<<20+4096)
			e.Equal(at(1<<20+4096, abi.SEEK_DATA), -int64(errno.ENXIO))
		}
		e.Equal(at(2<<20, abi.SEEK_DATA), -int64(errno.ENXIO))
		e.Equal(at(2<<20, abi.SEEK_HOLE), -int64(errno.ENXIO))
		e.Equal(at(-1, abi.SEEK_HOLE), -int64(errno.ENXIO))
	})
	add("file/truncate", func(e *Env) {
		e.Write("f", strings.Repeat("x", 10_000))
		e.OK(e.Truncate("f", 5000))
		e.Equal(e.Stat("f").Size, 5000)
		e.Equal(e.Read("f"), strings.Repeat("x", 5000))
		e.OK(e.Truncate("f", 5002))
		e.Equal(e.Read("f"), strings.Repeat("x", 5000)+"\x00\x00")
		e.OK(e.Truncate("f", 0))
		e.OK(e.Truncate("f", 4))
		e.Equal(e.Read("f"), "\x00\x00\x00\x00")
		e.Want(e.Truncate("f", -1), errno.EINVAL)
		e.Want(e.Truncate("nothere", 0), errno.ENOENT)
		e.Want(e.Truncate("/", 0), errno.EISDIR)
		f := e.MustOpen("f", rd, 0)
		e.Want(f.Truncate(e.T, 0), errno.EINVAL)
		e.Close(f)
	})
	add("file/append", func(e *Env) {
		e.Write("f", "abc")
		a := e.MustOpen("f", wr|ap, 0)
		b := e.MustOpen("f", rw, 0)
		e.Put(a, "1")
		_, _ = a.Seek(e.T, 0, abi.SEEK_SET)
		e.Put(a, "2")
		e.Equal(a.Pos(e.T), 5)
		e.OK(e.PutAt(a, "3", 0)) // pwrite(2), BUGS: appends too
		e.Put(b, "X")
		e.Equal(e.Read("f"), "Xbc123")
		e.Close(a)
		e.Close(b)
	})
	add("file/open-flags", func(e *Env) {
		e.Want(e.TryOpen("f", rd, 0), errno.ENOENT)
		e.OK(e.TryOpen("f", rd|cr, 0o600))
		e.OK(e.TryOpen("f", rd|cr, 0o644))
		e.Equal(e.Stat("f").Mode.Perm(), vfs.Mode(0o600))
		e.Want(e.TryOpen("f", rd|cr|ex, 0o600), errno.EEXIST)
		e.Want(e.TryOpen("f", rd|abi.O_DIRECTORY, 0), errno.ENOTDIR)
		e.Want(e.TryOpen("f/", rd, 0), errno.ENOTDIR)
		e.Want(e.TryOpen("f/x", rd, 0), errno.ENOTDIR)
		e.Want(e.TryOpen("f/x", rd|cr, 0o644), errno.ENOTDIR)
		e.Want(e.TryOpen("g/", rd|cr, 0o644), errno.EISDIR)
		e.Want(e.TryOpen("", rd|cr, 0o644), errno.ENOENT)
		e.Want(e.TryOpen("/", rd|cr, 0o644), errno.EISDIR)
		e.Want(e.TryOpen(".", rd|cr, 0o644), errno.EISDIR)
		e.Want(e.TryOpen("..", rd|cr|ex, 0o644), errno.EEXIST)
		e.Want(e.TryOpen("/", wr, 0), errno.EISDIR)
		e.Want(e.TryOpen("/", rd|tr, 0), errno.EISDIR)
		e.OK(e.TryOpen("/", rd, 0))
		e.OK(e.TryOpen("/", rd|abi.O_DIRECTORY, 0))
		e.Want(e.TryOpen("no/f", rd|cr, 0o644), errno.ENOENT)
	})
	add("file/open-truncates", func(e *Env) {
		e.Write("f", "abc")
		e.OK(e.TryOpen("f", wr|tr, 0))
		e.Equal(e.Stat("f").Size, 0)
		e.Write("f", "abc")
		e.OK(e.TryOpen("f", wr|cr|tr, 0))
		e.Equal(e.Stat("f").Size, 0)
	})
	add("file/access-mode", func(e *Env) {
		e.Write("f", "abc")
		r, w := e.MustOpen("f", rd, 0), e.MustOpen("f", wr, 0)
		_, err := r.Write(e.T, mm.KernelIO([]byte("x")))
		e.Want(err, errno.EBADF)
		_, err = w.Read(e.T, mm.KernelIO(make([]byte, 1)))
		e.Want(err, errno.EBADF)
		e.Close(r)
		e.Close(w)
		d := e.MustOpen("/", rd, 0)
		_, err = d.Read(e.T, mm.KernelIO(make([]byte, 1)))
		e.Want(err, errno.EISDIR)
		e.Close(d)
	})
	add("file/o-path", func(e *Env) {
		e.Write("f", "abc")
		f := e.MustOpen("f", abi.O_PATH|wr|tr, 0)
		e.Equal(e.Stat("f").Size, 3)
		_, err := f.Read(e.T, mm.KernelIO(make([]byte, 1)))
		e.Want(err, errno.EBADF)
		_, err = f.Seek(e.T, 0, 0)
		e.Want(err, errno.EBADF)
		e.Want(f.Sync(e.T, false), errno.EBADF)
		e.Close(f)
		e.OK(e.Symlink("f", "l"))
		f = e.MustOpen("l", abi.O_PATH|abi.O_NOFOLLOW, 0)
		e.Equal(f.Inode.Mode().IsSymlink(), true)
		e.Close(f)
	})
	add("file/unlinked-but-open", func(e *Env) {
		e.Write("f", "abc")
		f := e.MustOpen("f", rw, 0)
		e.OK(e.Unlink("f"))
		e.Want(e.Exists("f"), errno.ENOENT)
		e.Equal(e.Get(f, 9), "abc")
		e.Put(f, "def")
		e.Equal(e.GetAt(f, 9, 0), "abcdef")
		a, err := f.Attr(e.T)
		e.OK(err)
		e.Equal(a.Nlink, 0)
		e.Create("f", 0o644)
		e.Equal(e.Stat("f").Size, 0)
		e.Equal(f.Name(e.T), "/f (deleted)")
		e.Close(f)
	})
	add("file/tmpfile", func(e *Env) {
		f, err := e.Open("/", rw|abi.O_TMPFILE, 0o600)
		if errno.Of(err) == errno.EOPNOTSUPP {
			e.TB.Skip("no O_TMPFILE")
		}
		e.OK(err)
		e.Put(f, "abc")
		e.Equal(e.Ls("/"), "")
		e.OK(e.V.Link(e.T, e.FS, f.Path, cwd, "named"))
		e.Equal(e.Read("named"), "abc")
		e.Equal(e.Stat("named").Nlink, 1)
		e.Close(f)
		f, err = e.Open("/", rw|ex|abi.O_TMPFILE, 0o600)
		e.OK(err)
		e.Want(e.V.Link(e.T, e.FS, f.Path, cwd, "never"), errno.ENOENT)
		e.Close(f)
		e.Want(e.TryOpen("/", rd|abi.O_TMPFILE, 0), errno.EINVAL)
		e.Want(e.TryOpen("named", rw|abi.O_TMPFILE, 0), errno.ENOTDIR)
	})
	add("file/times", func(e *Env) {
		e.Write("f", "abc")
		a := e.Stat("f")
		if a.Mtime == 0 || a.Ctime == 0 || a.Atime == 0 {
			e.TB.Errorf("times are not set: %+v", a)
		}
		e.Write("f", "abcd")
		b := e.Stat("f")
		e.Equal(b.Mtime > a.Mtime, true)
		e.Equal(b.Ctime > a.Ctime, true)
		e.Read("f")
		c := e.Stat("f")
		e.Equal(c.Atime > b.Mtime, true)
		e.Read("f") // relatime: the second read leaves it
		e.Equal(e.Stat("f").Atime, c.Atime)
		e.OK(e.Chmod("f", 0o600))
		d := e.Stat("f")
		e.Equal(d.Ctime > c.Ctime, true)
		e.Equal(d.Mtime, c.Mtime)
		dir := e.Stat("/")
		e.Create("g", 0o644)
		e.Equal(e.Stat("/").Mtime > dir.Mtime, true)
	})
	add("file/fallocate", func(e *Env) {
		f := e.MustOpen("f", cr|rw, 0o644)
		defer e.Close(f)
		err := f.Fallocate(e.T, 0, 0, 10_000)
		if errno.Of(err) == errno.EOPNOTSUPP {
			return
		}
		e.OK(err)
		e.Equal(f.Inode.Size(), 10_000)
		e.OK(f.Fallocate(e.T, abi.FALLOC_FL_KEEP_SIZE, 0, 20_000))
		e.Equal(f.Inode.Size(), 10_000)
		e.OK(e.PutAt(f, strings.Repeat("x", 10_000), 0))
		e.OK(f.Fallocate(e.T, abi.FALLOC_FL_PUNCH_HOLE|abi.FALLOC_FL_KEEP_SIZE, 100, 9000))
		e.Equal(e.GetAt(f, 20_000, 0), strings.Repeat("x", 100)+strings.Repeat("\x00", 9000)+strings.Repeat("x", 900))
		e.Want(f.Fallocate(e.T, abi.FALLOC_FL_PUNCH_HOLE, 0, 1), errno.EOPNOTSUPP)
		e.Want(f.Fallocate(e.T, 0, -1, 1), errno.EINVAL)
		e.Want(f.Fallocate(e.T, 0, 0, 0), errno.EINVAL)
		e.Want(f.Fallocate(e.T, 0, 1<<62, 1<<62), errno.EFBIG)
	})
	add("file/page-cache-follows-truncate", func(e *Env) {
		f := e.MustOpen("f", cr|rw, 0o644)
		defer e.Close(f)
		e.Put(f, strings.Repeat("x", 3*4096))
		pc := f.Inode.Pages
		if pc == nil {
			e.TB.Skip("no page cache")
		}
		pfn, err := pc.Page(e.T, 2, false)
		e.OK(err)
		e.V.Memory.DecRef(e.T, pfn)
		_, err = pc.Page(e.T, 3, false)
		e.Equal(err == mm.ErrBus, true)
		e.OK(f.Truncate(e.T, 4096))
		_, err = pc.Page(e.T, 1, false)
		e.Equal(err == mm.ErrBus, true)
		first, _, n := pc.Run(e.T, 0, 0, 64)
		e.Equal(first, 0)
		e.Equal(n, 1)
		e.V.Memory.DecRef(e.T, must(pc.Page(e.T, 0, false)))
		e.V.Memory.DecRef(e.T, must(pc.Page(e.T, 0, false)))
		pfn, _ = pc.Page(e.T, 0, false)
		e.V.Memory.DecRef(e.T, pfn)
		e.V.Memory.DecRef(e.T, pfn) // Run's
	})
	add("file/limit", func(e *Env) {
		e.V.FileSizeLimit = nil
		f := e.MustOpen("f", cr|rw, 0o644)
		defer e.Close(f)
		b := strings.Repeat("x", 100)
		_, err := f.WriteAt(e.T, mm.KernelIO([]byte(b)), 1<<63-50)
		e.Want(err, errno.EOVERFLOW)
		_, err = f.WriteAt(e.T, mm.KernelIO([]byte(b)), -1)
		e.Want(err, errno.EINVAL)
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
