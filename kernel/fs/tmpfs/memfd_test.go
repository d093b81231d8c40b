package tmpfs_test

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/mm"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/vfstest"
)

func TestMemfdSeals(t *testing.T) {
	vfstest.RunCase(t, vfstest.Options{Type: "tmpfs"}, 1, func(e *vfstest.Env) {
		f, err := tmpfs.NewMemfd(e.T, e.V, "name", abi.MFD_ALLOW_SEALING)
		e.OK(err)
		seal := func(s uint64, want errno.Errno) {
			e.TB.Helper()
			_, err := f.Impl.(vfs.Fcntler).Fcntl(e.T, f, abi.F_ADD_SEALS, s)
			e.Want(err, want)
		}
		e.Equal(f.Name(e.T), "/memfd:name (deleted)")
		e.Put(f, "0123456789")
		seal(0x1000, errno.EINVAL)
		seal(abi.F_SEAL_GROW, 0)
		e.Want(f.Truncate(e.T, 11), errno.EPERM)
		e.OK(f.Truncate(e.T, 9))
		e.Want(e.PutAt(f, "xx", 8), errno.EPERM)
		e.OK(e.PutAt(f, "x", 8))
		seal(abi.F_SEAL_SHRINK, 0)
		e.Want(f.Truncate(e.T, 8), errno.EPERM)
		v := &mm.VMA{Flags: mm.Shared | mm.MayWrite}
		f.Inode.Pages.Attach(e.T, v)
		seal(abi.F_SEAL_WRITE, errno.EBUSY)
		f.Inode.Pages.Detach(e.T, v)
		seal(abi.F_SEAL_WRITE, 0)
		e.Want(e.PutAt(f, "x", 0), errno.EPERM)
		e.Want(f.Mmap(e.T, &mm.MapRequest{Flags: abi.MAP_SHARED, Prot: mm.Read | mm.Write}), errno.EPERM)
		r := mm.MapRequest{Flags: abi.MAP_SHARED, Prot: mm.Read}
		e.OK(f.Mmap(e.T, &r))
		e.Equal(r.ReadOnlyFile, true)
		seal(abi.F_SEAL_SEAL, 0)
		seal(abi.F_SEAL_GROW, errno.EPERM)
		got, _ := f.Impl.(vfs.Fcntler).Fcntl(e.T, f, abi.F_GET_SEALS, 0)
		e.Equal(got, abi.F_SEAL_SEAL|abi.F_SEAL_SHRINK|abi.F_SEAL_GROW|abi.F_SEAL_WRITE)
		e.Close(f)
		f, err = tmpfs.NewMemfd(e.T, e.V, "x", 0)
		e.OK(err)
		seal(abi.F_SEAL_GROW, errno.EPERM)
		e.Close(f)
	})
}
