package guest

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"slices"
	"strings"
)

// Symbol is a function's or variable's name in the symbol table.
type Symbol struct {
	Name string
	Addr uint64 // without the bias
	Size uint64
	Func bool
}

// Bounds of what is kept of one file.
const (
	maxSymbols = 4 << 20
	maxAsked   = 1 << 12
)

// symbols are a file's symbol tables. They stay as they are in the file, for there may be millions, of which few are asked for.
type symbols struct {
	tables []symbolTable
	funcs  []funcSymbol // by address, one for each; nil: nobody has asked yet
	asked  map[string][]Symbol
}

// symbolTable is .symtab or .dynsym.
type symbolTable struct {
	entries []byte // Elf64_Sym
	names   []byte // its string table
	code    []bool // by section
}

// sizeofSym is the size of an Elf64_Sym: name (4 bytes), info (1), other (1), section (2), value (8), size (8).
const sizeofSym = 24

// funcSymbol is a function in a table.
type funcSymbol struct {
	addr, size uint64
	entry      uint32
	table      uint8
	rank       uint8
}

func (f *File) loadSymbols() (s *symbols) {
	if f.symbols != nil {
		return f.symbols
	}
	f.symbols = &symbols{asked: map[string][]Symbol{}}
	var err error
	func() {
		defer guard(&err)
		if d := f.debugFile(); d != f.elf {
			f.symbols.read(d)
		}
		f.symbols.read(f.elf)
		if !f.symbols.any() {
			f.symbols.tables = []symbolTable{tableOf(f.goSymbols())}
		}
	}()
	f.note(err)
	return f.symbols
}

// read takes .symtab and .dynsym.
func (s *symbols) read(e *elf.File) {
	for _, typ := range []elf.SectionType{elf.SHT_SYMTAB, elf.SHT_DYNSYM} {
		x := e.SectionByType(typ)
		if x == nil || x.Link == 0 || int(x.Link) >= len(e.Sections) || x.Size > maxSymbols*sizeofSym {
			continue
		}
		t := symbolTable{entries: content(x), names: content(e.Sections[x.Link])}
		if t.entries = t.entries[:len(t.entries)/sizeofSym*sizeofSym]; len(t.names) == 0 {
			continue
		}
		for _, y := range e.Sections {
			t.code = append(t.code, y.Flags&elf.SHF_EXECINSTR != 0)
		}
		s.tables = append(s.tables, t)
	}
}

// any reports whether there is a symbol of something in the file.
func (s *symbols) any() bool {
	for k := range s.tables {
		for i := range s.tables[k].len() {
			if _, ok := s.tables[k].kind(i); ok {
				return true
			}
		}
	}
	return false
}

// tableOf makes a table of functions that are known otherwise.
func tableOf(funcs []Symbol) symbolTable {
	t := symbolTable{names: []byte{0}, code: []bool{false, true}}
	for _, y := range funcs {
		e := binary.LittleEndian.AppendUint32(t.entries, uint32(len(t.names)))
		e = append(e, elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), 0, 1, 0)
		t.entries = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(e, y.Addr), y.Size)
		t.names = append(append(t.names, y.Name...), 0)
	}
	return t
}

func (t *symbolTable) len() int { return len(t.entries) / sizeofSym }

// name is the name of an entry, as far as it goes without a version.
func (t *symbolTable) name(i int) []byte {
	at := binary.LittleEndian.Uint32(t.entries[i*sizeofSym:])
	if uint64(at) >= uint64(len(t.names)) {
		return nil
	}
	b := t.names[at:]
	if n := bytes.IndexByte(b, 0); n >= 0 {
		b = b[:n]
	}
	if n := bytes.IndexByte(b, '@'); n > 0 {
		b = b[:n]
	}
	return b
}

func (t *symbolTable) value(i int) uint64 {
	return binary.LittleEndian.Uint64(t.entries[i*sizeofSym+8:])
}

func (t *symbolTable) size(i int) uint64 {
	return binary.LittleEndian.Uint64(t.entries[i*sizeofSym+16:])
}

// kind tells whether an entry is a function, and whether it is anything that there is at its address.
func (t *symbolTable) kind(i int) (fn, ok bool) {
	e := t.entries[i*sizeofSym:]
	at, section := binary.LittleEndian.Uint32(e), elf.SectionIndex(binary.LittleEndian.Uint16(e[6:]))
	if at == 0 || uint64(at) >= uint64(len(t.names)) || section == elf.SHN_UNDEF || section == elf.SHN_ABS {
		return false, false
	}
	switch elf.ST_TYPE(e[4]) {
	case elf.STT_OBJECT:
		return false, true
	case elf.STT_FUNC, elf.STT_GNU_IFUNC:
		return true, true
	case elf.STT_NOTYPE: // of assembly, in code; not what assemblers and linkers mark places with
		ok = int(section) < len(t.code) && t.code[section] && t.names[at] != '.' && t.names[at] != 0
	}
	return ok, ok
}

func (t *symbolTable) symbol(i int) Symbol {
	fn, _ := t.kind(i)
	return Symbol{Name: string(t.name(i)), Addr: t.value(i), Size: t.size(i), Func: fn}
}

// sort puts the functions in the order of their addresses, one for each.
func (s *symbols) sort() {
	s.funcs = []funcSymbol{}
	for n := range s.tables {
		t := &s.tables[n]
		for i := range t.len() {
			if fn, ok := t.kind(i); ok && fn {
				s.funcs = append(s.funcs, funcSymbol{t.value(i), t.size(i), uint32(i), uint8(n), t.rank(i)})
			}
		}
	}
	slices.SortFunc(s.funcs, func(a, b funcSymbol) int {
		if a.addr != b.addr {
			return cmp.Compare(a.addr, b.addr)
		}
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.table, b.table), cmp.Compare(a.entry, b.entry))
	})
	s.funcs = slices.CompactFunc(s.funcs, func(a, b funcSymbol) bool { return a.addr == b.addr })
}

// rank prefers, of several names of one address, the one that a person would use.
func (t *symbolTable) rank(i int) (r uint8) {
	e := t.entries[i*sizeofSym:]
	if elf.ST_BIND(e[4]) != elf.STB_GLOBAL {
		r++
	}
	if t.names[binary.LittleEndian.Uint32(e)] == '_' {
		r += 2
	}
	if t.size(i) == 0 {
		r += 4
	}
	return r
}

// at returns the function that contains an address; one without a size reaches to the next.
func (s *symbols) at(addr uint64) *Symbol {
	if s.funcs == nil {
		s.sort()
	}
	i, ok := slices.BinarySearchFunc(s.funcs, addr, func(y funcSymbol, a uint64) int { return cmp.Compare(y.addr, a) })
	if !ok {
		i--
	}
	for ; i >= 0; i-- {
		y := &s.funcs[i]
		if y.size == 0 || addr < y.addr+y.size {
			found := s.tables[y.table].symbol(int(y.entry))
			return &found
		}
		if addr-y.addr > 1<<20 {
			break
		}
		if i > 0 && s.funcs[i-1].size != 0 && addr >= s.funcs[i-1].addr+s.funcs[i-1].size {
			break
		}
	}
	return nil
}

// named returns the symbols of that name.
func (s *symbols) named(name string) []Symbol {
	if r, ok := s.asked[name]; ok {
		return r
	}
	var r []Symbol
	if name != "" && strings.IndexByte(name, 0) < 0 {
		for i := range s.tables {
			r = s.tables[i].named(r, name)
		}
	}
	if len(s.asked) == maxAsked {
		clear(s.asked)
	}
	s.asked[name] = r
	return r
}

// named adds the symbols of that name to r. One pass over the names, which search is made for, and one over the entries is less than an index costs.
func (t *symbolTable) named(r []Symbol, name string) []Symbol {
	at := map[uint32]bool{} // where the name is: linkers also let one name be the end of another
	for from := 0; len(at) < maxAsked; {
		i := bytes.Index(t.names[from:], []byte(name))
		if i < 0 {
			break
		}
		i += from
		if end := i + len(name); end == len(t.names) || t.names[end] == 0 || t.names[end] == '@' {
			at[uint32(i)] = true
		}
		from = i + 1
	}
	for i := 0; i < t.len() && len(at) > 0; i++ {
		if !at[binary.LittleEndian.Uint32(t.entries[i*sizeofSym:])] {
			continue
		}
		if _, ok := t.kind(i); !ok {
			continue
		}
		y := t.symbol(i)
		if y.Name == name && !slices.ContainsFunc(r, func(o Symbol) bool { return o.Addr == y.Addr }) { // .symtab and .dynsym
			r = append(r, y)
		}
	}
	return r
}

// Functions calls f for the names of all functions until it returns false.
func (f *File) Functions(do func(name string) bool) {
	s := f.loadSymbols()
	for n := range s.tables {
		t := &s.tables[n]
		for i := range t.len() {
			if fn, ok := t.kind(i); ok && fn && !do(string(t.name(i))) {
				return
			}
		}
	}
}
