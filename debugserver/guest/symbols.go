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
	names map[string][]int32 // indices of all
	all   []Symbol
}

func (f *File) loadSymbols() (s *symbols) {
	if f.symbols != nil {
		return f.symbols
	}
	f.symbols = &symbols{names: map[string][]int32{}}
	var err error
	func() {
		defer guard(&err)
		f.symbols.read(f.debugFile())
		f.symbols.read(f.elf)
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
			s.add(Symbol{Name: name, Addr: y.Value, Size: y.Size, Func: typ != elf.STT_OBJECT, Weak: elf.ST_BIND(y.Info) != elf.STB_GLOBAL})
		}
	}
	slices.SortStableFunc(s.funcs, func(a, b Symbol) int {
		return cmp.Or(cmp.Compare(a.Addr, b.Addr), cmp.Compare(rank(&a), rank(&b)))
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

func (s *symbols) add(y Symbol) {
	for _, i := range s.names[y.Name] {
		if s.all[i].Addr == y.Addr {
			return
		}
	}
	s.names[y.Name] = append(s.names[y.Name], int32(len(s.all)))
	s.all = append(s.all, y)
	if y.Func {
		s.funcs = append(s.funcs, y)
	}
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
	for _, i := range s.names[name] {
		r = append(r, s.all[i])
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
