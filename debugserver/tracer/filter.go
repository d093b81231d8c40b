package tracer

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// Filter is a condition on memory that the tracer evaluates itself. Op is one of
//
//	== != < <= > >=   X with Y, or with Val if there is no Y; == and != also X's string with Str
//	&& || !           L and R
//
// A part that cannot be evaluated makes the whole true: the process stops, and somebody who knows more looks.
type Filter struct {
	Op   string
	X, Y *Operand
	Val  uint64
	Str  string // with X.Len
	L, R *Filter
}

// Operand is a value in memory. It starts at a base; every offset but the last is followed by a load of a pointer. Without offsets it
// is the base itself.
type Operand struct {
	SP     bool // offsets start at the stack pointer …
	Reg    int  // … or at what ArgRegs[Reg-1] holds; otherwise the first is absolute
	Offs   []int64
	Size   int // 1, 2, 4 or 8
	Signed bool
	Len    *Operand // a string's length; the operand is the address of its bytes then
}

func (f *Filter) String() string {
	switch {
	case f == nil:
		return "true"
	case f.Op == "!":
		return "!(" + f.L.String() + ")"
	case f.L != nil:
		return "(" + f.L.String() + " " + f.Op + " " + f.R.String() + ")"
	case f.X.Len != nil:
		return f.X.String() + " " + f.Op + " " + strconv.Quote(f.Str)
	case f.Y != nil:
		return f.X.String() + " " + f.Op + " " + f.Y.String()
	case f.X.Signed:
		return fmt.Sprintf("%v %s %d", f.X, f.Op, int64(f.Val))
	}
	return fmt.Sprintf("%v %s %d", f.X, f.Op, f.Val)
}

func (o *Operand) String() string {
	base := "abs"
	if o.SP {
		base = "sp"
	} else if o.Reg != 0 {
		base = ArgRegs[o.Reg-1]
	}
	return fmt.Sprintf("%s%#x:%d", base, o.Offs, o.Size)
}

// ArgRegs are the registers in which Go passes arguments (ABIInternal), in their order.
var ArgRegs = [...]string{"rax", "rbx", "rcx", "rdi", "rsi", "r8", "r9", "r10", "r11"}

// ArgReg returns what ArgRegs[i] holds.
func ArgReg(r *unix.PtraceRegs, i int) uint64 {
	return [...]uint64{r.Rax, r.Rbx, r.Rcx, r.Rdi, r.Rsi, r.R8, r.R9, r.R10, r.R11}[i]
}

// verdict is the value of a filter: it may be unknown.
type verdict int8

const (
	no verdict = iota
	yes
	unknown
)

func truth(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// eval evaluates a filter for a thread's registers.
func (f *Filter) eval(t *Tracer, regs *unix.PtraceRegs) verdict {
	switch f.Op {
	case "&&":
		if l := f.L.eval(t, regs); l != yes { // as the program would: R may make sense only if L is true
			return l
		}
		return f.R.eval(t, regs)
	case "||":
		if l := f.L.eval(t, regs); l != no {
			return l
		}
		return f.R.eval(t, regs)
	case "!":
		switch f.L.eval(t, regs) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	}
	if f.X.Len != nil {
		return f.evalString(t, regs)
	}
	x, ok := f.X.load(t, regs)
	if !ok {
		return unknown
	}
	y := f.Val
	if f.Y != nil {
		if y, ok = f.Y.load(t, regs); !ok {
			return unknown
		}
	}
	if f.X.Signed {
		return compare(f.Op, int64(x), int64(y))
	}
	return compare(f.Op, x, y)
}

func (f *Filter) evalString(t *Tracer, regs *unix.PtraceRegs) verdict {
	n, ok := f.X.Len.load(t, regs)
	if !ok || f.Op != "==" && f.Op != "!=" {
		return unknown
	}
	if n != uint64(len(f.Str)) {
		return truth(f.Op == "!=")
	}
	a, ok := f.X.load(t, regs)
	if !ok {
		return unknown
	}
	b := make([]byte, n)
	if n > 0 {
		if m, err := unix.Pread(int(t.mem.Fd()), b, int64(a)); err != nil || m != len(b) {
			return unknown
		}
	}
	return truth((string(b) == f.Str) == (f.Op == "=="))
}

// load reads the operand, extended to 64 bits.
func (o *Operand) load(t *Tracer, regs *unix.PtraceRegs) (uint64, bool) {
	var a uint64
	if o.SP {
		a = regs.Rsp
	} else if o.Reg != 0 {
		a = ArgReg(regs, o.Reg-1)
	}
	var b [8]byte
	for i, off := range o.Offs {
		a += uint64(off)
		n := o.Size
		if i < len(o.Offs)-1 {
			n = 8
		}
		if m, err := unix.Pread(int(t.mem.Fd()), b[:n], int64(a)); err != nil || m != n {
			return 0, false
		}
		clear(b[n:])
		a = binary.LittleEndian.Uint64(b[:])
	}
	if s := 64 - 8*uint(o.Size); o.Signed {
		return uint64(int64(a<<s) >> s), true
	}
	return a, true
}

func compare[T int64 | uint64](op string, x, y T) verdict {
	switch op {
	case "==":
		return truth(x == y)
	case "!=":
		return truth(x != y)
	case "<":
		return truth(x < y)
	case "<=":
		return truth(x <= y)
	case ">":
		return truth(x > y)
	case ">=":
		return truth(x >= y)
	}
	return unknown
}
