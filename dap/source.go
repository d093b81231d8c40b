package dap

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-dap"
)

// kernelModule is the number of the only module.
const kernelModule = 1

func (c *conn) modules(_ *request, a *dap.ModulesArguments) (any, error) {
	m := c.attachedTo()
	if m == nil {
		return nil, errNoMachine
	}
	mod := dap.Module{Id: kernelModule, Name: filepath.Base(m.Program()), Path: m.Program(), IsUserCode: true, SymbolStatus: "Symbols loaded", SymbolFilePath: m.Program()}
	if st, err := os.Stat(m.Program()); err == nil {
		mod.DateTimeStamp = st.ModTime().UTC().Format("2006-01-02T15:04:05Z")
	}
	mods := append([]dap.Module{mod}, c.programModules()...)
	n := a.ModuleCount
	if n <= 0 {
		n = len(mods)
	}
	return dap.ModulesResponseBody{Modules: cut(mods, max(a.StartModule, 0), n), TotalModules: len(mods)}, nil
}

func (c *conn) loadedSources(_ *request, _ *struct{}) (any, error) {
	files, err := c.debugger().Sources()
	if err != nil {
		return nil, err
	}
	body := dap.LoadedSourcesResponseBody{Sources: make([]dap.Source, 0, len(files))}
	for _, f := range files {
		if s := c.sourceOf(f); s != nil {
			body.Sources = append(body.Sources, *s)
		}
	}
	return body, nil
}

// source returns a file's text: only of those that the kernel was compiled from.
func (c *conn) source(_ *request, a *dap.SourceArguments) (any, error) {
	if a.Source == nil || a.Source.Path == "" {
		return nil, fmt.Errorf("there is no source %d", a.SourceReference)
	}
	file := c.sources.toKernel(a.Source.Path)
	files, err := c.debugger().Sources()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(files, file) {
		return nil, fmt.Errorf("%s is no source of this kernel", a.Source.Path)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if len(text) > maxMessage/2 {
		return nil, fmt.Errorf("%s is too long", file)
	}
	body := dap.SourceResponseBody{Content: string(text)}
	if strings.HasSuffix(file, ".go") {
		body.MimeType = "text/x-go"
	}
	return body, nil
}

func (c *conn) breakpointLocations(_ *request, a *dap.BreakpointLocationsArguments) (any, error) {
	from := c.lineIn(a.Line)
	to := from
	if a.EndLine != 0 {
		to = c.lineIn(a.EndLine)
	}
	lines, err := c.debugger().Lines(c.sources.toKernel(a.Source.Path), from, to)
	if err != nil {
		return nil, err
	}
	body := dap.BreakpointLocationsResponseBody{Breakpoints: make([]dap.BreakpointLocation, 0, len(lines))}
	for _, l := range lines {
		body.Breakpoints = append(body.Breakpoints, dap.BreakpointLocation{Line: c.lineOut(l)})
	}
	return body, nil
}
