package cell

import "testing"

// runFilter interprets a filter on a system call, as the host's kernel does.
func runFilter(t *testing.T, code []insn, nr, arch uint32, ip uint64, args [6]uint64) uint32 {
	data := map[uint32]uint32{dataNr: nr, dataArch: arch, dataIP: uint32(ip), dataIP + 4: uint32(ip >> 32)}
	for i, a := range args {
		data[argLo(i)], data[argHi(i)] = uint32(a), uint32(a>>32)
	}
	var a, x uint32
	for pc := 0; pc < len(code); pc++ {
		in := code[pc]
		jump := func(c bool) {
			if c {
				pc += int(in.jt)
			} else {
				pc += int(in.jf)
			}
		}
		switch in.op {
		case bpfLoad:
			v, ok := data[in.k]
			if !ok {
				t.Fatalf("load of %d", in.k)
			}
			a = v
		case bpfJeq:
			jump(a == in.k)
		case bpfJge:
			jump(a >= in.k)
		case bpfJgeX:
			jump(a >= x)
		case bpfAdd:
			a += in.k
		case bpfAddX:
			a += x
		case bpfTax:
			x = a
		case bpfAnd:
			a &= in.k
		case bpfReturn:
			return in.k
		default:
			t.Fatalf("opcode %#x", in.op)
		}
	}
	t.Fatal("the filter has no end")
	return 0
}

func TestFilters(t *testing.T) {
	_, end := image()
	mm, gu := mmFilter(end), guestFilter(end)
	const ram, ctl = ramFD, ctlFD
	for _, c := range []struct {
		name      string
		nr        uint32
		args      [6]uint64
		mm, guest bool
	}{
		{"mmap", sysMmap, [6]uint64{dataVA, pg, 7, mapFixed, ram, 0}, true, false},
		{"mmap populate", sysMmap, [6]uint64{dataVA, pg, 3, mapPopulate, ram, 1 << 40}, true, false},
		{"mmap last page", sysMmap, [6]uint64{base - 2*pg, pg, 3, mapFixed, ram, 0}, true, false},
		{"mmap onto the cell", sysMmap, [6]uint64{base, pg, 7, mapFixed, ram, 0}, false, false},
		{"mmap into the cell", sysMmap, [6]uint64{base - pg, 2 * pg, 7, mapFixed, ram, 0}, false, false},
		{"mmap of all", sysMmap, [6]uint64{0, 1<<64 - pg, 7, mapFixed, ram, 0}, false, false},
		{"mmap wraps", sysMmap, [6]uint64{1 << 46, 1<<64 - 1<<45, 7, mapFixed, ram, 0}, false, false},
		{"mmap carries", sysMmap, [6]uint64{base - 1<<32 + 0xfffff000, 0x2000, 7, mapFixed, ram, 0}, false, false},
		{"mmap carries low", sysMmap, [6]uint64{0xfffff000, 0x2000, 7, mapFixed, ram, 0}, true, false},
		{"mmap high", sysMmap, [6]uint64{1 << 63, pg, 7, mapFixed, ram, 0}, false, false},
		{"mmap not fixed", sysMmap, [6]uint64{dataVA, pg, 3, 1, ram, 0}, false, false},
		{"mmap private", sysMmap, [6]uint64{dataVA, pg, 3, 0x12, ram, 0}, false, false},
		{"mmap grows down", sysMmap, [6]uint64{dataVA, pg, 1<<24 | 3, mapFixed, ram, 0}, false, false},
		{"mmap flags above", sysMmap, [6]uint64{dataVA, pg, 3, 1<<32 | mapFixed, ram, 0}, false, false},
		{"mmap other file", sysMmap, [6]uint64{dataVA, pg, 3, mapFixed, 5, 0}, false, false},
		{"mmap fd above", sysMmap, [6]uint64{dataVA, pg, 3, mapFixed, 1<<32 | ram, 0}, false, false},
		{"control low", sysMmap, [6]uint64{dataVA, blockLen, 3, mapFixed, ctl, 0}, false, false},
		{"control area", sysMmap, [6]uint64{areaVA + blockLen, blockLen, 3, mapFixed, ctl, 0}, true, false},
		{"control area, last", sysMmap, [6]uint64{areaVA + (MaxThreads-1)*blockLen, blockLen, 3, mapFixed, ctl, 0}, true, false},
		{"control area, beyond", sysMmap, [6]uint64{areaVA + MaxThreads*blockLen, blockLen, 3, mapFixed, ctl, 0}, false, false},
		{"control area, odd", sysMmap, [6]uint64{areaVA + pg, blockLen, 3, mapFixed, ctl, 0}, false, false},
		{"control executable", sysMmap, [6]uint64{areaVA, blockLen, 7, mapFixed, ctl, 0}, false, false},
		{"control long", sysMmap, [6]uint64{areaVA, 2 * blockLen, 3, mapFixed, ctl, 0}, false, false},
		{"order page", sysMmap, [6]uint64{batchVA, blockLen, 1, mapFixed, ctl, 0}, true, false},
		{"order page writable", sysMmap, [6]uint64{batchVA, blockLen, 3, mapFixed, ctl, 0}, false, false},
		{"order page elsewhere", sysMmap, [6]uint64{areaVA, blockLen, 1, mapFixed, ctl, 0}, false, false},
		{"munmap", sysMunmap, [6]uint64{0, base - pg}, true, false},
		{"munmap cell", sysMunmap, [6]uint64{base, imgSize}, false, false},
		{"munmap all", sysMunmap, [6]uint64{0, hostTop}, false, false},
		{"mprotect", sysMprotect, [6]uint64{dataVA, pg, 0}, true, false},
		{"mprotect orders", sysMprotect, [6]uint64{batchVA, pg, 3}, false, false},
		{"mprotect odd", sysMprotect, [6]uint64{dataVA, pg, 8}, false, false},
		{"madvise", sysMadvise, [6]uint64{dataVA, pg, madvDontneed}, true, false},
		{"madvise remove", sysMadvise, [6]uint64{dataVA, pg, 9}, false, false},
		{"clone cell", sysClone, [6]uint64{cloneCell}, true, false},
		{"clone thread", sysClone, [6]uint64{cloneThread, areaVA}, true, false},
		{"clone untraced", sysClone, [6]uint64{cloneThread | 0x800000, areaVA}, false, false},
		{"clone user ns", sysClone, [6]uint64{0x10000000}, false, false},
		{"pwrite", sysPwrite, [6]uint64{ctl, batchVA + 8, 8, doneOff}, true, false},
		{"pwrite RAM", sysPwrite, [6]uint64{ram, batchVA + 8, 8, 0}, false, false},
		{"pwrite more", sysPwrite, [6]uint64{ctl, batchVA + 8, 16, 0}, false, false},
		{"userfaultfd", sysUserfaultfd, [6]uint64{uffdFlags}, true, false},
		{"userfaultfd privileged", sysUserfaultfd, [6]uint64{0x80000}, false, false},
		{"prctl", sysPrctl, [6]uint64{1, 9}, true, false},
		{"prctl no death signal", sysPrctl, [6]uint64{1, 0}, false, false},
		{"prctl dumpable", sysPrctl, [6]uint64{4, 0}, false, false},
		{"seccomp", sysSeccomp, [6]uint64{1, 0}, true, false},
		{"seccomp listener", sysSeccomp, [6]uint64{1, 8}, false, false},
		{"exit", sysExitGroup, [6]uint64{}, true, false},
		{"sigreturn", sysSigreturn, [6]uint64{}, true, true},
		{"yield", sysSchedYield, [6]uint64{}, true, true},
		{"wait", sysFutex, [6]uint64{areaVA, 0, 1}, true, true},
		{"wake", sysFutex, [6]uint64{areaVA + 5*blockLen, 1, 1}, true, true},
		{"wake orders", sysFutex, [6]uint64{batchVA, 1, 1}, true, true},
		{"wake order entries", sysFutex, [6]uint64{batchVA + 64, 1, 1}, true, false},
		{"wake data", sysFutex, [6]uint64{dataVA, 1, 1}, true, false},
		{"wake high", sysFutex, [6]uint64{1<<63 | areaVA, 1, 1}, true, false},
		{"requeue", sysFutex, [6]uint64{areaVA, 3, 1}, false, false},
		{"futex fd", sysFutex, [6]uint64{areaVA, 2, 1}, false, false},
		{"op above", sysFutex, [6]uint64{areaVA, 1 << 32, 1}, false, false},
		{"read", 0, [6]uint64{}, false, false},
		{"write", 1, [6]uint64{}, false, false},
		{"ioctl", 16, [6]uint64{}, false, false},
		{"execve", 59, [6]uint64{}, false, false},
		{"kill", 62, [6]uint64{}, false, false},
		{"ptrace", 101, [6]uint64{}, false, false},
		{"x32", 0x40000000 | 15, [6]uint64{}, false, false},
		{"negative", 0xffffffff, [6]uint64{}, false, false},
	} {
		for _, f := range []struct {
			who  string
			code []insn
			want bool
		}{{"mm thread", mm, c.mm}, {"guest", gu, c.guest}} {
			if got := runFilter(t, f.code, c.nr, archX8664, end-2, c.args) == retAllow; got != f.want {
				t.Errorf("%s: %s: allowed %v", c.name, f.who, got)
			}
			// From anywhere else, or by another door, nothing is allowed.
			for _, ip := range []uint64{textVA, base - 2, end, base + dataOff, areaVA, base + 1<<32, vsyscallVA, 0} {
				if runFilter(t, f.code, c.nr, archX8664, ip, c.args) != retTrap {
					t.Errorf("%s: %s: allowed at %#x", c.name, f.who, ip)
				}
			}
			if runFilter(t, f.code, c.nr, 0x40000003, end-2, c.args) != retTrap {
				t.Errorf("%s: %s: allowed to 32-bit code", c.name, f.who)
			}
		}
	}
}

// The fallback where the host forbids to exec a memory file.
func TestImageFromFile(t *testing.T) {
	m := newMachine(t, func(c *Config) { c.NoMemfdExec = true })
	g := m.guest("b8", 39, syscallInsn)
	g.run(0)
	g.s.Release()
}

func TestSegments(t *testing.T) {
	var s segments
	add := func(lo, hi, delta uint64) { s.carve(lo, hi); s.insert(segment{lo: lo, hi: hi, delta: delta, prot: 3}) }
	check := func(want ...span) {
		t.Helper()
		if len(s.s) != len(want) {
			t.Fatalf("%+v, want %v", s.s, want)
		}
		for i, w := range want {
			if s.s[i].lo != w.lo || s.s[i].hi != w.hi {
				t.Fatalf("%+v, want %v", s.s, want)
			}
		}
	}
	add(10, 20, 0)
	add(30, 40, 0)
	check(span{10, 20}, span{30, 40})
	add(20, 30, 0)
	check(span{10, 40})
	add(15, 16, 1)
	check(span{10, 15}, span{15, 16}, span{16, 40})
	add(15, 16, 0)
	check(span{10, 40})
	s.carve(12, 14)
	check(span{10, 12}, span{14, 40})
	s.carve(0, 100)
	check()
	got := cut([]span{{0, 10}, {20, 30}}, 5, 25)
	if len(got) != 2 || got[0] != (span{0, 5}) || got[1] != (span{25, 30}) {
		t.Fatal(got)
	}
	if got = cut([]span{{0, 10}}, 3, 5); len(got) != 2 {
		t.Fatal(got)
	}
}
