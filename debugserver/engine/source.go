package engine

import (
	"fmt"
	"slices"
	"strings"
)

// Sources returns the files the program was made from, sorted.
func (e *Engine) Sources() []string {
	r := slices.Clone(e.sym.bi.Sources)
	slices.Sort(r)
	return slices.Compact(r)
}

// Source returns the one file of Sources that name is, or is the end of, at a slash.
func (e *Engine) Source(name string) (string, error) {
	var found []string
	for _, f := range e.sym.bi.Sources {
		if f == name {
			return f, nil
		}
		if strings.HasSuffix(f, "/"+strings.TrimPrefix(name, "./")) && !slices.Contains(found, f) {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no source file %s in this program", name)
	case 1:
		return found[0], nil
	}
	slices.Sort(found)
	return "", fmt.Errorf("%s is not clear: %s", name, strings.Join(found[:min(len(found), 5)], ", "))
}

// Functions returns the names of all functions, sorted.
func (e *Engine) Functions() []string {
	r := make([]string, 0, len(e.sym.bi.Functions))
	for i := range e.sym.bi.Functions {
		if n := e.sym.bi.Functions[i].Name; n != "" {
			r = append(r, n)
		}
	}
	slices.Sort(r)
	return slices.Compact(r)
}

// Types returns the names of all types, sorted.
func (e *Engine) Types() (r []string, err error) {
	defer guard(&err)
	if r, err = e.sym.bi.Types(); err != nil {
		return nil, err
	}
	slices.Sort(r)
	return slices.Compact(r), nil
}

// Locate returns file, line and function of an address of code.
func (e *Engine) Locate(addr uint64) (l Location, err error) {
	defer guard(&err)
	if l = e.location(addr); l.File == "" {
		return l, fmt.Errorf("no source for %#x", addr)
	}
	return l, nil
}
