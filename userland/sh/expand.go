package sh

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// Word expansion, POSIX 2.6: tilde, parameters, commands and arithmetic give
// pieces; pieces are split into fields at IFS; fields with pattern characters are
// replaced by the paths they match; quotes are gone by then.
//
// Package expand of mvdan.cc/sh has this too, but drops empty fields between
// other separators than blanks, joins ${1+"$@"}, and runs the commands in
// ${x-$(cmd)} when x is set; so only its arithmetic and braces are used here.

// piece is a part of an expanded word.
type piece struct {
	s      string
	quoted bool // pattern characters are meant literally
	split  bool // comes from an unquoted expansion: subject to field splitting
	brk    bool // no text: a field ends here, between the elements of "$@"
}

// fields expands words to the arguments of a command.
func (sh *Shell) fields(words []*syntax.Word) []string {
	var out []string
	for _, w := range words {
		if lit := plainLit(w); lit != "" {
			out = append(out, lit) // most words are: nothing to expand
			continue
		}
		word := *w // SplitBraces changes the word it is given
		if !syntax.SplitBraces(&word) {
			out = sh.wordFields(out, &word)
			continue
		}
		for bw, err := range expand.BracesSeq(nil, &word) {
			if err != nil {
				sh.fail(1, err.Error())
			}
			out = sh.wordFields(out, bw)
		}
	}
	return out
}

// plainLit returns the word if it consists of ordinary characters only.
func plainLit(w *syntax.Word) string {
	if len(w.Parts) == 1 {
		if l, ok := w.Parts[0].(*syntax.Lit); ok && (l.Value == "[" || !strings.ContainsAny(l.Value, `\~*?[{`)) {
			return l.Value
		}
	}
	return ""
}

func (sh *Shell) wordFields(out []string, w *syntax.Word) []string {
	for _, f := range sh.splitFields(sh.parts(nil, w.Parts, false, true)) {
		if !sh.opt.noglob && hasGlob(f) {
			if m := sh.glob(patternOf(f)); len(m) > 0 {
				out = append(out, m...)
				continue
			}
		}
		out = append(out, joinPieces(f))
	}
	return out
}

// literal expands a word without splitting or globbing, as in an assignment.
func (sh *Shell) literal(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	return joinPieces(sh.parts(nil, w.Parts, false, true))
}

// assigned is literal for the right side of an assignment, where a tilde also
// counts after a colon (PATH=~/bin:~/sbin).
func (sh *Shell) assigned(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	if len(w.Parts) > 0 {
		if l, ok := w.Parts[0].(*syntax.Lit); ok && strings.Contains(l.Value, ":~") {
			segs := strings.Split(l.Value, ":")
			for i, s := range segs {
				if i > 0 && strings.HasPrefix(s, "~") && (i < len(segs)-1 || len(w.Parts) == 1 || strings.Contains(s, "/")) {
					dir, rest, ok := sh.tilde(s)
					if ok {
						segs[i] = dir + rest
					}
				}
			}
			parts := append([]syntax.WordPart{&syntax.Lit{Value: strings.Join(segs, ":")}}, w.Parts[1:]...)
			w = &syntax.Word{Parts: parts}
		}
	}
	return sh.literal(w)
}

// pattern expands a word to a pattern for match: quoted characters get a backslash.
func (sh *Shell) pattern(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	return patternOf(sh.parts(nil, w.Parts, false, true))
}

// parts expands word parts to pieces. start tells that they begin a word, where a
// tilde has its meaning.
func (sh *Shell) parts(out []piece, parts []syntax.WordPart, quoted, start bool) []piece {
	for i, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			s := p.Value
			if quoted {
				out = append(out, piece{s: unescapeQuoted(s, true), quoted: true})
				continue
			}
			if i == 0 && start && strings.HasPrefix(s, "~") && (len(parts) == 1 || strings.Contains(s, "/")) {
				if dir, rest, ok := sh.tilde(s); ok {
					out = append(out, piece{s: dir, quoted: true})
					s = rest
				}
			}
			out = literalPieces(out, s)
		case *syntax.SglQuoted:
			s := p.Value
			if p.Dollar {
				s = ansiQuoted(s)
			}
			out = append(out, piece{s: s, quoted: true})
		case *syntax.DblQuoted:
			n := len(out)
			out = sh.parts(out, p.Parts, true, false)
			if len(out) == n && !onlyList(p.Parts) {
				out = append(out, piece{quoted: true}) // "" is an empty field, "$@" may be none
			}
		case *syntax.ParamExp:
			out = sh.param(out, p, quoted)
		case *syntax.CmdSubst:
			out = append(out, piece{s: sh.cmdSubst(p), quoted: quoted, split: !quoted})
		case *syntax.ArithmExp:
			out = append(out, piece{s: strconv.Itoa(sh.arith(p.X)), quoted: quoted, split: !quoted})
		case *syntax.ProcSubst:
			out = append(out, piece{s: sh.procSubst(p), quoted: true})
		case *syntax.ExtGlob:
			out = append(out, piece{s: p.Op.String() + p.Pattern.Value + ")"})
		default:
			sh.fail(2, "word not supported")
		}
	}
	return out
}

// onlyList reports whether all parts are $@ or ${a[@]}: then an empty list
// leaves no field although there are quotes.
func onlyList(parts []syntax.WordPart) bool {
	for _, p := range parts {
		pe, ok := p.(*syntax.ParamExp)
		if !ok || !(pe.Param.Value == "@" || wordLit(pe.Index) == "@") {
			if !ok || pe.Exp == nil {
				return false
			}
		}
	}
	return len(parts) > 0
}

func wordLit(x syntax.ArithmExpr) string {
	if w, ok := x.(*syntax.Word); ok && w != nil {
		return w.Lit()
	}
	return ""
}

// literalPieces takes the backslashes out of unquoted text.
func literalPieces(out []piece, s string) []piece {
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 >= len(s) {
			break
		}
		_, n := utf8.DecodeRuneInString(s[i+1:])
		if i > 0 {
			out = append(out, piece{s: s[:i]})
		}
		out = append(out, piece{s: s[i+1 : i+1+n], quoted: true})
		s = s[i+1+n:]
	}
	if s != "" {
		out = append(out, piece{s: s})
	}
	return out
}

// unescapeQuoted removes the backslashes that count inside double quotes
// (dquote) or here-documents.
func unescapeQuoted(s string, dquote bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			switch c := s[i+1]; {
			case c == '\\' || c == '$' || c == '`' || (c == '"' && dquote):
				i++
			case c == '\n':
				i++
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ansiQuoted interprets $'...'.
func ansiQuoted(s string) string {
	out, _, _ := expand.Format(nil, s, nil)
	out, _, _ = strings.Cut(out, "\x00")
	return out
}

// tilde expands ~ and ~user at the beginning of s.
func (sh *Shell) tilde(s string) (dir, rest string, ok bool) {
	user, rest, slash := strings.Cut(s[1:], "/")
	if slash {
		rest = "/" + rest
	}
	switch user {
	case "":
		home := sh.lookup("HOME")
		return home.Str, rest, home.Set
	case "+":
		return sh.get("PWD"), rest, true
	case "-":
		return sh.get("OLDPWD"), rest, sh.lookup("OLDPWD").Set
	}
	data, _ := box.ReadFile("/etc/passwd")
	for _, l := range strings.Split(string(data), "\n") {
		if f := strings.Split(l, ":"); len(f) >= 6 && f[0] == user {
			return f[5], rest, true
		}
	}
	return "", s, false
}

// joinPieces returns the text; the elements of $@ are joined by blanks.
func joinPieces(f []piece) string {
	if len(f) == 1 {
		return f[0].s
	}
	var b strings.Builder
	for _, p := range f {
		if p.brk {
			b.WriteByte(' ')
		}
		b.WriteString(p.s)
	}
	return b.String()
}

// splitFields does field splitting, POSIX 2.6.5.
func (sh *Shell) splitFields(pieces []piece) [][]piece {
	ifs := " \t\n"
	if v := sh.vars["IFS"]; v.Set {
		ifs = v.Str
	}
	var out [][]piece
	var cur []piece
	inField := false
	blankEnded := false // a blank has ended a field: a following other separator belongs to it
	end := func() {
		if inField {
			out = append(out, cur)
		}
		cur, inField = nil, false
	}
	for _, p := range pieces {
		if p.brk {
			end()
			blankEnded = false
			continue
		}
		if !p.split {
			if p.s != "" || p.quoted {
				cur, inField, blankEnded = append(cur, p), true, false
			}
			continue
		}
		from := -1
		for i, r := range p.s {
			sep := strings.ContainsRune(ifs, r)
			if sep && from >= 0 {
				cur = append(cur, piece{s: p.s[from:i]})
				from = -1
			}
			switch {
			case !sep:
				if from < 0 {
					from = i
				}
				inField, blankEnded = true, false
			case r == ' ' || r == '\t' || r == '\n':
				if inField {
					end()
					blankEnded = true
				}
			case inField:
				end()
			case blankEnded:
				blankEnded = false
			default:
				out = append(out, nil) // an empty field between two separators
			}
		}
		if from >= 0 {
			cur = append(cur, piece{s: p.s[from:]})
		}
	}
	end()
	return out
}

// cmdSubstTo is cmdSubst for the arithmetic of package expand.
func (sh *Shell) cmdSubstTo(w io.Writer, cs *syntax.CmdSubst) error {
	_, err := io.WriteString(w, sh.cmdSubst(cs))
	return err
}

// procSubst starts <(cmd) or >(cmd) and returns the path of our end of the pipe.
func (sh *Shell) procSubst(p *syntax.ProcSubst) string {
	r, w := sh.pipe()
	ours, theirs, fd := r, w, 1
	if p.Op != syntax.CmdIn {
		ours, theirs, fd = w, r, 0
	}
	pl := newPlan()
	pl.set(fd, theirs)
	pid, err := sh.forkText(stmtsText(p.Stmts), pl, 0, false)
	unix.Close(theirs)
	if err != nil {
		unix.Close(ours)
		sh.fail(1, "cannot fork: "+box.Strerror(err))
	}
	_ = pid // reaped with the other children; nobody asks for its status
	unix.FcntlInt(uintptr(ours), unix.F_SETFD, 0)
	sh.fdJobs = append(sh.fdJobs, ours)
	return "/dev/fd/" + strconv.Itoa(ours)
}
