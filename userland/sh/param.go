package sh

import (
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// param expands ${...} to pieces.
func (sh *Shell) param(out []piece, pe *syntax.ParamExp, quoted bool) []piece {
	if pe.Param == nil || pe.Width || pe.IsSet || pe.Flags != nil {
		sh.fail(2, "bad substitution")
	}
	name := pe.Param.Value
	if name == "LINENO" {
		sh.line = pe.Pos().Line()
	}
	index := wordLit(pe.Index)
	if name == "@" || name == "*" {
		index = name
	}
	v := sh.lookup(name)
	if pe.Excl {
		return sh.indirect(out, pe, v, quoted)
	}
	if index == "@" || index == "*" {
		return sh.listParam(out, pe, v, index == "@", quoted)
	}
	s, set := sh.element(v, pe.Index)
	if pe.Length {
		sh.needSet(pe, set)
		return append(out, textPiece(strconv.Itoa(utf8.RuneCountInString(s)), quoted))
	}
	if pe.Exp != nil {
		if res, done := sh.defaultExp(out, pe, s != "", set, quoted); done {
			return res
		}
	}
	sh.needSet(pe, set)
	return append(out, textPiece(sh.transform(pe, s), quoted))
}

func textPiece(s string, quoted bool) piece { return piece{s: s, quoted: quoted, split: !quoted} }

// needSet ends the command when set -u is on and the parameter is not set.
func (sh *Shell) needSet(pe *syntax.ParamExp, set bool) {
	if !set && sh.opt.nounset {
		sh.fail(2, pe.Param.Value+": parameter not set")
	}
}

// element returns the value of a variable, or of one element of an array.
func (sh *Shell) element(v expand.Variable, index syntax.ArithmExpr) (string, bool) {
	if v.Kind != expand.Indexed {
		if index != nil && sh.arith(index) != 0 {
			return "", false
		}
		return v.Str, v.Set
	}
	i := 0
	if index != nil {
		i = sh.arith(index)
	}
	if i < 0 {
		i += len(v.List)
	}
	if i < 0 || i >= len(v.List) {
		return "", false
	}
	return v.List[i], true
}

// defaultExp does the operators - = ? + with and without a colon. The word is
// expanded only when it is used. done is false when the value itself is the result.
func (sh *Shell) defaultExp(out []piece, pe *syntax.ParamExp, nonEmpty, set, quoted bool) (res []piece, done bool) {
	word := func() []piece {
		if pe.Exp.Word == nil {
			if quoted {
				return append(out, piece{quoted: true})
			}
			return out
		}
		n := len(out)
		res := sh.parts(out, pe.Exp.Word.Parts, quoted, true)
		for i := n; i < len(res); i++ {
			// Unquoted text of the word is split like the value would be.
			res[i].split = res[i].split || !res[i].quoted && !res[i].brk
		}
		return res
	}
	ok := set
	switch pe.Exp.Op {
	case syntax.AlternateUnsetOrNull, syntax.DefaultUnsetOrNull, syntax.ErrorUnsetOrNull, syntax.AssignUnsetOrNull:
		ok = set && nonEmpty
	}
	switch pe.Exp.Op {
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if ok {
			return word(), true
		}
		return out, true
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		if !ok {
			return word(), true
		}
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if !ok {
			s := sh.literal(pe.Exp.Word)
			if !syntax.ValidName(pe.Param.Value) {
				sh.fail(2, pe.Param.Value+": bad variable name")
			}
			if pe.Index != nil {
				sh.assignElement(pe.Param.Value, sh.arith(pe.Index), s, false)
			} else {
				sh.set(pe.Param.Value, s)
			}
			return append(out, textPiece(s, quoted)), true
		}
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if !ok {
			msg := sh.literal(pe.Exp.Word)
			if msg == "" {
				msg = "parameter not set"
				if pe.Exp.Op == syntax.ErrorUnsetOrNull {
					msg = "parameter null or not set"
				}
			}
			sh.fail(2, pe.Param.Value+": "+msg)
		}
	default:
		return nil, false
	}
	return nil, false
}

// listParam expands $@, $* and all elements of an array.
func (sh *Shell) listParam(out []piece, pe *syntax.ParamExp, v expand.Variable, at, quoted bool) []piece {
	list := v.List
	if v.Kind == expand.String && v.Set {
		list = []string{v.Str}
	}
	if pe.Length {
		return append(out, textPiece(strconv.Itoa(len(list)), quoted))
	}
	if pe.Exp != nil {
		if res, done := sh.defaultExp(out, pe, strings.Join(list, "") != "" || len(list) > 1, len(list) > 0, quoted); done {
			return res
		}
	}
	if pe.Slice != nil {
		if pe.Param.Value == "@" || pe.Param.Value == "*" {
			list = append([]string{sh.name}, list...) // counted from $0
		}
		from, n := sh.slice(pe.Slice, len(list))
		list = list[from : from+n]
	} else if pe.Repl != nil || pe.Exp != nil {
		mapped := make([]string, len(list))
		for i, s := range list {
			mapped[i] = sh.transform(pe, s)
		}
		list = mapped
	}
	if quoted && !at {
		sep := " "
		if ifs := sh.vars["IFS"]; ifs.Set {
			_, n := utf8.DecodeRuneInString(ifs.Str)
			sep = ifs.Str[:n]
		}
		return append(out, piece{s: strings.Join(list, sep), quoted: true})
	}
	for i, s := range list {
		if i > 0 {
			out = append(out, piece{brk: true})
		}
		out = append(out, textPiece(s, quoted))
	}
	return out
}

// indirect expands ${!name}, ${!prefix*} and ${!array[@]}.
func (sh *Shell) indirect(out []piece, pe *syntax.ParamExp, v expand.Variable, quoted bool) []piece {
	var list []string
	switch {
	case pe.Names != 0:
		for n := range sh.vars {
			if strings.HasPrefix(n, pe.Param.Value) {
				list = append(list, n)
			}
		}
		sort.Strings(list)
	case pe.Index != nil:
		for i := range v.List {
			list = append(list, strconv.Itoa(i))
		}
	default:
		if !syntax.ValidName(v.Str) {
			sh.fail(1, v.Str+": invalid variable name")
		}
		inner := *pe
		inner.Excl, inner.Param = false, &syntax.Lit{Value: v.Str}
		return sh.param(out, &inner, quoted)
	}
	for i, s := range list {
		if i > 0 {
			out = append(out, piece{brk: true})
		}
		out = append(out, textPiece(s, quoted))
	}
	return out
}

// slice computes the start and the number of ${x:off:len} for something of size.
func (sh *Shell) slice(s *syntax.Slice, size int) (from, n int) {
	if s.Offset != nil {
		if from = sh.arith(s.Offset); from < 0 {
			from += size
		}
		from = min(max(from, 0), size)
	}
	n = size - from
	if s.Length != nil {
		if n = sh.arith(s.Length); n < 0 {
			n += size - from
		}
		n = min(max(n, 0), size-from)
	}
	return from, n
}

// transform applies the operators that compute a new text from the value.
func (sh *Shell) transform(pe *syntax.ParamExp, s string) string {
	switch {
	case pe.Slice != nil:
		r := []rune(s)
		from, n := sh.slice(pe.Slice, len(r))
		return string(r[from : from+n])
	case pe.Repl != nil:
		return sh.replace(pe.Repl, s)
	case pe.Exp == nil:
		return s
	}
	switch op := pe.Exp.Op; op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix:
		pat := sh.pattern(pe.Exp.Word)
		if n, ok := matchPrefix(pat, s, op == syntax.RemLargePrefix); ok {
			return s[n:]
		}
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		pat := sh.pattern(pe.Exp.Word)
		if n, ok := matchSuffix(pat, s, op == syntax.RemLargeSuffix); ok {
			return s[:n]
		}
	case syntax.UpperAll:
		return strings.ToUpper(s)
	case syntax.LowerAll:
		return strings.ToLower(s)
	case syntax.UpperFirst, syntax.LowerFirst:
		r, n := utf8.DecodeRuneInString(s)
		if n == 0 {
			return s
		}
		if op == syntax.UpperFirst {
			return string(unicode.ToUpper(r)) + s[n:]
		}
		return string(unicode.ToLower(r)) + s[n:]
	case syntax.OtherParamOps:
		if sh.literal(pe.Exp.Word) == "Q" {
			return quote(s)
		}
		sh.fail(2, "bad substitution")
	}
	return s
}

// replace does ${x/pattern/with}; with // everywhere, with # and % at the ends.
func (sh *Shell) replace(rp *syntax.Replace, s string) string {
	pat, with := sh.pattern(rp.Orig), sh.literal(rp.With)
	switch {
	case pat == "":
		return s
	case !rp.All && pat[0] == '#':
		if n, ok := matchPrefix(pat[1:], s, true); ok {
			return with + s[n:]
		}
		return s
	case !rp.All && pat[0] == '%':
		if n, ok := matchSuffix(pat[1:], s, true); ok {
			return s[:n] + with
		}
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if n, ok := matchPrefix(pat, s[i:], true); ok && n > 0 {
			b.WriteString(with)
			i += n
			if !rp.All {
				b.WriteString(s[i:])
				break
			}
			continue
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		b.WriteString(s[i : i+n])
		i += n
	}
	return b.String()
}
