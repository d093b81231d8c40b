package guest

import (
	"errors"
	"fmt"
)

// context is what a location expression may refer to.
type context struct {
	mem       Memory
	regs      *Registers
	bias      uint64
	cfa       uint64
	hasCFA    bool
	frameBase func() (uint64, error) // nil-able
	addrx     func(i uint64) (uint64, bool)
	entry     func(code []byte) (uint64, error) // what a register was at the function's entry; nil-able
	baseType  func(off uint64) (baseType, bool)
	tls       func(off uint64) (uint64, error) // where a thread-local variable is; nil-able
}

// location is where a value is: in memory, in a register, or nowhere but known; of several pieces for a value that is scattered.
type location struct {
	kind  locKind
	addr  uint64
	reg   uint64
	value []byte
	size  uint64 // of a piece
	parts []location
}

type locKind uint8

const (
	locMemory locKind = iota
	locRegister
	locValue
	locParts
	locNone // optimised away
)

var (
	errOptimised = errors.New("optimised out")
	errOp        = errors.New("broken location expression")
)

// Bounds of a location expression.
const (
	maxOps   = 4096
	maxStack = 256
)

// eval executes an expression. push is what the stack begins with.
func (c *context) eval(code []byte, push ...uint64) (location, error) {
	if len(code) == 0 && len(push) == 0 {
		return location{kind: locNone}, nil
	}
	m := opMachine{c: c, b: buf{b: code}, stack: push}
	for n := 0; m.b.left() > 0; n++ {
		if n == maxOps || len(m.stack) > maxStack {
			return location{}, errOp
		}
		if err := m.step(); err != nil {
			return location{}, err
		}
		if m.b.bad {
			return location{}, errOp
		}
	}
	if m.parts != nil {
		return location{kind: locParts, parts: m.parts}, nil
	}
	return m.current()
}

// number is an expression's result, where it can only be an address.
func (c *context) number(code []byte, push ...uint64) (uint64, error) {
	l, err := c.eval(code, push...)
	if err != nil {
		return 0, err
	}
	return l.address(c.regs)
}

// address is what a location comes to where only an address makes sense: one in memory, or what a register holds.
func (l location) address(regs *Registers) (uint64, error) {
	switch l.kind {
	case locMemory:
		return l.addr, nil
	case locRegister:
		if v, ok := regs.Get(l.reg); ok {
			return v, nil
		}
	}
	return 0, errOp
}

type opMachine struct {
	c     *context
	b     buf
	stack []uint64
	loc   *location // set by an operation that names no address
	parts []location
}

// current is the location that was just described.
func (m *opMachine) current() (location, error) {
	if m.loc != nil {
		return *m.loc, nil
	}
	if len(m.stack) == 0 {
		return location{kind: locNone}, nil
	}
	return location{kind: locMemory, addr: m.stack[len(m.stack)-1]}, nil
}

func (m *opMachine) push(v uint64) { m.stack = append(m.stack, v) }

func (m *opMachine) pop() uint64 {
	if len(m.stack) == 0 {
		m.b.bad = true
		return 0
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v
}

func (m *opMachine) step() error {
	op := m.b.u8()
	switch {
	case op >= 0x30 && op <= 0x4f: // lit
		m.push(uint64(op - 0x30))
		return nil
	case op >= 0x50 && op <= 0x6f: // reg
		m.loc = &location{kind: locRegister, reg: uint64(op - 0x50)}
		return nil
	case op >= 0x70 && op <= 0x8f: // breg
		return m.based(uint64(op - 0x70))
	case op >= 0x08 && op <= 0x0f: // const1u … const8s
		n := 1 << ((op - 8) / 2)
		if op%2 == 0 {
			m.push(m.b.uint(n))
		} else {
			m.push(uint64(m.b.int(n)))
		}
		return nil
	}
	switch op {
	case 0x03: // addr
		m.push(m.b.uint(8) + m.c.bias)
	case 0x06, 0x94: // deref, deref_size
		n := 8
		if op == 0x94 {
			n = int(m.b.u8())
		}
		v, err := readUint(m.c.mem, m.pop(), n)
		if err != nil {
			return err
		}
		m.push(v)
	case 0x10:
		m.push(m.b.uleb())
	case 0x11:
		m.push(uint64(m.b.sleb()))
	case 0x90: // regx
		m.loc = &location{kind: locRegister, reg: m.b.uleb()}
	case 0x91: // fbreg
		off := m.b.sleb()
		if m.c.frameBase == nil {
			return errOp
		}
		v, err := m.c.frameBase()
		if err != nil {
			return err
		}
		m.push(v + uint64(off))
	case 0x92: // bregx
		return m.based(m.b.uleb())
	case 0x93: // piece
		l, err := m.current()
		if err != nil {
			return err
		}
		l.size = m.b.uleb()
		m.parts = append(m.parts, l)
		m.loc, m.stack = nil, nil
	case 0x96: // nop
	case 0x9c: // call_frame_cfa
		if !m.c.hasCFA {
			return errOp
		}
		m.push(m.c.cfa)
	case 0x9e: // implicit_value
		m.loc = &location{kind: locValue, value: m.b.block()}
	case 0x9f: // stack_value
		v := m.pop()
		m.loc = &location{kind: locValue, value: le8(v)}
	case 0xa1, 0xfb: // addrx, GNU_addr_index
		i := m.b.uleb()
		if m.c.addrx == nil {
			return errOp
		}
		v, ok := m.c.addrx(i)
		if !ok {
			return errOp
		}
		m.push(v + m.c.bias)
	case 0xa3, 0xf3: // entry_value
		code := m.b.block()
		if m.c.entry == nil || m.b.bad {
			return errOptimised
		}
		v, err := m.c.entry(code)
		if err != nil {
			return err
		}
		m.push(v)
	case 0xa4, 0xa5, 0xa6, 0xa8, 0xa9, 0xf4, 0xf5, 0xf6, 0xf7, 0xf9:
		return m.typed(op)
	case 0x9b, 0xe0: // form_tls_address, GNU_push_tls_address
		if m.c.tls == nil {
			return errOp
		}
		v, err := m.c.tls(m.pop())
		if err != nil {
			return err
		}
		m.push(v)
	case 0x97, 0x98, 0x99, 0x9a, 0xa0, 0xf2:
		return fmt.Errorf("location operation %#x is not supported", op)
	default:
		return m.arithmetic(op)
	}
	return nil
}

func le8(v uint64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	return b
}

func (m *opMachine) based(reg uint64) error {
	off := m.b.sleb()
	v, ok := m.c.regs.Get(reg)
	if !ok {
		return errOptimised
	}
	m.push(v + uint64(off))
	return nil
}

// arithmetic executes what only changes the stack.
func (m *opMachine) arithmetic(op uint8) error {
	switch op {
	case 0x12: // dup
		v := m.pop()
		m.stack = append(m.stack, v, v)
		return nil
	case 0x13:
		m.pop()
		return nil
	case 0x14, 0x15: // over, pick
		n := 1
		if op == 0x15 {
			n = int(m.b.u8())
		}
		if n >= len(m.stack) {
			return errOp
		}
		m.push(m.stack[len(m.stack)-1-n])
		return nil
	case 0x16: // swap
		a, b := m.pop(), m.pop()
		m.stack = append(m.stack, a, b)
		return nil
	case 0x17: // rot
		a, b, c := m.pop(), m.pop(), m.pop()
		m.stack = append(m.stack, a, c, b)
		return nil
	case 0x19: // abs
		if v := int64(m.pop()); v < 0 {
			m.push(uint64(-v))
		} else {
			m.push(uint64(v))
		}
		return nil
	case 0x1f:
		m.push(-m.pop())
		return nil
	case 0x20:
		m.push(^m.pop())
		return nil
	case 0x23: // plus_uconst
		m.push(m.pop() + m.b.uleb())
		return nil
	case 0x28: // bra
		if n := m.b.int(2); m.pop() != 0 {
			return m.jump(n)
		}
		return nil
	case 0x2f: // skip
		return m.jump(m.b.int(2))
	}
	b, a := m.pop(), m.pop()
	truth := func(x bool) uint64 {
		if x {
			return 1
		}
		return 0
	}
	var v uint64
	switch op {
	case 0x1a:
		v = a & b
	case 0x1b, 0x1d: // div, mod
		if b == 0 || op == 0x1b && b == ^uint64(0) {
			return errOp
		}
		if op == 0x1b {
			v = uint64(int64(a) / int64(b))
		} else {
			v = a % b
		}
	case 0x1c:
		v = a - b
	case 0x1e:
		v = a * b
	case 0x21:
		v = a | b
	case 0x22:
		v = a + b
	case 0x24:
		v = a << b
	case 0x25:
		v = a >> b
	case 0x26:
		v = uint64(int64(a) >> b)
	case 0x27:
		v = a ^ b
	case 0x29:
		v = truth(a == b)
	case 0x2a:
		v = truth(int64(a) >= int64(b))
	case 0x2b:
		v = truth(int64(a) > int64(b))
	case 0x2c:
		v = truth(int64(a) <= int64(b))
	case 0x2d:
		v = truth(int64(a) < int64(b))
	case 0x2e:
		v = truth(a != b)
	default:
		return fmt.Errorf("unknown location operation %#x", op)
	}
	m.push(v)
	return nil
}

func (m *opMachine) jump(n int64) error {
	at := m.b.at + int(n)
	if at < 0 || at > len(m.b.b) {
		return errOp
	}
	m.b.at = at
	return nil
}
