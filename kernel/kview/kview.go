// Package kview declares what of the kernel can be looked at as a table. A view
// is data: where the structures start, how to walk them, which fields
// to show. It stands beside the structure it shows:
//
//	func init() { kview.Register(kview.View{
//		Name: "ps", Doc: "every task, one line",
//		Root: "Tasks.head", Next: "nextAll",
//		Columns: kview.Cols("PID TID", "S State", "COMM Name"),
//	}) }
//
// and is evaluated by Rows in the running kernel and by the debugger when it is
// stopped, with the same result. All paths are field paths (a dot steps into a struct, through a
// pointer or into the value of an interface) and start at the kernel, the rest at an element.
package kview

import (
	"fmt"
	"slices"
	"strings"
)

// View is a table of kernel structures.
type View struct {
	Name string
	Doc  string // one line

	// Root is the path from the kernel to a slice, array, map, or to the
	// first element of a list; Next is then the path from an element to the next one.
	Root string
	Next string

	// Each, if not empty, is a path from an element to an inner slice, array or list
	// (with EachNext): a row for each inner element. Columns that begin with "^" belong to the outer element.
	Each, EachNext string

	// Table, if its Root is not empty, says that what Each leads to is a page table: a row for each run of translations in
	// it. Columns begin at a Translation then; there is no Skip.
	Table PageTable

	// Skip, if not empty, is a path from the (inner) element: those where it is zero or nil have no row.
	Skip string

	Columns []Column
	Detail  []string // names of views that show parts of a row
}

// Column is one field of every row.
type Column struct {
	Head string
	Path string   // "" is the element itself; "#" its index or key
	Enum []string // names of the values of an integer
	Hex  bool     // shown as 0x…
}

// Cols makes columns of "HEAD path" texts. A third word "hex" shows the number
// in hexadecimal, one like "R,R,S,D" names the values.
func Cols(texts ...string) []Column {
	cols := make([]Column, len(texts))
	for i, t := range texts {
		f := strings.Fields(t)
		if len(f) < 2 {
			panic(fmt.Sprintf("kview: column %q is not HEAD path", t))
		}
		cols[i] = Column{Head: f[0], Path: f[1]}
		if f[1] == "." {
			cols[i].Path = ""
		}
		if len(f) > 2 {
			if f[2] == "hex" {
				cols[i].Hex = true
			} else {
				cols[i].Enum = strings.Split(f[2], ",")
			}
		}
	}
	return cols
}

var views []View // filled by init functions, then constant

// debugger is where a debugger finds the declarations and the kernel: pointers, with their types, as reading a variable
// by reflection begins with a type.
var debugger = [2]any{&views, nil}

// rootExpr is the expression of what paths start at. For init functions, see SetRoot.
var rootExpr string

// SetRoot says what all paths start at: the variable that points to the kernel, and the Go expression for
// it. For an init function.
func SetRoot(expr string, variable any) {
	rootExpr = expr
	debugger[1] = variable
}

// Register makes a view known. For init functions.
func Register(v View) {
	if _, ok := Lookup(v.Name); ok {
		panic("kview: two views are called " + v.Name)
	}
	views = append(views, v)
}

// All returns all views, by name.
func All() []View {
	all := slices.Clone(views)
	slices.SortFunc(all, func(a, b View) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Lookup returns the view of that name.
func Lookup(name string) (View, bool) {
	i := slices.IndexFunc(views, func(v View) bool { return v.Name == name })
	if i < 0 {
		return View{}, false
	}
	return views[i], true
}

// Table is an evaluated view.
type Table struct {
	View      string
	Head      []string
	Rows      [][]string
	Exprs     []string // for each row the Go expression of its structure
	Truncated bool     // there was more: than MaxRows, or than could be read
}

// MaxRows bounds a walk: a corrupt list ends.
const MaxRows = 65536

// Write formats the table with aligned columns.
func (tb *Table) Write(w interface{ WriteString(string) (int, error) }) {
	width := make([]int, len(tb.Head))
	for i, h := range tb.Head {
		width[i] = len(h)
	}
	for _, r := range tb.Rows {
		for i, c := range r {
			width[i] = max(width[i], len(c))
		}
	}
	line := func(r []string) {
		var b strings.Builder
		for i, c := range r {
			if i == len(r)-1 {
				b.WriteString(c)
			} else {
				fmt.Fprintf(&b, "%-*s  ", width[i], c)
			}
		}
		w.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	}
	line(tb.Head)
	for _, r := range tb.Rows {
		line(r)
	}
	if tb.Truncated {
		w.WriteString("(more rows than are shown)\n")
	}
}
