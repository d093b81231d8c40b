package guest

import (
	"cmp"
	"debug/elf"
	"errors"
	"slices"
)

// cfi is the call frame information of a file: how to find, at each instruction, the caller's registers (DWARF 5, 6.4; for
// .eh_frame the Linux Standard Base).
type cfi struct{ fdes []fde }

// fde describes the code in [lo, hi).
type fde struct {
	lo, hi uint64
	cie    *cie
	code   []byte
}

// cie is what several fdes have in common.
type cie struct {
	codeAlign uint64
	dataAlign int64
	ret       uint64 // number of the register that has the return address
	enc       uint8  // of pointers
	augmented bool
	signal    bool // of the code that a signal handler returns to
	code      []byte
}

const maxFDEs = 4 << 20

func (f *File) loadFrames() *cfi {
	if f.frames != nil {
		return f.frames
	}
	f.frames = &cfi{}
	var err error
	func() {
		defer guard(&err)
		f.frames.parse(section(f.elf, ".eh_frame"), sectionAddr(f.elf, ".eh_frame"), true)
		f.frames.parse(section(f.elf, ".debug_frame"), 0, false)
		if d := f.debugFile(); d != f.elf {
			f.frames.parse(section(d, ".debug_frame"), 0, false)
		}
		if len(f.frames.fdes) == 0 {
			err = f.frames.fromSegment(f.elf)
		}
	}()
	f.note(err)
	slices.SortStableFunc(f.frames.fdes, func(a, b fde) int { return cmp.Compare(a.lo, b.lo) })
	return f.frames
}

// fromSegment finds .eh_frame by the program header PT_GNU_EH_FRAME, in a file without sections.
func (c *cfi) fromSegment(e *elf.File) error {
	for _, p := range e.Progs {
		if p.Type != elf.PT_GNU_EH_FRAME || p.Filesz < 8 || p.Filesz > maxSection {
			continue
		}
		head := make([]byte, 8)
		if _, err := p.ReadAt(head, 0); err != nil {
			return err
		}
		if head[0] != 1 || head[1] != 0x1b { // a relative pointer of 4 bytes, as all linkers write it
			return nil
		}
		b := buf{b: head, at: 4}
		addr := p.Vaddr + 4 + uint64(b.int(4))
		for _, l := range e.Progs {
			if l.Type == elf.PT_LOAD && addr >= l.Vaddr && addr < l.Vaddr+l.Filesz && l.Filesz < maxSection {
				data := make([]byte, l.Vaddr+l.Filesz-addr)
				n, _ := l.ReadAt(data, int64(addr-l.Vaddr))
				c.parse(data[:n], addr, true)
			}
		}
	}
	return nil
}

// parse reads a section that lies at addr in memory.
func (c *cfi) parse(data []byte, addr uint64, eh bool) {
	cies := map[uint64]*cie{}
	b := buf{b: data}
	for b.left() >= 4 && len(c.fdes) < maxFDEs {
		start := b.at
		n, wide := b.uint(4), false
		if n == 0xffffffff {
			n, wide = b.uint(8), true
		}
		if n == 0 {
			if eh {
				return
			}
			continue
		}
		if n > uint64(b.left()) {
			return
		}
		idAt := b.at
		e := buf{b: data[:b.at+int(n)], at: b.at}
		b.at += int(n)
		size := 4
		if wide && !eh {
			size = 8
		}
		id := e.uint(size)
		isCIE := id == 0
		if !eh {
			isCIE = id == 0xffffffff && !wide || wide && id == ^uint64(0)
		}
		if isCIE {
			cies[uint64(start)] = parseCIE(&e, eh)
			continue
		}
		at := id
		if eh {
			at = uint64(idAt) - id
		}
		ci := cies[at]
		if ci == nil {
			continue
		}
		d := fde{cie: ci}
		d.lo = pointer(&e, ci.enc, addr)
		d.hi = d.lo + pointer(&e, ci.enc&0xf, 0)
		if ci.augmented {
			e.block()
		}
		d.code = e.b[e.at:]
		if !e.bad && d.hi > d.lo {
			c.fdes = append(c.fdes, d)
		}
	}
}

// parseCIE reads a common information entry; nil if it is of a kind that nobody writes.
func parseCIE(e *buf, eh bool) *cie {
	c := &cie{}
	version := e.u8()
	aug := e.text()
	if version >= 4 {
		if e.u8() != 8 || e.u8() != 0 { // sizes of addresses and segment selectors
			return nil
		}
	}
	c.codeAlign, c.dataAlign = e.uleb(), e.sleb()
	if version == 1 {
		c.ret = uint64(e.u8())
	} else {
		c.ret = e.uleb()
	}
	if eh && aug != "" {
		if aug[0] != 'z' {
			return nil
		}
		c.augmented = true
		a := buf{b: e.block()}
		for _, l := range aug[1:] {
			switch l {
			case 'R':
				c.enc = a.u8()
			case 'L':
				a.u8()
			case 'P':
				pointer(&a, a.u8(), 0)
			case 'S':
				c.signal = true
			}
		}
	}
	c.code = e.b[e.at:]
	if e.bad || c.ret >= numRegs || c.codeAlign == 0 {
		return nil
	}
	return c
}

// pointer reads a pointer with one of the encodings of .eh_frame; addr is where the section lies.
func pointer(e *buf, enc uint8, addr uint64) uint64 {
	at := addr + uint64(e.at)
	var v uint64
	switch enc & 0xf {
	case 0, 4, 12:
		v = e.uint(8)
	case 1:
		v = e.uleb()
	case 2:
		v = e.uint(2)
	case 3:
		v = e.uint(4)
	case 9:
		v = uint64(e.sleb())
	case 10:
		v = uint64(e.int(2))
	case 11:
		v = uint64(e.int(4))
	default:
		e.bad = true
	}
	if enc&0x70 == 0x10 {
		v += at
	}
	return v
}

// at returns what describes an address, without the bias.
func (c *cfi) at(a uint64) *fde {
	i, ok := slices.BinarySearchFunc(c.fdes, a, func(d fde, a uint64) int { return cmp.Compare(d.lo, a) })
	if !ok {
		i--
	}
	for n := 0; i >= 0 && n < 4; i, n = i-1, n+1 { // what overlaps is broken, or an empty one at the same place
		if a < c.fdes[i].hi {
			return &c.fdes[i]
		}
	}
	return nil
}

// rule says where a register of the caller's is.
type rule struct {
	kind ruleKind
	reg  uint64
	off  int64
	expr []byte
}

type ruleKind uint8

const (
	ruleSame      ruleKind = iota // as it is
	ruleUndefined                 // lost
	ruleOffset                    // at CFA+off
	ruleValOffset                 // is CFA+off
	ruleRegister                  // in reg
	ruleExpr                      // at the address that expr gives
	ruleValExpr                   // is what expr gives
)

// row is all rules at one instruction.
type row struct {
	cfa  rule // ruleRegister with an offset, or ruleExpr
	regs [numRegs]rule
}

var errCFI = errors.New("broken call frame information")

// rules executes the program of d up to an address.
func (d *fde) rules(a uint64) (row, error) {
	var r row
	m := cfaMachine{d: d, loc: d.lo, to: a}
	if err := m.run(d.cie.code, &r); err != nil {
		return r, err
	}
	m.initial, m.loc = r, d.lo
	return r, m.run(d.code, &r)
}

// cfaMachine executes call frame instructions.
type cfaMachine struct {
	d       *fde
	loc, to uint64
	initial row
	stack   []row
}

func (m *cfaMachine) run(code []byte, r *row) error {
	b := buf{b: code}
	set := func(reg uint64, u rule) {
		if reg < numRegs { // vector registers are nobody's business
			r.regs[reg] = u
		}
	}
	align := func(n uint64) int64 { return int64(n) * m.d.cie.dataAlign }
	advance := func(n uint64) bool {
		if n *= m.d.cie.codeAlign; m.loc+n > m.to {
			return false
		}
		m.loc += n
		return true
	}
	for b.left() > 0 {
		op := b.u8()
		low := uint64(op & 0x3f)
		more := true
		switch op & 0xc0 {
		case 0x40:
			more = advance(low)
		case 0x80:
			set(low, rule{kind: ruleOffset, off: align(b.uleb())})
		case 0xc0:
			if low < numRegs {
				r.regs[low] = m.initial.regs[low]
			}
		default:
			var err error
			if more, err = m.extended(op, &b, r, set, align, advance); err != nil {
				return err
			}
		}
		if b.bad {
			return errCFI
		}
		if !more {
			return nil
		}
	}
	return nil
}

// extended executes an instruction whose whole first byte is the operation.
func (m *cfaMachine) extended(op uint8, b *buf, r *row, set func(uint64, rule), align func(uint64) int64, advance func(uint64) bool) (more bool, err error) {
	switch op {
	case 0x00: // nop
	case 0x01: // set_loc
		if l := pointer(b, m.d.cie.enc, 0); l > m.to {
			return false, nil
		}
	case 0x02, 0x03, 0x04: // advance_loc1, 2, 4
		return advance(b.uint(1 << (op - 2))), nil
	case 0x05: // offset_extended
		reg := b.uleb()
		set(reg, rule{kind: ruleOffset, off: align(b.uleb())})
	case 0x06: // restore_extended
		if reg := b.uleb(); reg < numRegs {
			r.regs[reg] = m.initial.regs[reg]
		}
	case 0x07:
		set(b.uleb(), rule{kind: ruleUndefined})
	case 0x08:
		set(b.uleb(), rule{kind: ruleSame})
	case 0x09:
		reg := b.uleb()
		set(reg, rule{kind: ruleRegister, reg: b.uleb()})
	case 0x0a: // remember_state
		if len(m.stack) == 64 {
			return false, errCFI
		}
		m.stack = append(m.stack, *r)
	case 0x0b: // restore_state
		if len(m.stack) == 0 {
			return false, errCFI
		}
		*r = m.stack[len(m.stack)-1]
		m.stack = m.stack[:len(m.stack)-1]
	case 0x0c: // def_cfa
		reg := b.uleb()
		r.cfa = rule{kind: ruleRegister, reg: reg, off: int64(b.uleb())}
	case 0x0d:
		r.cfa.kind, r.cfa.reg = ruleRegister, b.uleb()
	case 0x0e:
		r.cfa.off = int64(b.uleb())
	case 0x0f:
		r.cfa = rule{kind: ruleExpr, expr: b.block()}
	case 0x10, 0x16: // expression, val_expression
		k := ruleExpr
		if op == 0x16 {
			k = ruleValExpr
		}
		reg := b.uleb()
		set(reg, rule{kind: k, expr: b.block()})
	case 0x11:
		reg := b.uleb()
		set(reg, rule{kind: ruleOffset, off: b.sleb() * m.d.cie.dataAlign})
	case 0x12:
		reg := b.uleb()
		r.cfa = rule{kind: ruleRegister, reg: reg, off: b.sleb() * m.d.cie.dataAlign}
	case 0x13:
		r.cfa.off = b.sleb() * m.d.cie.dataAlign
	case 0x14, 0x15: // val_offset, val_offset_sf
		reg := b.uleb()
		u := rule{kind: ruleValOffset}
		if op == 0x14 {
			u.off = align(b.uleb())
		} else {
			u.off = b.sleb() * m.d.cie.dataAlign
		}
		set(reg, u)
	case 0x2e: // GNU_args_size
		b.uleb()
	default:
		return false, errCFI
	}
	return true, nil
}
