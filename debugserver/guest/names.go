package guest

import (
	"bytes"
	"debug/dwarf"
	"fmt"
	"slices"
	"strings"

	"github.com/ianlancetaylor/demangle"
)

// Names of C++ and Rust are mangled in symbol tables: _ZN2ns5Class6methodEi is ns::Class::method(int).

// Bounds of what is demangled: what comes out may be much longer, and parsers recurse.
const (
	maxMangled    = 2048
	maxDemangled  = 14 // a power of two
	maxCandidates = 1 << 16
)

// demangled is a symbol's name as its source has it, by default without parameters. Others stay as they are.
func demangled(name string, options ...demangle.Option) string {
	if !mangled(name) {
		return name
	}
	if options == nil {
		options = []demangle.Option{demangle.NoParams}
	}
	var err error
	func() {
		defer guard(&err)
		var s string
		if s, err = demangle.ToString(name, append(options, demangle.MaxLength(maxDemangled))...); err == nil {
			name = s
		}
	}()
	return name
}

func mangled(name string) bool {
	return len(name) <= maxMangled && (strings.HasPrefix(name, "_Z") || strings.HasPrefix(name, "_R"))
}

// fullName is the name of a function's entry with all that it is in: namespaces and classes as far as the linker's name has them.
func (in *info) fullName(e *dwarf.Entry) string {
	for d := e; d != nil; d = in.origin(d) {
		for _, a := range []dwarf.Attr{dwarf.AttrLinkageName, attrMIPSLinkageName} {
			if name, ok := d.Val(a).(string); ok && mangled(name) {
				return demangled(name)
			}
		}
	}
	return in.nameOf(e)
}

// attrMIPSLinkageName is what DWARF 3 and before had in the place of DW_AT_linkage_name.
const attrMIPSLinkageName = dwarf.Attr(0x2007)

// mangledAs finds the symbols that a name of C++ or Rust may mean: ns::Class::method, Class::method, method; with template arguments or without;
// with parameters to choose one of several.
func (s *symbols) mangledAs(name string) (found []Symbol) {
	last := lastIdentifier(name)
	if last == "" {
		return nil
	}
	part := fmt.Sprint(len(last), last) // as it is in a mangled name
	n := 0
	for k := range s.tables {
		t := &s.tables[k]
		for i := 0; i < t.len() && n < maxCandidates; i++ {
			b := t.name(i)
			if len(b) < 2 || b[0] != '_' || !bytes.Contains(b, []byte(part)) {
				continue
			}
			if _, ok := t.kind(i); !ok || !mangled(string(b)) {
				continue
			}
			n++
			y := t.symbol(i)
			if means(y.Name, name) && !slices.ContainsFunc(found, func(o Symbol) bool { return o.Addr == y.Addr }) {
				found = append(found, y)
			}
		}
	}
	return found
}

// means reports whether a mangled name is what a person calls name.
func means(symbol, name string) bool {
	var forms []string
	if strings.HasSuffix(name, ")") { // with parameters
		forms = []string{demangled(symbol, demangle.NoClones)}
	} else {
		forms = []string{demangled(symbol, demangle.NoParams, demangle.NoClones), demangled(symbol, demangle.NoParams, demangle.NoClones, demangle.NoTemplateParams)}
	}
	return slices.ContainsFunc(forms, func(f string) bool { return f == name || strings.HasSuffix(f, "::"+name) })
}

// lastIdentifier is the last of a name's identifiers that stand outside of template arguments and parameters.
func lastIdentifier(name string) string {
	depth, end := 0, -1
	for i, c := range name {
		word := c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
		switch {
		case c == '<' || c == '(':
			depth++
		case c == '>' || c == ')':
			depth--
		case depth == 0 && word:
			end = i + 1
		}
	}
	if end < 0 {
		return ""
	}
	start := end
	for start > 0 && strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", name[start-1]) >= 0 {
		start--
	}
	return name[start:end]
}
