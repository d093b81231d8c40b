package layout

import (
	"slices"
	"testing"
	"unsafe"

	"vitrine/machine"
)

func ram(n int) []byte {
	w := make([]uint64, n/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), n)
}

func TestAreasDoNotOverlap(t *testing.T) {
	areas := []machine.Named{
		{Name: "header", Extent: machine.Extent{Addr: HeaderAddr, Size: uint64(unsafe.Sizeof(Header{}))}},
		{Name: "clock", Extent: machine.Extent{Addr: ClockAddr, Size: uint64(unsafe.Sizeof(ClockPage{}))}},
		{Name: "doorbells", Extent: machine.Extent{Addr: DoorbellsAddr, Size: uint64(unsafe.Sizeof(Doorbells{}))}},
		{Name: "cells", Extent: Cells()},
	}
	for n := range MaxDevices {
		areas = append(areas, machine.Named{Name: "device", Extent: DeviceRegs(n)})
	}
	areas = append(areas, Rings()...)
	slices.SortFunc(areas, func(a, b machine.Named) int { return int(a.Addr) - int(b.Addr) })
	for i, a := range areas {
		if a.Addr+a.Size > LowSize {
			t.Errorf("%s ends at %#x, above the low area", a.Name, a.Addr+a.Size)
		}
		if a.Addr%machine.PageSize != 0 {
			t.Errorf("%s begins at %#x, inside a page", a.Name, a.Addr)
		}
		if i > 0 && areas[i-1].Addr+areas[i-1].Size > a.Addr {
			t.Errorf("%s overlaps %s", areas[i-1].Name, a.Name)
		}
	}
}

func TestCheck(t *testing.T) {
	m := ram(MinRAM)
	if Check(m) == nil {
		t.Error("empty RAM passes")
	}
	Init(m)
	if err := Check(m); err != nil {
		t.Error(err)
	}
	if Check(m[:LowSize]) == nil {
		t.Error("half of RAM passes")
	}
	HeaderOf(m).Version++
	if Check(m) == nil {
		t.Error("another version passes")
	}
}

func TestBytesStaysInRAM(t *testing.T) {
	m := ram(4096)
	for _, e := range []machine.Extent{{Addr: 0, Size: 4097}, {Addr: 4096, Size: 1}, {Addr: 1 << 63, Size: 1 << 63}, {Addr: 1, Size: ^uint64(0)}} {
		if Bytes(m, e) != nil {
			t.Errorf("%+v lies in RAM of 4096 bytes", e)
		}
	}
	if b := Bytes(m, machine.Extent{Addr: 96, Size: 4000}); len(b) != 4000 || cap(b) != 4000 {
		t.Errorf("%d bytes, capacity %d", len(b), cap(b))
	}
}

func TestClock(t *testing.T) {
	c := ClockOf(ram(MinRAM))
	check := func(host, want int64, frozen bool) {
		t.Helper()
		if now, f := c.Now(host); now != want || f != frozen {
			t.Errorf("host %d: virtual %d (frozen %v), want %d (%v)", host, now, f, want, frozen)
		}
	}
	c.Freeze(0)
	check(500, 0, true)
	c.Thaw(1000) // switched on
	check(1000, 0, false)
	check(1700, 700, false)
	c.Freeze(2000)
	check(9000, 1000, true)
	c.Freeze(3000) // again: no effect
	c.Thaw(50000)
	c.Thaw(60000)
	check(50000, 1000, false)
	check(49990, 1000, false) // a reader whose clock lags does not see time go back
	check(50500, 1500, false)
}

func TestDoorbells(t *testing.T) {
	d := DoorbellsOf(ram(MinRAM))
	if !d.Kick(3, 1) || d.Kick(3, 0) || d.Kick(5, machine.ConfigQueue) || d.Kick(5, 2) {
		t.Error("only the first kick wakes")
	}
	if d.Kick(-1, 0) || d.Kick(MaxDevices, 0) {
		t.Error("a slot that isn't there can be kicked")
	}
	var got [][2]int
	take := func() { d.TakeKicks(func(s, q int) { got = append(got, [2]int{s, q}) }) }
	take()
	want := [][2]int{{3, 0}, {3, 1}, {5, machine.ConfigQueue}, {5, 2}}
	if !slices.Equal(got, want) {
		t.Errorf("kicks %v, want %v", got, want)
	}
	if take(); len(got) != len(want) {
		t.Error("kicks are taken twice")
	}
	if !d.Kick(3, 1) {
		t.Error("the first kick after they were taken does not wake")
	}
	if !d.Raise(8) || d.Raise(8) || d.Raise(9) {
		t.Error("only the first interrupt wakes")
	}
	if set := d.TakeInterrupts(); set != 3<<8 {
		t.Errorf("interrupts %#x", set)
	}
}

func TestCellTable(t *testing.T) {
	m := ram(LowSize)
	if n := len(CellTable(m, Cells())); n != CellsSize/8 {
		t.Errorf("%d entries", n)
	}
	for _, e := range []machine.Extent{{}, {Addr: LowSize, Size: 8}, {Size: 7}} {
		if CellTable(m, e) != nil {
			t.Errorf("%+v holds a table", e)
		}
	}
}
