package dap

import (
	"fmt"
	"strings"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
	"vitrine/kernel/kview"
)

// viewScope is the container of all views; each is evaluated when it is opened.
func (c *conn) viewScope(p place) *container {
	return &container{place: p, load: func(from, n int) ([]child, error) {
		views, err := c.debugger().Views()
		if err != nil {
			return nil, err
		}
		all := make([]child, 0, len(views))
		for _, v := range cut(views, from, n) {
			all = append(all, child{Variable: dap.Variable{
				Name: v.Name, Value: v.Doc, VariablesReference: c.h.container(c.viewRows(p, v.Name)),
				PresentationHint: &dap.VariablePresentationHint{Kind: "virtual", Attributes: []string{"readOnly"}},
			}})
		}
		return all, nil
	}}
}

// viewRows is the container of a view's rows. A row opens the structure that it shows.
func (c *conn) viewRows(p place, name string) *container {
	return &container{place: p, load: func(from, n int) ([]child, error) {
		dbg := c.debugger()
		t, err := dbg.View(name)
		if err != nil {
			return nil, err
		}
		names := rowNames(&t)
		all := make([]child, 0, len(t.Rows))
		for i := from; i < min(len(t.Rows), from+n); i++ {
			v := child{Variable: dap.Variable{
				Name: names[i], Value: rowText(t.Head, t.Rows[i]),
				PresentationHint: &dap.VariablePresentationHint{Kind: "virtual", Attributes: []string{"readOnly"}},
			}}
			if i < len(t.Exprs) && t.Exprs[i] != "" {
				expr := t.Exprs[i]
				v.EvaluateName = expr
				v.VariablesReference = c.h.container(c.inside(p, func() (session.Variable, error) { return dbg.Eval(p.thread, p.frame, expr) }))
			}
			all = append(all, v)
		}
		return all, nil
	}}
}

// rowNames are the first column where that tells rows apart, else numbers.
func rowNames(t *kview.Table) []string {
	names := make([]string, len(t.Rows))
	seen := map[string]bool{}
	for i, r := range t.Rows {
		names[i] = fmt.Sprintf("[%d]", i)
		if len(r) > 0 {
			names[i] = printable(r[0])
		}
		seen[names[i]] = true
	}
	if len(seen) < len(names) || seen[""] {
		for i := range names {
			names[i] = fmt.Sprintf("[%d]", i)
		}
	}
	return names
}

func rowText(head, row []string) string {
	var b strings.Builder
	for i, cell := range row {
		if cell == "" || i >= len(head) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("  ")
		}
		b.WriteString(head[i] + "=" + printable(cell))
	}
	return b.String()
}
