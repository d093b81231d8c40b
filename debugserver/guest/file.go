package guest

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

// Bounds of what is read of one file.
const (
	maxSection  = 1 << 30
	maxSections = 1 << 12
	maxSegments = 1 << 8
)

// File is an ELF file. What it says is parsed when it is first asked for.
type File struct {
	Name    string
	BuildID string // hexadecimal; "" if it has none
	Broken  error  // the first thing that was wrong with it; what it says otherwise may still be right

	elf   *elf.File
	debug *elf.File // what symbols and DWARF come from: itself, or a separate file
	find  Finder

	symbols *symbols
	frames  *cfi
	info    *info

	goroutines *goLayout // of a Go program
	goLines    *goTable
}

// ParseError is a panic in a parser that was caught.
type ParseError struct {
	What  any
	Stack string
}

func (e *ParseError) Error() string { return fmt.Sprintf("broken debugging information: %v", e.What) }

// guard turns a panic, of which hostile files can cause some in any parser, into an error.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = &ParseError{r, string(debug.Stack())}
	}
}

// Open reads an ELF file's headers.
func Open(name string, r io.ReaderAt, find Finder) (f *File, err error) {
	defer guard(&err)
	e, err := openELF(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f = &File{Name: name, elf: e, find: find}
	f.BuildID = buildID(e)
	return f, nil
}

func openELF(r io.ReaderAt) (*elf.File, error) {
	var head [64]byte
	if _, err := r.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.HasPrefix(head[:], []byte(elf.ELFMAG)) {
		return nil, errors.New("not an ELF file")
	}
	e, err := elf.NewFile(r)
	if err != nil {
		return nil, err
	}
	if e.Machine != elf.EM_X86_64 || e.Class != elf.ELFCLASS64 {
		return nil, fmt.Errorf("a file for %v", e.Machine)
	}
	if len(e.Sections) > maxSections || len(e.Progs) > maxSegments {
		return nil, fmt.Errorf("%d sections, %d segments", len(e.Sections), len(e.Progs))
	}
	return e, nil
}

// note remembers what is wrong with the file.
func (f *File) note(err error) {
	if f.Broken == nil && err != nil {
		f.Broken = err
	}
}

// PIE reports whether the file is mapped where there is room.
func (f *File) PIE() bool { return f.elf.Type == elf.ET_DYN }

// section returns a section's content, decompressed; nil if there is none that can be read.
func section(e *elf.File, name string) []byte {
	if s := e.Section(name); s != nil {
		return content(s)
	}
	return nil
}

// content is section for one that was found otherwise.
func content(s *elf.Section) []byte {
	if s.Type == elf.SHT_NOBITS || s.Size > maxSection || s.FileSize > maxSection {
		return nil
	}
	b, err := s.Data()
	if err != nil {
		return nil
	}
	return b
}

// sectionAddr is where a section lies in memory, without the bias.
func sectionAddr(e *elf.File, name string) uint64 {
	if s := e.Section(name); s != nil {
		return s.Addr
	}
	return 0
}

// Debug reports whether there is DWARF for the file.
func (f *File) Debug() bool {
	return f.debugFile().Section(".debug_info") != nil
}

// bias is what must be added to the file's addresses where offset is mapped at start.
func (f *File) bias(start, offset uint64) (uint64, bool) {
	for _, p := range f.elf.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		if lo := p.Off &^ (pageSize - 1); offset >= lo && offset < p.Off+max(p.Filesz, 1) {
			return start - offset + p.Off - p.Vaddr, true
		}
	}
	return 0, false
}

// Entry is the address of the first instruction, without the bias.
func (f *File) Entry() uint64 { return f.elf.Entry }
