package sh

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// Pattern matching notation, POSIX 2.13: * ? [a-z] [!a-z] [[:alpha:]], and a
// backslash before a character that is meant literally.

// hasGlob reports whether a field has unquoted pattern characters. A bracket that is
// never closed is none: the command [ must not make us read the directory.
func hasGlob(f []piece) bool {
	open := false
	for _, p := range f {
		if p.quoted {
			continue
		}
		if strings.ContainsAny(p.s, "*?") {
			return true
		}
		i := strings.IndexByte(p.s, '[')
		if open && strings.Contains(p.s, "]") || i >= 0 && strings.Contains(p.s[i:], "]") {
			return true
		}
		open = open || i >= 0
	}
	return false
}

// patternOf turns pieces into a pattern.
func patternOf(f []piece) string {
	var b strings.Builder
	for _, p := range f {
		if !p.quoted {
			b.WriteString(p.s)
			continue
		}
		for i := 0; i < len(p.s); i++ {
			if strings.IndexByte(`*?[]\-!^`, p.s[i]) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(p.s[i])
		}
	}
	return b.String()
}

// match reports whether the pattern matches all of s. It goes back to the last
// star only, which is enough: an earlier star could take nothing that the later
// one cannot.
func match(pat, s string) bool {
	starPat, starS := -1, 0
	p, i := 0, 0
	for i < len(s) || p < len(pat) {
		if p < len(pat) && pat[p] == '*' {
			p++
			starPat, starS = p, i
			continue
		}
		if i < len(s) && p < len(pat) {
			if n, w, ok := matchOne(pat[p:], s[i:]); ok {
				p, i = p+n, i+w
				continue
			}
		}
		if starPat < 0 || starS >= len(s) {
			return false
		}
		_, w := utf8.DecodeRuneInString(s[starS:])
		starS += w
		p, i = starPat, starS
	}
	return true
}

// matchOne matches one character; it returns the lengths used of pattern and text.
func matchOne(pat, s string) (n, w int, ok bool) {
	r, w := utf8.DecodeRuneInString(s)
	switch pat[0] {
	case '?':
		return 1, w, true
	case '[':
		if n, ok, valid := matchBracket(pat, r); valid {
			return n, w, ok
		}
	case '\\':
		if len(pat) > 1 {
			pr, pn := utf8.DecodeRuneInString(pat[1:])
			return pn + 1, w, pr == r
		}
	}
	pr, pn := utf8.DecodeRuneInString(pat)
	return pn, w, pr == r
}

// matchBracket matches [...]; valid is false when the bracket is never closed,
// which makes it an ordinary character.
func matchBracket(pat string, r rune) (n int, ok, valid bool) {
	i := 1
	negate := i < len(pat) && (pat[i] == '!' || pat[i] == '^')
	if negate {
		i++
	}
	for first := true; ; first = false {
		if i >= len(pat) {
			return 0, false, false
		}
		if pat[i] == ']' && !first {
			return i + 1, ok != negate, true
		}
		if strings.HasPrefix(pat[i:], "[:") {
			if end := strings.Index(pat[i:], ":]"); end > 0 {
				ok = ok || inClass(pat[i+2:i+end], r)
				i += end + 2
				continue
			}
		}
		char := func() rune {
			if pat[i] == '\\' && i+1 < len(pat) {
				i++
			}
			c, w := utf8.DecodeRuneInString(pat[i:])
			i += w
			return c
		}
		lo := char()
		hi := lo
		if i+1 < len(pat) && pat[i] == '-' && pat[i+1] != ']' {
			i++
			hi = char()
		}
		ok = ok || lo <= r && r <= hi
	}
}

func inClass(name string, r rune) bool {
	switch name {
	case "alpha":
		return unicode.IsLetter(r)
	case "digit":
		return r >= '0' && r <= '9'
	case "alnum":
		return unicode.IsLetter(r) || unicode.IsDigit(r)
	case "upper":
		return unicode.IsUpper(r)
	case "lower":
		return unicode.IsLower(r)
	case "space":
		return unicode.IsSpace(r)
	case "blank":
		return r == ' ' || r == '\t'
	case "punct":
		return r < 128 && r > 32 && !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != 127
	case "print":
		return unicode.IsPrint(r)
	case "graph":
		return unicode.IsGraphic(r) && r != ' '
	case "cntrl":
		return unicode.IsControl(r)
	case "xdigit":
		return strings.ContainsRune("0123456789abcdefABCDEF", r)
	}
	return false
}

// matchPrefix returns the length of the longest or shortest beginning of s that
// the pattern matches.
func matchPrefix(pat, s string, longest bool) (int, bool) {
	best, ok := 0, false
	for i := 0; i <= len(s); i++ {
		if i < len(s) && !utf8.RuneStart(s[i]) {
			continue
		}
		if match(pat, s[:i]) {
			best, ok = i, true
			if !longest {
				break
			}
		}
	}
	return best, ok
}

// matchSuffix returns where the longest or shortest matching end of s begins.
func matchSuffix(pat, s string, longest bool) (int, bool) {
	best, ok := 0, false
	for i := len(s); i >= 0; i-- {
		if i < len(s) && !utf8.RuneStart(s[i]) {
			continue
		}
		if match(pat, s[i:]) {
			best, ok = i, true
			if !longest {
				break
			}
		}
	}
	return best, ok
}

// glob returns the paths that match the pattern, sorted; none when there are none.
func (sh *Shell) glob(pat string) []string {
	dirs := []string{""}
	if strings.HasPrefix(pat, "/") {
		dirs = []string{"/"}
		pat = strings.TrimLeft(pat, "/")
	}
	parts := strings.Split(pat, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		var next []string
		for _, d := range dirs {
			if part == "" { // "a//b" or a slash at the end: must be a directory
				if d = slash(d); exists(d) {
					next = append(next, d)
				}
				continue
			}
			next = append(next, globDir(slash(d), part, last)...)
		}
		dirs = next
	}
	sort.Strings(dirs)
	return dirs
}

func slash(d string) string {
	if d != "" && !strings.HasSuffix(d, "/") {
		return d + "/"
	}
	return d
}

// globDir matches one path component in a directory ("" or ending in a slash).
func globDir(dir, pat string, last bool) []string {
	if !strings.ContainsAny(pat, "*?[") {
		p := dir + strings.ReplaceAll(pat, `\`, "")
		if exists(p) {
			return []string{p}
		}
		return nil
	}
	path := dir
	if path == "" {
		path = "."
	}
	var out []string
	for _, n := range dirNames(path) {
		if n[0] == '.' && pat[0] != '.' && !strings.HasPrefix(pat, `\.`) {
			continue
		}
		if match(pat, n) && (last || isDir(dir+n)) {
			out = append(out, dir+n)
		}
	}
	return out
}

// dirNames returns the names in a directory without . and .., unsorted.
func dirNames(path string) []string {
	fd, err := box.OpenFile(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	defer fd.Close()
	var names []string
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.ReadDirent(int(fd), buf)
		if n <= 0 || err != nil {
			return names
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

func exists(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil
}

func isDir(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}
