package applets

import "strings"

// unescape replaces the backslash escapes of echo -e and printf. An octal escape
// is \NNN in a printf format and \0NNN elsewhere; zeroOctal chooses the latter.
// stop tells that \c was seen: print nothing more.
func unescape(s string, zeroOctal bool) (out string, stop bool) {
	if !strings.Contains(s, `\`) {
		return s, false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		const from, to = `abefnrtv\"'`, "\a\b\x1b\f\n\r\t\v\\\"'"
		c := s[i]
		if k := strings.IndexByte(from, c); k >= 0 {
			b.WriteByte(to[k])
			continue
		}
		switch {
		case c == 'c':
			return b.String(), true
		case c == 'x':
			v, n := digits(s[i+1:], 16, 2)
			if n == 0 {
				b.WriteString(`\x`)
				continue
			}
			b.WriteByte(byte(v))
			i += n
		case c >= '0' && c <= '7' && (!zeroOctal || c == '0'):
			if zeroOctal {
				i++
			}
			v, n := digits(s[i:], 8, 3)
			b.WriteByte(byte(v))
			i += n - 1
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), false
}

// digits reads up to max digits of the base and returns their value and number.
func digits(s string, base, max int) (v, n int) {
	for n < max && n < len(s) {
		d := strings.IndexByte("0123456789abcdef", s[n]|0x20) // |0x20 leaves digits alone
		if d < 0 || d >= base {
			break
		}
		v, n = v*base+d, n+1
	}
	return v, n
}
