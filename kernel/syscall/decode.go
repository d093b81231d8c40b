package syscall

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

// Format shows argument or result v of a call. At exit ret is the result; for arguments that lie in user
// memory it bounds what was filled. It must cope with any value.
type Format func(t *task.Task, v uint64, a Args, ret int64) string

// Formats for single values.
var (
	Int  Format = func(_ *task.Task, v uint64, _ Args, _ int64) string { return strconv.Itoa(int(int32(v))) }
	Long Format = func(_ *task.Task, v uint64, _ Args, _ int64) string { return strconv.FormatInt(int64(v), 10) }
	Uint Format = func(_ *task.Task, v uint64, _ Args, _ int64) string { return strconv.FormatUint(v, 10) }
	Hex  Format = func(_ *task.Task, v uint64, _ Args, _ int64) string { return "0x" + strconv.FormatUint(v, 16) }
	Oct  Format = func(_ *task.Task, v uint64, _ Args, _ int64) string { return "0" + strconv.FormatUint(v&0o7777777, 8) }
	FD   Format = Int
	Addr Format = func(_ *task.Task, v uint64, _ Args, _ int64) string {
		if v == 0 {
			return "NULL"
		}
		return "0x" + strconv.FormatUint(v, 16)
	}
	Size = Uint

	// DirFD is a directory descriptor or AT_FDCWD.
	DirFD Format = func(_ *task.Task, v uint64, _ Args, _ int64) string {
		if int32(v) == -100 {
			return "AT_FDCWD"
		}
		return strconv.Itoa(int(int32(v)))
	}
)

// shown is how much of a string or buffer is shown.
const shown = 48

// Path is a string in user memory.
var Path Format = func(t *task.Task, v uint64, _ Args, _ int64) string {
	if v == 0 {
		return "NULL"
	}
	s, err := mm.CopyInString(t.Thread, mm.UAddr(v), 4096)
	if err != nil {
		return "0x" + strconv.FormatUint(v, 16)
	}
	return quote(s)
}

// Buf is a buffer whose length is argument n, or the result if that is less.
func Buf(n int) Format {
	return func(t *task.Task, v uint64, a Args, ret int64) string {
		size := int64(min(a[n], 1<<30))
		if ret >= 0 {
			size = min(size, ret)
		}
		b := make([]byte, min(size, shown+1))
		if mm.CopyIn(t.Thread, b, mm.UAddr(v)) != nil {
			return "0x" + strconv.FormatUint(v, 16)
		}
		return quote(string(b))
	}
}

func quote(s string) string {
	if len(s) > shown {
		return strconv.QuoteToASCII(s[:shown]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// Int32x2 is an array of two ints, as pipe(2) fills it.
var Int32x2 Format = func(t *task.Task, v uint64, _ Args, ret int64) string {
	var b [8]byte
	if ret < 0 || mm.CopyIn(t.Thread, b[:], mm.UAddr(v)) != nil {
		return "0x" + strconv.FormatUint(v, 16)
	}
	le := func(p []byte) int32 {
		return int32(uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24)
	}
	return fmt.Sprintf("[%d, %d]", le(b[:4]), le(b[4:]))
}

// Flag is a bit or a field's value with its name.
type Flag struct {
	Value uint64
	Name  string
}

// Flags shows a set of bits, least significant first in the list.
func Flags(names ...Flag) Format {
	return func(_ *task.Task, v uint64, _ Args, _ int64) string {
		if v == 0 {
			for _, f := range names {
				if f.Value == 0 {
					return f.Name
				}
			}
			return "0"
		}
		var parts []string
		for _, f := range names {
			if f.Value != 0 && v&f.Value == f.Value {
				parts = append(parts, f.Name)
				v &^= f.Value
			}
		}
		if v != 0 {
			parts = append(parts, "0x"+strconv.FormatUint(v, 16))
		}
		return strings.Join(parts, "|")
	}
}

// Enum shows one of several values.
func Enum(names ...Flag) Format {
	return func(_ *task.Task, v uint64, _ Args, _ int64) string {
		for _, f := range names {
			if f.Value == v {
				return f.Name
			}
		}
		return "0x" + strconv.FormatUint(v, 16)
	}
}

// PipeFlags are pipe2(2)'s.
var PipeFlags = Flags(Flag{0o2000000, "O_CLOEXEC"}, Flag{0o4000, "O_NONBLOCK"}, Flag{0o40000, "O_DIRECT"})

// FormatEnter shows the call's name and the arguments known before it runs.
func (c *Call) FormatEnter(t *task.Task, a Args) string {
	var b strings.Builder
	b.WriteString(c.Name + "(")
	for i, p := range c.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		if p.Out {
			b.WriteString(Hex(t, a[i], a, -1))
		} else {
			b.WriteString(p.Format(t, a[i], a, -1))
		}
	}
	b.WriteString(")")
	return b.String()
}

// FormatExit shows the whole call as strace(1) does, with the reason of an error.
func (c *Call) FormatExit(t *task.Task, enter string, a Args, ret uint64, err error) string {
	var b strings.Builder
	out := false
	for _, p := range c.Params {
		out = out || p.Out
	}
	if !out || err != nil {
		b.WriteString(enter)
	} else {
		b.WriteString(c.Name + "(")
		for i, p := range c.Params {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(p.Format(t, a[i], a, int64(ret)))
		}
		b.WriteString(")")
	}
	b.WriteString(" = ")
	switch {
	case err != nil:
		e := errno.Of(err)
		if e.Internal() {
			fmt.Fprintf(&b, "? %s", e.Name())
			break
		}
		fmt.Fprintf(&b, "-1 %s (%v)", e.Name(), err)
	case c.Result != nil:
		b.WriteString(c.Result(t, ret, a, int64(ret)))
	default:
		b.WriteString(strconv.FormatInt(int64(ret), 10))
	}
	return b.String()
}

// definedIn returns the base name of the file that calls Define.
func definedIn() string {
	_, file, _, _ := runtime.Caller(2)
	return filepath.Base(file)
}
