package guest

import (
	"cmp"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
)

// Bounds of what DWARF is believed to contain.
const (
	maxUnits   = 1 << 18
	maxDebug   = 2 << 30 // bytes of all its sections, decompressed
	maxPacked  = 512 << 20
	maxPerUnit = 1 << 20 // functions, lines …
)

// info is a file's DWARF. Units are read when something in them is asked for.
type info struct {
	file   *File
	d      *dwarf.Data
	units  []*unit
	ranges []unitRange // by address, not overlapping in an honest file
	types  map[dwarf.Offset]*Type
	elf    *elf.File
	addr   []byte            // .debug_addr
	lists  map[string][]byte // location lists by section, once they were asked for
}

type unitRange struct {
	Range
	u *unit
}

// unit is a compilation unit.
type unit struct {
	in       *info
	entry    *dwarf.Entry
	start    dwarf.Offset // of its header
	version  int
	low      uint64
	addrBase uint64
	locBase  uint64

	lines   *lineTable
	funcs   []*function // by address
	globals map[string][]dwarf.Offset
	scanned bool
}

// dwarf returns the file's DWARF, or nil.
func (f *File) dwarf() *info {
	if f.info != nil {
		if f.info.d == nil {
			return nil
		}
		return f.info
	}
	f.info = &info{file: f, types: map[dwarf.Offset]*Type{}}
	if !f.Debug() {
		return nil
	}
	var err error
	func() {
		defer guard(&err)
		err = f.info.load(f.debugFile())
	}()
	f.note(err)
	if f.info.d == nil {
		return nil
	}
	return f.info
}

func (in *info) load(e *elf.File) error {
	total := uint64(0)
	for _, s := range e.Sections {
		if !strings.HasPrefix(s.Name, ".debug_") {
			continue
		}
		if total += s.Size; total > maxDebug || s.Size > maxSection || s.Flags&elf.SHF_COMPRESSED != 0 && s.Size > maxPacked {
			return fmt.Errorf("section %s is too large", s.Name)
		}
	}
	get := func(name string) []byte { return section(e, ".debug_"+name) }
	raw := get("info")
	d, err := dwarf.New(get("abbrev"), nil, nil, raw, get("line"), nil, get("ranges"), get("str"))
	if err != nil {
		return err
	}
	in.elf, in.addr = e, get("addr")
	for _, name := range []string{"line_str", "str_offsets", "rnglists"} {
		if b := get(name); b != nil {
			if err := d.AddSection(".debug_"+name, b); err != nil {
				return err
			}
		}
	}
	if in.addr != nil {
		if err := d.AddSection(".debug_addr", in.addr); err != nil {
			return err
		}
	}
	in.readUnits(d, raw)
	in.d = d
	return nil
}

// list returns a section with location lists.
func (in *info) list(name string) []byte {
	if b, ok := in.lists[name]; ok {
		return b
	}
	if in.lists == nil {
		in.lists = map[string][]byte{}
	}
	in.lists[name] = section(in.elf, name)
	return in.lists[name]
}

// readUnits lists the units and the code that they are about.
func (in *info) readUnits(d *dwarf.Data, raw []byte) {
	b := buf{b: raw}
	r := d.Reader()
	for b.left() > 11 && len(in.units) < maxUnits {
		start := b.at
		n, wide := b.uint(4), false
		if n == 0xffffffff {
			n, wide = b.uint(8), true
		}
		if n > uint64(b.left()) || n < 7 {
			return
		}
		end := b.at + int(n)
		version := int(b.uint(2))
		head := 4 + 2 + 4 + 1
		if wide {
			head = 12 + 2 + 8 + 1
		}
		kind := uint8(1)
		if version >= 5 {
			kind, head = b.u8(), head+1
		}
		b.at = end
		if kind != 1 && kind != 3 { // compile, partial
			continue
		}
		r.Seek(dwarf.Offset(start + head))
		e, err := r.Next()
		if err != nil || e == nil || e.Tag != dwarf.TagCompileUnit {
			continue
		}
		u := &unit{in: in, entry: e, start: dwarf.Offset(start), version: version}
		u.low, _ = e.Val(dwarf.AttrLowpc).(uint64)
		u.addrBase, u.locBase = offset(e, dwarf.AttrAddrBase), offset(e, dwarf.AttrLoclistsBase)
		in.units = append(in.units, u)
		pcs, err := d.Ranges(e)
		if err != nil {
			continue
		}
		for _, p := range pcs {
			if p[1] > p[0] {
				in.ranges = append(in.ranges, unitRange{Range{p[0], p[1]}, u})
			}
		}
	}
	slices.SortStableFunc(in.ranges, func(a, b unitRange) int { return cmp.Compare(a.Lo, b.Lo) })
}

func offset(e *dwarf.Entry, a dwarf.Attr) uint64 {
	switch v := e.Val(a).(type) {
	case int64:
		return uint64(v)
	case uint64:
		return v
	}
	return 0
}

// unitAt returns the unit with the code at an address, without the bias.
func (in *info) unitAt(a uint64) *unit {
	i, ok := slices.BinarySearchFunc(in.ranges, a, func(r unitRange, a uint64) int { return cmp.Compare(r.Lo, a) })
	if !ok {
		i--
	}
	if i >= 0 && in.ranges[i].has(a) {
		return in.ranges[i].u
	}
	return nil
}

// addrx returns an entry of .debug_addr.
func (u *unit) addrx(i uint64) (uint64, bool) {
	at := u.addrBase + i*8
	if i > 1<<40 || at+8 > uint64(len(u.in.addr)) || at+8 < at {
		return 0, false
	}
	b := buf{b: u.in.addr, at: int(at)}
	return b.uint(8), true
}

// function is a subprogram with code, or what was inlined of one.
type function struct {
	unit      *unit
	name      string // with namespaces and classes
	short     string // without
	low, high uint64
	offset    dwarf.Offset
	body      *scope // read when first asked for
	calls     []callSite
	callsRead bool
}

// scan lists the unit's functions and global variables.
func (u *unit) scan() {
	if u.scanned {
		return
	}
	u.scanned, u.globals = true, map[string][]dwarf.Offset{}
	var err error
	defer func() { u.in.file.note(err) }()
	defer guard(&err)
	r := u.in.d.Reader()
	r.Seek(u.entry.Offset)
	if _, err = r.Next(); err != nil || !u.entry.Children {
		return
	}
	var spaces []string // namespaces that are open
	for n := 0; n < 8*maxPerUnit; n++ {
		var e *dwarf.Entry
		if e, err = r.Next(); err != nil || e == nil {
			break
		}
		switch e.Tag {
		case 0:
			if len(spaces) == 0 {
				n = 8 * maxPerUnit // the end of the unit
				continue
			}
			spaces = spaces[:len(spaces)-1]
			continue
		case dwarf.TagNamespace, dwarf.TagModule:
			if e.Children && len(spaces) < 64 {
				name, _ := e.Val(dwarf.AttrName).(string)
				spaces = append(spaces, name)
				continue
			}
		case dwarf.TagSubprogram:
			u.addFunc(e, spaces)
		case dwarf.TagVariable:
			if name := u.in.nameOf(e); name != "" && e.Val(dwarf.AttrLocation) != nil {
				u.globals[name] = append(u.globals[name], e.Offset)
			}
		}
		if e.Children {
			r.SkipChildren()
		}
	}
	slices.SortStableFunc(u.funcs, func(a, b *function) int { return cmp.Compare(a.low, b.low) })
}

func (u *unit) addFunc(e *dwarf.Entry, spaces []string) {
	pcs, err := u.in.d.Ranges(e)
	if err != nil || len(pcs) == 0 || len(u.funcs) >= maxPerUnit {
		return
	}
	short := u.in.nameOf(e)
	name := u.in.fullName(e)
	for i := len(spaces) - 1; i >= 0 && name == short; i-- {
		if spaces[i] != "" {
			short = spaces[i] + "::" + short
			name = short
		}
	}
	short = u.in.nameOf(e)
	for _, p := range pcs { // a cold part is elsewhere
		if p[1] > p[0] {
			u.funcs = append(u.funcs, &function{unit: u, name: name, short: short, low: p[0], high: p[1], offset: e.Offset})
		}
	}
}

// nameOf is the name of an entry, or of what it is an instance of.
func (in *info) nameOf(e *dwarf.Entry) string {
	for range 8 {
		if name, ok := e.Val(dwarf.AttrName).(string); ok {
			return name
		}
		next := in.origin(e)
		if next == nil {
			break
		}
		e = next
	}
	return ""
}

// origin is what an entry is an instance of, or nil.
func (in *info) origin(e *dwarf.Entry) *dwarf.Entry {
	for _, a := range []dwarf.Attr{dwarf.AttrAbstractOrigin, dwarf.AttrSpecification} {
		if off, ok := e.Val(a).(dwarf.Offset); ok {
			return in.entryAt(off)
		}
	}
	return nil
}

func (in *info) entryAt(off dwarf.Offset) *dwarf.Entry {
	r := in.d.Reader()
	r.Seek(off)
	e, err := r.Next()
	if err != nil {
		return nil
	}
	return e
}

// funcAt returns the function at an address.
func (u *unit) funcAt(a uint64) *function {
	u.scan()
	i, ok := slices.BinarySearchFunc(u.funcs, a, func(f *function, a uint64) int { return cmp.Compare(f.low, a) })
	if !ok {
		i--
	}
	for n := 0; i >= 0 && n < 8; i, n = i-1, n+1 {
		if a < u.funcs[i].high {
			return u.funcs[i]
		}
	}
	return nil
}
