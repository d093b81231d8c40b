package kview

import (
	"strings"
	"sync/atomic"
	"testing"
)

type wait struct{ name string }

type task struct {
	tid   int
	state uint8
	comm  string
	wait  *wait
	count atomic.Int64
	kids  []*task
	owner any
	next  *task
}

type kern struct {
	head *task
	byID map[string]*task
	all  []*task

	byTID map[int]*task
}

func sample() *kern {
	a := &task{tid: 1, comm: "init", state: 1}
	b := &task{tid: 12, comm: "sh\x1b[2J", wait: &wait{"pipe_read"}, owner: a}
	a.next, a.kids = b, []*task{b}
	b.count.Store(7)
	return &kern{head: a, byID: map[string]*task{"b": b, "a": a}, all: []*task{a, nil, b}, byTID: map[int]*task{12: b}}
}

func TestRows(t *testing.T) {
	cols := Cols("TID tid", "S state R,S", "WCHAN wait.name", "N count", "COMM comm", "PARENT owner.tid")
	tests := []struct {
		name string
		view View
		want string
	}{
		{
			"list",
			View{Root: "head", Next: "next", Columns: cols},
			"1 S - 0 init -\n12 R pipe_read 7 sh\\x1b[2J 1",
		},
		{"slice with hole", View{Root: "all", Columns: Cols("I #", "TID tid")}, "0 1\n2 12"},
		{"map in order", View{Root: "byID", Columns: Cols("K #", "TID tid hex")}, "a 0x1\nb 0xc"},
		{"each", View{Root: "all", Each: "kids", Columns: Cols("PARENT ^tid", "TID tid")}, "1 12"},
		{"skip", View{Root: "all", Skip: "wait", Columns: Cols("TID tid")}, "12"},
		{"wrong path", View{Root: "all", Columns: Cols("X nosuch")}, "-\n-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tb, err := Rows(sample(), tt.view)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, r := range tb.Rows {
				lines = append(lines, strings.Join(r, " "))
			}
			if got := strings.Join(lines, "\n"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestCyclicListEnds(t *testing.T) {
	k := sample()
	k.head.next.next = k.head
	tb, err := Rows(k, View{Root: "head", Next: "next", Columns: Cols("TID tid")})
	if err != nil || len(tb.Rows) != 2 {
		t.Errorf("%d rows, %v; want 2", len(tb.Rows), err)
	}
}

func TestWrongRootIsAnError(t *testing.T) {
	if _, err := Rows(sample(), View{Name: "x", Root: "nosuch"}); err == nil {
		t.Error("no error for a root that does not exist")
	}
}

func TestExprsOfRows(t *testing.T) {
	rootExpr = "kernel.The"
	defer func() { rootExpr = "" }()
	tests := []struct {
		name string
		view View
		want string
	}{
		{"list", View{Root: "head", Next: "next"}, "kernel.The.head kernel.The.head.next"},
		{"slice", View{Root: "all"}, "kernel.The.all[0] kernel.The.all[2]"},
		{"map", View{Root: "byID"}, `kernel.The.byID["a"] kernel.The.byID["b"]`},
		{"map of numbers", View{Root: "byTID"}, `kernel.The.byTID[12]`},
		{"each", View{Root: "all", Each: "kids"}, "kernel.The.all[0].kids[0]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tb, err := Rows(sample(), tt.view)
			if got := strings.Join(tb.Exprs, " "); err != nil || got != tt.want {
				t.Errorf("%s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestExprsOfLongListsStayShort(t *testing.T) {
	k := &kern{}
	for range 1000 {
		k.head = &task{next: k.head}
	}
	tb, err := Rows(k, View{Root: "head", Next: "next", Columns: Cols("TID tid")})
	if err != nil || len(tb.Exprs) != 1000 {
		t.Fatalf("%d rows, %v", len(tb.Exprs), err)
	}
	for _, e := range tb.Exprs {
		if len(e) > MaxExpr {
			t.Fatalf("%d bytes: %s", len(e), e)
		}
	}
}

func TestNilEmbeddedPointerIsANone(t *testing.T) {
	type outer struct{ *task }
	root := struct{ all []outer }{[]outer{{nil}, {&task{tid: 3}}}}
	tb, err := Rows(&root, View{Root: "all", Columns: Cols("TID tid")})
	if err != nil || len(tb.Rows) != 2 || tb.Rows[0][0] != "-" || tb.Rows[1][0] != "3" {
		t.Errorf("%v, %v", tb.Rows, err)
	}
}
