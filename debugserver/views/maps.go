package views

import (
	"fmt"
	"reflect"
	"slices"

	"vitrine/kernel/kview"
)

// Maps are those of internal/runtime/maps since Go 1.24:
//
//	map word ─▶ Map{used, seed, dirPtr, dirLen, …}
//	              dirLen 0: dirPtr ─▶ group
//	              else:     dirPtr ─▶ [dirLen]*table ─▶ table{…, groups{data ─▶ [lengthMask+1]group, lengthMask}}
//	group: struct{ctrl uint64; slots [8]struct{key K or *K; elem E or *E}}
//
// A slot is in use if the high bit of its control byte is clear. The group's own type says where all of it lies.
const (
	mapUsed   = 0
	mapDirPtr = 16
	mapDirLen = 24
	mapEnd    = 32

	tableIndex  = 8
	tableGroups = 16
	tableMask   = 24
	tableEnd    = 32

	maxDir     = 1 << 20
	maxGroups  = 1 << 20 // in one table; the runtime has 128 at most
	maxEntries = 1 << 20
)

// slots is the layout of a map's groups.
type slots struct {
	size      uint64 // of a group
	first     uint64 // offset of the slots in a group
	n         int
	stride    uint64
	key, elem slot
}

// slot is the layout of a key or element in its slot.
type slot struct {
	t        *rtype
	offset   uint64
	indirect bool // the slot has a pointer, as the thing is large
}

// entry is a key with its element.
type entry struct{ key, elem value }

// mapLen returns the number of entries.
func (ev *Evaluator) mapLen(v value) (uint64, error) {
	m, err := ev.u64(v.addr)
	if err != nil || m == 0 {
		return 0, err
	}
	n, err := ev.u64(m + mapUsed)
	if err == nil && n > 1<<48 {
		err = &Fault{m, fmt.Sprintf("a map of %d entries", n)}
	}
	return n, err
}

// sortedEntries returns a map's entries with their keys as scalars, in the order of the keys.
func (ev *Evaluator) sortedEntries(v value) ([]entry, []any, error) {
	entries, err := ev.entries(v)
	type pair struct {
		e   entry
		key any
	}
	pairs := make([]pair, len(entries))
	for i, e := range entries {
		key, kerr := ev.scalar(e.key)
		if kerr != nil && err == nil {
			err = kerr
		}
		pairs[i] = pair{e, key}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return kview.CompareKeys(a.key, b.key) })
	keys := make([]any, len(entries))
	for i, p := range pairs {
		entries[i], keys[i] = p.e, p.key
	}
	return entries, keys, err
}

// entries returns a map's entries in the order of memory; with an error those that could be read.
func (ev *Evaluator) entries(v value) (all []entry, err error) {
	m, err := ev.u64(v.addr)
	if err != nil || m == 0 {
		return nil, err
	}
	s, err := ev.slotsOf(v.t)
	if err != nil {
		return nil, err
	}
	head, err := ev.bytes(m, mapEnd)
	if err != nil {
		return nil, err
	}
	dir, dirLen := le64(head[mapDirPtr:]), le64(head[mapDirLen:])
	if dir == 0 {
		return nil, nil
	}
	if dirLen == 0 {
		return ev.groupEntries(nil, s, dir)
	}
	if dirLen > maxDir {
		return nil, &Fault{m, fmt.Sprintf("a map of %d tables", dirLen)}
	}
	for i := range dirLen {
		if err := ev.expired(); err != nil {
			return all, err
		}
		table, err := ev.u64(dir + 8*i)
		if err != nil {
			return all, err
		}
		t, err := ev.bytes(table, tableEnd)
		if err != nil {
			return all, err
		}
		if le64(t[tableIndex:]) != i { // a table stands at several places of the directory
			continue
		}
		groups, mask := le64(t[tableGroups:]), le64(t[tableMask:])
		if mask >= maxGroups {
			return all, &Fault{table, fmt.Sprintf("a map's table of %d groups", mask)}
		}
		for g := range mask + 1 {
			if all, err = ev.groupEntries(all, s, groups+g*s.size); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

// groupEntries appends the entries of one group.
func (ev *Evaluator) groupEntries(all []entry, s *slots, addr uint64) ([]entry, error) {
	ctrl, err := ev.u64(addr)
	if err != nil {
		return all, err
	}
	for i := range s.n {
		if ctrl>>(8*i)&0x80 != 0 {
			continue
		}
		if len(all) == maxEntries {
			return all, &Fault{addr, "a map without end"}
		}
		at := addr + s.first + uint64(i)*s.stride
		key, err := ev.inSlot(s.key, at)
		if err != nil {
			return all, err
		}
		elem, err := ev.inSlot(s.elem, at)
		if err != nil {
			return all, err
		}
		all = append(all, entry{key, elem})
	}
	return all, nil
}

func (ev *Evaluator) inSlot(s slot, addr uint64) (value, error) {
	v := value{s.t, addr + s.offset}
	if s.indirect {
		p, err := ev.u64(v.addr)
		return value{s.t, p}, err
	}
	return v, nil
}

// slotsOf finds out how the groups of a map type are laid out.
func (ev *Evaluator) slotsOf(t *rtype) (*slots, error) {
	if t.slots != nil {
		return t.slots, nil
	}
	odd := &Fault{t.addr, "a map that is laid out in a way unknown to this debugger"}
	g, err := ev.typeAt(t.group)
	if err != nil {
		return nil, err
	}
	if g.kind != reflect.Struct || len(g.fields) != 2 || g.fields[0].offset != 0 {
		return nil, odd
	}
	array, err := ev.typeAt(g.fields[1].typ)
	if err != nil {
		return nil, err
	}
	if array.kind != reflect.Array || array.len != 8 {
		return nil, odd
	}
	one, err := ev.typeAt(array.elem)
	if err != nil {
		return nil, err
	}
	if one.kind != reflect.Struct || len(one.fields) != 2 {
		return nil, odd
	}
	s := &slots{size: g.size, first: g.fields[1].offset, n: int(array.len), stride: one.size}
	for i, part := range []*slot{&s.key, &s.elem} {
		want := []uint64{t.key, t.elem}[i]
		if part.t, err = ev.typeAt(want); err != nil {
			return nil, err
		}
		part.offset, part.indirect = one.fields[i].offset, one.fields[i].typ != want
	}
	t.slots = s
	return s, nil
}
