package applets

import (
	"strings"
	"testing"
)

func TestParseStatWithStrangeName(t *testing.T) {
	p := parseStat("42 (a) b (c)) S 1 40 39 34816 41 0 0 0 0 0 100 50 0 0 20 5 3 0 1000 8192 2 0\n")
	if p == nil || p.comm != "a) b (c)" || p.state != 'S' || p.ppid != 1 || p.pgrp != 40 || p.session != 39 ||
		p.tpgid != 41 || p.utime != 100 || p.stime != 50 || p.nice != 5 || p.threads != 3 || p.start != 1000 || p.vsize != 8192 {
		t.Errorf("%+v", p)
	}
	if p.ttyName() != "pts/0" {
		t.Errorf("tty %s", p.ttyName())
	}
	if p := parseStat("42 (short) R"); p == nil || p.state != 'R' || p.ppid != 0 {
		t.Errorf("missing fields: %+v", p)
	}
	if p := parseStat(""); p != nil {
		t.Errorf("empty: %+v", p)
	}
}

func TestDiffLinesIsMinimalAndCorrect(t *testing.T) {
	split := func(s string) []string { return strings.Split(s, "") }
	for _, tc := range []struct {
		a, b    string
		changes int
	}{{"abcabba", "cbabac", 5}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"a", "b", 2}} {
		a, b := split(tc.a), split(tc.b)
		var out []string
		n := 0
		for _, e := range diffLines(a, b) {
			switch e.op {
			case ' ':
				out = append(out, a[e.i])
			case '+':
				out = append(out, b[e.j])
				n++
			case '-':
				n++
			}
		}
		if got := strings.Join(out, ""); got != tc.b || n != tc.changes {
			t.Errorf("%q -> %q: got %q with %d changes, want %d", tc.a, tc.b, got, n, tc.changes)
		}
	}
}

func TestBasicRegularExpressions(t *testing.T) {
	for _, tc := range []struct{ pat, s, want string }{
		{`a\+`, "caat", "aa"},
		{`a+`, "aa+", "a+"},
		{`\(ab\)*c`, "ababc", "ababc"},
		{`[[:digit:]]\{2\}`, "a123", "12"},
		{`a\|b`, "xb", "b"},
		{`*a`, "*a", "*a"},
		{`x$y`, "x$y", "x$y"},
		{`[]x]`, "]", "]"},
		{`[\.]`, `\`, `\`},
		{`\<w`, "a word", "w"},
		{`a.c`, "abc", "abc"},
		{`^b`, "b", "b"},
	} {
		re, err := compileRegexp(tc.pat, false, false)
		if err != nil {
			t.Errorf("%s: %v", tc.pat, err)
		} else if got := re.FindString(tc.s); got != tc.want {
			t.Errorf("%s in %q: %q, want %q", tc.pat, tc.s, got, tc.want)
		}
	}
}

func TestUnescape(t *testing.T) {
	for _, tc := range []struct {
		in   string
		zero bool
		want string
		stop bool
	}{
		{`a\tb`, true, "a\tb", false},
		{`\0101`, true, "A", false},
		{`\101`, false, "A", false},
		{`\x41\q`, true, `A\q`, false},
		{`a\cb`, true, "a", true},
		{`end\`, true, `end\`, false},
	} {
		got, stop := unescape(tc.in, tc.zero)
		if got != tc.want || stop != tc.stop {
			t.Errorf("unescape(%q) = %q, %v", tc.in, got, stop)
		}
	}
}
