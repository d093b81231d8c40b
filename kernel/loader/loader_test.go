package loader

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/cred"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/platform/fakeuser"
	"vitrine/kernel/sched"
)

type testClock struct{ now atomic.Int64 }

func (c *testClock) Now() int64     { return c.now.Add(100) }
func (c *testClock) SetAlarm(int64) {}

// bench is a machine on which programs are loaded but don't run.
type bench struct {
	t     testing.TB
	mem   *mm.Memory
	plat  *fakeuser.Platform
	files map[string]*memFile
	open  int
}

// onMachine runs f on a thread of a machine, and looks for leaks afterwards.
func onMachine(t testing.TB, pages int, f func(b *bench, th *sched.Thread)) {
	t.Helper()
	p, _ := sched.NewPolicy("rr")
	s := sched.New(1, ktime.New(&testClock{}, 0), p)
	var done sync.WaitGroup
	done.Add(1)
	s.OnPanic = func(_ *sched.Thread, v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) }
	s.Spawn("test", func(th *sched.Thread) {
		defer done.Done()
		th.Cred = cred.User(1000, 100)
		ram := make([]byte, pages*mm.PageSize)
		b := &bench{t: t, mem: mm.NewMemory(ram, mm.PageSize), plat: fakeuser.New(ram), files: map[string]*memFile{}}
		f(b, th)
		for _, f := range b.files {
			f.drop(th)
		}
		if b.open != 0 {
			t.Errorf("%d files are open", b.open)
		}
		if st := b.mem.Stats(th); st.Free != st.Total {
			t.Errorf("%d of %d frames are free", st.Free, st.Total)
		}
		b.plat.Close()
	})
	s.Balance()
	done.Wait()
	s.Stop()
}

func (b *bench) file(name string, data []byte) *memFile {
	f := &memFile{b: b, name: name, data: data, pages: map[uint64]mm.PFN{}}
	b.files[name] = f
	return f
}

func (b *bench) openFile(_ *sched.Thread, name string) (Image, error) {
	f := b.files[name]
	if f == nil {
		return nil, errno.ENOENT
	}
	b.open++
	return f, nil
}

// load loads a file into a new address space, which the caller releases.
func (b *bench) load(th *sched.Thread, name string, r Request) (as *mm.AddressSpace, entry, sp uint64, err error) {
	plat, _, err := b.plat.NewAddressSpace()
	if err != nil {
		b.t.Fatal(err)
	}
	if as, err = mm.New(th, b.mem, plat); err != nil {
		b.t.Fatal(err)
	}
	r.Image, _ = b.openFile(th, name)
	r.Open = b.openFile
	if r.Path == "" {
		r.Path = name
	}
	if r.StackLimit == 0 {
		r.StackLimit = 8 << 20
	}
	entry, sp, err = Load(th, as, r)
	return as, entry, sp, err
}

// memFile is a file in the test's memory.
type memFile struct {
	b     *bench
	name  string
	data  []byte
	pages map[uint64]mm.PFN
}

func (f *memFile) ReadAt(_ *sched.Thread, p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(f.data)) {
		return 0, nil
	}
	return copy(p, f.data[off:]), nil
}

func (f *memFile) Mmap(_ *sched.Thread, r *mm.MapRequest) error {
	r.Pager, r.File, r.Name = f, f, f.name
	return nil
}

func (f *memFile) Release(*sched.Thread) { f.b.open-- }
func (f *memFile) IncRef()               { f.b.open++ }
func (f *memFile) DecRef(*sched.Thread)  { f.b.open-- }

func (f *memFile) Page(t *sched.Thread, i uint64, _ bool) (mm.PFN, error) {
	if i*mm.PageSize >= uint64(len(f.data)) {
		return 0, mm.ErrBus
	}
	if f.pages[i] == 0 {
		p, err := f.b.mem.Alloc(t, 0, true)
		if err != nil {
			return 0, err
		}
		copy(f.b.mem.Bytes(p, 1), f.data[i*mm.PageSize:])
		f.pages[i] = p
	}
	f.b.mem.IncRef(f.pages[i])
	return f.pages[i], nil
}

func (f *memFile) Run(_ *sched.Thread, i, lo, hi uint64) (uint64, mm.PFN, uint64) {
	if f.pages[i] == 0 || i < lo || i >= hi {
		return 0, 0, 0
	}
	f.b.mem.IncRef(f.pages[i])
	return i, f.pages[i], 1
}
func (f *memFile) Attach(*sched.Thread, *mm.VMA)            {}
func (f *memFile) Detach(*sched.Thread, *mm.VMA)            {}
func (f *memFile) Dirty(*sched.Thread, uint64)              {}
func (f *memFile) Sync(*sched.Thread, uint64, uint64) error { return nil }

func (f *memFile) drop(t *sched.Thread) {
	for _, p := range f.pages {
		f.b.mem.DecRef(t, p)
	}
	f.pages = nil
}

// seg is a program header of a test's ELF file.
type seg struct {
	typ, flags                uint32
	off, vaddr, filesz, memsz uint64
	data                      string
}

// makeELF returns an ELF file.
func makeELF(typ uint16, entry uint64, segs ...seg) []byte {
	le := binary.LittleEndian
	b := make([]byte, ehdrSize+phdrSize*len(segs))
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], typ)
	le.PutUint16(b[18:], abi.EM_X86_64)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], entry)
	le.PutUint64(b[32:], ehdrSize)
	le.PutUint16(b[52:], ehdrSize)
	le.PutUint16(b[54:], phdrSize)
	le.PutUint16(b[56:], uint16(len(segs)))
	for i, s := range segs {
		h := b[ehdrSize+i*phdrSize:]
		le.PutUint32(h[0:], s.typ)
		le.PutUint32(h[4:], s.flags)
		for j, v := range []uint64{s.off, s.vaddr, s.vaddr, s.filesz, s.memsz, mm.PageSize} {
			le.PutUint64(h[8+8*j:], v)
		}
		if s.data != "" {
			if need := int(s.off) + len(s.data); need > len(b) {
				b = append(b, make([]byte, need-len(b))...)
			}
			copy(b[s.off:], s.data)
		}
	}
	return b
}

const rx, rw = abi.PF_R | abi.PF_X, abi.PF_R | abi.PF_W

// static is a program with text, data that ends in the middle of a page, and bss.
func static() []byte {
	return makeELF(abi.ET_EXEC, 0x401010,
		seg{abi.PT_LOAD, rx, 0, 0x400000, 0x1100, 0x1100, ""},
		seg{abi.PT_LOAD, rw, 0x2000, 0x602000, 0x800, 0x5000, strings.Repeat("d", 0x800) + strings.Repeat("garbage!", 0x100)},
		seg{abi.PT_GNU_STACK, rw, 0, 0, 0, 0, ""})
}

func peek(t testing.TB, th *sched.Thread, as *mm.AddressSpace, addr uint64, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := mm.AccessRemote(th, as, mm.UAddr(addr), b, false, false); err != nil {
		t.Fatalf("nothing at %#x: %v", addr, err)
	}
	return b
}

func word(t testing.TB, th *sched.Thread, as *mm.AddressSpace, addr uint64) uint64 {
	return binary.LittleEndian.Uint64(peek(t, th, as, addr, 8))
}

func cstring(t testing.TB, th *sched.Thread, as *mm.AddressSpace, addr uint64) string {
	var s []byte
	for {
		c := peek(t, th, as, addr, 1)[0]
		if c == 0 {
			return string(s)
		}
		s = append(s, c)
		addr++
	}
}

// stack is what a program finds on its stack.
type stack struct {
	argv, envp []string
	aux        map[uint64]uint64
}

func readStack(t testing.TB, th *sched.Thread, as *mm.AddressSpace, sp uint64) stack {
	if sp%16 != 0 {
		t.Errorf("sp %#x isn't aligned", sp)
	}
	s := stack{aux: map[uint64]uint64{}}
	argc := word(t, th, as, sp)
	for sp += 8; word(t, th, as, sp) != 0; sp += 8 {
		s.argv = append(s.argv, cstring(t, th, as, word(t, th, as, sp)))
	}
	for sp += 8; word(t, th, as, sp) != 0; sp += 8 {
		s.envp = append(s.envp, cstring(t, th, as, word(t, th, as, sp)))
	}
	for sp += 8; word(t, th, as, sp) != abi.AT_NULL; sp += 16 {
		s.aux[word(t, th, as, sp)] = word(t, th, as, sp+8)
	}
	if int(argc) != len(s.argv) {
		t.Errorf("argc %d, %d arguments", argc, len(s.argv))
	}
	return s
}

func TestStaticProgram(t *testing.T) {
	onMachine(t, 400, func(b *bench, th *sched.Thread) {
		b.file("/bin/x", static())
		vdso, err := NewVDSO(th, b.mem)
		if err != nil {
			t.Fatal(err)
		}
		as, entry, sp, err := b.load(th, "/bin/x", Request{
			Argv: []string{"x", "", "two words"}, Envp: []string{"HOME=/", "A="}, VDSO: vdso, Random: [16]byte{1, 2, 3}, Secure: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if entry != 0x401010 {
			t.Errorf("entry %#x", entry)
		}
		s := readStack(t, th, as, sp)
		if fmt.Sprintf("%q %q", s.argv, s.envp) != `["x" "" "two words"] ["HOME=/" "A="]` {
			t.Errorf("%q %q", s.argv, s.envp)
		}
		for k, want := range map[uint64]uint64{
			abi.AT_PAGESZ: 4096, abi.AT_ENTRY: 0x401010, abi.AT_PHDR: 0x400040, abi.AT_PHENT: 56, abi.AT_PHNUM: 3, abi.AT_BASE: 0,
			abi.AT_UID: 1000, abi.AT_EUID: 1000, abi.AT_GID: 100, abi.AT_EGID: 100, abi.AT_SECURE: 1, abi.AT_CLKTCK: 100, abi.AT_FLAGS: 0,
			abi.AT_HWCAP: amd64.CPU.HWCap, abi.AT_HWCAP2: amd64.CPU.HWCap2,
		} {
			if got, ok := s.aux[k]; !ok || got != want {
				t.Errorf("auxiliary entry %d is %#x, not %#x", k, got, want)
			}
		}
		if got := cstring(t, th, as, s.aux[abi.AT_EXECFN]); got != "/bin/x" {
			t.Errorf("AT_EXECFN %q", got)
		}
		if got := cstring(t, th, as, s.aux[abi.AT_PLATFORM]); got != "x86_64" {
			t.Errorf("AT_PLATFORM %q", got)
		}
		if got := peek(t, th, as, s.aux[abi.AT_RANDOM], 4); !bytes.Equal(got, []byte{1, 2, 3, 0}) {
			t.Errorf("AT_RANDOM %v", got)
		}
		if got := peek(t, th, as, s.aux[abi.AT_SYSINFO_EHDR], mm.PageSize); !bytes.Equal(got, amd64.VDSOImage()) {
			t.Error("AT_SYSINFO_EHDR isn't the vDSO")
		}
		if m := s.aux[abi.AT_MINSIGSTKSZ]; m < 1000 || m > 64<<10 {
			t.Errorf("AT_MINSIGSTKSZ %d", m)
		}
		if got := peek(t, th, as, 0x6027fe, 4); string(got) != "dd\x00\x00" {
			t.Errorf("where data ends: %q", got)
		}
		for _, addr := range []uint64{0x602fff, 0x603000, 0x606fff} {
			if peek(t, th, as, addr, 1)[0] != 0 {
				t.Errorf("bss at %#x isn't zero", addr)
			}
		}
		if start, _ := as.BrkStart(th); start != 0x607000 {
			t.Errorf("heap at %#x", start)
		}
		u := as.Usage(th)
		if got := string(peek(t, th, as, uint64(u.ArgStart), int(u.ArgEnd-u.ArgStart))); got != "x\x00\x00two words\x00" {
			t.Errorf("arguments for /proc: %q", got)
		}
		if got := string(peek(t, th, as, uint64(u.EnvStart), int(u.EnvEnd-u.EnvStart))); got != "HOME=/\x00A=\x00" {
			t.Errorf("environment for /proc: %q", got)
		}
		var names []string
		for _, m := range as.Maps(th, false) {
			names = append(names, fmt.Sprintf("%x-%x %v %s", m.Start, m.End, m.Prot, m.Name))
		}
		for i, w := range []string{"400000-402000 5 /bin/x", "602000-603000 3 /bin/x", "603000-607000 3 "} {
			if names[i] != w {
				t.Errorf("area %d is %s, not %s", i, names[i], w)
			}
		}
		if len(names) != 6 || !strings.HasSuffix(names[3], "[vvar]") || !strings.HasSuffix(names[4], "[vdso]") || !strings.HasSuffix(names[5], "3 [stack]") {
			t.Errorf("areas: %q", names)
		}
		as.Release(th)
		vdso.free(th, b.mem)
	})
}

// free gives the frames back: a kernel never does.
func (v *VDSO) free(t *sched.Thread, mem *mm.Memory) {
	for i := range uint64(amd64.VDSOPages) {
		if p, err := v.pager.Page(t, i, false); err == nil {
			mem.DecRef(t, p)
			mem.DecRef(t, p)
		}
	}
}

func TestDynamicProgram(t *testing.T) {
	onMachine(t, 400, func(b *bench, th *sched.Thread) {
		const interp = "/lib64/ld.so\x00"
		b.file("/bin/dyn", makeELF(abi.ET_DYN, 0x1234,
			seg{abi.PT_PHDR, abi.PF_R, 64, 64, 56 * 4, 56 * 4, ""},
			seg{abi.PT_INTERP, abi.PF_R, 0x200, 0x200, uint64(len(interp)), uint64(len(interp)), interp},
			seg{abi.PT_LOAD, rx, 0, 0, 0x1300, 0x1300, ""},
			seg{abi.PT_LOAD, rw, 0x1300, 0x3300, 0x100, 0x200, strings.Repeat("e", 0x100)}))
		b.file("/lib64/ld.so", makeELF(abi.ET_DYN, 0x88, seg{abi.PT_LOAD, rx, 0, 0, 0x100, 0x100, ""}, seg{abi.PT_LOAD, rw, 0, 0x9000, 0x10, 0x10, ""}))
		as, entry, sp, err := b.load(th, "/bin/dyn", Request{Argv: []string{"dyn"}})
		if err != nil {
			t.Fatal(err)
		}
		s := readStack(t, th, as, sp)
		base := s.aux[abi.AT_BASE]
		if base == 0 || base%mm.PageSize != 0 || entry != base+0x88 || s.aux[abi.AT_ENTRY] != pieBase+0x1234 || s.aux[abi.AT_PHDR] != pieBase+64 {
			t.Errorf("entry %#x, base %#x, %v", entry, base, s.aux)
		}
		if got := peek(t, th, as, pieBase+0x33ff, 2); string(got) != "e\x00" {
			t.Errorf("%q", got)
		}
		if _, ok := s.aux[abi.AT_SYSINFO_EHDR]; ok {
			t.Error("AT_SYSINFO_EHDR without a vDSO")
		}
		if got := peek(t, th, as, base+1, 3); string(got) != "ELF" {
			t.Errorf("%q at the interpreter's base", got)
		}
		as.Release(th)
	})
}

func TestRandomLayoutKeepsThingsApart(t *testing.T) {
	onMachine(t, 400, func(b *bench, th *sched.Thread) {
		b.file("/bin/pie", makeELF(abi.ET_DYN, 0x80, seg{abi.PT_LOAD, rx, 0, 0, 0x100, 0x100, ""}))
		seen := map[uint64]bool{}
		for seed := range uint64(20) {
			as, entry, sp, err := b.load(th, "/bin/pie", Request{Argv: []string{"pie"}, Randomize: seed})
			if err != nil {
				t.Fatal(err)
			}
			if seen[entry] || seen[sp] {
				t.Errorf("seed %d gives nothing new", seed)
			}
			seen[entry], seen[sp] = true, true
			as.Release(th)
		}
	})
}

func TestScripts(t *testing.T) {
	onMachine(t, 400, func(b *bench, th *sched.Thread) {
		b.file("/bin/sh", static())
		for name, text := range map[string]string{
			"a": "#!/bin/sh\necho", "b": "#! \t/bin/sh  -e  -x \n", "c": "#!a arg", "d": "#!c", "e": "#!d", "f": "#!e",
			"none": "#!\n", "blank": "#!   \n", "missing": "#!/nowhere\n", "long": "#!" + strings.Repeat("/x", 200) + "\n",
			"cut": "#!/bin/sh " + strings.Repeat("y", 400) + "\n", "loop": "#!loop",
		} {
			b.file(name, []byte(text))
		}
		for _, c := range []struct {
			name, want string
			err        errno.Errno
		}{
			{"a", `["/bin/sh" "a" "1" "2"]`, 0},
			{"b", `["/bin/sh" "-e  -x" "b" "1" "2"]`, 0},
			{"c", `["/bin/sh" "a" "arg" "c" "1" "2"]`, 0},
			{"d", `["/bin/sh" "a" "arg" "c" "d" "1" "2"]`, 0},
			{"e", `["/bin/sh" "a" "arg" "c" "d" "e" "1" "2"]`, 0},
			{"f", "", errno.ELOOP},
			{"loop", "", errno.ELOOP},
			{"none", "", errno.ENOEXEC},
			{"blank", "", errno.ENOEXEC},
			{"missing", "", errno.ENOENT},
			{"long", "", errno.ENOEXEC},
			{"cut", `["/bin/sh" "` + strings.Repeat("y", maxLine-10) + `" "cut" "1" "2"]`, 0},
		} {
			as, _, sp, err := b.load(th, c.name, Request{Argv: []string{"zero", "1", "2"}})
			if errno.Of(err) != c.err {
				t.Errorf("%s: %v", c.name, err)
			}
			if err == nil {
				s := readStack(t, th, as, sp)
				if got := fmt.Sprintf("%q", s.argv); got != c.want {
					t.Errorf("%s: %s, not %s", c.name, got, c.want)
				}
				if got := cstring(t, th, as, s.aux[abi.AT_EXECFN]); got != c.name {
					t.Errorf("%s: AT_EXECFN %q", c.name, got)
				}
			}
			as.Release(th)
		}
	})
}

func TestArgumentsAreBounded(t *testing.T) {
	onMachine(t, 4000, func(b *bench, th *sched.Thread) {
		b.file("/bin/x", static())
		many := make([]string, 300_000)
		for _, c := range []struct {
			argv  []string
			stack uint64
			err   errno.Errno
		}{
			{nil, 0, 0},
			{[]string{strings.Repeat("x", maxString-1)}, 0, 0},
			{[]string{strings.Repeat("x", maxString)}, 0, errno.E2BIG},
			{many, 0, errno.E2BIG},
			{many[:200_000], 0, 0},
			{many[:200_000], 1 << 20, errno.E2BIG},
			{many[:10_000], 4096, 0}, // Linux leaves 128 KiB whatever the limit; the stack itself still holds them
		} {
			as, _, sp, err := b.load(th, "/bin/x", Request{Argv: c.argv, StackLimit: c.stack})
			if errno.Of(err) != c.err && !(c.stack == 4096 && errno.Of(err) == errno.E2BIG) {
				t.Errorf("%d arguments, stack limit %d: %v", len(c.argv), c.stack, err)
			}
			if err == nil && len(c.argv) < 10 {
				if s := readStack(t, th, as, sp); len(s.argv) != max(len(c.argv), 1) {
					t.Errorf("%d arguments became %d", len(c.argv), len(s.argv))
				}
			}
			as.Release(th)
		}
	})
}

func TestHostileELF(t *testing.T) {
	ok := seg{abi.PT_LOAD, rx, 0, 0x400000, 0x100, 0x100, ""}
	interp := func(s string) seg {
		return seg{abi.PT_INTERP, abi.PF_R, 0x800, 0, uint64(len(s)), uint64(len(s)), s}
	}
	patch := func(f func(b []byte)) []byte {
		b := static()
		f(b)
		return b
	}
	for _, c := range []struct {
		name string
		file []byte
		err  errno.Errno
	}{
		{"empty", nil, errno.ENOEXEC},
		{"text", []byte("hello, world; this is no program, whatever its mode says; and it is long enough"), errno.ENOEXEC},
		{"truncated header", static()[:40], errno.ENOEXEC},
		{"truncated program headers", static()[:100], errno.ENOEXEC},
		{"32 bit", patch(func(b []byte) { b[4] = 1 }), errno.ENOEXEC},
		{"big endian", patch(func(b []byte) { b[5] = 2 }), errno.ENOEXEC},
		{"arm64", patch(func(b []byte) { b[18] = 183 }), errno.ENOEXEC},
		{"object file", patch(func(b []byte) { b[16] = 1 }), errno.ENOEXEC},
		{"phentsize", patch(func(b []byte) { b[54] = 32 }), errno.ENOEXEC},
		{"phnum 0", patch(func(b []byte) { b[56] = 0 }), errno.ENOEXEC},
		{"phnum 65535", patch(func(b []byte) { b[56], b[57] = 255, 255 }), errno.ENOEXEC},
		{"phoff far", patch(func(b []byte) { copy(b[32:40], "\xff\xff\xff\xff\xff\xff\xff\x7f") }), errno.ENOEXEC},
		{"phoff negative", patch(func(b []byte) { copy(b[32:40], "\xff\xff\xff\xff\xff\xff\xff\xff") }), errno.ENOEXEC},
		{"nothing to load", makeELF(abi.ET_EXEC, 0, interp("/x\x00")), errno.ENOEXEC},
		{"filesz > memsz", makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, rx, 0, 0x400000, 0x200, 0x100, ""}), errno.EINVAL},
		{"memsz huge", makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, rw, 0, 0x400000, 0x100, 1 << 63, ""}), errno.ENOMEM},
		{"memsz wraps", makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, rw, 0, 0x400000, 0x100, ^uint64(0) - 0x1000, ""}), errno.ENOMEM},
		{"kernel address", makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, rw, 0, 0xffff_8000_0000_0000, 0x100, 0x100, ""}), errno.ENOMEM},
		{"beyond the top", makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, rw, 0, mm.UserTop - 0x1000, 0x100, 0x2000, ""}), errno.ENOMEM},
		{"page 0", makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, rw, 0, 0, 0x100, 0x100, ""}), errno.EPERM},
		{"unaligned", makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, rw, 0x10, 0x400000, 0x100, 0x100, ""}), errno.ENOEXEC},
		{"offset absurd", makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, rw, ^uint64(0) &^ 0xfff, 0x400000, 0x100, 0x100, ""}), errno.EINVAL},
		{"more memory than there is", makeELF(abi.ET_EXEC, 0, ok, seg{abi.PT_LOAD, rw, 0, 0x500000, 0x100, 1 << 40, ""}), errno.ENOMEM},
		{"over the stack", makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, abi.PF_R, 0, mm.UserTop - 0x1000, 0x100, 0x100, ""}), errno.EEXIST},
		{"interpreter missing", makeELF(abi.ET_EXEC, 0, ok, interp("/nowhere\x00")), errno.ENOENT},
		{"interpreter without end", makeELF(abi.ET_EXEC, 0, ok, interp("/lib/ld")), errno.ENOEXEC},
		{"interpreter empty", makeELF(abi.ET_EXEC, 0, ok, interp("\x00\x00")), errno.ENOEXEC},
		{"interpreter long", makeELF(abi.ET_EXEC, 0, ok, interp(strings.Repeat("/x", 2100)+"\x00")), errno.ENOEXEC},
		{"interpreter no ELF", makeELF(abi.ET_EXEC, 0, ok, interp("/text\x00")), errno.ELIBBAD},
		{"PIE larger than user space", makeELF(abi.ET_DYN, 0, seg{abi.PT_LOAD, rx, 0, 0, 0x100, 0x100, ""}, seg{abi.PT_LOAD, rx, 0, 0x7fe0_0000_0000, 0x100, 0x100, ""}), errno.ENOMEM},
		{"segments overlap", makeELF(abi.ET_EXEC, 0, ok, seg{abi.PT_LOAD, rw, 0, 0x400000, 0x80, 0x3000, ""}, ok), 0},
		{"data beyond the file", makeELF(abi.ET_EXEC, 0, ok, seg{abi.PT_LOAD, abi.PF_R, 0x100000, 0x500000, 0x1000, 0x1000, ""}), 0},
		{"partial data beyond the file", makeELF(abi.ET_EXEC, 0, ok, seg{abi.PT_LOAD, rw, 0x100000, 0x500000, 0x800, 0x1000, ""}), errno.EFAULT},
	} {
		t.Run(c.name, func(t *testing.T) {
			onMachine(t, 300, func(b *bench, th *sched.Thread) {
				b.file("/text", []byte(strings.Repeat("text", 100)))
				b.file("/bin/x", c.file)
				as, _, _, err := b.load(th, "/bin/x", Request{Argv: []string{"x"}})
				if errno.Of(err) != c.err {
					t.Errorf("%v, not %v", err, c.err)
				}
				as.Release(th)
			})
		})
	}
}

// TestRealPrograms loads what is on the host, if anything is.
func TestRealPrograms(t *testing.T) {
	for _, name := range []string{"/bin/busybox", "/bin/sh", "/usr/bin/python3", "/proc/self/exe"} {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		onMachine(t, 20000, func(b *bench, th *sched.Thread) {
			b.file(name, data)
			for _, ld := range []string{"/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"} {
				if data, err := os.ReadFile(ld); err == nil {
					b.file(ld, data)
				}
			}
			as, entry, sp, err := b.load(th, name, Request{Argv: []string{name}})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			readStack(t, th, as, sp)
			peek(t, th, as, entry, 16)
			as.Release(th)
		})
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(static())
	f.Add([]byte("#!/bin/sh -e\n"))
	f.Add([]byte("#!self\n"))
	f.Add(makeELF(abi.ET_DYN, 0x1234, seg{abi.PT_INTERP, abi.PF_R, 0x200, 0x200, 5, 5, "self\x00"}, seg{abi.PT_LOAD, rx, 0, 0, 0x1300, 0x1300, ""}))
	f.Add(makeELF(abi.ET_EXEC, 0, seg{abi.PT_LOAD, rw, 0x1300, 0x403300, 0x100, 0x200000, strings.Repeat("e", 0x100)}, seg{abi.PT_GNU_STACK, 7, 0, 0, 0, 0, ""}))
	f.Fuzz(func(t *testing.T, data []byte) {
		onMachine(t, 200, func(b *bench, th *sched.Thread) {
			b.file("/bin/sh", static())
			b.file("self", data)
			as, _, sp, err := b.load(th, "self", Request{Argv: []string{"self", "arg"}})
			if err == nil {
				readStack(t, th, as, sp)
			}
			as.Release(th)
		})
	})
}
