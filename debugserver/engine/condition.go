package engine

import (
	"fmt"
	"go/constant"
	"go/parser"
	"strconv"
	"strings"

	"github.com/go-delve/delve/pkg/proc"
)

// hitCond is a parsed Spec.HitCond.
type hitCond struct {
	op string // "": none
	n  uint64
}

func parseHitCond(s string) (hitCond, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return hitCond{}, nil
	}
	num := strings.TrimLeft(s, "=!<>%")
	op := s[:len(s)-len(num)]
	n, err := strconv.ParseUint(strings.TrimSpace(num), 0, 63)
	if err != nil || op == "%" && n == 0 {
		return hitCond{}, fmt.Errorf("hit condition %q is not a number or an operator and a number", s)
	}
	switch op {
	case "":
		op = "=="
	case "==", "!=", "<", "<=", ">", ">=", "%":
	default:
		return hitCond{}, fmt.Errorf("hit condition %q: the operators are == != < <= > >= %%", s)
	}
	return hitCond{op, n}, nil
}

func (h hitCond) met(hits uint64) bool {
	switch h.op {
	case "==":
		return hits == h.n
	case "!=":
		return hits != h.n
	case "<":
		return hits < h.n
	case "<=":
		return hits <= h.n
	case ">":
		return hits > h.n
	case ">=":
		return hits >= h.n
	case "%":
		return hits%h.n == 0
	}
	return true
}

// condition checks and sets a breakpoint's conditions.
func (e *Engine) condition(b *Breakpoint, cond, hit string, perG bool) error {
	if cond != "" {
		if _, err := parser.ParseExpr(cond); err != nil {
			return fmt.Errorf("condition %q: %w", cond, err)
		}
	}
	h, err := parseHitCond(hit)
	if err != nil {
		return err
	}
	b.hitCond, b.PerG, b.perG = h, perG, map[int64]uint64{}
	b.filters = map[uint64]*filter{}
	return nil
}

// counts tells whether a thread's hit of b is one to stop for, and counts it if its condition is true. Where the
// condition cannot be evaluated it stops, and says so.
func (e *Engine) counts(b *Breakpoint, th proc.Thread) (bool, error) {
	ok, err := e.holds(b.Cond, th)
	if !ok {
		return false, err
	}
	b.Hits++
	n := b.Hits
	if b.PerG {
		if g, _ := proc.GetG(th); g != nil && len(b.perG) < maxGoroutines {
			b.perG[g.ID]++
			n = b.perG[g.ID]
		}
	}
	return b.hitCond.met(n), err
}

func (e *Engine) holds(cond string, th proc.Thread) (bool, error) {
	if cond == "" {
		return true, nil
	}
	scope, err := proc.GoroutineScope(e.target, th)
	if err != nil {
		if scope, err = proc.ThreadScope(e.target, th); err != nil {
			return true, err
		}
	}
	v, err := scope.EvalExpression(cond, LoadConfig{MaxStringLen: 4096, MaxArrayValues: 64})
	if err != nil {
		return true, err
	}
	if v.Unreadable != nil {
		return true, v.Unreadable
	}
	if v.Value == nil || v.Value.Kind() != constant.Bool {
		return true, fmt.Errorf("its value is not true or false")
	}
	return constant.BoolVal(v.Value), nil
}
