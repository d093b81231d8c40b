package kview

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"vitrine/kernel/arch/amd64"
)

type space struct {
	root uint32
	mem  *struct{ ram []byte }
}

type process struct {
	pid int
	mm  *space
}

const (
	table = amd64.PTEPresent | amd64.PTEWrite | amd64.PTEUser
	data  = amd64.PTEPresent | amd64.PTEWrite | amd64.PTEUser | amd64.PTENoExec | amd64.PTESoft0
	text  = amd64.PTEPresent | amd64.PTEUser
	held  = amd64.PTENoExec | amd64.PTESoft0 | amd64.PTESoft2
)

// set writes entry i of the table in a frame.
func set(ram []byte, frame, i int, e amd64.PTE) {
	binary.LittleEndian.PutUint64(ram[frame*amd64.PageSize+8*i:], uint64(e))
}

// mapped returns 16 frames of RAM with a page table whose root is frame 1.
func mapped() []byte {
	ram := make([]byte, 16*amd64.PageSize)
	for f := 1; f < 4; f++ {
		set(ram, f, 0, amd64.MakePTE(uint64(f+1), table))
	}
	set(ram, 4, 1, amd64.MakePTE(8, text)) // 0x1000 and 0x2000 are one run
	set(ram, 4, 2, amd64.MakePTE(9, text))
	set(ram, 4, 3, amd64.MakePTE(10, data)) // other flags
	set(ram, 4, 4, amd64.MakePTE(12, data)) // another frame than the next
	set(ram, 4, 6, amd64.MakePTE(13, data)) // a hole before it
	set(ram, 4, 511, amd64.MakePTE(14, held))
	set(ram, 3, 1, amd64.MakePTE(5, table))
	set(ram, 5, 0, amd64.MakePTE(15, held)) // the run goes on in the next table
	set(ram, 1, 511, amd64.MakePTE(6, table))
	set(ram, 6, 511, amd64.MakePTE(7, table))
	set(ram, 7, 511, amd64.MakePTE(11, table))
	set(ram, 11, 511, amd64.MakePTE(1<<40-1, text)) // the last page, and a frame that is none
	return ram
}

const mappedRows = `7 0x1000 2 0x8 r-xu---
7 0x3000 1 0xa rw-ua--
7 0x4000 1 0xc rw-ua--
7 0x6000 1 0xd rw-ua--
7 0x1ff000 2 0xe ----a-h
7 0xfffffffffffff000 1 0xffffffffff r-xu---`

var pageTables = View{
	Name: "pagetable", Root: "all", Each: "mm", Table: PageTable{Root: "root", RAM: "mem.ram", Soft: "ash"},
	Columns: Cols("PID ^pid", "START Start hex", "PAGES Pages", "FRAME Frame hex", "FLAGS Flags"),
}

func TestPageTables(t *testing.T) {
	in := func(root uint32, ram []byte) *space { return &space{root, &struct{ ram []byte }{ram}} }
	loop := func(frame, i, to int) []byte {
		ram := mapped()
		set(ram, frame, i, amd64.MakePTE(uint64(to), table))
		return ram
	}
	some := func(lines ...int) string {
		all := strings.Split(mappedRows, "\n")
		var s []string
		for _, i := range lines {
			s = append(s, all[i])
		}
		return strings.Join(s, "\n")
	}
	tests := []struct {
		name      string
		space     *space
		want      string
		truncated bool
	}{
		{"all kinds of runs", in(1, mapped()), mappedRows, false},
		{"no address space", nil, "", false},
		{"no table", in(0, mapped()), "", false},
		{"a root beyond the RAM", in(16, mapped()), "", true},
		{"a table beyond the RAM", in(1, loop(3, 0, 1<<30)), "7 0x200000 1 0xf ----a-h\n" + some(5), true},
		{"a table that is its own child", in(1, loop(2, 0, 2)), some(5), true},
		{"a root that is below itself", in(1, loop(3, 1, 1)), strings.Join(strings.Split(mappedRows, "\n")[:4], "\n") + "\n7 0x1ff000 1 0xe ----a-h\n" + some(5), true},
		{"a table at two places", in(1, loop(3, 2, 4)), mappedRows, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tb, err := Rows(&struct{ all []process }{[]process{{7, tt.space}}}, pageTables)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, r := range tb.Rows {
				lines = append(lines, strings.Join(r, " "))
			}
			if got := strings.Join(lines, "\n"); got != tt.want || tb.Truncated != tt.truncated {
				t.Errorf("truncated %v, want %v, got\n%s\nwant\n%s", tb.Truncated, tt.truncated, got, tt.want)
			}
		})
	}
}

func TestPageTableRowsAreBounded(t *testing.T) {
	const tables = 200 // full of pages that are no runs
	ram := make([]byte, (tables+4)*amd64.PageSize)
	set(ram, 1, 0, amd64.MakePTE(2, table))
	set(ram, 2, 0, amd64.MakePTE(3, table))
	for i := range tables {
		set(ram, 3, i, amd64.MakePTE(uint64(4+i), table))
		for j := range amd64.PTEsPerTable {
			set(ram, 4+i, j, amd64.MakePTE(uint64(2*j), text))
		}
	}
	root := struct{ all []process }{[]process{{1, &space{1, &struct{ ram []byte }{ram}}}}}
	tb, err := Rows(&root, pageTables)
	if err != nil || len(tb.Rows) != MaxRows || !tb.Truncated {
		t.Errorf("%d rows, truncated %v, %v; want %d", len(tb.Rows), tb.Truncated, err, MaxRows)
	}
}

func TestTranslationsOfShortTables(t *testing.T) {
	err := PageTable{}.Translations(1, func(uint64) ([]byte, error) { return make([]byte, 100), nil }, func(Translation) bool { return true })
	if err == nil {
		t.Error("no error for a table of 100 bytes")
	}
	why := fmt.Errorf("no")
	if err := (PageTable{}).Translations(1, func(uint64) ([]byte, error) { return nil, why }, nil); err != why {
		t.Errorf("%v; want the reader's error", err)
	}
}
