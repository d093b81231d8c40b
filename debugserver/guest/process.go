package guest

import (
	"fmt"
	"slices"
)

// Process is an address space with the images in it.
type Process struct {
	Mem    Memory
	Images []*Image // by address
}

// Image is a file mapped into an address space.
type Image struct {
	*File
	Path       string // in the guest
	Bias       uint64 // is added to the file's addresses
	Start, End uint64 // of all that is mapped of it
	Code       []Range
}

// Range is [Lo, Hi).
type Range struct{ Lo, Hi uint64 }

func (r Range) has(a uint64) bool { return a >= r.Lo && a < r.Hi }

// Region is a mapping of a file, as the kernel knows it.
type Region struct {
	Start, End, Offset uint64
	Exec               bool
	Path               string
	File               *File // nil: not an ELF file, or not to be had
}

// NewProcess makes a process of its mappings.
func NewProcess(m Memory, regions []Region) *Process {
	p := &Process{Mem: m}
	for _, r := range regions {
		if r.File == nil {
			continue
		}
		i := len(p.Images) - 1
		for ; i >= 0 && (p.Images[i].File != r.File || r.Start-p.Images[i].End > 1<<32); i-- {
		}
		var im *Image
		if i >= 0 {
			im = p.Images[i]
		} else {
			bias, ok := r.File.bias(r.Start, r.Offset)
			if !ok {
				continue
			}
			im = &Image{File: r.File, Path: r.Path, Bias: bias, Start: r.Start}
			p.Images = append(p.Images, im)
		}
		im.End = max(im.End, r.End)
		if r.Exec {
			im.Code = append(im.Code, Range{r.Start, r.End})
		}
	}
	p.Images = slices.DeleteFunc(p.Images, func(im *Image) bool { return len(im.Code) == 0 })
	return p
}

// ImageAt returns the image whose code an address lies in, or nil.
func (p *Process) ImageAt(pc uint64) *Image {
	for _, im := range p.Images {
		for _, r := range im.Code {
			if r.has(pc) {
				return im
			}
		}
	}
	return nil
}

// Place is what is known of an address in code.
type Place struct {
	Image  *Image // nil: none
	Func   string // "" unknown
	Offset uint64 // from the function's beginning
	File   string // "" unknown
	Line   int
}

func (l Place) String() string {
	switch {
	case l.File != "":
		return fmt.Sprintf("%s at %s:%d", l.Func, l.File, l.Line)
	case l.Func != "":
		return fmt.Sprintf("%s+%#x", l.Func, l.Offset)
	}
	return "?"
}

// Where tells what is known of an address in code.
func (p *Process) Where(pc uint64) (l Place) {
	im := p.ImageAt(pc)
	if im == nil {
		return l
	}
	l.Image = im
	a := pc - im.Bias
	y := im.loadSymbols().at(a)
	if y != nil {
		l.Func, l.Offset = demangled(y.Name), a-y.Addr
	}
	in := im.dwarf()
	if in == nil {
		l.File, l.Line, _ = im.goLine(a)
		return l
	}
	u := in.unitAt(a)
	if u == nil {
		return l
	}
	if fn := u.funcAt(a); fn != nil {
		if l.Offset = a - fn.low; y == nil || y.Addr != fn.low || !mangled(y.Name) { // the linker knows more of a mangled one
			l.Func = fn.name
		}
	}
	l.File, l.Line = u.line(a)
	return l
}
