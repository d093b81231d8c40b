package guest

import (
	"cmp"
	"debug/elf"
	"slices"
	"strings"
)

// Symbol is a function's or variable's name in the symbol table.
type Symbol struct {
	Name string
	Addr uint64 // without the bias
	Size uint64
	Func bool
	Weak bool
}

// maxSymbols bounds what is kept of one file.
const maxSymbols = 4 << 20

// symbols are a file's symbols, functions by address.
type symbols struct {
	funcs []Symbol
	all   []Symbol
	names map[string][]int32 // indices of all; nil: nobody has asked yet
}

func (f *File) loadSymbols() (s *symbols) {
	if f.symbols != nil {
		return f.symbols
	}
	f.symbols = &symbols{}
	var err error
	func() {
		defer guard(&err)
		if d := f.debugFile(); d != f.elf {
			f.symbols.read(d)
		}
		f.symbols.read(f.elf)
		if len(f.symbols.all) == 0 {
			f.symbols.all = f.goSymbols()
		}
		f.symbols.sort()
	}()
	f.note(err)
	return f.symbols
}

// read takes the symbols of .symtab and .dynsym.
func (s *symbols) read(e *elf.File) {
	for _, get := range []func() ([]elf.Symbol, error){e.Symbols, e.DynamicSymbols} {
		table, err := get()
		if err != nil || len(table) > maxSymbols {
			continue
		}
		for i := range table {
			y := &table[i]
			typ := elf.ST_TYPE(y.Info)
			if y.Section == elf.SHN_UNDEF || y.Section == elf.SHN_ABS || y.Name == "" || typ != elf.STT_FUNC && typ != elf.STT_OBJECT && typ != elf.STT_NOTYPE && typ != elf.STT_GNU_IFUNC {
				continue
			}
			name, _, _ := strings.Cut(y.Name, "@")
			if typ == elf.STT_NOTYPE && (int(y.Section) >= len(e.Sections) || e.Sections[y.Section].Flags&elf.SHF_EXECINSTR == 0 || strings.HasPrefix(name, ".")) {
				continue
			}
			s.all = append(s.all, Symbol{Name: name, Addr: y.Value, Size: y.Size, Func: typ != elf.STT_OBJECT, Weak: elf.ST_BIND(y.Info) != elf.STB_GLOBAL})
		}
	}
}

// sort puts the functions in the order of their addresses, one for each.
func (s *symbols) sort() {
	for i := range s.all {
		if s.all[i].Func {
			s.funcs = append(s.funcs, s.all[i])
		}
	}
	slices.SortStableFunc(s.funcs, func(a, b Symbol) int {
		if c := cmp.Compare(a.Addr, b.Addr); c != 0 {
			return c
		}
		return cmp.Compare(rank(&a), rank(&b))
	})
	s.funcs = slices.CompactFunc(s.funcs, func(a, b Symbol) bool { return a.Addr == b.Addr })
}

// rank prefers, of several names of one address, the one that a person would use.
func rank(s *Symbol) int {
	r := 0
	if s.Weak {
		r++
	}
	if strings.HasPrefix(s.Name, "_") {
		r += 2
	}
	if s.Size == 0 {
		r += 4
	}
	return r
}

// at returns the function that contains an address; one without a size reaches to the next.
func (s *symbols) at(addr uint64) *Symbol {
	i, ok := slices.BinarySearchFunc(s.funcs, addr, func(y Symbol, a uint64) int { return cmp.Compare(y.Addr, a) })
	if !ok {
		i--
	}
	for ; i >= 0; i-- {
		y := &s.funcs[i]
		if y.Size == 0 || addr < y.Addr+y.Size {
			return y
		}
		if addr-y.Addr > 1<<20 {
			break
		}
		if i > 0 && s.funcs[i-1].Size != 0 && addr >= s.funcs[i-1].Addr+s.funcs[i-1].Size {
			break
		}
	}
	return nil
}

// named returns the symbols of that name.
func (s *symbols) named(name string) (r []Symbol) {
	if s.names == nil {
		s.names = make(map[string][]int32, len(s.all))
		for i := range s.all {
			s.names[s.all[i].Name] = append(s.names[s.all[i].Name], int32(i))
		}
	}
	for _, i := range s.names[name] {
		if !slices.ContainsFunc(r, func(y Symbol) bool { return y.Addr == s.all[i].Addr }) { // .symtab and .dynsym
			r = append(r, s.all[i])
		}
	}
	return r
}

// Functions calls f for the names of all functions until it returns false.
func (f *File) Functions(do func(name string) bool) {
	for i := range f.loadSymbols().funcs {
		if !do(f.symbols.funcs[i].Name) {
			return
		}
	}
}
