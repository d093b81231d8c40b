package syscall

import (
	"fmt"

	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

// Handler runs a system call for the current task. The result goes to RAX; an
// error's number goes there instead, its reason to the trace.
type Handler func(t *task.Task, a Args) (uint64, error)

// Args are the six argument registers.
type Args [6]uint64

// Int returns argument i as a C int.
func (a Args) Int(i int) int { return int(int32(a[i])) }

// Uint returns argument i as a C unsigned int.
func (a Args) Uint(i int) uint32 { return uint32(a[i]) }

// Long returns argument i as a C long.
func (a Args) Long(i int) int64 { return int64(a[i]) }

// FD returns argument i as a file descriptor.
func (a Args) FD(i int) int { return int(int32(a[i])) }

// Addr returns argument i as a user address, which nobody has checked yet.
func (a Args) Addr(i int) mm.UAddr { return mm.UAddr(a[i]) }

// Call is a system call's entry.
type Call struct {
	Nr      int
	Name    string
	Handler Handler
	Params  []Param
	Result  Format // how the result looks; nil: a signed number
	Covers  string // flags and modes that work, for the reference
	Lacks   string // flags and modes that don't
	File    string // source file of the Define, for the reference
}

// Param describes one argument.
type Param struct {
	Name   string
	Out    bool // filled by the call: shown after it
	Format Format
}

// Option completes a Call.
type Option func(*Call)

// In describes the next argument.
func In(name string, f Format) Option {
	return func(c *Call) { c.Params = append(c.Params, Param{Name: name, Format: f}) }
}

// Out describes the next argument: an address that the call fills.
func Out(name string, f Format) Option {
	return func(c *Call) { c.Params = append(c.Params, Param{Name: name, Out: true, Format: f}) }
}

// Returns describes the result.
func Returns(f Format) Option { return func(c *Call) { c.Result = f } }

// Covers says in the manual page's words which flags and modes work.
func Covers(text string) Option { return func(c *Call) { c.Covers = text } }

// Lacks says which don't.
func Lacks(text string) Option { return func(c *Call) { c.Lacks = text } }

// maxCall bounds the numbers of known calls.
const maxCall = 480

// table has all calls by number; init functions fill it.
var table [maxCall]*Call

// Define adds a system call to the table. For init functions.
func Define(nr int, name string, h Handler, opts ...Option) {
	if table[nr] != nil {
		panic(fmt.Sprintf("system call %d is defined twice: %s and %s", nr, table[nr].Name, name))
	}
	c := &Call{Nr: nr, Name: name, Handler: h, File: definedIn()}
	for _, o := range opts {
		o(c)
	}
	table[nr] = c
}

// Lookup returns the call with number nr, or nil.
func Lookup(nr uint64) *Call {
	if nr >= maxCall {
		return nil
	}
	return table[nr]
}

// Calls returns all calls in the order of their numbers.
func Calls() []*Call {
	var all []*Call
	for _, c := range table {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}
