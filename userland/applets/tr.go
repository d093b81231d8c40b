package applets

import (
	"bufio"
	"strings"

	"vitrine/userland/box"
)

// tr - replace or delete characters
//
//	-d  delete   -s  squeeze repeats into one   -c  the complement of SET1
//	Sets: abc, a-z, [:alpha:] [:digit:] [:space:] ..., \n \t \NNN
func init() {
	box.Register(&box.Cmd{Name: "tr", Usage: "tr [-cds] SET1 [SET2]", Run: tr})
}

func tr(args []string) int {
	o, sets := box.Parse(args, "+cCdst", "delete=d squeeze-repeats=s complement=c")
	if len(sets) == 0 || len(sets) > 2 || len(sets) == 1 && !o.Has('d') && !o.Has('s') {
		box.UsageError(args[0])
	}
	set1 := trSet(sets[0])
	var set2 []rune
	if len(sets) > 1 {
		set2 = trSet(sets[1])
	}
	comp := o.Has('c') || o.Has('C')
	index := map[rune]int{}
	for i, r := range set1 {
		if _, ok := index[r]; !ok {
			index[r] = i
		}
	}
	in1 := func(r rune) bool { _, ok := index[r]; return ok != comp }
	last := set2
	if !o.Has('d') && len(set2) > 0 {
		last = set2
	} else if o.Has('s') && len(sets) == 1 {
		last = nil
	}
	squeeze := func(r rune) bool {
		if !o.Has('s') {
			return false
		}
		if last == nil {
			return in1(r)
		}
		for _, s := range last {
			if s == r {
				return true
			}
		}
		return false
	}
	br := bufio.NewReaderSize(box.Stdin, 32<<10)
	prev := rune(-1)
	for {
		r, size, err := br.ReadRune()
		if err != nil {
			return 0
		}
		if r == 0xfffd && size == 1 { // not UTF-8: pass the byte as it is
			br.UnreadRune()
			b, _ := br.ReadByte()
			box.Out.WriteByte(b)
			continue
		}
		if in1(r) {
			if o.Has('d') {
				continue
			}
			if len(set2) > 0 {
				i := len(set2) - 1
				if !comp {
					i = min(index[r], i)
				}
				r = set2[i]
			}
		}
		if r == prev && squeeze(r) {
			continue
		}
		prev = r
		box.Out.WriteRune(r)
		if r == '\n' && br.Buffered() == 0 {
			box.Out.Flush() // somebody may be typing
		}
	}
}

// trSet expands a set to its characters.
func trSet(s string) []rune {
	s, _ = unescape(s, false)
	classes := map[string]string{
		"lower": "a-z", "upper": "A-Z", "alpha": "A-Za-z", "digit": "0-9", "alnum": "0-9A-Za-z",
		"space": "\t\n\v\f\r ", "blank": "\t ", "xdigit": "0-9A-Fa-f", "punct": "!-/:-@[-`{-~", "cntrl": "\x00-\x1f\x7f",
		"print": " -~", "graph": "!-~",
	}
	for name, chars := range classes {
		s = strings.ReplaceAll(s, "[:"+name+":]", chars)
	}
	r := []rune(s)
	var out []rune
	for i := 0; i < len(r); i++ {
		if i+2 < len(r) && r[i+1] == '-' && r[i+2] >= r[i] {
			for c := r[i]; c <= r[i+2]; c++ {
				out = append(out, c)
			}
			i += 2
			continue
		}
		out = append(out, r[i])
	}
	return out
}
