package virtq

import (
	"encoding/binary"
	"errors"
	"testing"
	"unsafe"
)

func memoryOf(words []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 8*len(words))
}

// evil writes rings by hand.
type evil struct {
	ram []byte
	l   Layout
}

func (e evil) desc(table uint64, i int, addr uint64, length uint32, flags, next uint16) {
	b := e.ram[table+uint64(i)*16:]
	binary.LittleEndian.PutUint64(b, addr)
	binary.LittleEndian.PutUint32(b[8:], length)
	binary.LittleEndian.PutUint16(b[12:], flags)
	binary.LittleEndian.PutUint16(b[14:], next)
}

func (e evil) avail(heads ...uint16) {
	for i, h := range heads {
		binary.LittleEndian.PutUint16(e.ram[e.l.Avail+4+2*uint64(i):], h)
	}
	binary.LittleEndian.PutUint16(e.ram[e.l.Avail+2:], uint16(len(heads)))
}

func (e evil) used(idx uint16, id, n uint32) {
	binary.LittleEndian.PutUint32(e.ram[e.l.Used+4:], id)
	binary.LittleEndian.PutUint32(e.ram[e.l.Used+8:], n)
	binary.LittleEndian.PutUint16(e.ram[e.l.Used+2:], idx)
}

func TestDeviceRefusesHostileChains(t *testing.T) {
	const tab = bufBase + 4096
	n, w, i := uint16(descNext), uint16(descWrite), uint16(descIndirect)
	for name, f := range map[string]func(e evil){
		"head outside":               func(e evil) { e.avail(8) },
		"more than the queue holds":  func(e evil) { binary.LittleEndian.PutUint16(e.ram[e.l.Avail+2:], 9) },
		"address outside":            func(e evil) { e.desc(0, 0, 1<<40, 1, 0, 0); e.avail(0) },
		"address and length overrun": func(e evil) { e.desc(0, 0, uint64(len(e.ram))-4, 8, 0, 0); e.avail(0) },
		"address overflows":          func(e evil) { e.desc(0, 0, ^uint64(0), 2, 0, 0); e.avail(0) },
		"length 0":                   func(e evil) { e.desc(0, 0, bufBase, 0, 0, 0); e.avail(0) },
		"next outside":               func(e evil) { e.desc(0, 0, bufBase, 1, n, 8); e.avail(0) },
		"loop of one":                func(e evil) { e.desc(0, 0, bufBase, 1, n, 0); e.avail(0) },
		"loop of two":                func(e evil) { e.desc(0, 0, bufBase, 1, n, 1); e.desc(0, 1, bufBase, 1, n, 0); e.avail(0) },
		"readable after writable": func(e evil) {
			e.desc(0, 0, bufBase, 1, n|w, 1)
			e.desc(0, 1, bufBase, 1, 0, 0)
			e.avail(0)
		},
		"indirect with next":      func(e evil) { e.desc(0, 0, tab, 16, i|n, 1); e.desc(tab, 0, bufBase, 1, 0, 0); e.avail(0) },
		"indirect, odd size":      func(e evil) { e.desc(0, 0, tab, 17, i, 0); e.avail(0) },
		"indirect, outside":       func(e evil) { e.desc(0, 0, uint64(len(e.ram))-8, 16, i, 0); e.avail(0) },
		"indirect, too long":      func(e evil) { e.desc(0, 0, tab, 9*16, i, 0); e.avail(0) },
		"indirect in indirect":    func(e evil) { e.desc(0, 0, tab, 16, i, 0); e.desc(tab, 0, tab, 16, i, 0); e.avail(0) },
		"indirect, next outside":  func(e evil) { e.desc(0, 0, tab, 16, i, 0); e.desc(tab, 0, bufBase, 1, n, 1); e.avail(0) },
		"indirect, loop":          func(e evil) { e.desc(0, 0, tab, 32, i, 0); e.desc(tab, 0, bufBase, 1, n, 0); e.avail(0) },
		"indirect, unaligned bad": func(e evil) { e.desc(0, 0, tab+1, 16, i, 0); e.desc(tab+1, 0, 1<<50, 1, 0, 0); e.avail(0) },
	} {
		_, d, ram := pair(t, 8, Features)
		f(evil{ram, d.Layout})
		var c Chain
		if ok, err := d.Pop(&c); ok || !errors.Is(err, ErrHostile) {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	// Without the feature no table is followed.
	_, d, ram := pair(t, 8, FeatureVersion1)
	e := evil{ram, d.Layout}
	e.desc(0, 0, tab, 16, i, 0)
	e.desc(tab, 0, bufBase, 1, 0, 0)
	e.avail(0)
	var c Chain
	if ok, err := d.Pop(&c); ok || !errors.Is(err, ErrHostile) {
		t.Errorf("table without the feature: %v, %v", ok, err)
	}
}

func TestDeviceTakesUnalignedTable(t *testing.T) {
	_, d, ram := pair(t, 8, Features)
	e := evil{ram, d.Layout}
	const tab = bufBase + 4097
	e.desc(0, 3, tab, 32, descIndirect, 0)
	e.desc(tab, 0, bufBase, 5, descNext, 1)
	e.desc(tab, 1, bufBase+100, 6, descWrite, 0)
	e.avail(3)
	var c Chain
	if ok, err := d.Pop(&c); !ok || err != nil || c.ReadLen() != 5 || c.WriteLen() != 6 || c.Head != 3 {
		t.Errorf("%v, %v: %+v", ok, err, c)
	}
}

func TestDriverRefusesHostileUsedRing(t *testing.T) {
	for name, f := range map[string]func(e evil){
		"id outside":        func(e evil) { e.used(1, 8, 0) },
		"id huge":           func(e evil) { e.used(1, ^uint32(0), 0) },
		"id not in flight":  func(e evil) { e.used(1, 5, 0) },
		"id inside a chain": func(e evil) { e.used(1, 1, 0) },
		"too many":          func(e evil) { e.used(2, 0, 0) },
		"index backwards":   func(e evil) { e.used(0xffff, 0, 0) },
		"too much written":  func(e evil) { e.used(1, 0, 9) },
	} {
		q, _, ram := pair(t, 8, FeatureVersion1)
		if err := q.Add([]Buf{{bufBase, 4}}, []Buf{{bufBase + 8, 8}}, Buf{}, q); err != nil {
			t.Fatal(err)
		}
		q.Publish()
		f(evil{ram, q.Layout})
		if tok, _, err := q.Get(); tok != nil || !errors.Is(err, ErrUsed) {
			t.Errorf("%s: %v, %v", name, tok, err)
		}
		lost := 0
		q.Abandon(func(any) { lost++ })
		if lost != 1 || q.Free() != 8 || q.InFlight() != 0 {
			t.Errorf("%s: after Abandon %d lost, %d free, %d in flight", name, lost, q.Free(), q.InFlight())
		}
	}
}

// TestScribbledDescriptors overwrites the descriptor table: the driver must not read it back.
func TestScribbledDescriptors(t *testing.T) {
	q, d, ram := pair(t, 8, FeatureVersion1)
	for range 100 {
		if err := q.Add([]Buf{{bufBase, 4}, {bufBase + 8, 4}}, []Buf{{bufBase + 16, 4}}, Buf{}, q); err != nil {
			t.Fatal(err)
		}
		q.Publish()
		var c Chain
		if ok, err := d.Pop(&c); !ok || err != nil {
			t.Fatal(ok, err)
		}
		for i := range descBytes(8) {
			ram[i] = 0xff
		}
		d.Push(c.Head, 0)
		if tok, _, err := q.Get(); tok == nil || err != nil {
			t.Fatal(tok, err)
		}
		if q.Free() != 8 {
			t.Fatalf("%d free", q.Free())
		}
	}
}

// FuzzDevice runs the device's end on arbitrary RAM.
func FuzzDevice(f *testing.F) {
	f.Add([]byte{}, uint8(3), uint8(0))
	f.Add([]byte{0, 0, 1, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0}, uint8(2), uint8(0x55))
	f.Fuzz(func(t *testing.T, data []byte, order, fill uint8) {
		ram := alignedRAM(16 << 10)
		for i := range ram {
			ram[i] = fill
		}
		l := Place(0, 1<<(order%6))
		// The rings get the input, so that the fuzzer reaches descriptors and indexes alike.
		copy(ram, data)
		for _, features := range featureSets {
			d, err := NewDeviceQueue(ram, l, features)
			if err != nil {
				t.Fatal(err)
			}
			var c Chain
			for range 2 * l.Size {
				ok, err := d.Pop(&c)
				if !ok {
					if err != nil && !errors.Is(err, ErrHostile) {
						t.Fatal(err)
					}
					break
				}
				if len(c.readable)+len(c.writable) > l.Size {
					t.Fatalf("%d pieces in a queue of %d", len(c.readable)+len(c.writable), l.Size)
				}
				var b [64]byte
				c.Read(b[:])
				if c.WriteLen() < 1<<12 {
					for room := c.Room(); room != nil; room = c.Room() {
						c.Advance(len(room))
					}
				}
				d.Push(c.Head, c.Written())
				d.NeedInterrupt()
			}
		}
	})
}

// FuzzDriver runs the driver's end against a used ring of arbitrary content.
func FuzzDriver(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, ring []byte) {
		q, _, ram := pair(t, 8, Features)
		for i := range 3 {
			q.Add([]Buf{{bufBase, 4}}, []Buf{{bufBase + 8, 8}}, Buf{}, i+1)
		}
		q.Publish()
		copy(ram[q.Layout.Used:q.Layout.Used+usedBytes(8)], ring)
		seen := map[any]bool{}
		for {
			tok, n, err := q.Get()
			if tok == nil || err != nil {
				break
			}
			if seen[tok] || n > 8 {
				t.Fatalf("token %v, %d bytes", tok, n)
			}
			seen[tok] = true
		}
		q.Abandon(func(tok any) { seen[tok] = true })
		if len(seen) != 3 || q.Free() != 8 {
			t.Fatalf("%d tokens, %d free", len(seen), q.Free())
		}
	})
}
