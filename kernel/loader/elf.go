package loader

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// elfFile is an ELF file whose headers have been checked.
type elfFile struct {
	file      Image
	fixed     bool // ET_EXEC: the addresses are what they are
	entry     uint64
	phdr      uint64 // address of the program headers; 0 if they aren't loaded
	phnum     uint64
	interp    string
	execStack bool
	segs      []segment
	start     uint64 // lowest address, page aligned
	end       uint64 // end of the highest segment
	align     uint64
}

// segment is a PT_LOAD. Checked: memory ends within user space, file and memory are congruent
// modulo a page, and filesz ≤ memsz.
type segment struct {
	flags                     uint32
	off, vaddr, filesz, memsz uint64
}

const (
	ehdrSize = 64
	phdrSize = 56
	maxPhdrs = 65536 / phdrSize
	maxPath  = 4096
	minAddr  = 0x10000 // below nothing can be mapped
)

// readELF reads and checks a file's headers. The errors are those of execve(2): ENOEXEC for what is no ELF file for
// this machine, or one that contradicts itself.
func readELF(t *sched.Thread, file Image) (*elfFile, error) {
	var h [ehdrSize]byte
	if err := readFull(t, file, h[:], 0); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	typ := le.Uint16(h[16:])
	switch {
	case string(h[:4]) != "\x7fELF":
		return nil, errno.ENOEXEC.Because("neither an ELF file nor a script")
	case h[4] != 2 || h[5] != 1 || h[6] != 1 || le.Uint16(h[18:]) != abi.EM_X86_64:
		return nil, errno.ENOEXEC.Because("not for x86-64")
	case typ != abi.ET_EXEC && typ != abi.ET_DYN:
		return nil, errno.ENOEXEC.Because("not an executable")
	case le.Uint16(h[54:]) != phdrSize:
		return nil, errno.ENOEXEC.Because("program headers of an odd size")
	}
	f := &elfFile{file: file, fixed: typ == abi.ET_EXEC, entry: le.Uint64(h[24:]), phnum: uint64(le.Uint16(h[56:]))}
	phoff := le.Uint64(h[32:])
	if f.phnum == 0 || f.phnum > maxPhdrs || phoff > 1<<62 {
		return nil, errno.ENOEXEC.Because("no program headers, or too many")
	}
	ph := make([]byte, f.phnum*phdrSize)
	if err := readFull(t, file, ph, int64(phoff)); err != nil {
		return nil, err
	}
	f.start, f.align = ^uint64(0), mm.PageSize
	for i := range f.phnum {
		p := ph[i*phdrSize:]
		if err := f.header(t, p, phoff); err != nil {
			return nil, err
		}
	}
	if len(f.segs) == 0 {
		return nil, errno.ENOEXEC.Because("nothing to load")
	}
	if f.fixed && f.start < minAddr {
		return nil, errno.EPERM.Because("the program begins below vm.mmap_min_addr")
	}
	return f, nil
}

// header takes one program header.
func (f *elfFile) header(t *sched.Thread, p []byte, phoff uint64) error {
	le := binary.LittleEndian
	s := segment{
		flags: le.Uint32(p[4:]), off: le.Uint64(p[8:]), vaddr: le.Uint64(p[16:]),
		filesz: le.Uint64(p[32:]), memsz: le.Uint64(p[40:]),
	}
	switch le.Uint32(p) {
	case abi.PT_LOAD:
		return f.load(s, le.Uint64(p[48:]), phoff)
	case abi.PT_INTERP:
		if f.interp != "" {
			return nil // the first one counts
		}
		if s.filesz < 2 || s.filesz > maxPath || s.off > 1<<62 {
			return errno.ENOEXEC.Because("the interpreter's name is empty or too long")
		}
		name := make([]byte, s.filesz)
		if err := readFull(t, f.file, name, int64(s.off)); err != nil {
			return err
		}
		if name[len(name)-1] != 0 {
			return errno.ENOEXEC.Because("the interpreter's name has no end")
		}
		for i, c := range name {
			if c == 0 {
				name = name[:i]
				break
			}
		}
		if len(name) == 0 {
			return errno.ENOEXEC.Because("the interpreter's name is empty")
		}
		f.interp = string(name)
	case abi.PT_GNU_STACK:
		f.execStack = s.flags&abi.PF_X != 0
	}
	return nil
}

// load takes a PT_LOAD.
func (f *elfFile) load(s segment, align, phoff uint64) error {
	if s.memsz == 0 && s.filesz == 0 {
		return nil
	}
	switch {
	case s.filesz > s.memsz:
		return errno.EINVAL.Because("a segment has more bytes in the file than in memory")
	case s.vaddr > mm.UserTop || s.memsz > mm.UserTop-s.vaddr:
		return errno.ENOMEM.Because("a segment reaches beyond user space")
	case s.off > 1<<62 || s.filesz > 1<<62-s.off:
		return errno.EINVAL.Because("a segment's place in the file is absurd")
	case (s.vaddr-s.off)%mm.PageSize != 0:
		return errno.ENOEXEC.Because("a segment's place in the file and in memory differ within a page")
	}
	if align > mm.PageSize && align&(align-1) == 0 && align <= 1<<30 {
		f.align = max(f.align, align)
	}
	if f.phdr == 0 && phoff >= s.off && phoff-s.off < s.filesz {
		f.phdr = s.vaddr + (phoff - s.off)
	}
	f.start = min(f.start, pageDown(s.vaddr))
	f.end = max(f.end, s.vaddr+s.memsz)
	f.segs = append(f.segs, s)
	return nil
}

func readFull(t *sched.Thread, file Image, p []byte, off int64) error {
	for len(p) > 0 {
		n, err := file.ReadAt(t, p, off)
		if err != nil {
			return err
		}
		if n <= 0 || n > len(p) {
			return errno.ENOEXEC.Because("the file is too short for what it says it holds")
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// mapAt maps the program, at base if it can be anywhere, and returns what its addresses are off by.
func (f *elfFile) mapAt(t *sched.Thread, as *mm.AddressSpace, base uint64) (bias uint64, err error) {
	if !f.fixed {
		base = (base + f.align - 1) &^ (f.align - 1)
		if f.end-f.start > mm.UserTop-base {
			return 0, errno.ENOMEM.Because("the program is larger than user space")
		}
		bias = base - f.start
	}
	for _, s := range f.segs {
		if err := f.mapSegment(t, as, s, bias); err != nil {
			return 0, err
		}
	}
	return bias, nil
}

// mapAnywhere maps the interpreter where there is room.
func (f *elfFile) mapAnywhere(t *sched.Thread, as *mm.AddressSpace) (bias uint64, err error) {
	if f.fixed {
		return f.mapAt(t, as, 0)
	}
	// A mapping without rights finds the place.
	size := pageUp(f.end) - f.start + f.align - mm.PageSize
	at, err := as.Mmap(t, mm.MapRequest{Len: size, Flags: abi.MAP_PRIVATE | abi.MAP_NORESERVE})
	if err != nil {
		return 0, err
	}
	if err := as.Munmap(t, at, size); err != nil {
		return 0, err
	}
	return f.mapAt(t, as, uint64(at))
}

// mapSegment maps one segment: pages of the file, the rest of the last one cleared, then zeros.
func (f *elfFile) mapSegment(t *sched.Thread, as *mm.AddressSpace, s segment, bias uint64) error {
	start := pageDown(s.vaddr + bias)
	fileEnd, end := s.vaddr+bias+s.filesz, pageUp(s.vaddr+bias+s.memsz)
	zeros := pageUp(fileEnd)
	if s.filesz == 0 {
		zeros = start
	}
	prot := protOf(s.flags)
	if s.filesz > 0 {
		req := mm.MapRequest{
			Addr: mm.UAddr(start), Len: zeros - start, Prot: prot, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED,
			Offset: pageDown(s.off),
		}
		if err := f.file.Mmap(t, &req); err != nil {
			return err
		}
		if _, err := as.Mmap(t, req); err != nil {
			return err
		}
		if s.memsz > s.filesz && fileEnd < zeros && prot&mm.Write != 0 {
			pad := make([]byte, zeros-fileEnd)
			if _, err := mm.AccessRemote(t, as, mm.UAddr(fileEnd), pad, true, false); err != nil {
				return err
			}
		}
	}
	if zeros < end {
		_, err := as.Mmap(t, mm.MapRequest{
			Addr: mm.UAddr(zeros), Len: end - zeros, Prot: prot, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED,
		})
		return err
	}
	return nil
}
