package guest

import "debug/dwarf"

// Call sites: what a caller says of the arguments that it gave (DWARF 5, 3.4). A function may have lost an argument, whose description then is "what
// register N was at the entry" (DW_OP_entry_value, 2.5.1.7).

// Tags and attributes of GNU's extension, from which DWARF 5 has them.
const (
	tagGNUCallSite   = dwarf.Tag(0x4109)
	tagGNUParameter  = dwarf.Tag(0x410a)
	attrGNUCallValue = dwarf.Attr(0x2111)
)

// callSite is a call in a function.
type callSite struct {
	ret    uint64 // where it returns to
	callee string // "": unknown, or called through a pointer
	params []callParam
}

type callParam struct{ location, value []byte }

const maxCallSites = 1 << 16

// callSites reads the calls of a function.
func (fn *function) callSites() []callSite {
	if fn.callsRead {
		return fn.calls
	}
	fn.callsRead = true
	in := fn.unit.in
	r := in.d.Reader()
	r.Seek(fn.offset)
	e, err := r.Next()
	if err != nil || e == nil || !e.Children {
		return nil
	}
	site := -1 // the open one
	for depth, n := 1, 0; depth > 0 && n < maxCallSites; n++ {
		if e, err = r.Next(); err != nil || e == nil {
			break
		}
		switch e.Tag {
		case 0:
			depth--
			if site >= 0 {
				site = -1
			}
			continue
		case dwarf.TagCallSite, tagGNUCallSite:
			ret, ok := e.Val(dwarf.AttrCallReturnPC).(uint64)
			if !ok {
				ret, _ = e.Val(dwarf.AttrLowpc).(uint64)
			}
			c := callSite{ret: ret}
			for _, a := range []dwarf.Attr{dwarf.AttrCallOrigin, dwarf.AttrAbstractOrigin} {
				if off, ok := e.Val(a).(dwarf.Offset); ok {
					if o := in.entryAt(off); o != nil {
						c.callee = in.nameOf(o)
					}
				}
			}
			fn.calls = append(fn.calls, c)
			if e.Children {
				site = len(fn.calls) - 1
				depth++
			}
			continue
		case dwarf.TagCallSiteParameter, tagGNUParameter:
			var p callParam
			p.location, _ = e.Val(dwarf.AttrLocation).([]byte)
			if p.value, _ = e.Val(dwarf.AttrCallValue).([]byte); p.value == nil {
				p.value, _ = e.Val(attrGNUCallValue).([]byte)
			}
			if site >= 0 && p.location != nil && p.value != nil {
				fn.calls[site].params = append(fn.calls[site].params, p)
			}
		}
		if e.Children {
			depth++
		}
	}
	return fn.calls
}

// caller is the frame that a frame was called from; nil: unknown.
func (p *Process) caller(f *Frame) *Frame {
	u := unwinder{p: p, regs: f.Regs, exact: f.exact}
	g := *f
	if f.doomed() || !u.up(&g, false) || u.doubtful {
		return nil
	}
	all := p.expand(nil, u.frame(1), u.exact)
	return &all[len(all)-1]
}

// doomed reports whether nothing can be said of a frame's caller.
func (f *Frame) doomed() bool { return f.Doubtful || f.Signal || f.Image == nil }

// maxEntryDepth bounds how many callers are asked for one value: what one says may be what it was given itself.
const maxEntryDepth = 16

// entryValue finds what a register was when the frame's function was entered, by what the caller says of it. code is the register's location.
func (p *Process) entryValue(f *Frame, code []byte, depth int) (uint64, error) {
	if f == nil || f.fn == nil || depth >= maxEntryDepth {
		return 0, errOptimised
	}
	c := p.caller(f)
	if c == nil || c.fn == nil || c.exact {
		return 0, errOptimised
	}
	for _, s := range c.fn.callSites() {
		if s.ret != c.PC-c.Image.Bias || s.callee != "" && s.callee != f.fn.short {
			continue
		}
		for _, x := range s.params {
			if string(x.location) == string(code) {
				ctx := p.context(c.Image, c.unit, c, depth+1)
				l, err := ctx.eval(x.value)
				if err != nil {
					return 0, err
				}
				if l.kind == locValue {
					var b [8]byte
					copy(b[:], l.value)
					v := buf{b: b[:]}
					return v.uint(8), nil
				}
				return l.address(&c.Regs)
			}
		}
	}
	return 0, errOptimised
}
