package dap

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// breakpoints are a client's, as it set them: each request replaces those of one group, as the protocol has it. They
// have numbers of their own, which stay the same when the machine is restarted.
type breakpoints struct {
	mu     sync.Mutex
	last   int
	groups map[string][]*breakpoint
	byID   map[int]*breakpoint // by the session's number
	off    bool                // the machine is not to be debugged
	hold   bool                // the kernel has no structures yet: what needs them waits
	entry  int                 // the session's number of stopAt's
	stopAt string              // to be set when the kernel has its structures
}

type breakpoint struct {
	id   int
	spec session.Spec
	set  *session.Breakpoint // nil: the session has none
	why  string              // … and why
}

func (b *breakpoints) init() { b.groups, b.byID = map[string][]*breakpoint{}, map[int]*breakpoint{} }

// wanted is a breakpoint that a client asks for.
type wanted struct {
	spec session.Spec
	err  error // it makes no sense
}

// replace sets a group's breakpoints. Those that are the same as before stay, with their hits.
func (b *breakpoints) replace(c *conn, group string, want []wanted) []dap.Breakpoint {
	b.mu.Lock()
	defer b.mu.Unlock()
	dbg := c.debugger()
	old := b.groups[group]
	list := make([]*breakpoint, len(want))
	for i, w := range want {
		for j, o := range old {
			if o != nil && o.set != nil && w.err == nil && o.spec == w.spec {
				list[i], old[j] = o, nil
				break
			}
		}
	}
	// Old ones go first: they may hold what the new ones need.
	for _, o := range old {
		if o != nil && o.set != nil {
			delete(b.byID, o.set.ID)
			dbg.Clear(o.set.ID)
		}
	}
	answer := make([]dap.Breakpoint, len(want))
	for i, w := range want {
		if list[i] == nil {
			b.last++
			list[i] = &breakpoint{id: b.last, spec: w.spec}
			if w.err != nil {
				list[i].why = w.err.Error()
			} else {
				b.place(dbg, list[i])
			}
		}
		answer[i] = c.show(list[i])
	}
	if b.groups[group] = list; len(list) == 0 {
		delete(b.groups, group)
	}
	return answer
}

// place sets a breakpoint in the session. Caller holds b.mu.
func (b *breakpoints) place(dbg Debugger, p *breakpoint) {
	if b.off {
		p.set, p.why = nil, "the machine runs without debugging"
		return
	}
	if b.hold && p.spec.Kind == session.Syscall {
		p.set, p.why = nil, "is set when the kernel boots"
		return
	}
	set, err := dbg.Set(p.spec)
	p.set, p.why = set, ""
	switch {
	case err != nil:
		p.set, p.why = nil, err.Error()
	case set != nil:
		b.byID[set.ID] = p
	}
}

// late reports whether it waits for the kernel to have its structures.
func (p *breakpoint) late() bool {
	return p.spec.Kind == session.Syscall && p.spec.Syscall != "" && p.set == nil
}

// retry sets those. It returns what has changed.
func (b *breakpoints) retry(c *conn) (changed []dap.Breakpoint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hold = false
	dbg := c.debugger()
	for _, list := range b.groups {
		for _, p := range list {
			if !p.late() {
				continue
			}
			b.place(dbg, p)
			changed = append(changed, c.show(p))
		}
	}
	return changed
}

// setHold tells whether the kernel has its structures still to come.
func (b *breakpoints) setHold(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hold = on
}

func (b *breakpoints) setStopAt(where string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopAt = where
}

func (b *breakpoints) takeStopAt() (where string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	where, b.stopAt = b.stopAt, ""
	return where
}

// restore sets all breakpoints in a new session.
func (b *breakpoints) restore(c *conn) (all []dap.Breakpoint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byID, b.entry = map[int]*breakpoint{}, 0
	dbg := c.debugger()
	for _, list := range b.groups {
		for _, p := range list {
			if p.set == nil && p.spec == (session.Spec{}) {
				continue // never made sense
			}
			if p.spec.Kind == session.Data { // its address means nothing any more
				p.set, p.why = nil, "the machine has been restarted"
			} else {
				b.place(dbg, p)
			}
			all = append(all, c.show(p))
		}
	}
	return all
}

// changed takes over what the session says of a breakpoint. ok is false if it is not the client's.
func (b *breakpoints) changed(c *conn, now *session.Breakpoint, removed bool) (shown dap.Breakpoint, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.byID[now.ID]
	if p == nil {
		return shown, false
	}
	p.set = now
	shown = c.show(p)
	if removed {
		delete(b.byID, now.ID)
		p.set = nil
	}
	return shown, true
}

// dapID returns the client's number of a breakpoint, 0 if it is another client's.
func (b *breakpoints) dapID(id int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.byID[id]; p != nil {
		return p.id
	}
	return 0
}

// hits translates the session's numbers. entry: stopAt's is among them.
func (b *breakpoints) hits(ids []int) (mine []int, entry bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if p := b.byID[id]; p != nil {
			mine = append(mine, p.id)
		}
		entry = entry || id == b.entry && id != 0
	}
	return mine, entry
}

// kind returns the kind of the client's first breakpoint among those.
func (b *breakpoints) kind(ids []int) (session.Kind, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if p := b.byID[id]; p != nil {
			return p.spec.Kind, true
		}
	}
	return 0, false
}

// show describes a breakpoint to the client.
func (c *conn) show(p *breakpoint) dap.Breakpoint {
	d := dap.Breakpoint{Id: p.id, Message: p.why}
	if p.set == nil {
		if p.spec.Kind == session.Line {
			d.Line = c.lineOut(p.spec.Line)
		}
		return d
	}
	d.Verified, d.Message = p.set.Verified, p.set.Message
	if p.set.File != "" {
		d.Source, d.Line = c.sourceOf(p.set.File), c.lineOut(p.set.Line)
	} else if p.spec.Kind == session.Line {
		d.Line = c.lineOut(p.spec.Line)
	}
	if len(p.set.Addrs) > 0 && p.spec.Kind != session.Data {
		d.InstructionReference = hex(p.set.Addrs[0])
	}
	return d
}

// setBreakpoints sets those of one source file.
func (c *conn) setBreakpoints(_ *request, a *dap.SetBreakpointsArguments) (any, error) {
	if a.Source.Path == "" {
		return nil, errors.New("which file?")
	}
	file := c.sources.toKernel(a.Source.Path)
	bps := a.Breakpoints
	if bps == nil {
		for _, l := range a.Lines {
			bps = append(bps, dap.SourceBreakpoint{Line: l})
		}
	}
	want := make([]wanted, len(bps))
	for i, b := range bps {
		want[i].spec = session.Spec{
			Kind: session.Line, File: file, Line: c.lineIn(b.Line), Cond: b.Condition, Hits: b.HitCondition, Log: b.LogMessage,
		}
	}
	return dap.SetBreakpointsResponseBody{Breakpoints: c.bps.replace(c, "line "+file, want)}, nil
}

// setFunctionBreakpoints sets those of functions and, as syscall:NAME, of system calls.
func (c *conn) setFunctionBreakpoints(_ *request, a *dap.SetFunctionBreakpointsArguments) (any, error) {
	want := make([]wanted, len(a.Breakpoints))
	for i, b := range a.Breakpoints {
		spec, err := functionSpec(b.Name)
		spec.Cond, spec.Hits = b.Condition, b.HitCondition
		want[i] = wanted{spec, err}
	}
	return dap.SetFunctionBreakpointsResponseBody{Breakpoints: c.bps.replace(c, "function", want)}, nil
}

// functionSpec reads a function's name, program:NAME for one of programs, or syscall:NAME[:entry|:return|:both].
func functionSpec(name string) (session.Spec, error) {
	name = strings.TrimSpace(name)
	if spec, ok := programSpec(name); ok {
		return spec, nil
	}
	call, ok := strings.CutPrefix(name, "syscall:")
	if !ok {
		if name == "" {
			return session.Spec{}, errors.New("which function?")
		}
		return session.Spec{Kind: session.Function, Func: name}, nil
	}
	call, when, _ := strings.Cut(call, ":")
	spec := session.Spec{Kind: session.Syscall, Syscall: call}
	if call == "" {
		return spec, errors.New("syscall: which one? A name, a number or *")
	}
	var err error
	spec.When, err = parseWhen(when)
	return spec, err
}

func parseWhen(s string) (session.When, error) {
	switch s {
	case "", "entry", "enter":
		return session.OnEntry, nil
	case "return", "exit":
		return session.OnReturn, nil
	case "both":
		return session.OnEntry | session.OnReturn, nil
	}
	return 0, fmt.Errorf("%q is none of entry, return, both", s)
}

// syscallBreakpoint is one of vitrine/setSyscallBreakpoints.
type syscallBreakpoint struct {
	Name         string `json:"name"` // or number, or *
	When         string `json:"when,omitempty"`
	Task         string `json:"task,omitempty"` // only in this one: number or name
	Condition    string `json:"condition,omitempty"`
	HitCondition string `json:"hitCondition,omitempty"`
	LogMessage   string `json:"logMessage,omitempty"`
}

// setSyscallBreakpoints implements vitrine/setSyscallBreakpoints.
func (c *conn) setSyscallBreakpoints(_ *request, a *struct {
	Breakpoints []syscallBreakpoint `json:"breakpoints"`
},
) (any, error) {
	want := make([]wanted, len(a.Breakpoints))
	for i, b := range a.Breakpoints {
		when, err := parseWhen(b.When)
		if b.Name == "" {
			err = errors.New("which system call?")
		}
		want[i] = wanted{session.Spec{
			Kind: session.Syscall, Syscall: b.Name, When: when, Task: b.Task, Cond: b.Condition, Hits: b.HitCondition, Log: b.LogMessage,
		}, err}
	}
	return dap.SetFunctionBreakpointsResponseBody{Breakpoints: c.bps.replace(c, "syscall", want)}, nil
}

func (c *conn) setInstructionBreakpoints(_ *request, a *dap.SetInstructionBreakpointsArguments) (any, error) {
	want := make([]wanted, len(a.Breakpoints))
	for i, b := range a.Breakpoints {
		ref, space := cutSpace(b.InstructionReference)
		addr, err := address(ref, b.Offset)
		want[i] = wanted{session.Spec{Kind: session.Address, Addr: addr, Program: space != 0, Cond: b.Condition, Hits: b.HitCondition}, err}
	}
	return dap.SetInstructionBreakpointsResponseBody{Breakpoints: c.bps.replace(c, "instruction", want)}, nil
}

func (c *conn) setExceptionBreakpoints(_ *request, a *dap.SetExceptionBreakpointsArguments) (any, error) {
	options := a.FilterOptions
	for _, f := range a.Filters {
		options = append(options, dap.ExceptionFilterOptions{FilterId: f})
	}
	want := make([]wanted, len(options))
	for i, o := range options {
		want[i] = wanted{spec: session.Spec{Kind: session.Exception, Exception: o.FilterId, Cond: o.Condition}, err: fmt.Errorf("there is no filter %q", o.FilterId)}
		for _, f := range exceptionFilters {
			if f.Filter == o.FilterId {
				want[i].err = nil
			}
		}
	}
	return dap.SetExceptionBreakpointsResponseBody{Breakpoints: c.bps.replace(c, "exception", want)}, nil
}

// stopAt sets the breakpoint at which a launched machine is to stop first.
func (c *conn) stopAt(dbg Debugger, where string) error {
	spec := session.Spec{Kind: session.Function, Func: where, Temporary: true}
	file, line, ok := cutLast(where)
	n, err := strconv.Atoi(line)
	switch {
	case where == "boot":
		spec.Func = bootFunc
	case where == "init": // it is made, and about to start
		spec.Func = "kernel.(*Kernel).ready"
	case where == session.Oops || where == session.KernelPanic || where == session.GoPanic || where == session.Lockup || where == session.FatalSignal:
		spec = session.Spec{Kind: session.Exception, Exception: where}
	case strings.HasPrefix(where, "syscall:"):
		if spec, err = functionSpec(where); err != nil {
			return fmt.Errorf("stopAt: %w", err)
		}
		spec.Temporary = true
	case ok && err == nil:
		spec = session.Spec{Kind: session.Line, File: c.sources.toKernel(file), Line: n, Temporary: true}
	}
	b, err := dbg.Set(spec)
	if err == nil && !b.Verified {
		err = errors.New(b.Message)
	}
	if err != nil {
		return fmt.Errorf("stopAt %s: %w", where, err)
	}
	c.bps.mu.Lock()
	c.bps.entry = b.ID
	c.bps.mu.Unlock()
	return nil
}

func cutLast(s string) (before, after string, ok bool) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
