package views

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"vitrine/kernel/kview"
)

// TestCorruptMemory evaluates views over memory in which words are not what they were: there must be an end, and no panic.
func TestCorruptMemory(t *testing.T) {
	views := []kview.View{
		{Root: "head", Next: "next", Columns: allColumns},
		{Root: "all", Each: "kids", Skip: "parent", Columns: allColumns},
		{Root: "all", Each: "fixed", Skip: "Fill", Columns: allColumns},
		{Root: "names", Columns: allColumns},
		{Root: "many", Columns: allColumns},
		{Root: "big", Skip: "Fill", Columns: allColumns},
		{Root: "values", Columns: allColumns},
		{Root: "all", Each: "mm", Table: tableInRAM, Columns: tableColumns},
	}
	seeds := uint64(150)
	if testing.Short() {
		seeds = 20
	}
	declared := views
	sane := self(t, sample(), declared)
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		rarity := 2 << (seed % 10)
		ev := New(corrupt(r, rarity, sane.anchors.Types), sane.anchors)
		ev.limit = 100 * time.Millisecond
		for _, v := range views {
			start := time.Now()
			ev.Rows(v)
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("seed %d, %s: %v", seed, v.Root, took)
			}
		}
		ev.Views()
	}
}

// corrupt changes one word of so many.
func corrupt(r *rand.Rand, rarity int, types uint64) Memory {
	return func(b []byte, addr uint64) (int, error) {
		n, err := ownMemory(b, addr)
		for i := 0; i+8 <= n; i += 8 {
			if r.IntN(rarity) > 0 {
				continue
			}
			old := binary.LittleEndian.Uint64(b[i:])
			odd := []uint64{
				0, 1, ^uint64(0), r.Uint64(), old + 8, old - 8, old ^ 1<<r.IntN(64), addr + uint64(i), 1 << 40, 1 << r.IntN(48),
				types + uint64(r.IntN(1<<16))&^7,
			}
			binary.LittleEndian.PutUint64(b[i:], odd[r.IntN(len(odd))])
		}
		if n > 0 && r.IntN(rarity) == 0 {
			return r.IntN(n), err
		}
		return n, err
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	k := sample()
	bad := &Fault{1, ""}
	ev := self(t, k, nil)
	hole := addrOf(&k.head.next.comm) // its header lies on a page, of which nothing can be read beyond it
	ev.read = func(b []byte, addr uint64) (int, error) {
		n, err := ownMemory(b, addr)
		if addr <= hole && hole < addr+uint64(n) {
			return int(hole - addr), err
		}
		return n, err
	}
	tb, err := ev.Rows(kview.View{Root: "head", Next: "next", Columns: kview.Cols("TID TID", "COMM comm")})
	if !errors.As(err, &bad) {
		t.Errorf("%v; want a fault", err)
	}
	if len(tb.Rows) < 2 || tb.Rows[1][1] != "?" || !tb.Truncated {
		t.Errorf("rows %v, truncated %v; want a ? in the second row, and no more", tb.Rows, tb.Truncated)
	}
}

// TestEndlessSliceEnds has a length that memory can't satisfy, and one that time can't.
func TestEndlessSliceEnds(t *testing.T) {
	// Behind the one element nothing is mapped but what the reader below makes of it: zeros.
	const reserve = 1 << 32
	area, err := unix.Mmap(-1, 0, reserve, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(area)
	if err := unix.Mprotect(area[:pageSize], unix.PROT_READ|unix.PROT_WRITE); err != nil {
		t.Fatal(err)
	}
	k := &kern{plain: unsafe.Slice((*task)(unsafe.Pointer(&area[0])), 1)}
	defer func() { k.plain = nil }()
	ev := self(t, k, nil)
	header := addrOf(&k.plain)
	ev.read = func(b []byte, addr uint64) (int, error) {
		n, err := ownMemory(b, addr)
		if at := header + 8 - addr; addr <= header+8 && at+8 <= uint64(n) {
			binary.LittleEndian.PutUint64(b[at:], 1<<40)
		}
		if n < len(b) || err != nil { // everything is mapped
			return len(b), nil
		}
		return n, nil
	}
	tb, err := ev.Rows(kview.View{Root: "plain", Skip: "comm", Columns: kview.Cols("TID TID")})
	if !errors.Is(err, errEndless) || !tb.Truncated {
		t.Errorf("%d rows, truncated %v, %v; want errEndless", len(tb.Rows), tb.Truncated, err)
	}
}
