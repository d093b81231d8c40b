package views

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestViewsOfACore dumps what is writable of a kernel, as debuggers do, and compares views of dump and process.
func TestViewsOfACore(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a kernel")
	}
	m := bootMachine(t)
	live := m.evaluator(t)
	path := filepath.Join(t.TempDir(), "core")
	writeCore(t, path, m.pid, live.read)
	core, kernel := open(t, path), open(t, fmt.Sprintf("/proc/%d/exe", m.pid))
	c, a, err := OpenCore(core, kernel)
	if err != nil {
		t.Fatal(err)
	}
	ev := New(c.Read, a)
	all, err := ev.Views()
	if err != nil || len(all) < 20 {
		t.Fatalf("%d views, %v", len(all), err)
	}
	for _, name := range []string{"ps", "files", "vmas", "pagetable", "mounts", "dentries", "users", "syscalls"} {
		got, err := ev.Table(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want, _ := live.Table(name)
		var x, y strings.Builder
		got.Write(&x)
		want.Write(&y)
		if len(got.Rows) == 0 || still(name, x.String()) != still(name, y.String()) {
			t.Errorf("%s of the core:\n%s\nof the process:\n%s", name, &x, &y)
		}
	}
	// Our own program is no kernel; a file that is no core is said to be none.
	if _, _, err := OpenCore(kernel, kernel); err == nil {
		t.Error("an executable is taken for a core file")
	}
	other := changed(t, fmt.Sprintf("/proc/%d/exe", m.pid), a.Module)
	if _, _, err := OpenCore(core, other); !errors.Is(err, ErrOtherBuild) {
		t.Errorf("a core with another build: %v", err)
	}
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// changed returns a kernel with a byte of its module data changed.
func changed(t *testing.T, path string, addr uint64) *bytes.Reader {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Vaddr <= addr && addr < p.Vaddr+p.Filesz {
			b[p.Off+addr-p.Vaddr+8]++
		}
	}
	return bytes.NewReader(b)
}

// writeCore writes a core file with the writable mappings of a process; the guest's RAM is one of them.
func writeCore(t *testing.T, path string, pid int, read Memory) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	var progs []elf.Prog64
	var data [][]byte
	for line := range strings.Lines(string(maps)) {
		f := strings.Fields(line)
		lo, hi, _ := strings.Cut(f[0], "-")
		a, _ := strconv.ParseUint(lo, 16, 64)
		z, _ := strconv.ParseUint(hi, 16, 64)
		if f[1] != "rw-p" && f[1] != "rw-s" || z-a > 256<<20 {
			continue
		}
		b := make([]byte, z-a)
		if n, _ := read(b, a); n == 0 {
			continue
		}
		progs = append(progs, elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Vaddr: a, Filesz: z - a, Memsz: z - a})
		data = append(data, b)
	}
	head := elf.Header64{
		Type: uint16(elf.ET_CORE), Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: uint16(len(progs)),
	}
	copy(head.Ident[:], "\x7fELF\x02\x01\x01")
	off := uint64(64 + 56*len(progs))
	for i := range progs {
		progs[i].Off = off
		off += progs[i].Filesz
	}
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, head)
	binary.Write(&b, binary.LittleEndian, progs)
	for _, d := range data {
		b.Write(d)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
