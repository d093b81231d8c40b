package applets

import (
	"cmp"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"vitrine/userland/box"
)

// sort - sort lines
//
//	-n numbers  -h numbers with units (2K)  -r reverse  -u only one of equal lines
//	-f ignore case  -b ignore leading blanks  -d only letters, digits and blanks  -V versions
//	-k F[.C][OPTS][,F[.C][OPTS]]  sort by fields   -t CHAR  field separator
//	-s stable  -c check only  -o FILE  write there  -g general numbers
func init() {
	box.Register(&box.Cmd{Name: "sort", Usage: "sort [-nhrufbdgVsc] [-k KEY]... [-t CHAR] [-o FILE] [FILE]...", Run: sortMain})
}

// sortKey is a -k option: from field/char to field/char, counted from 1; 0: open.
type sortKey struct {
	f1, c1, f2, c2 int
	opts           string
}

type sorter struct {
	keys   []sortKey
	opts   string
	sep    string
	stable bool
}

func sortMain(args []string) int {
	o, files := box.Parse(args, "nhrufbdgVscCmMk:t:o:zS:T:i", "numeric-sort=n reverse=r unique=u key=k field-separator=t output=o stable=s check=c ignore-case=f")
	s := &sorter{sep: o.Str('t', ""), stable: o.Has('s') || o.Has('u')}
	if s.sep == `\t` {
		s.sep = "\t"
	}
	for _, c := range []byte("nhrfbdgV") {
		if o.Has(c) {
			s.opts += string(c)
		}
	}
	for _, k := range o.Values('k') {
		key, ok := parseKey(k)
		if !ok {
			return box.Fail(args[0], "invalid key '"+k+"'", nil)
		}
		if key.opts == "" {
			key.opts = s.opts
		}
		s.keys = append(s.keys, key)
	}
	if len(s.keys) == 0 {
		s.keys = []sortKey{{f1: 1, c1: 1, opts: s.opts}}
	}
	var lines []string
	status := box.EachFile(args[0], files, func(path string, fd box.FD) error {
		return box.Lines(fd, func(l []byte, full bool) bool {
			lines = append(lines, string(l))
			return true
		})
	})
	if o.Has('c') || o.Has('C') {
		for i := 1; i < len(lines); i++ {
			if d := s.compare(lines[i-1], lines[i]); d > 0 || d == 0 && o.Has('u') {
				if o.Has('c') {
					box.Warn(args[0], "disorder: "+lines[i], nil)
				}
				return 1
			}
		}
		return 0
	}
	sort.SliceStable(lines, func(i, j int) bool { return s.compare(lines[i], lines[j]) < 0 })
	var b strings.Builder
	for i, l := range lines {
		if o.Has('u') && i > 0 && s.compareKeys(lines[i-1], l) == 0 {
			continue
		}
		b.WriteString(l)
		b.WriteByte('\n')
	}
	if f := o.Str('o', ""); f != "" {
		if err := box.WriteFile(f, []byte(b.String()), 0o666); err != nil {
			return box.Fail(args[0], f, err)
		}
		return status
	}
	box.Out.WriteString(b.String())
	return status
}

// parseKey parses "2", "2,2", "3.2nr,3".
func parseKey(s string) (k sortKey, ok bool) {
	part := func(s string) (f, c int, opts string, ok bool) {
		i := 0
		for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
			i++
		}
		opts = s[i:]
		fs, cs, hasC := strings.Cut(s[:i], ".")
		f, err := strconv.Atoi(fs)
		if err != nil || strings.Trim(opts, "nhrfbdgV") != "" {
			return 0, 0, "", false
		}
		if hasC {
			c, err = strconv.Atoi(cs)
		}
		return f, c, opts, err == nil
	}
	from, to, two := strings.Cut(s, ",")
	var opts string
	if k.f1, k.c1, k.opts, ok = part(from); !ok || k.f1 < 1 {
		return k, false
	}
	k.c1 = max(k.c1, 1)
	if two {
		if k.f2, k.c2, opts, ok = part(to); !ok {
			return k, false
		}
		k.opts += opts
	}
	return k, true
}

// compare compares by the keys and at last the whole lines.
func (s *sorter) compare(a, b string) int {
	if d := s.compareKeys(a, b); d != 0 || s.stable {
		return d
	}
	d := strings.Compare(a, b)
	if strings.Contains(s.opts, "r") {
		return -d
	}
	return d
}

func (s *sorter) compareKeys(a, b string) int {
	for _, k := range s.keys {
		d := compareBy(k.opts, s.extract(k, a), s.extract(k, b))
		if strings.Contains(k.opts, "r") {
			d = -d
		}
		if d != 0 {
			return d
		}
	}
	return 0
}

// extract returns the part of the line that a key names.
func (s *sorter) extract(k sortKey, line string) string {
	if k.f1 == 1 && k.c1 == 1 && k.f2 == 0 {
		return line
	}
	from, _ := s.field(line, k.f1)
	if strings.Contains(k.opts, "b") {
		for from < len(line) && (line[from] == ' ' || line[from] == '\t') {
			from++
		}
	}
	from = min(from+k.c1-1, len(line))
	to := len(line)
	if k.f2 > 0 {
		start, end := s.field(line, k.f2)
		if to = end; k.c2 > 0 {
			to = min(start+k.c2, len(line))
		}
	}
	if from >= to {
		return ""
	}
	return line[from:to]
}

// field returns where field n lies. Without -t, a field takes the blanks before it.
func (s *sorter) field(line string, n int) (from, to int) {
	if s.sep != "" {
		for ; n > 1; n-- {
			i := strings.Index(line[from:], s.sep)
			if i < 0 {
				return len(line), len(line)
			}
			from += i + len(s.sep)
		}
		if i := strings.Index(line[from:], s.sep); i >= 0 {
			return from, from + i
		}
		return from, len(line)
	}
	blank := func(i int) bool { return line[i] == ' ' || line[i] == '\t' }
	for i := 0; ; n-- {
		from = i
		for i < len(line) && blank(i) {
			i++
		}
		for i < len(line) && !blank(i) {
			i++
		}
		if n <= 1 || i >= len(line) {
			if n > 1 {
				return len(line), len(line)
			}
			return from, i
		}
	}
}

// compareBy compares two keys in the way of the options.
func compareBy(opts, a, b string) int {
	has := func(c string) bool { return strings.Contains(opts, c) }
	switch {
	case has("n"):
		return cmp.Compare(leadingNumber(a), leadingNumber(b))
	case has("g"):
		x, _ := strconv.ParseFloat(strings.TrimSpace(a), 64)
		y, _ := strconv.ParseFloat(strings.TrimSpace(b), 64)
		return cmp.Compare(x, y)
	case has("h"):
		return cmp.Compare(humanNumber(a), humanNumber(b))
	case has("V"):
		return compareVersions(a, b)
	}
	if has("b") {
		a, b = strings.TrimLeft(a, " \t"), strings.TrimLeft(b, " \t")
	}
	if has("d") {
		keep := func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) || r == ' ' || r == '\t' {
				return r
			}
			return -1
		}
		a, b = strings.Map(keep, a), strings.Map(keep, b)
	}
	if has("f") {
		a, b = strings.ToUpper(a), strings.ToUpper(b)
	}
	return strings.Compare(a, b)
}

// leadingNumber is the number a text begins with, 0 without one.
func leadingNumber(s string) float64 {
	v, _ := numberPrefix(s)
	return v
}

func numberPrefix(s string) (v float64, rest string) {
	s = strings.TrimLeft(s, " \t")
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
		i++
	}
	v, _ = strconv.ParseFloat(s[:i], 64)
	return v, s[i:]
}

func humanNumber(s string) float64 {
	v, rest := numberPrefix(s)
	if rest != "" {
		for i := strings.IndexByte("KMGTPE", rest[0]&^0x20); i >= 0; i-- {
			v *= 1024
		}
	}
	return v
}

// compareVersions compares runs of digits as numbers, the rest as text.
func compareVersions(a, b string) int {
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	for a != "" && b != "" {
		if digit(a[0]) && digit(b[0]) {
			i, j := 0, 0
			for i < len(a) && digit(a[i]) {
				i++
			}
			for j < len(b) && digit(b[j]) {
				j++
			}
			x, y := strings.TrimLeft(a[:i], "0"), strings.TrimLeft(b[:j], "0")
			if d := cmp.Compare(len(x), len(y)); d != 0 {
				return d
			}
			if d := strings.Compare(x, y); d != 0 {
				return d
			}
			a, b = a[i:], b[j:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}
