package session

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"vitrine/debugserver/engine"
)

// hit says what becomes of a hit of p, whose condition was true.
func (s *Session) hit(p *point, h *engine.Hit) verdict {
	if p.gone { // another thread was at it already when it was taken away
		return verdict{}
	}
	if p.goroutine != 0 && p.goroutine != h.Goroutine {
		return verdict{}
	}
	if p.Spec.Task != "" && !s.isTask(h.Goroutine, p.Spec.Task) {
		return verdict{}
	}
	if p.ID == 0 { // of a run command
		return p.onHit(p, h)
	}
	v := verdict{stop: true, reason: ReasonBreakpoint}
	if p.onHit != nil {
		if v = p.onHit(p, h); !v.stop {
			return v
		}
	}
	p.Count++
	if !p.hits.match(p.Count) {
		return verdict{}
	}
	if p.log != nil {
		s.publish(Event{Output: &Output{Breakpoint: p.ID, Text: s.logText(p, h), File: p.File, Line: p.Line}})
		return verdict{}
	}
	if h.Watch != nil {
		v.reason, v.text = ReasonData, watchText(p, h.Watch)
	}
	if p.Spec.Temporary {
		s.remove(p)
	}
	v.id = p.ID
	if v.at != "" && s.goTo(v, h.Goroutine) {
		return verdict{}
	}
	return v
}

// goTo lets the kernel go on to the beginning of a function, where the stop is to be shown. It reports whether that is possible.
func (s *Session) goTo(v verdict, goroutine int64) bool {
	p := &point{goroutine: goroutine}
	p.onHit = func(*point, *engine.Hit) verdict { v.at = ""; return v }
	if s.plant(p, engine.Spec{Function: v.at}) != nil {
		return false
	}
	s.temps = append(s.temps, p)
	return true
}

func watchText(p *point, w *engine.WatchHit) string {
	name := p.Spec.Expr
	if name == "" {
		name = fmt.Sprintf("%#x", w.Addr)
	}
	if string(w.Old) == string(w.New) {
		return name + " was accessed"
	}
	return fmt.Sprintf("%s: %s → %s", name, showBytes(w.Old), showBytes(w.New))
}

// showBytes shows a small little-endian value as a number, a larger one as bytes.
func showBytes(b []byte) string {
	if n := len(b); n == 1 || n == 2 || n == 4 || n == 8 {
		var v uint64
		for i := n - 1; i >= 0; i-- {
			v = v<<8 | uint64(b[i])
		}
		if v < 1<<16 {
			return strconv.FormatUint(v, 10)
		}
		return fmt.Sprintf("%#x", v)
	}
	return fmt.Sprintf("% x", b)
}

// hitCount is a condition on the number of hits.
type hitCount struct {
	op string
	n  int
}

// parseHits reads "3" (the third and all later ones, as VS Code's users expect of a hit count of Go's), "== 3", "% 2", ">= 3" ….
func parseHits(text string) (hitCount, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return hitCount{}, nil
	}
	h := hitCount{op: ">="}
	for _, op := range []string{">=", "<=", "==", "!=", ">", "<", "%"} {
		if rest, ok := strings.CutPrefix(text, op); ok {
			h.op, text = op, strings.TrimSpace(rest)
			break
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || h.op == "%" && n == 0 {
		return h, fmt.Errorf("%q is no hit count: a number, or one after ==, !=, >, >=, <, <= or %%", text)
	}
	h.n = n
	return h, nil
}

func (h hitCount) match(n int) bool {
	switch h.op {
	case ">=":
		return n >= h.n
	case "<=":
		return n <= h.n
	case "==":
		return n == h.n
	case "!=":
		return n != h.n
	case ">":
		return n > h.n
	case "<":
		return n < h.n
	case "%":
		return n%h.n == 0
	}
	return true
}

// logPart is text, or an expression in braces, of a logpoint.
type logPart struct {
	text string
	expr bool
}

// parseLog splits "{path} is opened by {t.Name}"; braces are doubled to stand for themselves.
func parseLog(text string) ([]logPart, error) {
	var parts []logPart
	var b strings.Builder
	flush := func(expr bool) {
		if b.Len() > 0 || expr {
			parts = append(parts, logPart{b.String(), expr})
			b.Reset()
		}
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case depth == 0 && (c == '{' || c == '}') && i+1 < len(text) && text[i+1] == c:
			b.WriteByte(c)
			i++
		case c == '{' && depth == 0:
			flush(false)
			depth = 1
		case c == '}' && depth == 1:
			flush(true)
			depth = 0
		case c == '}' && depth == 0:
			return nil, errors.New("log text: a } without its {; }} stands for itself")
		default:
			if c == '{' {
				depth++
			} else if c == '}' {
				depth--
			}
			b.WriteByte(c)
		}
	}
	if depth > 0 {
		return nil, errors.New("log text: a { without its }; {{ stands for itself")
	}
	flush(false)
	return parts, nil
}

// logText is what a logpoint says at a hit.
func (s *Session) logText(p *point, h *engine.Hit) string {
	var b strings.Builder
	for _, part := range p.log {
		if !part.expr {
			b.WriteString(part.text)
			continue
		}
		v, err := s.e.Eval(engine.Where{Goroutine: h.Goroutine}, part.text, engine.DefaultLoad)
		if err != nil {
			fmt.Fprintf(&b, "{%v}", err)
			continue
		}
		b.WriteString(plain(v))
	}
	return b.String()
}
