package views

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
)

// Anchors are the addresses from which everything else is found.
type Anchors struct {
	Debugger        uint64 // vitrine/kernel/kview.debugger
	RootExpr        uint64 // vitrine/kernel/kview.rootExpr; 0: no such variable
	Types, TypesEnd uint64 // of the runtime's type descriptors
	Module          uint64 // runtime.firstmoduledata: tells builds apart
}

// ErrNoSymbols is returned for a program that is not a kernel of ours, or has lost its symbols.
var ErrNoSymbols = errors.New("no symbols of a vitrine kernel in it")

// Find reads the anchors from the file of a kernel. A position independent one is not supported.
func Find(kernel io.ReaderAt) (Anchors, error) {
	var a Anchors
	f, err := elf.NewFile(kernel)
	if err != nil {
		return a, err
	}
	if f.Type != elf.ET_EXEC {
		return a, fmt.Errorf("a kernel is an executable file, not %v", f.Type)
	}
	table, err := f.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return a, err
	}
	wanted := map[string]*uint64{
		"vitrine/kernel/kview.debugger": &a.Debugger,
		"vitrine/kernel/kview.rootExpr": &a.RootExpr,
		"runtime.types":                 &a.Types,
		"runtime.etypes":                &a.TypesEnd,
		"runtime.firstmoduledata":       &a.Module,
	}
	for i := range table {
		if p := wanted[table[i].Name]; p != nil {
			*p = table[i].Value
		}
	}
	if a.Debugger == 0 || a.Types == 0 || a.Module == 0 || a.TypesEnd <= a.Types {
		return a, ErrNoSymbols
	}
	return a, nil
}
