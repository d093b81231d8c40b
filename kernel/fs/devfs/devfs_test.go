package devfs_test

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/fs/devfs"
	_ "vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/vfstest"
)

func run(t *testing.T, f func(e *vfstest.Env)) {
	vfstest.RunCase(t, vfstest.Options{Setup: func(e *vfstest.Env) {
		e.OK(devfs.RegisterMem(e.T, e.V, func(p []byte) {
			for i := range p {
				p[i] = byte(i*7 + 1)
			}
		}))
		_, err := e.V.MountRoot(e.T, "devtmpfs", vfs.MountRequest{Source: "dev"})
		e.OK(err)
	}}, 1, f)
}

func TestNodes(t *testing.T) {
	run(t, func(e *vfstest.Env) {
		e.Equal(e.Ls("/"), "fd full mqueue null pts random shm stderr stdin stdout urandom zero")
		e.Equal(e.Stat("null").Rdev, vfs.MakeDev(1, 3))
		e.Equal(e.Stat("null").Mode, vfs.Mode(abi.S_IFCHR|0o666))
		e.OK(e.V.RegisterChar(e.T, vfs.CharDev{
			Major: 13, Minor: 64, Name: "input/event0", GID: 5, Mode: 0o640,
			Open: func(*sched.Thread, *vfs.Inode, *vfs.File) (any, error) { return nil, errno.EBUSY },
		}))
		e.Equal(e.Ls("input"), "event0")
		e.Equal(e.Stat("input/event0").GID, 5)
		e.Want(e.TryOpen("input/event0", abi.O_RDONLY, 0), errno.EBUSY)
		e.Want(e.V.RegisterChar(e.T, vfs.CharDev{Major: 13, Minor: 64, Name: "again"}), errno.EBUSY)
	})
}

func TestMem(t *testing.T) {
	run(t, func(e *vfstest.Env) {
		f := e.MustOpen("null", abi.O_RDWR, 0)
		e.Put(f, "gone")
		e.Equal(e.Get(f, 10), "")
		n, err := f.Seek(e.T, 100, abi.SEEK_SET)
		e.OK(err)
		e.Equal(n, 0)
		e.Close(f)
		f = e.MustOpen("zero", abi.O_RDWR, 0)
		e.Equal(e.Get(f, 3), "\x00\x00\x00")
		e.Equal(len(e.Get(f, 200_000)), 200_000)
		e.Close(f)
		f = e.MustOpen("full", abi.O_RDWR, 0)
		_, err = f.Write(e.T, mm.KernelIO([]byte("x")))
		e.Want(err, errno.ENOSPC)
		e.Close(f)
		f = e.MustOpen("urandom", abi.O_RDWR, 0)
		e.Equal(e.Get(f, 3), "\x01\x08\x0f")
		e.Equal(len(e.Get(f, 5000)), 5000)
		e.Close(f)
	})
}
