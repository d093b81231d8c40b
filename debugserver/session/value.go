package session

import (
	"fmt"
	"go/constant"
	"reflect"
	"regexp"
	"strings"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/guest"
)

// Bounds of what is loaded for a line and for one look inside.
var (
	lineLoad = engine.LoadConfig{FollowPointers: true, MaxVariableRecurse: 1, MaxStringLen: 256, MaxArrayValues: 16, MaxStructFields: -1, MaxMapBuckets: 160}
	longLoad = engine.LoadConfig{FollowPointers: true, MaxVariableRecurse: 2, MaxStringLen: 1 << 20, MaxArrayValues: 4096, MaxStructFields: -1}
)

const (
	maxLine     = 512  // bytes of a value's one line
	maxChildren = 4096 // at once
)

// values are what clients may look into, until the machine runs.
type values struct {
	refs map[Ref]*ref
	next Ref
}

// ref is how a value is evaluated again, with more of it.
type ref struct {
	where engine.Where
	expr  string // for the engine
	shown string // for people: what children's names are appended to

	program *guest.Value // of a program's; nil: of the kernel's
	space   int
}

// forget makes all refs stale. They are never used again, so that an old one can't name something new.
func (v *values) forget() { clear(v.refs) }

func (v *values) add(r *ref) Ref {
	if v.refs == nil {
		v.refs = map[Ref]*ref{}
	}
	v.next++
	v.refs[v.next] = r
	return v.next
}

// show makes a client's variable of the engine's. Expr evaluates to it; "" if nothing does.
func (s *Session) show(v *engine.Variable, name, expr string, w engine.Where) Variable {
	r := Variable{Name: name, Type: shortType(v.TypeString()), Value: valueText(v), Expr: expr, Addr: v.Addr, Kind: v.Kind.String()}
	if len(r.Value) > maxLine {
		r.Value = strings.ToValidUTF8(r.Value[:maxLine], "") + "…"
	}
	if !engine.InMemory(v) {
		r.Addr = 0
	}
	if v.RealType != nil {
		r.Size = v.RealType.Size()
	}
	r.Named, r.Indexed = childCount(v)
	if r.Named+r.Indexed > 0 {
		again := addressed(v)
		if again == "" {
			again = expr
		}
		if again == "" {
			r.Named, r.Indexed = 0, 0
		} else {
			r.Ref = s.values.add(&ref{where: w, expr: again, shown: expr})
		}
	}
	return r
}

// valueText is a value in a line: types by their packages' names, without the path, and atomics as what they hold.
func valueText(v *engine.Variable) string {
	if strings.HasPrefix(v.TypeString(), "sync/atomic.") {
		if f := field(v, "v"); f != nil {
			if v.TypeString() == "sync/atomic.Bool" {
				return fmt.Sprint(engine.Format(f) != "0")
			}
			return engine.Format(f)
		}
	}
	text, long := engine.Format(v), v.TypeString()
	if i := strings.Index(text, long); i == 0 || i == 1 { // the type's name begins it, behind a pointer's star
		return text[:i] + shortType(long) + text[i+len(long):]
	}
	return text
}

var packagePath = regexp.MustCompile(`[\w.\-]+/(?:[\w.\-]+/)*`)

// shortType leaves the paths of packages out: *task.Task.
func shortType(name string) string { return packagePath.ReplaceAllString(name, "") }

// addressed is an expression for what lies at v's address, which needs no names.
func addressed(v *engine.Variable) string {
	if !engine.InMemory(v) || v.DwarfType == nil {
		return ""
	}
	return fmt.Sprintf("*(*%q)(%#x)", v.TypeString(), v.Addr)
}

// childCount tells how many names and elements there are inside.
func childCount(v *engine.Variable) (named, indexed int) {
	if v.Unreadable != nil {
		return 0, 0
	}
	switch v.Kind {
	case reflect.Struct:
		return int(v.Len), 0
	case reflect.Slice, reflect.Array:
		return 0, int(v.Len)
	case reflect.Map:
		return int(v.Len), 0
	case reflect.Pointer:
		if p := pointee(v); p != nil {
			if p.Kind == reflect.Struct {
				return int(max(p.Len, 1)), 0
			}
			return 1, 0
		}
	case reflect.Interface:
		if len(v.Children) > 0 && (v.Children[0].Addr != 0 || v.Children[0].Kind != reflect.Invalid) {
			return 1, 0
		}
	}
	return 0, 0
}

// children evaluates a value again and returns what is inside, from a position on.
func (s *Session) children(id Ref, from, n int) ([]Variable, error) {
	r := s.values.refs[id]
	if r == nil {
		return nil, ErrStale
	}
	if n <= 0 || n > maxChildren {
		n = maxChildren
	}
	if r.program != nil {
		return s.programChildren(r, from, n), nil
	}
	c := lineLoad
	c.MaxVariableRecurse = 2
	c.MaxArrayValues, c.MaxMapBuckets = n, 10*(from+n)+64
	v, err := s.e.Eval(r.where, r.expr, c)
	if err != nil {
		return nil, err
	}
	if v.Kind == reflect.Pointer {
		p := pointee(v)
		if p == nil {
			return nil, nil
		}
		if p.Kind != reflect.Struct {
			return []Variable{s.show(p, "*", deref(r.shown), r.where)}, nil
		}
		if p.OnlyAddr {
			if p, err = s.e.Eval(r.where, "*("+r.expr+")", c); err != nil {
				return nil, err
			}
		}
		v = p
	}
	switch v.Kind {
	case reflect.Struct:
		return s.fields(v, r, from, n), nil
	case reflect.Slice, reflect.Array:
		if from > 0 {
			if v, err = s.e.More(v, from, c); err != nil {
				return nil, err
			}
		}
		var vs []Variable
		for i := range v.Children {
			vs = append(vs, s.show(&v.Children[i], fmt.Sprintf("[%d]", from+i), index(r.shown, fmt.Sprint(from+i)), r.where))
		}
		return vs, nil
	case reflect.Map:
		return s.entries(v, r, from, n), nil
	case reflect.Interface:
		if len(v.Children) == 0 {
			return nil, nil
		}
		return []Variable{s.show(&v.Children[0], "data", member(r.shown, "(data)"), r.where)}, nil
	}
	return nil, nil
}

func (s *Session) fields(v *engine.Variable, r *ref, from, n int) []Variable {
	var vs []Variable
	for i := from; i < min(len(v.Children), from+n); i++ {
		f := &v.Children[i]
		vs = append(vs, s.show(f, f.Name, member(r.shown, f.Name), r.where))
	}
	return vs
}

func (s *Session) entries(v *engine.Variable, r *ref, from, n int) []Variable {
	var vs []Variable
	for i := 2 * from; i+1 < len(v.Children) && len(vs) < n; i += 2 {
		k, e := &v.Children[i], &v.Children[i+1]
		expr := ""
		if k.Value != nil {
			switch k.Kind {
			case reflect.String:
				expr = index(r.shown, fmt.Sprintf("%q", constant.StringVal(k.Value)))
			default:
				expr = index(r.shown, k.Value.ExactString())
			}
		}
		vs = append(vs, s.show(e, engine.Format(k), expr, r.where))
	}
	return vs
}

// member, index and deref put expressions together for people.
func member(base, name string) string {
	if base == "" || name == "" {
		return ""
	}
	return operand(base) + "." + name
}

func index(base, i string) string {
	if base == "" {
		return ""
	}
	return operand(base) + "[" + i + "]"
}

func deref(base string) string {
	if base == "" {
		return ""
	}
	return "*" + operand(base)
}

// operand puts an expression in parentheses where it needs them to be followed by a selector.
func operand(expr string) string {
	if strings.HasPrefix(expr, "*") || strings.HasPrefix(expr, "&") || strings.ContainsAny(expr, " +-") && !strings.HasPrefix(expr, "(") {
		return "(" + expr + ")"
	}
	return expr
}
