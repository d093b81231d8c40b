package engine

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-delve/delve/pkg/elfwriter"
	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/core"
	"golang.org/x/sys/unix"

	"vitrine/debugserver/tracer"
)

// OpenCore makes an engine over a core file. It does not run, but can be looked at like a stopped process.
func OpenCore(exe, corePath string) (e *Engine, err error) {
	defer guard(&err)
	if err := checkCore(corePath); err != nil {
		return nil, fmt.Errorf("core file %s: %w", corePath, err)
	}
	if exe, err = filepath.Abs(exe); err != nil {
		return nil, err
	}
	g, err := core.OpenCore(corePath, exe, nil)
	if err != nil {
		return nil, fmt.Errorf("core file %s: %w", corePath, err)
	}
	e = newEngine(&Symbols{bi: g.Selected.BinInfo(), path: exe, busy: true, mu: &new(Cache).mu})
	e.group, e.target = g, g.Selected
	threads := append([]proc.Thread{e.target.CurrentThread()}, e.target.ThreadList()...)
	for _, th := range threads { // the current one, or one that runs a goroutine
		if gr, _ := proc.GetG(th); gr != nil {
			e.target.SwitchThread(th.ThreadID())
			break
		}
	}
	return e, nil
}

// checkCore looks at what Delve takes for granted: that there are notes, and that their sizes are those of a file.
func checkCore(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE {
			continue
		}
		if p.Filesz > 1<<30 {
			return errors.New("its notes are too long")
		}
		r := p.Open()
		for {
			var h struct{ Name, Desc, Type uint32 }
			if err := binary.Read(r, binary.LittleEndian, &h); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			at, err := r.Seek(int64(pad4(h.Name))+int64(pad4(h.Desc)), io.SeekCurrent)
			if err != nil || uint64(at) > p.Filesz {
				return errors.New("a note is longer than the file")
			}
		}
	}
	return errors.New("it has no notes")
}

func pad4(n uint32) uint64 { return (uint64(n) + 3) &^ 3 }

// MemoryMap lists what a core file has of the memory.
func (p *process) MemoryMap() ([]proc.MemoryMapEntry, error) {
	maps, err := p.e.tracer.Maps()
	if err != nil {
		return nil, err
	}
	var r []proc.MemoryMapEntry
	for _, m := range maps {
		if strings.HasPrefix(m.Path, "[vvar") || m.Path == "[vsyscall]" { // cannot be read
			continue
		}
		e := proc.MemoryMapEntry{
			Addr: m.Start, Size: m.End - m.Start, Offset: m.Offset,
			Read: m.Prot&unix.PROT_READ != 0, Write: m.Prot&unix.PROT_WRITE != 0, Exec: m.Prot&unix.PROT_EXEC != 0,
		}
		if strings.HasPrefix(m.Path, "/") && !strings.HasPrefix(m.Path, "/memfd:") {
			e.Filename = m.Path
		}
		r = append(r, e)
	}
	return r, nil
}

// Notes of a core file, as Linux writes them (include/uapi/linux/elfcore.h).
type (
	prpsinfo struct {
		State, Sname, Zomb, Nice int8
		_                        [4]byte
		Flag                     uint64
		UID, GID                 uint32
		PID, PPID, PGRP, SID     int32
		Fname                    [16]byte
		Args                     [80]byte
	}
	prstatus struct {
		Signo, Code, Errno   int32
		Cursig               int16
		_                    [2]byte
		Sigpend, Sighold     uint64
		PID, PPID, PGRP, SID int32
		Times                [8]uint64
		Regs                 unix.PtraceRegs
		Fpvalid              int32
		_                    [4]byte
	}
)

const (
	ntFpregset = 2
	ntAuxv     = 6
	ntXstate   = 0x202
	fxsaveSize = 512
)

// DumpProcessNotes describes the process and its threads, the current one first.
func (p *process) DumpProcessNotes(notes []elfwriter.Note, threadDone func()) (bool, []elfwriter.Note, error) {
	pid := p.e.tracer.Pid()
	info := prpsinfo{PID: int32(pid), Sname: 't'}
	copy(info.Fname[:15], filepath.Base(p.e.sym.path))
	copy(info.Args[:79], cmdline(pid))
	add := func(typ elf.NType, data any) {
		b, ok := data.([]byte)
		if !ok {
			var buf bytes.Buffer
			binary.Write(&buf, binary.LittleEndian, data)
			b = buf.Bytes()
		}
		notes = append(notes, elfwriter.Note{Type: typ, Name: "CORE\x00", Data: b})
	}
	add(elf.NT_PRPSINFO, info)
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid)); err == nil {
		add(ntAuxv, b)
	}
	current := p.e.target.CurrentThread().ThreadID()
	threads := []*tracer.Thread{p.e.tracer.Thread(current)}
	for _, th := range p.e.tracer.Threads() {
		if th.ID != current {
			threads = append(threads, th)
		}
	}
	for _, th := range threads {
		r, err := p.e.tracer.Regs(th.ID)
		if err != nil {
			return false, nil, err
		}
		add(elf.NT_PRSTATUS, prstatus{PID: int32(th.ID), Regs: *r, Fpvalid: 1})
		if x, err := p.e.tracer.XState(th.ID); err == nil && len(x) >= fxsaveSize {
			add(ntFpregset, x[:fxsaveSize])
			notes = append(notes, elfwriter.Note{Type: ntXstate, Name: "LINUX\x00", Data: x})
		}
		threadDone()
	}
	return true, notes, nil
}
