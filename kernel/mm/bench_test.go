package mm

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// noTLB is a platform that does nothing: what is measured is mm.
type noTLB struct{ platform.AddressSpace }

func (noTLB) Map(platform.Range, Prot, platform.Range) {}
func (noTLB) Unmap(uint64, uint64)                     {}
func (noTLB) Protect(uint64, uint64, Prot)             {}
func (noTLB) Settled() bool                            { return true }
func (noTLB) Commit()                                  {}
func (noTLB) Release()                                 {}

func benchSpace(b *testing.B, f func(th *sched.Thread, as *AddressSpace)) {
	onThreads(b, 1, func(th *sched.Thread) {
		mem := NewMemory(make([]byte, 256<<20), PageSize)
		as, err := New(root(th), mem, noTLB{})
		if err != nil {
			b.Fatal(err)
		}
		th.MM = as
		f(th, as)
		as.Release(th)
	})
}

func BenchmarkFaultSequential(b *testing.B) {
	benchSpace(b, func(th *sched.Thread, as *AddressSpace) {
		const pages = 16384
		anon(b, th, as, base, pages, Read|Write, 0)
		for i := range b.N {
			if i%pages == 0 && i > 0 {
				as.Madvise(th, base, pages*PageSize, abi.MADV_DONTNEED)
			}
			if va := UAddr(base + i%pages*PageSize); as.pt.get(uint64(va)) == 0 {
				if err := HandleFault(th, va, platform.AccessWrite); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkFaultSingle(b *testing.B) {
	benchSpace(b, func(th *sched.Thread, as *AddressSpace) {
		const pages = 16384
		anon(b, th, as, base, pages, Read|Write, 0)
		for i := range b.N {
			if i%4000 == 0 && i > 0 {
				as.Madvise(th, base, pages*PageSize, abi.MADV_DONTNEED)
			}
			if err := HandleFault(th, UAddr(base+i*7919%pages*PageSize), platform.AccessWrite); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFork(b *testing.B) {
	benchSpace(b, func(th *sched.Thread, as *AddressSpace) {
		for area := range UAddr(10) {
			anon(b, th, as, uint64(base+area*0x10_0000), 64, Read|Write, 0)
			for i := range UAddr(20) {
				HandleFault(th, base+area*0x10_0000+i*PageSize, platform.AccessWrite)
			}
		}
		for range b.N {
			c, err := as.Fork(th, noTLB{})
			if err != nil {
				b.Fatal(err)
			}
			c.Release(th)
		}
	})
}

func BenchmarkCopyOutSmall(b *testing.B) {
	benchSpace(b, func(th *sched.Thread, as *AddressSpace) {
		anon(b, th, as, base, 1, Read|Write, 0)
		v := [2]uint64{1, 2}
		for range b.N {
			if err := CopyOutStruct(th, base+64, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
