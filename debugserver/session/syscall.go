package session

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/printer"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"vitrine/debugserver/engine"
)

// Where the kernel shows us the system calls that we have marked (kernel/syscall/stops.go).
const (
	callTable    = `"vitrine/kernel/syscall".table`
	callEntered  = "vitrine/kernel/syscall.Entered"
	callReturned = "vitrine/kernel/syscall.Returned"
	callMarks    = `"vitrine/kernel".The.Tasks.CallStops`
)

// enableSyscall watches one system call or all.
func (s *Session) enableSyscall(p *point) error {
	if !s.booted() {
		if err := s.awaitBoot(); err != nil {
			return err
		}
		return errNotBooted
	}
	nrs, err := s.callNumbers(p.Spec.Syscall)
	if err != nil {
		return err
	}
	when := p.Spec.When
	if when == 0 {
		when = OnEntry
	}
	spec := engine.Spec{}
	var conds []string
	if len(nrs) == 1 {
		conds = append(conds, fmt.Sprintf("s.Call.Nr == %d", nrs[0]))
	}
	if p.Spec.Cond != "" {
		cond, err := s.callCondition(p.Spec.Cond, nrs)
		if err != nil {
			return err
		}
		conds = append(conds, "("+cond+")")
	}
	spec.Cond = strings.Join(conds, " && ")
	p.onHit = s.callHit()
	if when&OnEntry != 0 {
		spec.Function = callEntered
		if err := s.plant(p, spec); err != nil {
			return err
		}
	}
	if when&OnReturn != 0 {
		spec.Function = callReturned
		if err := s.plant(p, spec); err != nil {
			return err
		}
	}
	p.nrs, p.when = nrs, when
	return s.markCalls(p, 1)
}

// unwatchCalls takes back what enableSyscall has marked.
func (s *Session) unwatchCalls(p *point) {
	if len(p.nrs) > 0 {
		s.markCalls(p, -1)
		p.nrs = nil
	}
}

// markCalls tells the kernel which calls to show.
func (s *Session) markCalls(p *point, n int) error {
	marks, err := s.e.Eval(engine.Where{}, callMarks, engine.LoadConfig{MaxArrayValues: 1})
	if err != nil {
		return err
	}
	all := make([]byte, marks.Len)
	if _, err := s.e.ReadMemory(all, marks.Base); err != nil {
		return err
	}
	lo, hi := len(all), 0 // what changes: written at once
	for _, nr := range p.nrs {
		c := s.calls[nr]
		for i, w := range []When{OnEntry, OnReturn} {
			if p.when&w != 0 {
				c[i] += n
			}
		}
		s.calls[nr] = c
		mark := byte(0)
		for i, w := range []When{OnEntry, OnReturn} {
			if c[i] > 0 {
				mark |= byte(w)
			}
		}
		if nr >= len(all) {
			return fmt.Errorf("the kernel can't be stopped at system call %d", nr)
		}
		all[nr], lo, hi = mark, min(lo, nr), max(hi, nr+1)
	}
	if lo < hi {
		_, err = s.e.WriteMemory(marks.Base+uint64(lo), all[lo:hi])
	}
	return err
}

// callNumbers finds the numbers that a name, a number or * means.
func (s *Session) callNumbers(name string) ([]int, error) {
	if s.numbers == nil {
		v, err := s.e.Eval(engine.Where{}, callTable, engine.LoadConfig{FollowPointers: true, MaxVariableRecurse: 1, MaxStringLen: 32, MaxArrayValues: 600, MaxStructFields: -1})
		if err != nil {
			return nil, err
		}
		names := map[string]int{}
		for nr := range v.Children {
			if c := pointee(&v.Children[nr]); c != nil {
				if f := field(c, "Name"); f != nil && f.Value != nil {
					names[constant.StringVal(f.Value)] = nr
				}
			}
		}
		if _, there := names[strings.TrimPrefix(name, "sys_")]; !there && name != "*" {
			if nr, err := strconv.Atoi(name); err == nil && nr >= 0 {
				return []int{nr}, nil
			}
			// Nothing to remember: a kernel that has just been started may not have filled its table yet.
			return nil, fmt.Errorf("the kernel has no system call %q", name)
		}
		s.numbers = names
	}
	if name == "*" {
		var all []int
		for _, nr := range s.numbers {
			all = append(all, nr)
		}
		return all, nil
	}
	if nr, err := strconv.Atoi(name); err == nil && nr >= 0 {
		return []int{nr}, nil
	}
	if nr, ok := s.numbers[strings.TrimPrefix(name, "sys_")]; ok {
		return []int{nr}, nil
	}
	return nil, fmt.Errorf("the kernel has no system call %q", name)
}

// params returns the names of a call's arguments.
func (s *Session) params(nr int) []string {
	v, err := s.e.Eval(engine.Where{}, fmt.Sprintf("%s[%d].Params", callTable, nr), engine.LoadConfig{MaxVariableRecurse: 2, MaxStringLen: 32, MaxArrayValues: 6, MaxStructFields: -1})
	if err != nil {
		return nil
	}
	var names []string
	for i := range v.Children {
		if f := field(&v.Children[i], "Name"); f != nil && f.Value != nil {
			names = append(names, constant.StringVal(f.Value))
		}
	}
	return names
}

// callCondition translates a condition in the system call's own words into one on what the kernel shows: arguments by
// name, as numbers or, compared with a string or a constant's name, as strace(1) writes them; arg0 … arg5, nr, name, pid, tid,
// comm, ret, errno.
func (s *Session) callCondition(cond string, nrs []int) (string, error) {
	x, err := parser.ParseExpr(cond)
	if err != nil {
		return "", fmt.Errorf("condition %q: %w", cond, err)
	}
	args := map[string]int{}
	for i := range 6 {
		args["arg"+strconv.Itoa(i)] = i
	}
	if len(nrs) == 1 {
		for i, n := range s.params(nrs[0]) {
			args[n] = i
		}
	}
	words := map[string]string{
		"nr": "s.Call.Nr", "name": "s.Call.Name", "pid": "t.Group.ID", "tid": "t.Thread.ID", "comm": "t.Thread.Name",
		"ret": "s.Ret", "errno": "s.Errno",
	}
	if unknown := strangers(x, args, words); len(unknown) > 0 {
		var known []string
		for n := range args {
			known = append(known, n)
		}
		for n := range words {
			known = append(known, n)
		}
		slices.Sort(known)
		return "", fmt.Errorf("condition %q: no %s here; there is %s", cond, strings.Join(unknown, ", "), strings.Join(known, " "))
	}
	var out strings.Builder
	if err := printer.Fprint(&out, token.NewFileSet(), translate(x, args, words)); err != nil {
		return "", err
	}
	return out.String(), nil
}

// strangers returns the names in a condition that mean nothing: neither an argument, nor a word, nor in capitals and so
// perhaps a constant that strace(1) would show. t and s are the kernel's own: the task, and the call.
func strangers(x ast.Expr, args map[string]int, words map[string]string) (names []string) {
	ast.Inspect(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			return false
		case *ast.Ident:
			_, isArg := args[n.Name]
			if !isArg && words[n.Name] == "" && n.Name != strings.ToUpper(n.Name) && !slices.Contains([]string{"t", "s", "true", "false", "nil", "len"}, n.Name) {
				names = append(names, n.Name)
			}
		}
		return true
	})
	return names
}

func translate(x ast.Expr, args map[string]int, words map[string]string) ast.Expr {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return &ast.ParenExpr{X: translate(x.X, args, words)}
	case *ast.UnaryExpr:
		return &ast.UnaryExpr{Op: x.Op, X: translate(x.X, args, words)}
	case *ast.BinaryExpr:
		if x.Op == token.EQL || x.Op == token.NEQ {
			if y, ok := asText(x.X, x.Y, args, words); ok {
				return &ast.BinaryExpr{X: y[0], Op: x.Op, Y: y[1]}
			}
			if y, ok := asText(x.Y, x.X, args, words); ok {
				return &ast.BinaryExpr{X: y[0], Op: x.Op, Y: y[1]}
			}
		}
		return &ast.BinaryExpr{X: translate(x.X, args, words), Op: x.Op, Y: translate(x.Y, args, words)}
	case *ast.Ident:
		if i, ok := args[x.Name]; ok {
			return ast.NewIdent(fmt.Sprintf("s.Values[%d]", i))
		}
		if w, ok := words[x.Name]; ok {
			return ast.NewIdent(w)
		}
	}
	return x
}

// asText is the comparison of an argument with a string or a constant's name, by its text; or of errno with a name.
func asText(arg, with ast.Expr, args map[string]int, words map[string]string) (pair [2]ast.Expr, ok bool) {
	id, isID := arg.(*ast.Ident)
	if !isID {
		return pair, false
	}
	var text string
	quoted := false
	switch y := with.(type) {
	case *ast.BasicLit:
		if y.Kind != token.STRING {
			return pair, false
		}
		s, err := strconv.Unquote(y.Value)
		if err != nil {
			return pair, false
		}
		text, quoted = s, true
	case *ast.Ident:
		if _, known := args[y.Name]; known || words[y.Name] != "" || y.Name != strings.ToUpper(y.Name) {
			return pair, false
		}
		text = y.Name
	default:
		return pair, false
	}
	if i, known := args[id.Name]; known {
		if quoted {
			text = strconv.Quote(text)
		}
		return [2]ast.Expr{ast.NewIdent(fmt.Sprintf("s.Texts[%d]", i)), literal(text)}, true
	}
	if w := words[id.Name]; w != "" && (id.Name == "errno" || quoted) {
		return [2]ast.Expr{ast.NewIdent(w), literal(text)}, true
	}
	return pair, false
}

func literal(s string) ast.Expr { return &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(s)} }

// callHit shows a system call's entry at the beginning of its handler, its return where it has come back.
func (s *Session) callHit() func(*point, *engine.Hit) verdict {
	return func(p *point, h *engine.Hit) verdict {
		v := verdict{stop: true, reason: ReasonSyscall, text: s.say(h, "s.Shown")}
		frames, err := s.e.Stack(engine.Where{Goroutine: h.Goroutine}, 1)
		if err == nil && len(frames) > 0 && frames[0].Function == callEntered {
			if f, err := s.e.Eval(engine.Where{Goroutine: h.Goroutine}, "s.Call.Handler", engine.DefaultLoad); err == nil && f.Value != nil {
				v.at = constant.StringVal(f.Value)
			}
		}
		return v
	}
}

// pointee returns what a loaded pointer points to, or nil.
func pointee(v *engine.Variable) *engine.Variable {
	if len(v.Children) == 0 || v.Children[0].Addr == 0 {
		return nil
	}
	return &v.Children[0]
}

// field returns a loaded struct's field, or nil.
func field(v *engine.Variable, name string) *engine.Variable {
	for i := range v.Children {
		if v.Children[i].Name == name {
			return &v.Children[i]
		}
	}
	return nil
}
