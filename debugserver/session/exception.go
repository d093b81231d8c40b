package session

import (
	"encoding/binary"
	"fmt"
	"go/constant"
	"reflect"
	"strconv"
	"strings"

	"vitrine/debugserver/engine"
)

// exception says where the kernel passes when something exceptional happens, and how to tell it in words.
type exception struct {
	function string
	judge    func(*Session, *engine.Hit) (text string, ok bool)
}

// exceptions by the names that clients use.
var exceptions = map[string]exception{
	// At the panic itself, when nothing is unwound and no deferred function has run.
	Oops:        {"runtime.gopanic", (*Session).oops},
	KernelPanic: {"vitrine/kernel.(*Kernel).Panic", func(s *Session, h *engine.Hit) (string, bool) { return s.say(h, "text"), true }},
	FatalSignal: {"vitrine/kernel/task.FatalSignal", (*Session).fatalSignal},
	GoPanic:     {"runtime.fatalpanic", nil}, // the engine watches these by itself
	Lockup:      {"vitrine/kernel.(*Kernel).Lockup", func(s *Session, h *engine.Hit) (string, bool) { return s.say(h, "text"), true }},
}

func (s *Session) enableException(p *point) error {
	x := exceptions[p.Spec.Exception]
	p.Func = x.function
	if x.judge == nil {
		return nil
	}
	p.onHit = func(p *point, h *engine.Hit) verdict {
		text, ok := x.judge(s, h)
		return verdict{stop: ok, reason: ReasonException, text: text}
	}
	return s.plant(p, engine.Spec{Function: x.function, Cond: p.Spec.Cond})
}

// oops tells a kernel bug from panics that are caught as a matter of course: a view evaluated on odd data.
func (s *Session) oops(h *engine.Hit) (string, bool) {
	frames, err := s.e.Stack(engine.Where{Goroutine: h.Goroutine}, 60)
	if err != nil {
		return err.Error(), true
	}
	for _, f := range frames {
		if f.Function == "vitrine/kernel/kview.Rows" {
			return "", false
		}
	}
	text := "BUG: " + s.panicValue(h)
	for _, f := range frames {
		if !strings.HasPrefix(f.Function, "runtime.") && f.File != "" {
			text += fmt.Sprintf(" at %s, %s:%d", f.Function, f.File, f.Line)
			break
		}
	}
	if name := s.nameOf(h.Goroutine); name != "" {
		text += " in " + name
	}
	return text, true
}

// panicValue shows what runtime.gopanic was called with. Its argument is in two registers, and Delve reads interfaces from
// memory only: it is laid for a moment into the stack below what is in use, of which every Go function leaves some.
func (s *Session) panicValue(h *engine.Hit) string {
	const below = 0x80 // bytes; less than the runtime's stackSmall and the frame of gopanic's callees together
	regs, err := s.e.Tracer().Regs(h.TID)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	at := regs.Rsp - below
	var words, old [16]byte
	binary.LittleEndian.PutUint64(words[:], regs.Rax)
	binary.LittleEndian.PutUint64(words[8:], regs.Rbx)
	if _, err := s.e.ReadMemory(old[:], at); err != nil {
		return "(" + err.Error() + ")"
	}
	if _, err := s.e.WriteMemory(at, words[:]); err != nil {
		return "(" + err.Error() + ")"
	}
	defer s.e.WriteMemory(at, old[:])
	text := s.say(h, fmt.Sprintf(`*(*"interface {}")(%#x)`, at))
	text = strings.TrimPrefix(text, "interface {}")
	if typ, value, ok := strings.Cut(text, ") "); ok { // "(string) "…""
		if q, err := strconv.Unquote(value); err == nil {
			return q
		}
		return shortType(strings.TrimPrefix(typ, "(")) + " " + value
	}
	return text
}

// fatalSignal tells of a program that is about to die.
func (s *Session) fatalSignal(h *engine.Hit) (string, bool) {
	return fmt.Sprintf("%s: signal %s ends the program, code %s, at address %s; its rip is %s",
		s.nameOf(h.Goroutine), s.say(h, "info.Signo"), s.say(h, "info.Code"), s.say(h, "t.sig.fault.Addr"), s.say(h, "t.Regs.RIP")), true
}

// say evaluates an expression where the hit was and returns its value as text.
func (s *Session) say(h *engine.Hit, expr string) string {
	v, err := s.e.Eval(engine.Where{Goroutine: h.Goroutine}, expr, engine.LoadConfig{FollowPointers: true, MaxVariableRecurse: 1, MaxStringLen: 4096, MaxArrayValues: 16, MaxStructFields: -1})
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return plain(v)
}

// plain is a value as text; a string without quotes.
func plain(v *engine.Variable) string {
	if v.Kind == reflect.String && v.Value != nil {
		return constant.StringVal(v.Value)
	}
	return valueText(v)
}
