package views

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/kview"
)

type ram struct{ bytes []byte }

type space struct {
	root uint32
	mem  *ram
}

var (
	tableInRAM   = kview.PageTable{Root: "root", RAM: "mem.bytes", Soft: "ash"}
	tableColumns = kview.Cols("UP ^TID", "I #", "START Start hex", "PAGES Pages", "FRAME Frame hex", "FLAGS Flags", "NO nosuch")
)

func (s *space) set(frame, i int, e amd64.PTE) {
	binary.LittleEndian.PutUint64(s.mem.bytes[frame*pageSize+8*i:], uint64(e))
}

// tables is an address space with a few runs of pages.
func tables() *space {
	const link = amd64.PTEPresent | amd64.PTEWrite | amd64.PTEUser
	s := &space{1, &ram{make([]byte, 8*pageSize)}}
	for f := 1; f < 4; f++ {
		s.set(f, 3, amd64.MakePTE(uint64(f+1), link))
	}
	for i := range 300 {
		s.set(4, i, amd64.MakePTE(uint64(100+i+i/100), link|amd64.PTE(i/150)<<9))
	}
	return s
}

// TestBrokenPageTable has a table that is missing and one that is there twice: the rows of the others are there.
func TestBrokenPageTable(t *testing.T) {
	s := tables()
	s.set(1, 0, amd64.MakePTE(8, amd64.PTEPresent))
	s.set(2, 4, amd64.MakePTE(3, amd64.PTEPresent))
	k := &kern{all: []*task{{mm: s}, {TID: 1, mm: tables()}, {TID: 2, mm: &space{root: 1 << 20, mem: &ram{make([]byte, 100)}}}}}
	v := kview.View{Root: "all", Each: "mm", Table: tableInRAM, Columns: tableColumns}
	want, err := kview.Rows(k, v)
	if err != nil || len(want.Rows) != 8 || !want.Truncated {
		t.Fatalf("reflection: %v, truncated %v, %v", want.Rows, want.Truncated, err)
	}
	got, err := self(t, k, nil).Rows(v)
	if bad := new(Fault); !errors.As(err, &bad) {
		t.Errorf("%v; want a fault", err)
	}
	compare(t, &got, &want)
}

// TestPageTableWithoutEnd has tables enough for hours: every entry of every table leads to another frame.
func TestPageTableWithoutEnd(t *testing.T) {
	const frames = 1 << 20
	// A range of addresses of its own: what is read there is made up.
	mem, err := unix.Mmap(-1, 0, frames*pageSize, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mem)
	s := &space{1, &ram{mem[:pageSize]}}
	k := &kern{all: []*task{{mm: s}}}
	ev := self(t, k, nil)
	ev.limit = 200 * time.Millisecond
	first, header := addrOf(&s.mem.bytes[0]), addrOf(&s.mem.bytes)
	ev.read = func(b []byte, addr uint64) (int, error) {
		if frame := addr/pageSize - first/pageSize; addr >= first && frame < frames {
			for i := range uint64(len(b) / 8) {
				binary.LittleEndian.PutUint64(b[8*i:], uint64(amd64.MakePTE((frame*512+i)%frames, amd64.PTEPresent)))
			}
			return len(b), nil
		}
		n, err := ownMemory(b, addr)
		if at := header + 8 - addr; addr <= header+8 && at+8 <= uint64(n) {
			binary.LittleEndian.PutUint64(b[at:], frames*pageSize)
		}
		return n, err
	}
	start := time.Now()
	tb, err := ev.Rows(kview.View{Root: "all", Each: "mm", Table: tableInRAM, Columns: tableColumns})
	if !tb.Truncated || len(tb.Rows) > kview.MaxRows {
		t.Errorf("%d rows, truncated %v, %v; want a part", len(tb.Rows), tb.Truncated, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
