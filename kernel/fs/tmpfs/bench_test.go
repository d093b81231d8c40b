package tmpfs_test

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/vfstest"
)

func bench(b *testing.B, f func(e *vfstest.Env)) {
	vfstest.RunCase(b, vfstest.Options{Type: "tmpfs"}, 1, func(e *vfstest.Env) {
		e.Mkfiles("usr/", "usr/lib/", "usr/lib/file")
		e.Write("usr/lib/file", "content")
		b.ReportAllocs()
		b.ResetTimer()
		f(e)
		b.StopTimer()
	})
}

func BenchmarkStat(b *testing.B) {
	bench(b, func(e *vfstest.Env) {
		for range b.N {
			if _, err := e.V.Stat(e.T, e.FS, vfs.Path{}, "/usr/lib/file", vfs.Follow); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpenClose(b *testing.B) {
	bench(b, func(e *vfstest.Env) {
		for range b.N {
			f, err := e.V.Open(e.T, e.FS, vfs.Path{}, "/usr/lib/file", vfs.OpenHow{Flags: abi.O_RDONLY})
			if err != nil {
				b.Fatal(err)
			}
			f.Close(e.T, e)
		}
	})
}

func BenchmarkRead4K(b *testing.B) {
	bench(b, func(e *vfstest.Env) {
		f := e.MustOpen("/usr/lib/file", abi.O_RDWR, 0)
		buf := make([]byte, 4096)
		f.WriteAt(e.T, mm.KernelIO(buf), 0)
		b.SetBytes(4096)
		for range b.N {
			f.ReadAt(e.T, mm.KernelIO(buf), 0)
		}
		e.Close(f)
	})
}

func BenchmarkWrite4K(b *testing.B) {
	bench(b, func(e *vfstest.Env) {
		f := e.MustOpen("/usr/lib/file", abi.O_RDWR, 0)
		buf := make([]byte, 4096)
		b.SetBytes(4096)
		for i := range b.N {
			f.WriteAt(e.T, mm.KernelIO(buf), int64(i%256)*4096)
		}
		e.Close(f)
	})
}
