package applets

import (
	"regexp"
	"strings"
)

// compileRegexp compiles a POSIX regular expression, basic (BRE) or extended, with
// Go's regexp. Missing: back-references inside a pattern, which that cannot do.
func compileRegexp(pat string, extended, fold bool) (*regexp.Regexp, error) {
	if !extended {
		pat = basicToExtended(pat)
	} else {
		pat = fixBrackets(pat)
	}
	flags := "(?s)"
	if fold {
		flags = "(?si)"
	}
	re, err := regexp.Compile(flags + pat)
	if err == nil {
		re.Longest() // POSIX: the leftmost, longest match
	}
	return re, err
}

// basicToExtended swaps what is special with and without a backslash.
func basicToExtended(pat string) string {
	var b strings.Builder
	for i := 0; i < len(pat); i++ {
		switch c := pat[i]; {
		case c == '\\' && i+1 < len(pat):
			i++
			switch n := pat[i]; {
			case strings.IndexByte("(){}|+?", n) >= 0:
				b.WriteByte(n)
			case n == '<' || n == '>':
				b.WriteString(`\b`)
			case n == '/' || n == '"' || n == '\'' || n == '%' || n == ',' || n == '#' || n == '!' || n == '@' || n == '-' || n == '=':
				b.WriteString(regexp.QuoteMeta(string(n)))
			default:
				b.WriteByte('\\')
				b.WriteByte(n)
			}
		case c == '[':
			n := bracketLen(pat[i:])
			b.WriteString(bracket(pat[i : i+n]))
			i += n - 1
		case strings.IndexByte("(){}|+?", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '*' && (i == 0 || pat[i-1] == '^' && i == 1 || strings.HasSuffix(pat[:i], `\(`) || strings.HasSuffix(pat[:i], `\|`)):
			b.WriteString(`\*`) // a star with nothing before it
		case c == '^' && i > 0 && !strings.HasSuffix(pat[:i], `\(`) && !strings.HasSuffix(pat[:i], `\|`):
			b.WriteString(`\^`)
		case c == '$' && i+1 < len(pat) && !strings.HasPrefix(pat[i+1:], `\)`) && !strings.HasPrefix(pat[i+1:], `\|`):
			b.WriteString(`\$`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// fixBrackets adapts bracket expressions and \< \> of an extended expression.
func fixBrackets(pat string) string {
	var b strings.Builder
	for i := 0; i < len(pat); i++ {
		switch c := pat[i]; {
		case c == '\\' && i+1 < len(pat):
			i++
			if pat[i] == '<' || pat[i] == '>' {
				b.WriteString(`\b`)
			} else if strings.IndexByte(`/"'%,#!@-=~&:; `, pat[i]) >= 0 {
				b.WriteString(regexp.QuoteMeta(string(pat[i])))
			} else {
				b.WriteString(pat[i-1 : i+1])
			}
		case c == '[':
			n := bracketLen(pat[i:])
			b.WriteString(bracket(pat[i : i+n]))
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// bracketLen returns the length of the bracket expression that pat begins with.
func bracketLen(pat string) int {
	i := 1
	if i < len(pat) && pat[i] == '^' {
		i++
	}
	if i < len(pat) && pat[i] == ']' {
		i++
	}
	for i < len(pat) && pat[i] != ']' {
		if strings.HasPrefix(pat[i:], "[:") {
			if end := strings.Index(pat[i:], ":]"); end > 0 {
				i += end + 2
				continue
			}
		}
		i++
	}
	return min(i+1, len(pat))
}

// bracket writes a POSIX bracket expression for Go, where a backslash and an
// opening bracket inside need a backslash.
func bracket(s string) string {
	if !strings.HasSuffix(s, "]") || len(s) < 3 {
		return s
	}
	var b strings.Builder
	in := s[1 : len(s)-1]
	b.WriteByte('[')
	if in[0] == '^' {
		b.WriteByte('^')
		in = in[1:]
	}
	for i := 0; i < len(in); i++ {
		if strings.HasPrefix(in[i:], "[:") {
			if end := strings.Index(in[i:], ":]"); end > 0 {
				b.WriteString(in[i : i+end+2])
				i += end + 1
				continue
			}
		}
		if in[i] == '\\' && i+1 < len(in) && strings.IndexByte("ntdwsDWS]", in[i+1]) >= 0 {
			b.WriteString(in[i : i+2]) // GNU tools understand \n and \t here
			i++
			continue
		}
		if strings.IndexByte(`\[]`, in[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(in[i])
	}
	b.WriteByte(']')
	return b.String()
}
