package amd64

import "encoding/binary"

// PTE is an entry of a page table, at any of the four levels (Intel SDM vol. 3,
// 4.5, tables 4-15 to 4-20).
//
//	63 62        52 51                    12 11  9 8 7 6 5 4 3 2 1 0
//	┌──┬───────────┬────────────────────────┬─────┬─┬─┬─┬─┬───┬─┬─┬─┐
//	│NX│  ignored  │      frame number      │soft │G│S│D│A│ … │U│W│P│
//	└──┴───────────┴────────────────────────┴─────┴─┴─┴─┴─┴───┴─┴─┴─┘
type PTE uint64

// Bits of a PTE. The processor leaves the soft bits to the kernel, and all bits of an
// entry that isn't present.
const (
	PTEPresent PTE = 1 << 0
	PTEWrite   PTE = 1 << 1
	PTEUser    PTE = 1 << 2
	PTEDirty   PTE = 1 << 6
	PTESoft0   PTE = 1 << 9
	PTESoft1   PTE = 1 << 10
	PTESoft2   PTE = 1 << 11
	PTENoExec  PTE = 1 << 63

	pteFrame PTE = 0x000f_ffff_ffff_f000
)

// PTEsPerTable is the number of entries of a table, which fills a page.
const PTEsPerTable = PageSize / 8

// Levels is the depth of the page table, PageTableSpan what an entry at level 0 (the leaf), 1, … spans.
const Levels = 4

// PageTableSpan returns how many bytes of address space an entry at the level spans; level 0 is the leaf.
func PageTableSpan(level int) uint64 { return PageSize << (9 * level) }

// PageTableIndex returns the index of va's entry in its table at the level.
func PageTableIndex(va uint64, level int) int {
	return int(va >> (PageShift + 9*level) & (PTEsPerTable - 1))
}

// MakePTE returns an entry for a frame.
func MakePTE(frame uint64, bits PTE) PTE { return PTE(frame<<PageShift)&pteFrame | bits }

// Frame returns the frame number.
func (p PTE) Frame() uint64 { return uint64(p&pteFrame) >> PageShift }

// Bits returns everything but the frame number.
func (p PTE) Bits() PTE { return p &^ pteFrame }

// LoadPTE returns entry i of a table whose bytes these are.
func LoadPTE(table []byte, i int) PTE { return PTE(binary.LittleEndian.Uint64(table[8*i:])) }

// Has reports whether all of bits are set.
func (p PTE) Has(bits PTE) bool { return p&bits == bits }
