package tracer

import (
	"encoding/binary"
	"fmt"
	"go/token"

	"golang.org/x/sys/unix"
)

// Filter is a condition on memory that the tracer evaluates itself: "operand op constant". The operand starts at a
// base; every offset but the last is followed by a load of a pointer.
type Filter struct {
	SP     bool // offsets start at the stack pointer; otherwise the first is absolute
	Offs   []int64
	Size   int // of the operand: 1, 2, 4 or 8
	Signed bool
	Op     token.Token
	Val    int64
}

func (f *Filter) String() string {
	base := "abs"
	if f.SP {
		base = "sp"
	}
	return fmt.Sprintf("%s%v:%d %v %d", base, f.Offs, f.Size, f.Op, f.Val)
}

// eval tells whether to stop; when in doubt it does.
func (f *Filter) eval(t *Tracer, r *unix.PtraceRegs) bool {
	var a uint64
	if f.SP {
		a = r.Rsp
	}
	var b [8]byte
	for i, o := range f.Offs {
		a += uint64(o)
		n := f.Size
		if i < len(f.Offs)-1 {
			n = 8
		}
		if m, err := unix.Pread(int(t.mem.Fd()), b[:n], int64(a)); err != nil || m != n {
			return true
		}
		clear(b[n:])
		a = binary.LittleEndian.Uint64(b[:])
	}
	x, s := a, 64-8*uint(f.Size)
	if f.Signed {
		return compare(f.Op, int64(x<<s)>>s, f.Val)
	}
	return compare(f.Op, x, uint64(f.Val))
}

func compare[T int64 | uint64](op token.Token, x, y T) bool {
	switch op {
	case token.EQL:
		return x == y
	case token.NEQ:
		return x != y
	case token.LSS:
		return x < y
	case token.LEQ:
		return x <= y
	case token.GTR:
		return x > y
	case token.GEQ:
		return x >= y
	}
	return true
}
