package kview

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// What both evaluators share, so that their tables are the same: how a scalar is shown, how keys are ordered and what
// a row's expression is. A scalar is an int64, uint64, string, bool or Length; nil is anything else.

// Length is the scalar of a slice, array or map.
type Length int

// None is shown where a path meets a nil.
const None = "-"

// Format shows a scalar. No methods are called: the debugger has only data.
func (c Column) Format(scalar any) string {
	switch x := scalar.(type) {
	case int64:
		if c.Enum != nil && x >= 0 && x < int64(len(c.Enum)) {
			return c.Enum[x]
		}
		if c.Hex {
			return "0x" + strconv.FormatUint(uint64(x), 16)
		}
		return strconv.FormatInt(x, 10)
	case uint64:
		if c.Enum != nil && x < uint64(len(c.Enum)) {
			return c.Enum[x]
		}
		if c.Hex {
			return "0x" + strconv.FormatUint(x, 16)
		}
		return strconv.FormatUint(x, 10)
	case string:
		if x == "" {
			return None
		}
		if q := strconv.Quote(x); q[1:len(q)-1] != x {
			return q[1 : len(q)-1] // control characters of a guest stay out of the terminal
		}
		return x
	case bool:
		return strconv.FormatBool(x)
	case Length:
		return strconv.Itoa(int(x))
	}
	return "?"
}

// CompareKeys orders the keys of a map, which are scalars of one type.
func CompareKeys(a, b any) int {
	switch x := a.(type) {
	case string:
		y, _ := b.(string)
		return strings.Compare(x, y)
	case int64:
		y, _ := b.(int64)
		return cmp.Compare(x, y)
	case uint64:
		y, _ := b.(uint64)
		return cmp.Compare(x, y)
	}
	return 0
}

// KeyText is how the column "#" shows a key.
func KeyText(key any) string { return fmt.Sprint(key) }

// MaxExpr is how long the expression of a list's element may get before it names the element by its address.
const MaxExpr = 120

// FieldExpr, IndexExpr, KeyExpr and AddrExpr build the Go expressions of elements.
func FieldExpr(of, path string) string {
	if path == "" {
		return of
	}
	return of + "." + path
}

// IndexExpr: see FieldExpr.
func IndexExpr(of string, i int) string { return of + "[" + strconv.Itoa(i) + "]" }

// KeyExpr: see FieldExpr.
func KeyExpr(of string, key any) string {
	text := KeyText(key)
	if s, ok := key.(string); ok {
		text = strconv.Quote(s)
	}
	return of + "[" + text + "]"
}

// AddrExpr: see FieldExpr.
func AddrExpr(pkg, typ string, addr uint64) string {
	return fmt.Sprintf("(*%q)(%#x)", pkg+"."+typ, addr) // as Delve wants it
}
