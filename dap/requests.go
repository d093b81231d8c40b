package dap

import (
	"encoding/json"
	"fmt"

	"github.com/google/go-dap"
)

// handler performs a request.
type handler struct {
	run func(c *conn, q *request) (body any, err error)

	// now performs it on the reader's goroutine, in front of all that waits. It answers by itself; an error ends the connection.
	now func(c *conn, q *request) error

	machine bool // needs one
	runs    bool // changes the run state
	cancels bool // may be left behind when it is cancelled
	makes   bool // makes a machine
	loud    bool // an error is shown to the user by itself
}

// on makes a handler's function of one that takes its arguments.
func on[A any](f func(c *conn, q *request, a *A) (any, error)) func(*conn, *request) (any, error) {
	return func(c *conn, q *request) (any, error) {
		a, err := arguments[A](q)
		if err != nil {
			return nil, err
		}
		return f(c, q, a)
	}
}

func arguments[A any](q *request) (*A, error) {
	a := new(A)
	if len(q.Arguments) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(q.Arguments, a); err != nil {
		return nil, fmt.Errorf("%s: arguments: %w", q.Command, err)
	}
	return a, nil
}

// look is a handler that only looks at the machine.
func look[A any](f func(c *conn, q *request, a *A) (any, error)) handler {
	return handler{run: on(f), machine: true, cancels: true}
}

// change is one that changes something other than the run state.
func change[A any](f func(c *conn, q *request, a *A) (any, error)) handler {
	return handler{run: on(f), machine: true}
}

// move is one that changes the run state.
func move[A any](f func(c *conn, q *request, a *A) (any, error)) handler {
	return handler{run: on(f), machine: true, runs: true, loud: true}
}

// handlers are all requests that are understood. Filled by init, for handlers refer to it.
var handlers map[string]handler

func init() {
	handlers = map[string]handler{
		// lifecycle.go, restart.go
		"initialize":        {now: (*conn).initialize},
		"launch":            {run: on((*conn).launch), cancels: true, makes: true, loud: true},
		"attach":            {now: (*conn).attach, loud: true},
		"configurationDone": {run: on((*conn).configurationDone), machine: true, loud: true},
		"restart":           {run: on((*conn).restart), machine: true, loud: true},
		"disconnect":        {now: (*conn).disconnect},
		"terminate":         {now: (*conn).terminate},
		"cancel":            {now: (*conn).cancelRequest},

		// run.go
		"continue": move((*conn).doContinue),
		"next":     move((*conn).next),
		"stepIn":   move((*conn).stepIn),
		"stepOut":  move((*conn).stepOut),
		"pause":    {now: (*conn).pause, loud: true},
		"goto":     move((*conn).gotoLine),

		// breakpoints.go, breakpoints_data.go
		"setBreakpoints":                change((*conn).setBreakpoints),
		"setFunctionBreakpoints":        change((*conn).setFunctionBreakpoints),
		"setInstructionBreakpoints":     change((*conn).setInstructionBreakpoints),
		"setExceptionBreakpoints":       change((*conn).setExceptionBreakpoints),
		"dataBreakpointInfo":            look((*conn).dataBreakpointInfo),
		"setDataBreakpoints":            change((*conn).setDataBreakpoints),
		"vitrine/setSyscallBreakpoints": change((*conn).setSyscallBreakpoints),

		// stack.go, variables.go, evaluate.go
		"threads":       look((*conn).threads),
		"stackTrace":    look((*conn).stackTrace),
		"scopes":        look((*conn).scopes),
		"exceptionInfo": look((*conn).exceptionInfo),
		"variables":     look((*conn).variables),
		"setVariable":   change((*conn).setVariable),
		"evaluate":      look((*conn).evaluate),
		"setExpression": change((*conn).setExpression),
		"completions":   look((*conn).completions),

		// memory.go, source.go
		"readMemory":          look((*conn).readMemory),
		"writeMemory":         change((*conn).writeMemory),
		"disassemble":         look((*conn).disassemble),
		"loadedSources":       look((*conn).loadedSources),
		"source":              look((*conn).source),
		"modules":             look((*conn).modules),
		"breakpointLocations": look((*conn).breakpointLocations),
		"gotoTargets":         look((*conn).gotoTargets),

		// processes.go, syscalls.go, sound.go
		"vitrine/processes":    look((*conn).processes),
		"vitrine/process":      look((*conn).process),
		"vitrine/kill":         change((*conn).sendSignal),
		"vitrine/syscalls":     change((*conn).followSyscalls),
		"vitrine/sound":        change((*conn).sound),
		"vitrine/soundSamples": look((*conn).soundSamples),

		// custom.go
		"vitrine/views":   look((*conn).viewList),
		"vitrine/view":    look((*conn).viewTable),
		"vitrine/dmesg":   look((*conn).dmesg),
		"vitrine/trace":   look((*conn).traceRecords),
		"vitrine/console": change((*conn).console),
	}
}

// exceptionFilters are what the machine can stop on before anything is unwound.
var exceptionFilters = []dap.ExceptionBreakpointsFilter{
	{Filter: "oops", Label: "Kernel oops", Description: "A bug in the kernel that one task pays for.", Default: true, SupportsCondition: true},
	{Filter: "panic", Label: "Kernel panic", Description: "A bug in the kernel that nobody survives.", Default: true, SupportsCondition: true},
	{Filter: "go-panic", Label: "Go panic", Description: "A panic that nobody recovers, or a fatal error of the Go runtime.", Default: true},
	{Filter: "lockup", Label: "Lockup", Description: "The watchdog reports a soft lockup, a deadlock or a hung task.", Default: true},
	{Filter: "fatal-signal", Label: "Fatal signal in a guest program", Description: "A signal like SIGSEGV is about to end a program.", SupportsCondition: true, ConditionDescription: `comm == "sh"`},
}

// capabilities are what the server can do.
func capabilities() dap.Capabilities {
	return dap.Capabilities{
		SupportsConfigurationDoneRequest:   true,
		SupportsFunctionBreakpoints:        true,
		SupportsConditionalBreakpoints:     true,
		SupportsHitConditionalBreakpoints:  true,
		SupportsEvaluateForHovers:          true,
		ExceptionBreakpointFilters:         exceptionFilters,
		SupportsSetVariable:                true,
		SupportsGotoTargetsRequest:         true,
		SupportsCompletionsRequest:         true,
		CompletionTriggerCharacters:        []string{".", " "},
		SupportsModulesRequest:             true,
		SupportsRestartRequest:             true,
		SupportsExceptionInfoRequest:       true,
		SupportTerminateDebuggee:           true,
		SupportsDelayedStackTraceLoading:   true,
		SupportsLoadedSourcesRequest:       true,
		SupportsLogPoints:                  true,
		SupportsSetExpression:              true,
		SupportsTerminateRequest:           true,
		SupportsDataBreakpoints:            true,
		SupportsReadMemoryRequest:          true,
		SupportsWriteMemoryRequest:         true,
		SupportsDisassembleRequest:         true,
		SupportsCancelRequest:              true,
		SupportsBreakpointLocationsRequest: true,
		SupportsClipboardContext:           true,
		SupportsSteppingGranularity:        true,
		SupportsInstructionBreakpoints:     true,
		SupportsExceptionFilterOptions:     true,
		SupportsValueFormattingOptions:     true,
	}
}
