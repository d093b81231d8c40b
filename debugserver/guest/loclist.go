package guest

import "debug/dwarf"

// locate finds where a variable is at the frame's place.
func (p *Process) locate(im *Image, u *unit, f *Frame, e *dwarf.Entry, attr dwarf.Attr) (location, error) {
	c := p.context(im, u, f, 0)
	a := u.low
	if f != nil {
		a = f.code()
		if attr == dwarf.AttrFrameBase {
			c.frameBase = nil
		}
	}
	fld := e.AttrField(attr)
	if fld == nil {
		return location{kind: locNone}, nil
	}
	switch v := fld.Val.(type) {
	case []byte:
		return c.eval(v)
	case int64, uint64:
		n := offset(e, attr)
		code, ok := u.list(n, fld.Class == dwarf.ClassLocList, a)
		if !ok {
			return location{kind: locNone}, nil
		}
		return c.eval(code)
	}
	return location{}, errOp
}

// context is what an expression of a unit may refer to in a frame, which may be nil. depth is that of entryValue.
func (p *Process) context(im *Image, u *unit, f *Frame, depth int) *context {
	c := &context{mem: p.Mem, regs: &Registers{}, bias: im.Bias, addrx: u.addrx, baseType: u.baseType}
	if f == nil {
		return c
	}
	c.regs = &f.Regs
	c.tls = func(off uint64) (uint64, error) { return im.threadLocal(f.Regs.FS, off) }
	if c.cfa, c.hasCFA = f.CFA, f.CFA != 0; !c.hasCFA {
		c.cfa, c.hasCFA = p.cfaOf(f)
	}
	c.frameBase = func() (uint64, error) { return p.frameBase(im, u, f) }
	c.entry = func(code []byte) (uint64, error) { return p.entryValue(f, code, depth) }
	return c
}

// code is the frame's place in its file: the call itself, of one that has called another.
func (f *Frame) code() uint64 {
	if f.exact {
		return f.PC - f.Image.Bias
	}
	return f.PC - f.Image.Bias - 1
}

// cfaOf finds the canonical frame address of a frame that nobody has gone up from yet.
func (p *Process) cfaOf(f *Frame) (uint64, bool) {
	u := unwinder{p: p, regs: f.Regs, exact: true}
	g := *f
	u.up(&g, true)
	return g.CFA, g.CFA != 0
}

func (p *Process) frameBase(im *Image, u *unit, f *Frame) (uint64, error) {
	if f.fn == nil {
		return 0, errOp
	}
	e := u.in.entryAt(f.fn.offset)
	if e == nil {
		return 0, errOp
	}
	l, err := p.locate(im, u, f, e, dwarf.AttrFrameBase)
	if err != nil {
		return 0, err
	}
	return l.address(&f.Regs)
}

const maxEntries = 1 << 16

// list finds the expression that holds at an address in a location list (DWARF 4, 2.6.2; DWARF 5, 7.7.3).
func (u *unit) list(at uint64, index bool, a uint64) ([]byte, bool) {
	if u.version < 5 {
		return u.oldList(at, a)
	}
	data := u.in.list(".debug_loclists")
	if index {
		i := u.locBase + 4*at
		if at > 1<<30 || i+4 > uint64(len(data)) {
			return nil, false
		}
		b := buf{b: data, at: int(i)}
		at = u.locBase + b.uint(4)
	}
	if at >= uint64(len(data)) {
		return nil, false
	}
	b := buf{b: data, at: int(at)}
	base := u.low
	for range maxEntries {
		var lo, hi uint64
		none := false
		switch b.u8() {
		case 0:
			return nil, false
		case 1: // base_addressx
			base, _ = u.addrx(b.uleb())
			continue
		case 2: // startx_endx
			lo, _ = u.addrx(b.uleb())
			hi, _ = u.addrx(b.uleb())
		case 3: // startx_length
			lo, _ = u.addrx(b.uleb())
			hi = lo + b.uleb()
		case 4: // offset_pair
			lo, hi = base+b.uleb(), base
			hi += b.uleb()
		case 5: // default_location
			lo, hi = 0, ^uint64(0)
		case 6: // base_address
			base = b.uint(8)
			continue
		case 7:
			lo = b.uint(8)
			hi = b.uint(8)
		case 8:
			lo = b.uint(8)
			hi = lo + b.uleb()
		case 9: // GNU_view_pair
			b.uleb()
			b.uleb()
			continue
		default:
			none = true
		}
		if none {
			return nil, false
		}
		code := b.block()
		if b.bad {
			return nil, false
		}
		if a >= lo && a < hi {
			return code, true
		}
	}
	return nil, false
}

func (u *unit) oldList(at, a uint64) ([]byte, bool) {
	data := u.in.list(".debug_loc")
	if at >= uint64(len(data)) {
		return nil, false
	}
	b := buf{b: data, at: int(at)}
	base := u.low
	for range maxEntries {
		lo, hi := b.uint(8), b.uint(8)
		switch {
		case b.bad || lo == 0 && hi == 0:
			return nil, false
		case lo == ^uint64(0):
			base = hi
			continue
		}
		code := b.take(int(b.uint(2)))
		if a >= base+lo && a < base+hi {
			return code, true
		}
	}
	return nil, false
}
