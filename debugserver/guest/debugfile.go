package guest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
)

// Finder finds files that may have the debugging information of one that was stripped: by its build ID, or by the name that its .gnu_debuglink
// gives. Which of them is the right one is found out here.
type Finder func(f *File, buildID, link string) iter.Seq[io.ReaderAt]

// debugFile returns what has the symbols: the file itself, or the separate file that its build ID or debug link names.
func (f *File) debugFile() *elf.File {
	if f.debug != nil {
		return f.debug
	}
	f.debug = f.elf
	if f.find == nil || f.elf.Section(".debug_info") != nil {
		return f.debug
	}
	link, crc := debugLink(f.elf)
	if f.BuildID == "" && link == "" {
		return f.debug
	}
	var wrong error
	for r := range f.find(f, f.BuildID, link) {
		e, err := openELF(r)
		if err == nil {
			err = f.belongs(e, r, crc)
		}
		if err == nil {
			f.debug = e
			return e
		}
		wrong = err
	}
	f.note(wrong)
	return f.debug
}

// belongs reports why e, which r reads, is not the file's: they have the same build ID, or if one has none the sum is that of the debug link.
func (f *File) belongs(e *elf.File, r io.ReaderAt, crc []byte) error {
	if id := buildID(e); id != "" && f.BuildID != "" {
		if id != f.BuildID {
			return fmt.Errorf("the file with the debugging information is of another build, %s", id)
		}
		return nil
	}
	if crc == nil {
		return fmt.Errorf("the file with the debugging information has no build ID")
	}
	sum := crc32.NewIEEE()
	n, err := io.Copy(sum, io.NewSectionReader(r, 0, maxDebug))
	if want := binary.LittleEndian.Uint32(crc); err != nil || n == maxDebug || sum.Sum32() != want {
		return fmt.Errorf("the file with the debugging information is of another build: its sum is %#x, not %#x", sum.Sum32(), want)
	}
	return nil
}

// debugLink reads .gnu_debuglink: a name, and behind it, at a multiple of 4 bytes, the sum of the file (GDB's manual, "Separate Debug Files").
func debugLink(e *elf.File) (name string, crc []byte) {
	b := section(e, ".gnu_debuglink")
	n := bytes.IndexByte(b, 0)
	at := (n + 4) &^ 3
	if n <= 0 || at+4 > len(b) {
		return "", nil
	}
	return string(b[:n]), b[at : at+4]
}

// buildID reads the note with the build ID: by its section, or in a file without sections among the notes of its segments.
func buildID(e *elf.File) string {
	if id := buildIDNote(section(e, ".note.gnu.build-id"), 4); id != "" {
		return id
	}
	for _, p := range e.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz > pageSize {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil && err != io.EOF {
			continue
		}
		if id := buildIDNote(b, max(p.Align, 4)); id != "" {
			return id
		}
	}
	return ""
}

// buildIDNote finds it in a list of notes.
func buildIDNote(b []byte, align uint64) string {
	const typeBuildID, head = 3, 12
	up := func(n uint64) uint64 { return (n + align - 1) &^ (align - 1) }
	for len(b) >= head && align <= 8 {
		names, size := uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[4:]))
		at := up(head + names)
		end := up(at + size)
		if at+size > uint64(len(b)) {
			return ""
		}
		if binary.LittleEndian.Uint32(b[8:]) == typeBuildID && names == 4 && string(b[head:head+4]) == "GNU\x00" && size > 0 && size <= 64 {
			return hex.EncodeToString(b[at : at+size])
		}
		b = b[min(end, uint64(len(b))):]
	}
	return ""
}
