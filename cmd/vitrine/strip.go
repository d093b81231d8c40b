package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The default userland's program is built with symbols and debugging information, which its guest doesn't need: the archive, and so every boot, gets a
// stripped copy, and the debugger finds the whole program by its build ID, as in /usr/lib/debug:
//
//	CACHE/box                               the program
//	CACHE/.build-id/ab/cdef….debug ──▶ box  for the session

// strip returns an ELF program without symbols and debugging information.
func strip(program []byte) ([]byte, error) {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return nil, err
	}
	if f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB {
		return nil, errors.New("not an x86-64 program")
	}
	end := uint64(0)
	for _, p := range f.Progs {
		end = max(end, p.Off+p.Filesz)
	}
	if end < 64 || end > uint64(len(program)) {
		return nil, errors.New("segments outside the file")
	}
	// What is loaded keeps its section; their names and their table follow the last segment.
	names, table := []byte{0}, make([]elf.Section64, 1)
	add := func(name string, s elf.Section64) {
		s.Name = uint32(len(names))
		names = append(append(names, name...), 0)
		table = append(table, s)
	}
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 {
			add(s.Name, elf.Section64{
				Type: uint32(s.Type), Flags: uint64(s.Flags), Addr: s.Addr, Off: s.Offset, Size: s.Size, Addralign: s.Addralign, Entsize: s.Entsize,
			})
		}
	}
	add(".shstrtab", elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: end, Addralign: 1})
	table[len(table)-1].Size = uint64(len(names))
	out := bytes.NewBuffer(bytes.Clone(program[:end]))
	out.Write(names)
	out.Write(make([]byte, -out.Len()&7))
	const shoff, shnum, shstrndx = 40, 60, 62 // offsets in Elf64_Ehdr
	le, head := binary.LittleEndian, out.Bytes()
	le.PutUint64(head[shoff:], uint64(out.Len()))
	le.PutUint16(head[shnum:], uint16(len(table)))
	le.PutUint16(head[shstrndx:], uint16(len(table)-1))
	err = binary.Write(out, le, table)
	return out.Bytes(), err
}

// publishDebug makes a program's debugging information known by its build ID.
func (t *tree) publishDebug(program string) error {
	f, err := elf.Open(program)
	if err != nil {
		return err
	}
	defer f.Close()
	s := f.Section(".note.gnu.build-id")
	if s == nil {
		return fmt.Errorf("%s has no build ID", program)
	}
	note, err := s.Data()
	const head = 16 // namesz, descsz, type, "GNU\0"
	if err != nil || len(note) < head+2 {
		return fmt.Errorf("%s: build ID: %d bytes, %v", program, len(note), err)
	}
	id := fmt.Sprintf("%x", note[head:])
	name := filepath.Join(t.cache, ".build-id", id[:2], id[2:]+".debug")
	old, _ := filepath.Glob(filepath.Join(t.cache, ".build-id", "*", "*.debug"))
	for _, n := range old { // of programs that are no longer there
		os.Remove(n)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	target, err := filepath.Rel(filepath.Dir(name), program)
	if err != nil {
		return err
	}
	return os.Symlink(target, name)
}
