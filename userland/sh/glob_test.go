package sh

import (
	"reflect"
	"testing"

	"mvdan.cc/sh/v3/expand"
)

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pat, s string
		want   bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a", "a", true},
		{"?", "ä", true},
		{"?", "", false},
		{"*", "", true},
		{"*", "abc", true},
		{"a*c", "abbbc", true},
		{"a*c", "abbbd", false},
		{"*a*b*c", "xxaxbxbc", true},
		{"*.go", "main.go", true},
		{`\*`, "*", true},
		{`\*`, "a", false},
		{"[abc]x", "bx", true},
		{"[!abc]x", "bx", false},
		{"[^abc]x", "dx", true},
		{"[a-c]", "b", true},
		{"[]]", "]", true},
		{"[!]]", "a", true},
		{"[a-]", "-", true},
		{`[\]]`, "]", true},
		{"[[:digit:]]*", "7up", true},
		{"[[:alpha:][:digit:]]", "_", false},
		{"[ab", "[ab", true},
		{"a**b", "ab", true},
		{"*?", "", false},
	} {
		if got := match(tc.pat, tc.s); got != tc.want {
			t.Errorf("match(%q, %q) = %v", tc.pat, tc.s, got)
		}
	}
}

func TestFieldSplitting(t *testing.T) {
	for _, tc := range []struct {
		ifs, s string
		want   []string
	}{
		{" \t\n", "  a b\t\nc ", []string{"a", "b", "c"}},
		{":", "a::b:", []string{"a", "", "b"}},
		{":", ":a", []string{"", "a"}},
		{" :", " a : b::c ", []string{"a", "b", "", "c"}},
		{"", "a b", []string{"a b"}},
		{" ", "", nil},
	} {
		sh := &Shell{vars: map[string]expand.Variable{"IFS": {Set: true, Kind: expand.String, Str: tc.ifs}}}
		var got []string
		for _, f := range sh.splitFields([]piece{{s: tc.s, split: true}}) {
			got = append(got, joinPieces(f))
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("IFS=%q %q: %q, want %q", tc.ifs, tc.s, got, tc.want)
		}
	}
}

func TestStateSurvivesEncoding(t *testing.T) {
	sh := newShell("name")
	sh.params = []string{"a b", "", "ü"}
	sh.set("x", "line\n'quoted'")
	sh.setList("arr", []string{"1", "two words"})
	sh.vars["ro"] = expand.Variable{Set: true, ReadOnly: true, Exported: true, Kind: expand.String, Str: "r"}
	sh.runText("f() { cat <<E\nhere $1\nE\n}", "test")
	sh.opt.nounset, sh.status, sh.lastBg = true, 3, 77

	got := newShell("other")
	if text := got.decode(&decoder{sh.encode("echo hi")}); text != "echo hi" {
		t.Errorf("text %q", text)
	}
	if got.name != "name" || !reflect.DeepEqual(got.params, sh.params) || !reflect.DeepEqual(got.vars, sh.vars) ||
		got.status != 3 || got.lastBg != 77 || !got.opt.nounset || got.pid != sh.pid {
		t.Errorf("the state has changed: %+v", got)
	}
	if f := got.funcs["f"]; f == nil || f.text != sh.funcs["f"].text {
		t.Errorf("function f: %+v", f)
	}
}
