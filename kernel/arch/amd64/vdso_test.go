package amd64

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"syscall"
	"testing"
	"unsafe"
)

// TestVDSOImageAsGoAndGlibcReadIt looks functions up by hash and version, as dynamic loaders do.
func TestVDSOImageAsGoAndGlibcReadIt(t *testing.T) {
	img := VDSOImage()
	f, err := elf.NewFile(bytes.NewReader(img))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Progs) != 2 || f.Progs[0].Type != elf.PT_LOAD || f.Progs[1].Type != elf.PT_DYNAMIC {
		t.Fatalf("program headers: %v", f.Progs)
	}
	le := binary.LittleEndian
	dyn := map[uint64]uint64{}
	for d := img[f.Progs[1].Off:]; le.Uint64(d) != 0; d = d[16:] {
		dyn[le.Uint64(d)] = le.Uint64(d[8:])
	}
	str := func(o uint32) string {
		b := img[dyn[dtStrtab]+uint64(o):]
		return string(b[:bytes.IndexByte(b, 0)])
	}
	hash := img[dyn[dtHash]:]
	n := le.Uint32(hash)
	for _, name := range []string{"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time", "__vdso_getcpu", "time"} {
		found := false
		for i := le.Uint32(hash[8+4*(elfHash(name)%n):]); i != 0; i = le.Uint32(hash[8+4*n+4*i:]) {
			s := img[dyn[dtSymtab]+24*uint64(i):]
			if str(le.Uint32(s)) == name && le.Uint16(img[dyn[dtVersym]+2*uint64(i):]) == 2 && le.Uint16(s[6:]) != 0 {
				found = true
			}
		}
		if !found {
			t.Errorf("%s@LINUX_2.6 is not found", name)
		}
	}
	def := img[dyn[dtVerdef]:]
	def = def[le.Uint32(def[16:]):]
	if le.Uint32(def[8:]) != 0x3ae75f6 || str(le.Uint32(def[le.Uint32(def[12:]):])) != "LINUX_2.6" {
		t.Errorf("version 2 is %#x", le.Uint32(def[8:]))
	}
}

// vdsoRun maps the image as a process has it and returns how to call its functions.
func vdsoRun(t *testing.T) (pages []byte, call func(name string, a, b uintptr) uintptr) {
	mem, err := syscall.Mmap(-1, 0, (VDSOPages+1)*PageSize, 7, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Skip("no memory for code: ", err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	img := VDSOImage()
	copy(mem[2*PageSize:], img)
	f, _ := elf.NewFile(bytes.NewReader(img))
	_ = f
	entry := entries(vdsoBytes(), len(vdsoNames))
	return mem, func(name string, a, b uintptr) uintptr {
		for i, n := range vdsoNames {
			if n != name {
				continue
			}
			// From Go's register ABI to C's: mov rdi, rax; mov rsi, rbx; mov rax, addr; jmp rax.
			stub := mem[VDSOPages*PageSize:]
			copy(stub, "\x48\x89\xc7\x48\x89\xde\x48\xb8")
			addr := uintptr(unsafe.Pointer(&mem[2*PageSize+vdsoOff+entry[i]]))
			binary.LittleEndian.PutUint64(stub[8:], uint64(addr))
			copy(stub[16:], "\xff\xe0")
			code := unsafe.Pointer(&stub[0])
			fn := unsafe.Pointer(&code)
			return (*(*func(a, b uintptr) uintptr)(unsafe.Pointer(&fn)))(a, b)
		}
		t.Fatal(name)
		return 0
	}
}

func TestVDSOComputesTimeFromTheTSC(t *testing.T) {
	mem, call := vdsoRun(t)
	p := TimePageAt(mem)
	clock := mem[PageSize:]
	le := binary.LittleEndian
	// A tick is exactly 2 ns, so long that the test's own time doesn't show: 1<<40 ticks ago it was 5 s.
	base := RDTSC()
	p.Write(TimeParams{Valid: true, TSC: base, Base: 100e9, Mult: 0, Max: 1 << 60, Wall: 1_700_000_000e9})
	le.PutUint64(clock[8:], 40e9) // offset

	var ts [2]int64
	get := func(id uintptr) [2]int64 {
		if r := call("clock_gettime", id, uintptr(unsafe.Pointer(&ts))); r != 0 {
			t.Fatalf("clock_gettime(%d) = %d", id, int(r))
		}
		return ts
	}
	if got := get(1); got != [2]int64{60, 0} {
		t.Errorf("monotonic %v", got)
	}
	if got := get(0); got != [2]int64{1_700_000_060, 0} {
		t.Errorf("realtime %v", got)
	}
	le.PutUint64(clock[16:], 61e9+5) // floor
	if got := get(7); got != [2]int64{61, 5} {
		t.Errorf("below the floor: %v", got)
	}
	var tv [2]int64
	call("gettimeofday", uintptr(unsafe.Pointer(&tv)), 0)
	if tv != [2]int64{1_700_000_061, 0} {
		t.Errorf("gettimeofday %v", tv)
	}
	if got := call("time", 0, 0); got != 1_700_000_061 {
		t.Errorf("time %d", got)
	}
	// Half a nanosecond a tick: time passes.
	le.PutUint64(clock[16:], 0)
	p.Write(TimeParams{Valid: true, TSC: base, Base: 100e9, Mult: 1 << 31, Max: 1 << 60})
	a := get(1)
	b := get(1)
	if a == b || b[0]*1e9+b[1] < a[0]*1e9+a[1] {
		t.Errorf("time went from %v to %v", a, b)
	}
}

// TestVDSOAsksTheKernel runs the ways out on the host's own kernel.
func TestVDSOAsksTheKernel(t *testing.T) {
	mem, call := vdsoRun(t)
	p, clock := TimePageAt(mem), mem[PageSize:]
	for _, c := range []struct {
		name string
		set  func()
	}{
		{"not valid", func() { p.Write(TimeParams{Max: 1 << 60}) }},
		{"old", func() { p.Write(TimeParams{Valid: true, Max: 1}) }},
		{"being written", func() { p.Write(TimeParams{Valid: true, Max: 1 << 63}); p.seq.Add(1) }},
		{"clock frozen", func() { p.seq.Add(1); clock[4] = 1 }},
		{"clock being written", func() { clock[4] = 0; clock[0] = 1 }},
	} {
		c.set()
		var ts, host syscall.Timespec
		syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&host)), 0)
		if r := call("clock_gettime", 1, uintptr(unsafe.Pointer(&ts))); r != 0 || ts.Sec < host.Sec || ts.Sec > host.Sec+5 {
			t.Errorf("%s: %d, %v, not %v", c.name, int(r), ts, host)
		}
	}
}
