package cell

import "math"

// Filters are classic BPF programs over Linux's struct seccomp_data
// (linux/seccomp.h). golang.org/x/net/bpf has no labels, so this file brings
// its own assembler of a few lines.
//
// Offsets in seccomp_data; arguments are two 32-bit halves each.
const (
	dataNr   = 0
	dataArch = 4
	dataIP   = 8
	dataArgs = 16
)

func argLo(n int) uint32 { return uint32(dataArgs + 8*n) }
func argHi(n int) uint32 { return uint32(dataArgs + 8*n + 4) }

// Classic BPF opcodes (linux/bpf_common.h) and filter results (linux/seccomp.h).
const (
	bpfLoad   = 0x20 // A = data[k]
	bpfJmp    = 0x05
	bpfJeq    = 0x15
	bpfJge    = 0x35
	bpfJgeX   = 0x3d
	bpfAdd    = 0x04
	bpfAddX   = 0x0c
	bpfTax    = 0x07
	bpfAnd    = 0x54
	bpfReturn = 0x06

	retAllow = 0x7fff0000
	retTrap  = 0x00030000

	archX8664 = 0xc000003e
)

// insn is struct sock_filter.
type insn struct {
	op     uint16
	jt, jf uint8
	k      uint32
}

// filter builds a program whose jumps name labels.
type filter struct {
	code   []insn
	jt, jf map[int]string
	labels map[string]int
}

func newFilter() *filter {
	return &filter{jt: map[int]string{}, jf: map[int]string{}, labels: map[string]int{}}
}

func (f *filter) op(op uint16, k uint32) { f.code = append(f.code, insn{op: op, k: k}) }
func (f *filter) load(off uint32)        { f.op(bpfLoad, off) }
func (f *filter) label(name string)      { f.labels[name] = len(f.code) }

// jump goes to yes or no; an empty name means the next instruction.
func (f *filter) jump(op uint16, k uint32, yes, no string) {
	f.jt[len(f.code)], f.jf[len(f.code)] = yes, no
	f.op(op, k)
}

// is traps unless the 64-bit argument n equals v.
func (f *filter) is(n int, v uint64) {
	f.load(argHi(n))
	f.jump(bpfJeq, uint32(v>>32), "", "trap")
	f.load(argLo(n))
	f.jump(bpfJeq, uint32(v), "", "trap")
}

// below traps unless the 64-bit argument n is below 2^32 and its low half below v.
func (f *filter) below(n int, v uint32) {
	f.load(argHi(n))
	f.jump(bpfJeq, 0, "", "trap")
	f.load(argLo(n))
	f.jump(bpfJge, v, "trap", "")
}

// inGuest traps unless [arg addr, +arg length) ends below the cell.
func (f *filter) inGuest(name string) {
	const top = base >> 32
	for _, n := range []int{0, 1} {
		f.load(argHi(n))
		f.jump(bpfJge, top, "trap", "")
	}
	// The low halves' sum wraps if it is less than either.
	f.load(argLo(1))
	f.op(bpfTax, 0)
	f.load(argLo(0))
	f.op(bpfAddX, 0)
	f.jump(bpfJgeX, 0, name+"nocarry", "")
	f.load(argHi(1))
	f.op(bpfTax, 0)
	f.load(argHi(0))
	f.op(bpfAddX, 0)
	f.op(bpfAdd, 1)
	f.jump(bpfJge, top, "trap", "allow")
	f.label(name + "nocarry")
	f.load(argHi(1))
	f.op(bpfTax, 0)
	f.load(argHi(0))
	f.op(bpfAddX, 0)
	f.jump(bpfJge, top, "trap", "allow")
}

// begin checks the architecture and that the syscall instruction is the cell's own.
func (f *filter) begin(codeEnd uint64) {
	f.load(dataArch)
	f.jump(bpfJeq, archX8664, "", "trap")
	f.load(dataIP + 4)
	f.jump(bpfJeq, base>>32, "", "trap")
	f.load(dataIP)
	f.jump(bpfJge, uint32(codeEnd&math.MaxUint32), "trap", "")
	f.load(dataNr)
}

// section adds the checks of one system call.
func (f *filter) section(nr uint32, name string, body func()) {
	f.jump(bpfJeq, nr, "", name)
	body()
	f.label(name)
}

func (f *filter) allow() { f.op(bpfReturn, retAllow) }

// assemble ends the program and resolves the labels. Jumps reach 255
// instructions; a far jump to trap or allow ends in a copy of the return
// nearby, which the caller need not know.
func (f *filter) assemble() []insn {
	f.label("trap")
	f.op(bpfReturn, retTrap)
	f.label("allow")
	f.op(bpfReturn, retAllow)
	at := func(i int, name string) uint8 {
		if name == "" {
			return 0
		}
		to, ok := f.labels[name]
		d := to - i - 1
		if !ok || d < 0 || d > 255 {
			panic("cell: filter label " + name + " is missing or too far")
		}
		return uint8(d)
	}
	for i := range f.code {
		if name, ok := f.jt[i]; ok {
			f.code[i].jt, f.code[i].jf = at(i, name), at(i, f.jf[i])
		}
	}
	return f.code
}

// Host system calls of the cell.
const (
	sysMmap        = 9
	sysMprotect    = 10
	sysMunmap      = 11
	sysSigreturn   = 15
	sysPwrite      = 18
	sysSchedYield  = 24
	sysMadvise     = 28
	sysGetpid      = 39
	sysClone       = 56
	sysGetppid     = 110
	sysPrctl       = 157
	sysGettid      = 186
	sysFutex       = 202
	sysExitGroup   = 231
	sysSeccomp     = 317
	sysUserfaultfd = 323
)

const (
	ramFD = 3 // of the cell
	ctlFD = 4

	mapFixed    = 0x11   // MAP_SHARED|MAP_FIXED
	mapPopulate = 0x8011 // … |MAP_POPULATE

	cloneCell   = 0x8011  // CLONE_PARENT|SIGCHLD
	cloneThread = 0x50f00 // VM|FS|FILES|SIGHAND|THREAD|SYSVSEM

	madvDontneed = 4
	uffdFlags    = 0x80001 // O_CLOEXEC|UFFD_USER_MODE_ONLY
)

// mmFilter is what the mm thread may do, and with it all threads of a cell.
// The mm thread obeys only read-only memory, so this is the second wall.
func mmFilter(codeEnd uint64) []insn {
	f := newFilter()
	f.begin(codeEnd)
	for _, nr := range []uint32{sysSigreturn, sysSchedYield, sysGetpid, sysGettid, sysGetppid, sysExitGroup} {
		f.jump(bpfJeq, nr, "allow", "")
	}
	f.section(sysFutex, "notfutex", func() { f.below(1, 2); f.allow() })
	f.section(sysPwrite, "notpwrite", func() { f.is(0, ctlFD); f.is(2, 8); f.allow() })
	f.section(sysMunmap, "notmunmap", func() { f.inGuest("munmap") })
	f.section(sysMprotect, "notmprotect", func() { f.below(2, 8); f.inGuest("mprotect") })
	f.section(sysMadvise, "notmadvise", func() { f.is(2, madvDontneed); f.inGuest("madvise") })
	f.section(sysMmap, "notmmap", func() {
		f.load(argHi(3))
		f.jump(bpfJeq, 0, "", "trap")
		f.load(argLo(3))
		f.jump(bpfJeq, mapFixed, "mapflags", "")
		f.jump(bpfJeq, mapPopulate, "", "trap")
		f.label("mapflags")
		f.load(argHi(4))
		f.jump(bpfJeq, 0, "", "trap")
		f.load(argLo(4))
		f.jump(bpfJeq, ctlFD, "mapctl", "")
		f.jump(bpfJeq, ramFD, "", "trap")
		f.below(2, 8)
		f.inGuest("mmap")
		// The order page read-only, or a thread area.
		f.label("mapctl")
		f.is(1, blockLen)
		f.load(argHi(0))
		f.jump(bpfJeq, base>>32, "", "trap")
		f.load(argHi(2))
		f.jump(bpfJeq, 0, "", "trap")
		f.load(argLo(2))
		f.jump(bpfJeq, 3, "maparea", "")
		f.jump(bpfJeq, 1, "", "trap")
		f.load(argLo(0))
		f.jump(bpfJeq, batchVA&math.MaxUint32, "allow", "trap")
		f.label("maparea")
		f.load(argLo(0))
		f.jump(bpfJge, areaVA&math.MaxUint32, "", "trap")
		f.jump(bpfJge, (areaVA+MaxThreads*blockLen)&math.MaxUint32, "trap", "")
		f.op(bpfAnd, blockLen-1)
		f.jump(bpfJeq, 0, "allow", "trap")
	})
	f.section(sysClone, "notclone", func() {
		f.load(argHi(0))
		f.jump(bpfJeq, 0, "", "trap")
		f.load(argLo(0))
		f.jump(bpfJeq, cloneCell, "allow", "")
		f.jump(bpfJeq, cloneThread, "allow", "trap")
	})
	f.section(sysPrctl, "notprctl", func() { f.is(0, 1); f.is(1, 9); f.allow() })
	f.section(sysSeccomp, "notseccomp", func() { f.is(0, 1); f.is(1, 0); f.allow() })
	f.section(sysUserfaultfd, "trap", func() { f.is(0, uffdFlags); f.allow() })
	return f.assemble()
}

// guestFilter is what a guest thread may do. It can jump to any syscall
// instruction of the cell with registers of its choice, so each call here
// must be harmless with every argument.
func guestFilter(codeEnd uint64) []insn {
	f := newFilter()
	f.begin(codeEnd)
	f.jump(bpfJeq, sysSigreturn, "allow", "")
	f.jump(bpfJeq, sysSchedYield, "allow", "")
	f.section(sysFutex, "trap", func() {
		f.below(1, 2) // FUTEX_WAIT and FUTEX_WAKE
		f.load(argHi(0))
		f.jump(bpfJeq, areaVA>>32, "", "trap")
		f.load(argLo(0))
		f.jump(bpfJeq, batchVA&math.MaxUint32, "allow", "") // the mm thread looks again when woken
		f.jump(bpfJge, areaVA&math.MaxUint32, "", "trap")
		f.jump(bpfJge, (areaVA+MaxThreads*blockLen)&math.MaxUint32, "trap", "allow")
	})
	return f.assemble()
}
