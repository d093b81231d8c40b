package session

import (
	"fmt"
	"go/constant"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/guest"
	"vitrine/debugserver/views"
)

type oneWord = views.Object

// callInfo is what is known of a system call: its name, and how its arguments are shown.
type callInfo struct {
	name   string
	params []string // names
}

// callInfo reads the kernel's table (kernel/syscall/define.go). Nil: there is no such call.
func (s *Session) callInfo(nr int) *callInfo {
	if c, ok := s.callInfos[nr]; ok {
		return c
	}
	if s.callInfos == nil {
		s.callInfos = map[int]*callInfo{}
	}
	s.callInfos[nr] = nil
	v, err := s.e.Eval(engine.Where{}, fmt.Sprintf("*%s[%d]", callTable, nr),
		engine.LoadConfig{FollowPointers: true, MaxVariableRecurse: 3, MaxStringLen: 64, MaxArrayValues: 6, MaxStructFields: -1})
	if err != nil {
		return nil
	}
	c := &callInfo{}
	if f := field(v, "Name"); f != nil && f.Value != nil {
		c.name = constant.StringVal(f.Value)
	}
	if f := field(v, "Params"); f != nil {
		for i := range f.Children {
			p := ""
			if n := field(&f.Children[i], "Name"); n != nil && n.Value != nil {
				p = constant.StringVal(n.Value)
			}
			c.params = append(c.params, p)
		}
	}
	s.callInfos[nr] = c
	return c
}

// textParams are the names of arguments that are addresses of texts.
var textParams = map[string]bool{"path": true, "name": true, "old": true, "new": true, "target": true, "file": true, "source": true, "oldpath": true, "newpath": true, "linkpath": true}

// showArg shows an argument.
func (s *Session) showArg(t *guestTask, c *callInfo, i int, v uint64) string {
	p := c.params[i]
	switch {
	case textParams[p]:
		return s.textAt(t, v)
	case p == "buf" && (strings.Contains(c.name, "write") || strings.HasPrefix(c.name, "send")):
		return s.textAt(t, v)
	case p == "mode" && v < 1<<12:
		return fmt.Sprintf("%#o", v)
	case int32(v) < 0 && int32(v) > -4096 && (v>>32 == 0 || v>>32 == 1<<32-1):
		return strconv.Itoa(int(int32(v)))
	case v < 1<<20:
		return strconv.FormatUint(v, 10)
	}
	return fmt.Sprintf("%#x", v)
}

// showResult shows what a system call has returned.
func showResult(v uint64) string {
	if n := -int64(v); n > 0 && n < 4096 {
		return fmt.Sprintf("-%d %s", n, unix.ErrnoName(unix.Errno(n)))
	}
	if v < 1<<20 {
		return strconv.FormatUint(v, 10)
	}
	return fmt.Sprintf("%#x", v)
}

// textAt shows the text at an address of the program, or the address.
func (s *Session) textAt(t *guestTask, at uint64) string {
	const most = 32
	text, ok := guest.Text(t.space.Mem, at, most)
	if !ok || text == "" {
		return fmt.Sprintf("%#x", at)
	}
	return text
}
