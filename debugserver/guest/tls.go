package guest

import (
	"debug/elf"
	"errors"
)

var errTLS = errors.New("it belongs to the thread, and where a shared library's lie is not known")

// threadLocal is where a variable of a thread's own is that lies at off in the file's part of them: of the program itself, that part ends where the
// FS base points to (ELF Handling For Thread-Local Storage, variant II).
func (f *File) threadLocal(fs, off uint64) (uint64, error) {
	const flagPIE = 0x0800_0000 // DF_1_PIE of DT_FLAGS_1
	if fs == 0 {
		return 0, errors.New("it belongs to the thread, whose registers are not known")
	}
	if f.elf.Type != elf.ET_EXEC {
		flags, err := f.elf.DynValue(elf.DT_FLAGS_1)
		if err != nil || len(flags) == 0 || flags[0]&flagPIE == 0 {
			return 0, errTLS
		}
	}
	for _, p := range f.elf.Progs {
		if p.Type == elf.PT_TLS && p.Align < maxSection && off < p.Memsz && p.Memsz < maxSection {
			align := max(p.Align, 1)
			return fs - (p.Memsz+align-1)/align*align + off, nil
		}
	}
	return 0, errTLS
}
