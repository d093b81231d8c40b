package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"vitrine/debugserver/session"
	"vitrine/debugserver/views"
	"vitrine/kernel/kview"
	"vitrine/machine/ctl"
)

var cmdCore = &command{
	name: "core", args: "[NAME] FILE", doc: "write a core dump of a machine's kernel",
	help: `
The machine stands still meanwhile. vitrine view -core FILE shows its structures, vitrine debug -core FILE its stacks and
variables. It is of use only with the kernel that it was made from: keep that, too.`,
	run: func(c *command, args []string) int {
		fs := c.flags()
		if status, ok := parse(fs, args); !ok {
			return status
		}
		name, file := "", fs.Arg(0)
		switch fs.NArg() {
		case 1:
		case 2:
			name, file = fs.Arg(0), fs.Arg(1)
		default:
			c.usage(os.Stderr, fs)
			return 2
		}
		file, err := filepath.Abs(file)
		if err != nil {
			return fail("%v", err)
		}
		_, conn, r, err := request(name, ask{Op: "core", Dir: file})
		if err != nil {
			return fail("%v", err)
		}
		conn.Close()
		for _, l := range r.Lines {
			fmt.Println(l)
		}
		return 0
	},
}

// core is the machine's side of `vitrine core`.
func (m *vm) core(w *wire, a *ask) {
	err := m.visit(func(c *session.Client) error { return c.Core(a.Dir) })
	if err != nil {
		w.send(answer{Error: err.Error()})
		return
	}
	w.send(answer{Lines: []string{fmt.Sprintf("%s written; its kernel is %s", a.Dir, m.kernel)}})
}

// coreView shows a view of a core dump.
func coreView(core, kernel, view string) int {
	c, err := os.Open(core)
	if err != nil {
		return fail("%v", err)
	}
	defer c.Close()
	k, err := openKernel(kernel)
	if err != nil {
		return fail("%v", err)
	}
	defer k.Close()
	mem, anchors, err := views.OpenCore(c, k)
	if err != nil {
		return fail("%v", coreError(err, core, k.Name()))
	}
	ev := views.New(mem.Read, anchors)
	if view == "" {
		all, err := ev.Views()
		if err != nil {
			return fail("%s: %v", core, err)
		}
		tb := &ctl.Table{Head: []string{"VIEW", "WHAT"}}
		for _, v := range all {
			tb.Rows = append(tb.Rows, []string{v.Name, v.Doc})
		}
		printTable(tb)
		return 0
	}
	tb, err := ev.Table(view)
	if err == nil || len(tb.Rows) > 0 {
		printTable(tableOf(&tb))
	}
	if err != nil {
		return fail("%v", err)
	}
	return 0
}

// tableOf is a view's table as it travels.
func tableOf(t *kview.Table) *ctl.Table {
	return &ctl.Table{View: t.View, Head: t.Head, Rows: t.Rows, Exprs: t.Exprs, Truncated: t.Truncated}
}

// openKernel opens the kernel that is named, else the one built last from this tree, else the one beside this program.
func openKernel(name string) (*os.File, error) {
	if name != "" {
		return os.Open(name)
	}
	var tried []string
	if t, err := findTree(); err == nil {
		tried = append(tried, filepath.Join(t.cache, "vkernel"))
	}
	if exe, err := os.Executable(); err == nil {
		tried = append(tried, filepath.Join(filepath.Dir(exe), "vkernel"))
	}
	for _, path := range tried {
		if f, err := os.Open(path); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("no kernel in %s; -kernel names one", strings.Join(tried, " or "))
}
