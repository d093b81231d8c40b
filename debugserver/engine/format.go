package engine

import (
	"fmt"
	"go/constant"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-delve/delve/pkg/proc"
)

// Format writes a value on one line, as Go would, with addresses of pointers that were not followed and a mark where
// something was left out. Strings are quoted, so nothing of the debuggee reaches a terminal as it is.
func Format(v *Variable) string {
	var b strings.Builder
	format(&b, v, true, 0)
	return b.String()
}

// InMemory tells whether a value has an address of its own: what is in registers has one that Delve has made up.
func InMemory(v *Variable) bool { return v.Addr != 0 && v.Flags&proc.VariableFakeAddress == 0 }

const maxFormatted = 64 << 10

func format(b *strings.Builder, v *Variable, types bool, depth int) {
	switch {
	case v.Unreadable != nil:
		fmt.Fprintf(b, "(unreadable: %v)", v.Unreadable)
		return
	case depth > maxRecurse+4 || b.Len() > maxFormatted:
		b.WriteString("…")
		return
	}
	switch v.Kind {
	case reflect.Pointer:
		formatPointer(b, v, types, depth)
	case reflect.Slice, reflect.Array:
		if v.Kind == reflect.Slice && v.Base == 0 && v.Len == 0 {
			b.WriteString("nil")
			return
		}
		typeName(b, v, types)
		formatList(b, v, depth)
	case reflect.Struct:
		if v.Value != nil && v.Len == 0 { // a constant's
			b.WriteString(v.Value.String())
			return
		}
		typeName(b, v, types)
		formatFields(b, v, depth)
	case reflect.Map:
		if v.Base == 0 {
			b.WriteString("nil")
			return
		}
		typeName(b, v, types)
		formatMap(b, v, depth)
	case reflect.Interface:
		formatInterface(b, v, depth)
	case reflect.Chan:
		formatChan(b, v)
	case reflect.Func:
		switch {
		case v.Base == 0:
			b.WriteString("nil")
		case v.Value != nil:
			b.WriteString(constant.StringVal(v.Value))
		default:
			fmt.Fprintf(b, "func at %#x", v.Base)
		}
	case reflect.UnsafePointer:
		fmt.Fprintf(b, "unsafe.Pointer(%#x)", pointee(v))
	default:
		b.WriteString(scalar(v))
	}
}

// scalar writes a number, a truth value or a string.
func scalar(v *Variable) string {
	if v.Value == nil {
		return "(not loaded)"
	}
	switch v.Kind {
	case reflect.String:
		s := strconv.Quote(constant.StringVal(v.Value))
		if n := v.Len - int64(len(constant.StringVal(v.Value))); n > 0 {
			s += fmt.Sprintf("…+%d", n)
		}
		return s
	case reflect.Float32, reflect.Float64:
		switch v.FloatSpecial {
		case proc.FloatIsNaN:
			return "NaN"
		case proc.FloatIsPosInf:
			return "+Inf"
		case proc.FloatIsNegInf:
			return "-Inf"
		}
		f, _ := constant.Float64Val(v.Value)
		size := 64
		if v.Kind == reflect.Float32 {
			size = 32
		}
		return strconv.FormatFloat(f, 'g', -1, size)
	case reflect.Complex64, reflect.Complex128:
		re, _ := constant.Float64Val(constant.Real(v.Value))
		im, _ := constant.Float64Val(constant.Imag(v.Value))
		return fmt.Sprint(complex(re, im))
	}
	s := v.Value.ExactString()
	if d := v.ConstDescr(); d != "" {
		s = d + " (" + s + ")"
	}
	return s
}

func typeName(b *strings.Builder, v *Variable, types bool) {
	if types {
		b.WriteString(v.TypeString())
		b.WriteByte(' ')
	}
}

func formatPointer(b *strings.Builder, v *Variable, types bool, depth int) {
	if len(v.Children) == 0 {
		b.WriteString("nil")
		return
	}
	c := &v.Children[0]
	switch {
	case c.Addr == 0:
		b.WriteString("nil")
	case c.OnlyAddr || depth > 0:
		fmt.Fprintf(b, "(%s)(%#x)", v.TypeString(), c.Addr)
	default:
		b.WriteByte('*')
		format(b, c, types, depth+1)
	}
}

func formatList(b *strings.Builder, v *Variable, depth int) {
	b.WriteByte('[')
	for i := range v.Children {
		if i > 0 {
			b.WriteByte(',')
		}
		format(b, &v.Children[i], false, depth+1)
	}
	rest(b, v.Len-int64(len(v.Children)), len(v.Children) > 0)
	b.WriteByte(']')
}

func formatFields(b *strings.Builder, v *Variable, depth int) {
	b.WriteByte('{')
	for i := range v.Children {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(v.Children[i].Name)
		b.WriteString(": ")
		format(b, &v.Children[i], false, depth+1)
	}
	if int(v.Len) > len(v.Children) {
		b.WriteString("…")
	}
	b.WriteByte('}')
}

func formatMap(b *strings.Builder, v *Variable, depth int) {
	b.WriteByte('[')
	for i := 0; i+1 < len(v.Children); i += 2 {
		if i > 0 {
			b.WriteString(", ")
		}
		format(b, &v.Children[i], false, depth+1)
		b.WriteString(": ")
		format(b, &v.Children[i+1], false, depth+1)
	}
	rest(b, v.Len-int64(len(v.Children)/2), len(v.Children) > 0)
	b.WriteByte(']')
}

func rest(b *strings.Builder, n int64, comma bool) {
	if n <= 0 {
		return
	}
	if comma {
		b.WriteByte(',')
	}
	fmt.Fprintf(b, "…+%d", n)
}

func formatInterface(b *strings.Builder, v *Variable, depth int) {
	if len(v.Children) == 0 || v.Children[0].Kind == reflect.Invalid && v.Children[0].Addr == 0 {
		b.WriteString("nil")
		return
	}
	c := &v.Children[0]
	if c.OnlyAddr {
		fmt.Fprintf(b, "%s(%s) at %#x", v.TypeString(), c.TypeString(), c.Addr)
		return
	}
	fmt.Fprintf(b, "%s(%s) ", v.TypeString(), c.TypeString())
	format(b, c, false, depth)
}

func formatChan(b *strings.Builder, v *Variable) {
	if v.Base == 0 {
		b.WriteString("nil")
		return
	}
	fmt.Fprintf(b, "%s %d/%d", v.TypeString(), v.Len, v.Cap)
}

// pointee returns the address that an unsafe.Pointer holds.
func pointee(v *Variable) uint64 {
	if len(v.Children) > 0 {
		return v.Children[0].Addr
	}
	return uintOf(v)
}
