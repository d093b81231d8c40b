package dap

import (
	"path/filepath"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// maxFrames bounds an answer; a client asks for more.
const maxFrames = 200

// threads lists the kernel's tasks and threads.
func (c *conn) threads(_ *request, _ *struct{}) (any, error) {
	all, err := c.debugger().Threads()
	if err != nil {
		return nil, err
	}
	body := dap.ThreadsResponseBody{Threads: make([]dap.Thread, 0, len(all))}
	for _, t := range all {
		body.Threads = append(body.Threads, dap.Thread{Id: t.ID, Name: printable(t.Title())})
	}
	return body, nil
}

func (c *conn) stackTrace(_ *request, a *dap.StackTraceArguments) (any, error) {
	n := a.Levels
	if n <= 0 || n > maxFrames {
		n = maxFrames
	}
	from := max(a.StartFrame, 0)
	frames, more, err := c.debugger().Stack(a.ThreadId, from, n)
	if err != nil {
		return nil, err
	}
	body := dap.StackTraceResponseBody{StackFrames: make([]dap.StackFrame, 0, len(frames)), TotalFrames: from + len(frames)}
	if more {
		body.TotalFrames += maxFrames // there are more, it is not known how many
	}
	for _, f := range frames {
		d := dap.StackFrame{
			Id: c.h.frame(place{a.ThreadId, f.Index}), Name: f.Func, Source: c.sourceOf(f.File), Line: c.lineOut(f.Line),
			InstructionPointerReference: hex(f.PC), ModuleId: kernelModule,
		}
		if d.Name == "" {
			d.Name = hex(f.PC)
		}
		if f.Runtime {
			d.PresentationHint = "subtle"
		}
		if d.Source != nil && f.Runtime {
			d.Source.PresentationHint = "deemphasize"
		}
		if f.Program || f.Boundary {
			programFrame(&d, &f)
		}
		body.StackFrames = append(body.StackFrames, d)
	}
	return body, nil
}

// sourceOf describes a source file.
func (c *conn) sourceOf(file string) *dap.Source {
	if file == "" || file[0] == '<' {
		return nil
	}
	return &dap.Source{Name: filepath.Base(file), Path: c.sources.toClient(file)}
}

// scopes are what a frame has to show. Only the first two cost nothing.
func (c *conn) scopes(_ *request, a *dap.ScopesArguments) (any, error) {
	p, err := c.h.place(a.FrameId)
	if err != nil {
		return nil, err
	}
	dbg := c.debugger()
	all := []struct {
		name, hint string
		expensive  bool
		k          *container
	}{
		{"Locals", "locals", false, c.list(p, func() ([]session.Variable, error) { return dbg.Locals(p.thread, p.frame) })},
		{"Arguments", "arguments", false, c.list(p, func() ([]session.Variable, error) { return dbg.Arguments(p.thread, p.frame) })},
		{"Registers", "registers", true, c.registers(p)},
		{"Task", "", true, c.inside(p, func() (session.Variable, error) { return dbg.Task(p.thread) })},
		{"Kernel", "", true, c.inside(p, dbg.Kernel)},
		{"Views", "", true, c.viewScope(p)},
	}
	body := dap.ScopesResponseBody{}
	for _, s := range all {
		body.Scopes = append(body.Scopes, dap.Scope{
			Name: s.name, PresentationHint: s.hint, VariablesReference: c.h.container(s.k), Expensive: s.expensive,
		})
	}
	return body, nil
}
