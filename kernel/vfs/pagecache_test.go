package vfs_test

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/vfstest"
)

// disk is the backing of a file: what it holds, and what was asked of it.
type disk struct {
	data  []byte
	reads [][2]uint64 // first page and number of pages
	wrote []int64
	fail  error
}

func (d *disk) ReadPages(t *sched.Thread, i *vfs.Inode, index uint64, buf []byte) error {
	if d.fail != nil {
		return d.fail
	}
	d.reads = append(d.reads, [2]uint64{index, uint64(len(buf)) / mm.PageSize})
	n := 0
	if off := int(index) * mm.PageSize; off < len(d.data) {
		n = copy(buf, d.data[off:])
	}
	clear(buf[n:])
	return nil
}

func (d *disk) WritePages(t *sched.Thread, i *vfs.Inode, off int64, data []byte) error {
	d.wrote = append(d.wrote, off, int64(len(data)))
	if need := int(off) + len(data); need > len(d.data) {
		d.data = append(d.data, make([]byte, need-len(d.data))...)
	}
	copy(d.data[off:], data)
	return nil
}

func pages(n int) []byte {
	b := make([]byte, n*mm.PageSize)
	for i := range b {
		b[i] = byte(i/mm.PageSize + 1)
	}
	return b
}

// backed runs f with a page cache over a disk, on a machine of that size.
func backed(t *testing.T, ram int, d *disk, f func(e *vfstest.Env, i *vfs.Inode, pc *vfs.PageCache)) {
	e := vfstest.NewKernel(t, 1, ram)
	e.K.Run(func(th *sched.Thread) {
		e.T = th
		sb := e.V.NewSuperblock("test", "", 0, nil)
		i := sb.NewInode(2, abi.S_IFREG|0o644, nil)
		i.SetSize(int64(len(d.data)))
		i.Pages = vfs.NewPageCache(e.V.Memory, i, d, nil)
		free := e.V.Memory.Stats(th).Free
		f(e, i, i.Pages)
		i.Pages.Release(th)
		if now := e.V.Memory.Stats(th).Free; now != free {
			t.Errorf("%d frames were lost", free-now)
		}
	})
}

func read(e *vfstest.Env, pc *vfs.PageCache, off int64, n int) []byte {
	b := make([]byte, n)
	k, err := pc.Read(e.T, mm.KernelIO(b), off)
	e.OK(err)
	return b[:k]
}

// A file of many chunks, one page in each, is cut between chunks and in the middle of one.
func TestTruncateManyChunks(t *testing.T) {
	const span = 64 * mm.PageSize
	e := vfstest.NewKernel(t, 1, 0)
	e.K.Run(func(th *sched.Thread) {
		e.T = th
		sb := e.V.NewSuperblock("test", "", 0, nil)
		for n := int64(1); n < 300; n += 7 {
			i := sb.NewInode(2, abi.S_IFREG|0o644, nil)
			i.Pages = vfs.NewPageCache(e.V.Memory, i, nil, nil)
			i.SetSize(n * span)
			for k := range n {
				e.OK(i.Pages.Allocate(th, k*span, k*span+1))
			}
			for left := n; left > 0; left = left * 5 / 6 {
				for _, size := range []int64{left * span, left*span - span/2} {
					i.SetSize(size)
					i.Pages.Truncate(th, size)
					e.Equal(i.Pages.NumPages(), left)
				}
			}
			i.Pages.Release(th)
			e.Equal(i.Pages.NumPages(), int64(0))
		}
	})
}

func TestReadAheadGrows(t *testing.T) {
	d := &disk{data: pages(200)}
	backed(t, 0, d, func(e *vfstest.Env, i *vfs.Inode, pc *vfs.PageCache) {
		for k := range int64(200) {
			e.Equal(read(e, pc, k*mm.PageSize+7, 1)[0], byte(k+1))
		}
		e.Equal(d.reads, [][2]uint64{{0, 16}, {16, 48}, {64, 64}, {128, 64}, {192, 8}})
		// Frames are consecutive, so a mapping needs few host mappings.
		first, _, n := pc.Run(e.T, 100, 0, 200)
		e.Equal([2]uint64{first, n}, [2]uint64{64, 64})
		_, pfn, _ := pc.Run(e.T, 64, 64, 65)
		for range n {
			e.V.Memory.DecRef(e.T, pfn)
			pfn++
		}
		pfn, _ = pc.Page(e.T, 64, false)
		e.V.Memory.DecRef(e.T, pfn)
		e.V.Memory.DecRef(e.T, pfn)
	})
}

func TestRandomReadStaysSmall(t *testing.T) {
	d := &disk{data: pages(200)}
	backed(t, 0, d, func(e *vfstest.Env, i *vfs.Inode, pc *vfs.PageCache) {
		e.Equal(read(e, pc, 100*mm.PageSize, 1)[0], 101)
		e.Equal(d.reads, [][2]uint64{{96, 16}})
	})
}

func TestReadErrorComesBack(t *testing.T) {
	d := &disk{data: pages(20), fail: errno.EIO}
	backed(t, 0, d, func(e *vfstest.Env, i *vfs.Inode, pc *vfs.PageCache) {
		_, err := pc.Read(e.T, mm.KernelIO(make([]byte, 1)), 0)
		e.Want(err, errno.EIO)
		_, err = pc.Page(e.T, 0, false)
		e.Equal(err == mm.ErrBus, true)
		d.fail = nil
		e.Equal(read(e, pc, 0, 1)[0], 1)
	})
}

func TestWriteBack(t *testing.T) {
	d := &disk{data: pages(3)}
	backed(t, 0, d, func(e *vfstest.Env, i *vfs.Inode, pc *vfs.PageCache) {
		write := func(off int64, n int) {
			b := make([]byte, n)
			for k := range b {
				b[k] = 0xee
			}
			i.Lock(e.T)
			_, err := pc.Write(e.T, mm.KernelIO(b), off, int64(n))
			i.Unlock(e.T)
			e.OK(err)
		}
		write(100, 10)           // part of a page: it is read first
		write(3*mm.PageSize, 50) // beyond the end: it isn't
		e.Equal(len(d.reads), 1)
		e.OK(pc.Sync(e.T, 0, 1<<40))
		e.Equal(d.wrote, []int64{0, 4096, 3 * mm.PageSize, 50})
		e.Equal(d.data[99:101], []byte{1, 0xee})
		e.Equal(len(d.data), 3*mm.PageSize+50)
		e.OK(pc.Sync(e.T, 0, 1<<40))
		e.Equal(len(d.wrote), 4) // clean now
	})
}

func TestReclaimTakesCleanPages(t *testing.T) {
	d := &disk{data: pages(1000)} // 4 MB on a machine of 2 MB
	backed(t, 2<<20, d, func(e *vfstest.Env, i *vfs.Inode, pc *vfs.PageCache) {
		for k := range int64(1000) {
			e.Equal(read(e, pc, k*mm.PageSize, 1)[0], byte(k+1))
		}
		if n := pc.NumPages(); n >= 512 {
			e.TB.Errorf("%d pages in memory", n)
		}
		e.V.DropClean(e.T)
		e.Equal(pc.NumPages(), 0)
	})
}

func TestTmpfsFull(t *testing.T) {
	vfstest.RunCase(t, vfstest.Options{Type: "tmpfs", Data: "size=64k,nr_inodes=5", RAM: 4 << 20}, 1, func(e *vfstest.Env) {
		f := e.MustOpen("f", abi.O_CREAT|abi.O_RDWR, 0o644)
		n, err := f.Write(e.T, mm.KernelIO(make([]byte, 100_000)))
		e.OK(err)
		e.Equal(n, 65536)
		_, err = f.Write(e.T, mm.KernelIO(make([]byte, 1)))
		e.Want(err, errno.ENOSPC)
		e.Want(f.Fallocate(e.T, 0, 0, 100_000), errno.ENOSPC)
		e.Equal(f.Inode.Size(), 65536)
		s, err := f.Inode.SB.StatFS(e.T)
		e.OK(err)
		e.Equal([]uint64{s.Blocks, s.BFree, s.Files, s.FFree}, []uint64{16, 0, 5, 3})
		e.OK(f.Truncate(e.T, 4096))
		s, _ = f.Inode.SB.StatFS(e.T)
		e.Equal(s.BFree, 15)
		e.Close(f)
		e.Mkfiles("a", "b", "c")
		e.Want(e.TryOpen("d", abi.O_CREAT|abi.O_WRONLY, 0), errno.ENOSPC)
		e.OK(e.Unlink("a"))
		e.OK(e.TryOpen("d", abi.O_CREAT|abi.O_WRONLY, 0))
	})
}

func TestTmpfsFullOfRAM(t *testing.T) {
	vfstest.RunCase(t, vfstest.Options{Type: "tmpfs", Data: "size=0", RAM: 2 << 20}, 1, func(e *vfstest.Env) {
		f := e.MustOpen("f", abi.O_CREAT|abi.O_RDWR, 0o644)
		n, err := f.Write(e.T, mm.KernelIO(make([]byte, 3<<20)))
		e.OK(err)
		if n < 1<<20 || n > 2<<20 {
			e.TB.Errorf("%d bytes fitted", n)
		}
		_, err = f.Write(e.T, mm.KernelIO(make([]byte, 1<<20)))
		if got := errno.Of(err); got != errno.ENOSPC && got != errno.ENOMEM {
			e.TB.Errorf("%v", err)
		}
		e.OK(f.Truncate(e.T, 0))
		e.Put(f, "room again")
		e.Close(f)
	})
}
