package guest

import (
	"cmp"
	"debug/dwarf"
	"path"
	"slices"
	"strings"
)

// lineTable is a unit's line table, by address.
type lineTable struct {
	rows []lineRow
}

type lineRow struct {
	addr     uint64
	file     *dwarf.LineFile
	line     int
	stmt     bool
	prologue bool // a breakpoint on the function belongs here
	end      bool // of a sequence: nothing is here any more
}

// table reads the unit's line table.
func (u *unit) table() *lineTable {
	if u.lines != nil {
		return u.lines
	}
	u.lines = &lineTable{}
	var err error
	defer func() { u.in.file.note(err) }()
	defer guard(&err)
	lr, err := u.in.d.LineReader(u.entry)
	if err != nil || lr == nil {
		return u.lines
	}
	var e dwarf.LineEntry
	for len(u.lines.rows) < 4*maxPerUnit {
		if lr.Next(&e) != nil {
			break
		}
		u.lines.rows = append(u.lines.rows, lineRow{e.Address, e.File, e.Line, e.IsStmt, e.PrologueEnd, e.EndSequence})
	}
	slices.SortStableFunc(u.lines.rows, func(a, b lineRow) int {
		if c := cmp.Compare(a.addr, b.addr); c != 0 {
			return c
		}
		return cmp.Compare(bit(b.end), bit(a.end)) // where one sequence ends another may begin
	})
	return u.lines
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// rowAt is the index of the row that an address belongs to, or -1.
func (t *lineTable) rowAt(a uint64) int {
	i, ok := slices.BinarySearchFunc(t.rows, a, func(r lineRow, a uint64) int { return cmp.Compare(r.addr, a) })
	if ok {
		for i+1 < len(t.rows) && t.rows[i+1].addr == a { // the last of several is what counts
			i++
		}
	} else {
		i--
	}
	if i < 0 || t.rows[i].end {
		return -1
	}
	return i
}

// line returns file and line of an address.
func (u *unit) line(a uint64) (string, int) {
	t := u.table()
	i := t.rowAt(a)
	if i >= 0 && t.rows[i].line == 0 { // code that belongs to no line: it is shown with what comes before
		for i >= 0 && t.rows[i].line == 0 && !t.rows[i].end {
			i--
		}
	}
	if i < 0 || t.rows[i].end || t.rows[i].file == nil {
		return "", 0
	}
	return u.abs(t.rows[i].file.Name), t.rows[i].line
}

// abs completes a file's name by the directory of the compilation.
func (u *unit) abs(name string) string {
	if dir, ok := u.entry.Val(dwarf.AttrCompDir).(string); ok && !path.IsAbs(name) {
		return path.Join(dir, name)
	}
	return path.Clean(name)
}

// LineRange returns the code around pc that belongs to the same line, as one piece.
func (p *Process) LineRange(pc uint64) (r Range, line int) {
	im := p.ImageAt(pc)
	if im == nil {
		return Range{}, 0
	}
	in := im.dwarf()
	if in == nil {
		if _, line, r = im.goLine(pc - im.Bias); line == 0 {
			return Range{}, 0
		}
		return Range{r.Lo + im.Bias, r.Hi + im.Bias}, line
	}
	u := in.unitAt(pc - im.Bias)
	if u == nil {
		return Range{}, 0
	}
	t := u.table()
	i := t.rowAt(pc - im.Bias)
	if i < 0 || t.rows[i].file == nil {
		return Range{}, 0
	}
	same := func(j int) bool {
		return !t.rows[j].end && (t.rows[j].line == 0 || t.rows[j].line == t.rows[i].line && t.rows[j].file != nil && t.rows[j].file.Name == t.rows[i].file.Name)
	}
	lo, hi := i, i+1
	for lo > 0 && same(lo-1) {
		lo--
	}
	for hi < len(t.rows) && same(hi) {
		hi++
	}
	if hi == len(t.rows) {
		return Range{}, 0
	}
	return Range{t.rows[lo].addr + im.Bias, t.rows[hi].addr + im.Bias}, t.rows[i].line
}

// StatementAt reports whether a line begins at pc.
func (p *Process) StatementAt(pc uint64) bool {
	im := p.ImageAt(pc)
	if im == nil {
		return false
	}
	in := im.dwarf()
	if in == nil {
		_, line, r := im.goLine(pc - im.Bias)
		return line > 0 && r.Lo == pc-im.Bias
	}
	u := in.unitAt(pc - im.Bias)
	if u == nil {
		return false
	}
	t := u.table()
	i := t.rowAt(pc - im.Bias)
	return i >= 0 && t.rows[i].addr == pc-im.Bias && t.rows[i].line > 0
}

// Location is a place for a breakpoint in a file, without the bias.
type Location struct {
	Addr uint64
	Func string
	File string
	Line int
}

// maxLocations bounds the places that one line or name has.
const maxLocations = 256

// Line finds the code of a line: its first instruction in every function that has some of it; if it has none, that of the next line that has.
// The file is a path, or the end of one.
func (f *File) Line(file string, line int) (found []Location) {
	in := f.dwarf()
	if in == nil {
		return nil
	}
	var err error
	defer func() { f.note(err) }()
	defer guard(&err)
	best := 0
	var us []*unit
	for _, u := range in.units {
		if !u.hasFile(file) {
			continue
		}
		us = append(us, u)
		for _, r := range u.table().rows {
			if r.stmt && !r.end && r.line >= line && (best == 0 || r.line < best) && r.file != nil && sameFile(u.abs(r.file.Name), file) {
				best = r.line
			}
		}
	}
	if best == 0 || best > line+maxSkip {
		return nil
	}
	for _, u := range us {
		seen := map[*function]bool{}
		for _, r := range u.table().rows {
			if !r.stmt || r.end || r.line != best || r.file == nil || !sameFile(u.abs(r.file.Name), file) || len(found) >= maxLocations {
				continue
			}
			fn := u.funcAt(r.addr)
			if seen[fn] && fn != nil {
				continue
			}
			seen[fn] = true
			l := Location{Addr: r.addr, File: u.abs(r.file.Name), Line: best}
			if fn != nil {
				l.Func = fn.name
				if r.addr == fn.low { // the line at which the function begins: behind its prologue
					l.Addr = u.behindPrologue(fn)
				}
			}
			found = append(found, l)
		}
	}
	return found
}

// maxSkip is how far behind the wanted line the next one with code may be.
const maxSkip = 50

// hasFile reports whether a unit's code comes from the file, without reading its lines.
func (u *unit) hasFile(file string) bool {
	if name, ok := u.entry.Val(dwarf.AttrName).(string); ok && sameFile(u.abs(name), file) {
		return true
	}
	if u.lines != nil {
		return slices.ContainsFunc(u.lines.rows, func(r lineRow) bool { return r.file != nil && sameFile(u.abs(r.file.Name), file) })
	}
	lr, err := u.in.d.LineReader(u.entry)
	if err != nil || lr == nil {
		return false
	}
	for _, f := range lr.Files() {
		if f != nil && sameFile(u.abs(f.Name), file) {
			return true
		}
	}
	return false
}

// sameFile reports whether name is the file, or ends with it.
func sameFile(name, file string) bool {
	if name == file {
		return true
	}
	rest, ok := strings.CutSuffix(name, file)
	return ok && file != "" && file[0] != '/' && strings.HasSuffix(rest, "/")
}

// behindPrologue is where a function has made its frame.
func (u *unit) behindPrologue(fn *function) uint64 {
	t := u.table()
	i := t.rowAt(fn.low)
	if i < 0 {
		return fn.low
	}
	second := uint64(0)
	for j := i; j < len(t.rows) && t.rows[j].addr < fn.high && !t.rows[j].end; j++ {
		if t.rows[j].prologue {
			return t.rows[j].addr
		}
		if second == 0 && t.rows[j].addr > fn.low && t.rows[j].line != 0 && t.rows[j].stmt {
			second = t.rows[j].addr
		}
	}
	if second != 0 {
		return second
	}
	return fn.low
}

// Function finds the places for a breakpoint on a function: behind its prologue, where that is known.
func (f *File) Function(name string) (found []Location) {
	var err error
	defer func() { f.note(err) }()
	defer guard(&err)
	in := f.dwarf()
	seen := map[uint64]bool{}
	add := func(a uint64, symbol string) {
		l := Location{Addr: a, Func: demangled(symbol)}
		if in != nil {
			if u := in.unitAt(a); u != nil {
				if fn := u.funcAt(a); fn != nil && fn.low == a {
					if l.Addr = u.behindPrologue(fn); !mangled(symbol) {
						l.Func = fn.name
					}
				}
				l.File, l.Line = u.line(l.Addr)
			}
		}
		if !seen[l.Addr] && len(found) < maxLocations {
			seen[l.Addr] = true
			found = append(found, l)
		}
	}
	y := f.loadSymbols()
	for _, find := range []func(string) []Symbol{y.named, y.mangledAs} {
		for _, y := range find(name) {
			if y.Func {
				add(y.Addr, y.Name)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	if f.goFuncs() != nil { // the last part of the package's path will do
		var full []string
		f.Functions(func(n string) bool {
			if strings.HasSuffix(n, "/"+name) {
				full = append(full, n)
			}
			return len(full) < maxLocations
		})
		for _, n := range full {
			for _, s := range y.named(n) {
				add(s.Addr, s.Name)
			}
		}
		return found
	}
	if in == nil || in.elf.Section(".symtab") != nil { // who has code has a symbol
		return nil
	}
	for _, u := range in.units {
		u.scan()
		for _, fn := range u.funcs {
			if fn.name == name || strings.HasSuffix(fn.name, "::"+name) {
				add(fn.low, fn.name)
			}
		}
	}
	return found
}

// Sources lists the source files that the file was made of.
func (f *File) Sources() (names []string) {
	in := f.dwarf()
	if in == nil {
		return nil
	}
	for _, u := range in.units {
		if name, ok := u.entry.Val(dwarf.AttrName).(string); ok {
			names = append(names, u.abs(name))
		}
	}
	return names
}

// BehindPrologue is where the function that begins at pc has made its frame; 0 if no function with known lines begins there.
func (p *Process) BehindPrologue(pc uint64) uint64 {
	im := p.ImageAt(pc)
	if im == nil || im.dwarf() == nil {
		return 0
	}
	u := im.dwarf().unitAt(pc - im.Bias)
	if u == nil {
		return 0
	}
	fn := u.funcAt(pc - im.Bias)
	if fn == nil || fn.low != pc-im.Bias {
		return 0
	}
	return u.behindPrologue(fn) + im.Bias
}

// InPLT reports whether pc is in the procedure linkage table: on the way to a function of another image.
func (p *Process) InPLT(pc uint64) bool {
	im := p.ImageAt(pc)
	if im == nil {
		return false
	}
	for _, s := range im.elf.Sections {
		if strings.HasPrefix(s.Name, ".plt") && pc-im.Bias >= s.Addr && pc-im.Bias < s.Addr+s.Size {
			return true
		}
	}
	return false
}
