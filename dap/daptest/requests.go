package daptest

import (
	"encoding/json"

	"github.com/google/go-dap"
)

// Launch launches a machine and waits until it can be configured.
func (c *Client) Launch(args map[string]any) {
	c.T.Helper()
	c.Do("launch", args, nil)
	c.Event("initialized")
}

// Attach attaches to a machine and waits until the session can be configured.
func (c *Client) Attach(args map[string]any) {
	c.T.Helper()
	c.Do("attach", args, nil)
	c.Event("initialized")
}

// ConfigurationDone ends the configuration.
func (c *Client) ConfigurationDone() {
	c.T.Helper()
	c.Do("configurationDone", nil, nil)
}

// FunctionBreakpoints sets these, without conditions.
func (c *Client) FunctionBreakpoints(names ...string) []dap.Breakpoint {
	c.T.Helper()
	args := dap.SetFunctionBreakpointsArguments{Breakpoints: []dap.FunctionBreakpoint{}}
	for _, n := range names {
		args.Breakpoints = append(args.Breakpoints, dap.FunctionBreakpoint{Name: n})
	}
	var body dap.SetFunctionBreakpointsResponseBody
	c.Do("setFunctionBreakpoints", args, &body)
	return body.Breakpoints
}

// Breakpoints sets those of a file.
func (c *Client) Breakpoints(file string, bps ...dap.SourceBreakpoint) []dap.Breakpoint {
	c.T.Helper()
	var body dap.SetBreakpointsResponseBody
	c.Do("setBreakpoints", dap.SetBreakpointsArguments{Source: dap.Source{Path: file}, Breakpoints: bps}, &body)
	return body.Breakpoints
}

// Stopped waits for the machine to stop.
func (c *Client) Stopped() dap.StoppedEventBody {
	c.T.Helper()
	e := c.Event("stopped", "terminated")
	var body dap.StoppedEventBody
	if e.Event.Event != "stopped" {
		c.T.Fatalf("%s: the machine ended instead of stopping; output:\n%s", c.Name, c.Output(""))
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		c.T.Fatal(err)
	}
	return body
}

// Continue lets the machine run.
func (c *Client) Continue() {
	c.T.Helper()
	c.Do("continue", dap.ContinueArguments{ThreadId: 1}, nil)
}

// Exited waits for the machine's end and returns its status.
func (c *Client) Exited() int {
	c.T.Helper()
	var body dap.ExitedEventBody
	e := c.Event("exited")
	if err := json.Unmarshal(e.Body, &body); err != nil {
		c.T.Fatal(err)
	}
	c.Event("terminated")
	return body.ExitCode
}

// Threads lists the threads.
func (c *Client) Threads() []dap.Thread {
	c.T.Helper()
	var body dap.ThreadsResponseBody
	c.Do("threads", nil, &body)
	return body.Threads
}

// Stack returns up to 20 frames of a thread.
func (c *Client) Stack(thread int) []dap.StackFrame {
	c.T.Helper()
	var body dap.StackTraceResponseBody
	c.Do("stackTrace", dap.StackTraceArguments{ThreadId: thread, Levels: 20}, &body)
	return body.StackFrames
}

// Scopes returns a frame's scopes by name.
func (c *Client) Scopes(frame int) map[string]dap.Scope {
	c.T.Helper()
	var body dap.ScopesResponseBody
	c.Do("scopes", dap.ScopesArguments{FrameId: frame}, &body)
	m := map[string]dap.Scope{}
	for _, s := range body.Scopes {
		m[s.Name] = s
	}
	return m
}

// Variables returns what is in a container.
func (c *Client) Variables(ref int) []dap.Variable {
	c.T.Helper()
	var body dap.VariablesResponseBody
	c.Do("variables", dap.VariablesArguments{VariablesReference: ref}, &body)
	return body.Variables
}

// Variable returns one of what is in a container.
func (c *Client) Variable(ref int, name string) dap.Variable {
	c.T.Helper()
	var names []string
	for _, v := range c.Variables(ref) {
		if v.Name == name {
			return v
		}
		names = append(names, v.Name)
	}
	c.T.Fatalf("%s: no variable %s in %q", c.Name, name, names)
	return dap.Variable{}
}

// Evaluate evaluates an expression in a frame; 0 is the current one.
func (c *Client) Evaluate(frame int, expr string) dap.EvaluateResponseBody {
	c.T.Helper()
	var body dap.EvaluateResponseBody
	c.Do("evaluate", dap.EvaluateArguments{Expression: expr, FrameId: frame, Context: "watch"}, &body)
	return body
}
