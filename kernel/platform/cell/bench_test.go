package cell

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"vitrine/kernel/platform"
)

// Each benchmark measures the same thing natively in the same run and reports
// the ratio: on a shared machine only that travels. Set CELL_WAIT to auto,
// spin, yield or sleep and CELL_PIN to "kernel,guest" processors.

func benchMachine(b *testing.B) *machine {
	return newMachine(b, func(c *Config) {
		c.Log = func(string, ...any) {}
		c.Wait = Wait(max(0, slices.Index([]string{"auto", "spin", "yield", "sleep"}, os.Getenv("CELL_WAIT"))))
	})
}

// pin binds the kernel's thread and the guest's as CELL_PIN says.
func pin(b *testing.B, g *guest) {
	var k, u int
	if n, _ := fmt.Sscanf(strings.ReplaceAll(os.Getenv("CELL_PIN"), ",", " "), "%d %d", &k, &u); n != 2 {
		return
	}
	runtime.LockOSThread()
	b.Cleanup(runtime.UnlockOSThread)
	bind(0, k)
	bind(int(g.x.(*context).tid), u)
}

func bind(tid, cpu int) {
	mask := [16]uint64{1 << cpu}
	syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(tid), unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
}

// rounds calls f n times in chunks of size chunk and returns the quartile of a round's time.
func rounds(n, chunk int, f func()) time.Duration {
	var d []time.Duration
	for i := 0; i < n; i += chunk {
		t0 := time.Now()
		for range chunk {
			f()
		}
		d = append(d, time.Since(t0)/time.Duration(chunk))
	}
	slices.Sort(d)
	return d[len(d)/4]
}

func report(b *testing.B, guest, native time.Duration) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(guest.Nanoseconds()), "guest-ns")
	b.ReportMetric(float64(native.Nanoseconds()), "native-ns")
	b.ReportMetric(float64(guest)/float64(native), "ratio")
}

func BenchmarkNullCall(b *testing.B) {
	m := benchMachine(b)
	g := m.guest("b8", 110, syscallInsn, "eb f7")
	defer g.s.Release()
	pin(b, g)
	n := max(b.N, 2000)
	native := rounds(n, 100, func() { syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0) })
	b.ResetTimer()
	guest := rounds(n, 100, func() {
		if g.x.Switch(&g.regs).Kind != platform.KindSyscall {
			b.Fatal("not a call")
		}
		g.regs.RAX = 1
	})
	report(b, guest, native)
	if testing.Verbose() {
		b.Logf("%+v", m.p.Stats())
	}
}

// nativeFaults touches n fresh pages of anonymous memory.
func nativeFaults(n int) func() {
	return func() {
		mem, err := syscall.Mmap(-1, 0, n*pg, 3, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			panic(err)
		}
		syscall.Madvise(mem, 15) // MADV_NOHUGEPAGE
		for i := range n {
			mem[i*pg] = 1
		}
		syscall.Munmap(mem)
	}
}

// The guest writes a byte to each page in turn; every fault maps window pages of a 64-page reservation.
func benchFaults(b *testing.B, window uint64, change func(*Config)) {
	m := newMachine(b, func(c *Config) { c.Log = func(string, ...any) {} }, change)
	g := m.guest("c6 07 01", "48 81 c7", pg, "eb f4") // movb $1,(rdi); add $4096,rdi; jmp
	defer g.s.Release()
	pin(b, g)
	const pages = 1024
	chunk := uint64(64)
	if os.Getenv("CELL_CHUNK") != "" {
		chunk = pages
	}
	f := m.frames(pages)
	for i := range uint64(pages) {
		m.mem(f + i)[0] = 0
	}
	n := max(b.N/pages, 8)
	native := rounds(n, 1, nativeFaults(pages)) / pages
	b.ResetTimer()
	guest := rounds(n, 1, func() {
		g.regs.RDI = dataVA
		for got := uint64(0); got < pages; got += window {
			tr := g.run(platform.KindPageFault)
			va := tr.Addr &^ (pg - 1)
			i := (va - dataVA) / pg
			base := i / chunk * chunk
			g.s.Map(platform.Range{VA: va, Frame: f + i, Pages: window}, rw,
				platform.Range{VA: dataVA + base*pg, Frame: f + base, Pages: chunk})
		}
		g.run(platform.KindPageFault) // beyond the last
		g.s.Unmap(dataVA, pages*pg)
		g.s.Commit()
	}) / pages
	report(b, guest, native)
	if testing.Verbose() {
		b.Logf("%+v", m.p.Stats())
	}
}

func BenchmarkFaultSingle(b *testing.B)     { benchFaults(b, 1, func(*Config) {}) }
func BenchmarkFaultSequential(b *testing.B) { benchFaults(b, 16, func(*Config) {}) }
func BenchmarkFaultSingleNoUffd(b *testing.B) {
	benchFaults(b, 1, func(c *Config) { c.NoUserfaultfd = true })
}

func BenchmarkFaultSequentialNoUffd(b *testing.B) {
	benchFaults(b, 16, func(c *Config) { c.NoUserfaultfd = true })
}

// A new address space with a page of text and a page of data, one call, release; natively vfork and exit.
func BenchmarkAddressSpace(b *testing.B) {
	m := benchMachine(b)
	text, data := m.frames(1), m.frames(1)
	copy(m.mem(text), asm("88 07", "b8", 60, syscallInsn))
	native := rounds(max(b.N, 200), 10, func() {
		pid, _, _ := syscall.RawSyscall6(sysClone, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		if pid == 0 {
			syscall.RawSyscall(sysExitGroup, 0, 0, 0)
		}
		var ws syscall.WaitStatus
		syscall.Wait4(int(pid), &ws, 0, nil)
	})
	b.ResetTimer()
	guest := rounds(max(b.N, 200), 10, func() {
		s, x, err := m.p.NewAddressSpace()
		if err != nil {
			b.Fatal(err)
		}
		g := &guest{m: m, s: s, x: x}
		g.mapPages(textVA, text, 1, platform.Read|platform.Exec)
		g.mapPages(dataVA, data, 1, rw)
		g.regs.RIP, g.regs.RDI = textVA, dataVA
		g.run(platform.KindSyscall)
		s.Release()
	})
	report(b, guest, native)
	if testing.Verbose() {
		b.Logf("%+v", m.p.Stats())
	}
}

// A kick of a running guest until Switch returns.
func BenchmarkInterrupt(b *testing.B) {
	m := benchMachine(b)
	g := m.guest(jmpSelf)
	defer g.s.Release()
	pin(b, g)
	for range b.N {
		time.AfterFunc(50*time.Microsecond, g.x.Interrupt)
		g.run(platform.KindInterrupt)
	}
}

// One order to the mm thread: a page of text comes or goes. Natively mmap and munmap.
func BenchmarkOrder(b *testing.B) {
	m := benchMachine(b)
	g := m.guest("b8", 110, syscallInsn, "eb f7")
	defer g.s.Release()
	pin(b, g)
	f := m.frames(1)
	n := max(b.N, 2000)
	native := rounds(n, 10, func() {
		mem, _ := syscall.Mmap(-1, 0, pg, 3, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_POPULATE)
		syscall.Munmap(mem)
	}) / 2
	b.ResetTimer()
	guest := rounds(n, 10, func() {
		g.mapPages(dataVA, f, 1, rw)
		g.run(platform.KindSyscall)
		g.s.Unmap(dataVA, pg)
		g.s.Commit()
	}) / 2
	report(b, guest, native)
}

// Eight programs call at once: more runnable threads than processors.
func BenchmarkNullCallCrowd(b *testing.B) {
	m := benchMachine(b)
	const crowd = 8
	native := rounds(2000, 100, func() { syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0) })
	gs := make([]*guest, crowd)
	for i := range gs {
		gs[i] = m.guest("b8", 110, syscallInsn, "eb f7")
	}
	b.ResetTimer()
	t0 := time.Now()
	var wg sync.WaitGroup
	for _, g := range gs {
		wg.Go(func() {
			for range b.N / crowd {
				if g.x.Switch(&g.regs).Kind != platform.KindSyscall {
					b.Error("not a call")
				}
			}
		})
	}
	wg.Wait()
	report(b, time.Since(t0)/time.Duration(max(b.N, 1)), native)
	for _, g := range gs {
		g.s.Release()
	}
	if testing.Verbose() {
		b.Logf("%+v", m.p.Stats())
	}
}
