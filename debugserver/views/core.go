package views

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
)

// Core is a core dump of a kernel. Read-only parts that the dump lacks come from the kernel's file.
type Core struct {
	segments []segment // by address
}

type segment struct {
	addr, size uint64
	data       io.ReaderAt // of as many bytes, or fewer
}

// OpenCore opens a dump of a process that ran this kernel. Both must stay open.
func OpenCore(core, kernel io.ReaderAt) (*Core, Anchors, error) {
	a, err := Find(kernel)
	if err != nil {
		return nil, a, fmt.Errorf("kernel: %w", err)
	}
	k, err := elf.NewFile(kernel)
	if err != nil {
		return nil, a, fmt.Errorf("kernel: %w", err)
	}
	f, err := elf.NewFile(core)
	if err != nil {
		return nil, a, fmt.Errorf("core file: %w", err)
	}
	if f.Type != elf.ET_CORE || f.Machine != elf.EM_X86_64 {
		return nil, a, fmt.Errorf("core file: it is %v for %v", f.Type, f.Machine)
	}
	c := &Core{loads(f)}
	file := &Core{loads(k)}
	if !sameBuild(c, file, a) {
		return nil, a, ErrOtherBuild
	}
	c.segments = append(c.segments, file.segments...) // what is in both is found in the core first
	return c, a, nil
}

// loads returns the segments of a file.
func loads(f *elf.File) (s []segment) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Filesz > 0 {
			s = append(s, segment{p.Vaddr, p.Filesz, p.ReaderAt})
		}
	}
	return s
}

// ErrOtherBuild is returned for a core of another kernel than the one given.
var ErrOtherBuild = errors.New("the core file is of another build of the kernel")

// sameBuild compares the first words of the runtime's module data: where the parts of the program begin and end. They
// lie in the data segment, which a dump always has, while the build's identity does not.
func sameBuild(core, file *Core, a Anchors) bool {
	var x, y [256]byte
	n, _ := core.Read(x[:], a.Module)
	m, _ := file.Read(y[:], a.Module)
	return n == len(x) && m == len(y) && x == y
}

// Read is a Memory.
func (c *Core) Read(b []byte, addr uint64) (int, error) {
	done := 0
	for done < len(b) {
		n := c.readOne(b[done:], addr+uint64(done))
		if n == 0 {
			return done, &Fault{addr + uint64(done), "not in the core file"}
		}
		done += n
	}
	return done, nil
}

func (c *Core) readOne(b []byte, addr uint64) int {
	for i := range c.segments {
		s := &c.segments[i]
		if off := addr - s.addr; addr >= s.addr && off < s.size {
			n, _ := s.data.ReadAt(b[:min(uint64(len(b)), s.size-off)], int64(off))
			return n
		}
	}
	return 0
}
