package guest

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// A Go program has a table of its functions, files and lines for its own use (src/internal/abi/symtab.go, src/runtime/symtab.go), also when it is
// stripped of symbols and DWARF. Go's debug/gosym reads it, but trusts it too much: it would allocate whatever a file says.

// Magic numbers of the formats since Go 1.18; those before are of no interest any more.
const (
	pcln118 = 0xfffffff0
	pcln120 = 0xfffffff1
)

// goTable is the section .gopclntab.
type goTable struct {
	names, units, files, pcs []byte
	funcs                    []byte // n pairs {entry, offset of the description from here}, the end of the last function, descriptions
	n                        int
	quantum                  uint64
	text                     uint64 // what entries count from
}

// Words of a function's description (runtime._func).
const (
	goFuncName = 1
	goFuncSP   = 4
	goFuncFile = 5
	goFuncLine = 6
	goFuncUnit = 8
)

// goFuncs returns the table, or nil.
func (f *File) goFuncs() *goTable {
	if f.goLines != nil {
		return f.goLines.orNil()
	}
	f.goLines = &goTable{}
	var err error
	func() {
		defer guard(&err)
		if t := readGoTable(section(f.elf, ".gopclntab"), sectionAddr(f.elf, ".text")); t != nil {
			f.goLines = t
		}
	}()
	f.note(err)
	return f.goLines.orNil()
}

func (t *goTable) orNil() *goTable {
	if t.n == 0 {
		return nil
	}
	return t
}

// readGoTable reads the header. It may panic on a hostile one.
func readGoTable(b []byte, text uint64) *goTable {
	const header, words = 8, 8
	le := binary.LittleEndian
	if len(b) < header+8*words {
		return nil
	}
	if m := le.Uint32(b); m != pcln118 && m != pcln120 || b[7] != 8 {
		return nil
	}
	word := func(i int) uint64 { return le.Uint64(b[header+8*i:]) }
	t := &goTable{quantum: uint64(b[6]), text: text, names: b[word(3):], units: b[word(4):], files: b[word(5):], pcs: b[word(6):], funcs: b[word(7):]}
	if n := word(0); n > 0 && n <= maxSymbols && n*8+4 <= uint64(len(t.funcs)) {
		t.n = int(n)
	}
	return t
}

func (t *goTable) word(b []byte, at uint64) uint64 { return uint64(binary.LittleEndian.Uint32(b[at:])) }

// entry is where a function begins; that of n is where the last ends.
func (t *goTable) entry(i int) uint64 { return t.text + t.word(t.funcs, uint64(i)*8) }

// field is a word of a function's description.
func (t *goTable) field(i int, field uint64) uint64 {
	return t.word(t.funcs, t.word(t.funcs, uint64(i)*8+4)+4*field)
}

func (t *goTable) name(i int) string { return text(t.names, t.field(i, goFuncName)) }

func text(b []byte, at uint64) string {
	s, _, _ := bytes.Cut(b[at:], []byte{0})
	return string(s[:min(len(s), 1<<12)])
}

// find returns the function that an address lies in, or -1.
func (t *goTable) find(a uint64) int {
	i := sort.Search(t.n+1, func(i int) bool { return t.entry(i) > a }) - 1
	if i < 0 || i >= t.n {
		return -1
	}
	return i
}

// value looks up what a function's table says for an address, and for which addresses around it.
func (t *goTable) value(table, entry, a uint64) (v int32, r Range, ok bool) {
	if table == 0 {
		return 0, r, false
	}
	b := t.pcs[table:]
	varint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 0
		}
		b = b[n:]
		return v
	}
	v = -1
	for pc, first := entry, true; ; first = false {
		d := uint32(varint())
		if d == 0 && !first || b == nil {
			return 0, r, false
		}
		if d&1 != 0 {
			v += int32(^(d >> 1))
		} else {
			v += int32(d >> 1)
		}
		next := pc + varint()*t.quantum
		if b == nil || next < pc {
			return 0, r, false
		}
		if a < next {
			return v, Range{pc, next}, true
		}
		pc = next
	}
}

// line returns file and line of an address, and the code around it that belongs to the same line, as one piece. Line 0: it is not known.
func (f *File) goLine(a uint64) (file string, line int, r Range) {
	t := f.goFuncs()
	if t == nil {
		return "", 0, r
	}
	var err error
	defer guard(&err)
	i := t.find(a)
	if i < 0 {
		return "", 0, r
	}
	entry := t.entry(i)
	n, r, ok := t.value(t.field(i, goFuncLine), entry, a)
	if !ok || n <= 0 {
		return "", 0, Range{}
	}
	if no, _, ok := t.value(t.field(i, goFuncFile), entry, a); ok && no >= 0 {
		if at := t.word(t.units, 4*(t.field(i, goFuncUnit)+uint64(no))); at != 1<<32-1 {
			file = text(t.files, at)
		}
	}
	return file, int(n), r
}

// goFrame returns how much a Go function has on the stack at an address, besides its return address, and its name.
func (f *File) goFrame(a uint64) (size uint64, name string, ok bool) {
	t := f.goFuncs()
	if t == nil {
		return 0, "", false
	}
	var err error
	defer guard(&err)
	i := t.find(a)
	if i < 0 {
		return 0, "", false
	}
	n, _, ok := t.value(t.field(i, goFuncSP), t.entry(i), a)
	return uint64(n), t.name(i), ok && n >= 0
}

// byGoTable finds the caller of a Go function in a program without other rules. done is false if that can't be.
func (u *unwinder) byGoTable(f *Frame, im *Image, a uint64) (ok, done bool) {
	size, name, found := im.goFrame(a)
	sp, known := u.regs.Get(RSP)
	if !found || !known {
		return false, false
	}
	f.CFA = sp + size + 8
	if name == "runtime.goexit" || name == "runtime.rt0_go" || name == "runtime.mstart" {
		return false, true // the outermost
	}
	ret, err := readUint(u.p.Mem, f.CFA-8, 8)
	if err != nil || f.CFA <= sp || u.p.ImageAt(ret) == nil {
		return false, true
	}
	next := u.regs
	for i := range next.saved {
		next.saved[i] = notSaved
	}
	next.Known = 1<<RIP | 1<<RSP | u.regs.Known&(1<<RBP)
	next.R[RIP], next.R[RSP] = ret, f.CFA
	if size >= 8 { // whoever has a frame saves the frame pointer at its top
		if bp, err := readUint(u.p.Mem, f.CFA-16, 8); err == nil {
			next.Set(RBP, bp)
			next.saved[RBP] = f.CFA - 16
		}
	}
	u.regs, u.exact = next, false
	return true, true
}

// goSymbols are the functions that the table has.
func (f *File) goSymbols() (all []Symbol) {
	t := f.goFuncs()
	if t == nil {
		return nil
	}
	var err error
	defer guard(&err)
	room := 2 * len(t.names) // a hostile table could have the same long name again and again
	for i := range t.n {
		if name, at := t.name(i), t.entry(i); name != "" {
			if room -= len(name) + 1; room < 0 {
				break
			}
			all = append(all, Symbol{Name: name, Addr: at, Size: t.entry(i+1) - at, Func: true})
		}
	}
	return all
}
