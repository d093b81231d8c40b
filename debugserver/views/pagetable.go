package views

import (
	"fmt"
	"reflect"
	"strconv"

	"vitrine/kernel/kview"
)

// table adds a row for each run of a page table, as kview.Rows does. The guest's RAM is a mapping of the kernel's like its heap.
func (w *walker) table(outer element, pt value) bool {
	root, ram, err := w.ev.pageTable(pt, w.Table)
	if err != nil {
		w.failed(err)
		return true
	}
	if root == 0 {
		return true
	}
	n, more := 0, true
	err = w.Table.Translations(root, func(frame uint64) ([]byte, error) {
		if err := w.ev.expired(); err != nil {
			return nil, err
		}
		if frame >= ram.n/pageSize {
			return nil, &Fault{ram.addr, fmt.Sprintf("frame %#x lies beyond the RAM", frame)}
		}
		return w.ev.bytes(ram.addr+frame*pageSize, pageSize)
	}, func(r kview.Translation) bool {
		if err := w.ev.expired(); err != nil {
			w.failed(err)
			return false
		}
		more = w.add(outer, element{run: &r, key: strconv.Itoa(n), expr: kview.FieldExpr(outer.expr, w.Each)})
		n++
		return more
	})
	if err != nil {
		w.failed(err)
	}
	return more
}

// memoryRange is what a []byte refers to.
type memoryRange struct{ addr, n uint64 }

// pageTable returns the number of a page table's root frame, 0 if there is no table, and the RAM that it lies in.
func (ev *Evaluator) pageTable(pt value, p kview.PageTable) (root uint64, ram memoryRange, err error) {
	r, err := ev.follow(pt, p.Root)
	if err != nil || !r.valid() {
		return 0, ram, err
	}
	if root, err = ev.uint(r); err != nil || root == 0 {
		return 0, ram, err
	}
	m, err := ev.follow(pt, p.RAM)
	if err != nil || !m.valid() {
		return 0, ram, err
	}
	if m.t.kind != reflect.Slice {
		return 0, ram, &errPath{fmt.Sprintf("%s is no slice", p.RAM)}
	}
	ram.addr, ram.n, err = ev.length(m)
	return root, ram, err
}
