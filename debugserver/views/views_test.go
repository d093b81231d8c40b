package views

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"vitrine/kernel/kview"
)

// The tests evaluate structures of their own process twice: by reflection, and through its memory.

type wait struct{ Name string }

type base struct {
	ID    int
	Shade string
}

type other struct{ Shade string }

type named interface{ what() string }

func (b *base) what() string { return "base" }

type policyTask task

func (*policyTask) what() string { return "policy" }

func (w wait) what() string { return w.Name }

type large struct {
	Num  int
	Fill [200]byte
}

type key struct{ a int }

type task struct {
	base   // promoted
	*other // an ambiguous name in it
	*wait  // promoted, may be nil

	TID    int32
	state  uint8
	prio   int8
	comm   string
	parent *task
	count  atomic.Int64
	small  atomic.Int32
	on     atomic.Bool
	ptr    atomic.Pointer[task]
	kids   []*task
	inline []wait
	fixed  [3]large
	owner  any
	face   named
	none   any
	float  float64
	fn     func()
	ch     chan int
	pp     **task
	flag   bool
	addr   uintptr
	opts   map[string]int
	mm     *space
	next   *task
}

type kern struct {
	head   *task
	all    []*task
	arr    [4]*task
	plain  []task
	empty  []task
	names  map[string]*task
	ids    map[int]*task
	neg    map[int16]uint8
	many   map[uint32]int
	big    map[string]large
	faces  map[string]any
	bools  map[bool]int
	keyed  map[key]int
	values []any
	null   *task
	nomap  map[string]int
	policy named
}

func sample() *kern {
	a := &task{base: base{ID: 1, Shade: "x"}, other: &other{"y"}, TID: -1, comm: "init", state: 1, prio: -20, flag: true, none: nil, addr: 0xffff_ffff_ffff_fff0}
	b := &task{base: base{ID: 12}, wait: &wait{"pipe"}, TID: 12, comm: "sh\x1b[2J\u00e9\xff", parent: a, owner: a, state: 9}
	c := &task{base: base{ID: 13}, TID: 1 << 30, comm: strings.Repeat("long", 3000), parent: b, owner: wait{"by value"}, face: wait{"held"}}
	a.next, b.next = b, c
	a.kids = []*task{b, nil, c}
	b.count.Store(-7)
	b.small.Store(77)
	b.on.Store(true)
	b.ptr.Store(a)
	b.pp = &b.parent
	b.face = &b.base
	c.face = wait{"value in an interface"}
	c.inline = []wait{{"one"}, {""}, {"three"}}
	c.fixed[1].Num = 5
	c.opts = map[string]int{"a": 1, "b": 2}
	a.mm, b.mm = tables(), &space{}
	c.float, c.fn, c.ch = 1.5, func() {}, make(chan int)
	k := &kern{
		head: a, all: []*task{a, nil, b, c}, arr: [4]*task{nil, b}, policy: (*policyTask)(a),
		empty: nil, null: nil, nomap: nil,
		names: map[string]*task{"b": b, "a": a, "": c, "nil": nil}, ids: map[int]*task{12: b, -3: a, 1 << 40: c},
		neg: map[int16]uint8{-5: 5, 5: 250, 0: 0}, many: map[uint32]int{}, big: map[string]large{},
		faces: map[string]any{"task": b, "int": 5, "struct": wait{"w"}, "nil": nil, "str": "text"},
		bools: map[bool]int{true: 1}, keyed: map[key]int{{1}: 1},
		values: []any{a, nil, wait{"x"}, 7, "s", &a},
	}
	k.plain = make([]task, 3)
	k.plain[1].TID = 4
	for i := range 5000 {
		k.many[uint32(i)*2654435761] = i
	}
	for i := range 4000 {
		if i%3 > 0 {
			delete(k.many, uint32(i)*2654435761)
		}
	}
	for i := range 40 {
		k.big[fmt.Sprint("k", i)] = large{Num: i}
	}
	return k
}

var allColumns = kview.Cols("I #", "ID ID", "SHADE Shade", "WNAME Name", "TID TID", "HEX TID hex", "S state R,S", "PRIO prio",
	"COMM comm", "PARENT parent.TID", "N count", "SMALL small", "ON on", "PTR ptr", "KIDS kids", "INL inline", "FIX fixed",
	"OWNER owner", "OID owner.TID", "ONAME owner.Name", "FACE face", "FNAME face.Name", "FID face.ID", "NONE none", "FLOAT float",
	"FN fn", "CH ch", "PP pp.TID", "FLAG flag", "ADDR addr hex", "OPTS opts", "SELF .", "NO nosuch", "DEEP parent.parent.TID",
	"WRONG TID.x", "UP ^TID")

// self evaluates in this process.
func self(tb testing.TB, root any, views []kview.View) *Evaluator {
	tb.Helper()
	expr := "kernel.The"
	kview.SetRoot(expr, nil)
	debugger := &[2]any{&views, root}
	a := Anchors{
		Debugger: addrOf(debugger),
		RootExpr: addrOf(&expr),
		Types:    typesBase(), TypesEnd: ^uint64(0),
	}
	tb.Cleanup(func() { _, _ = debugger, expr }) // reachable while the test runs
	return New(ownMemory, a)
}

func ownMemory(b []byte, addr uint64) (int, error) {
	return unix.ProcessVMReadv(unix.Getpid(), []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}},
		[]unix.RemoteIovec{{Base: uintptr(addr), Len: len(b)}}, 0)
}

// typesBase finds runtime.types, which has no symbol in a test's binary, from a type's name and its offset.
func typesBase() uint64 {
	t := reflect.TypeFor[task]()
	p := (*[2]unsafe.Pointer)(unsafe.Pointer(&t))[1]
	desc := unsafe.Slice((*byte)(p), typeEnd)
	name := addrOf(unsafe.StringData(t.String())) - 2 // flags, length
	if desc[typeTFlag]&flagExtraStar != 0 {
		name--
	}
	return name - uint64(binary.LittleEndian.Uint32(desc[typeStr:]))
}

func TestRowsAreThoseOfReflection(t *testing.T) {
	tests := []kview.View{
		{Name: "list", Root: "head", Next: "next"},
		{Name: "long way", Root: "head.next", Next: "next"},
		{Name: "slice with hole", Root: "all"},
		{Name: "array", Root: "arr"},
		{Name: "slice of structs", Root: "plain"},
		{Name: "empty slice", Root: "empty"},
		{Name: "nil", Root: "null", Next: "next"},
		{Name: "through an interface", Root: "policy.kids"},
		{Name: "map of strings", Root: "names"},
		{Name: "map of ints", Root: "ids"},
		{Name: "map of negative ints", Root: "neg"},
		{Name: "map of many tables", Root: "many"},
		{Name: "map of large elements", Root: "big", Columns: kview.Cols("K #", "N Num", "FILL Fill")},
		{Name: "map of interfaces", Root: "faces", Columns: kview.Cols("K #", "TID TID", "SELF .")},
		{Name: "map of bools", Root: "bools", Columns: kview.Cols("K #", "SELF .")},
		{Name: "map of structs", Root: "keyed", Columns: kview.Cols("K #", "SELF .")},
		{Name: "nil map", Root: "nomap"},
		{Name: "slice of interfaces", Root: "values"},
		{Name: "each of slice", Root: "all", Each: "kids"},
		{Name: "each of array", Root: "all", Each: "fixed", Columns: kview.Cols("UP ^TID", "I #", "N Num")},
		{Name: "each of inline structs", Root: "all", Each: "inline", Columns: kview.Cols("UP ^TID", "I #", "N Name")},
		{Name: "each of list", Root: "arr", Each: "parent", EachNext: "next"},
		{Name: "each of map", Root: "all", Each: "opts", Columns: kview.Cols("UP ^TID", "K #", "V .")},
		{Name: "each without such a field", Root: "all", Each: "nosuch"},
		{Name: "page tables", Root: "all", Each: "mm", Table: tableInRAM, Columns: tableColumns},
		{Name: "page tables without RAM", Root: "all", Each: "mm", Table: kview.PageTable{Root: "root", RAM: "nosuch"}, Columns: tableColumns},
		{Name: "skip nil", Root: "all", Skip: "parent"},
		{Name: "skip empty string", Root: "all", Each: "inline", Skip: "Name", Columns: kview.Cols("N Name")},
		{Name: "skip zero struct", Root: "all", Each: "fixed", Skip: "Fill", Columns: kview.Cols("N Num")},
		{Name: "skip zero number", Root: "all", Each: "fixed", Skip: "Num", Columns: kview.Cols("N Num")},
		{Name: "skip nil interface", Root: "all", Skip: "owner"},
		{Name: "skip zero atomic", Root: "all", Skip: "count"},
		{Name: "skip without such a field", Root: "all", Skip: "nosuch"},
	}
	k := sample()
	ev := self(t, k, tests)
	for _, v := range tests {
		t.Run(v.Name, func(t *testing.T) {
			if v.Columns == nil {
				v.Columns = allColumns
			}
			want, err := kview.Rows(k, v)
			if err != nil {
				t.Fatal("reflection: ", err)
			}
			got, err := ev.Rows(v)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, &got, &want)
		})
	}
}

// compare tells the first difference between two tables.
func compare(t *testing.T, got, want *kview.Table) {
	t.Helper()
	if len(got.Rows) != len(want.Rows) || got.Truncated != want.Truncated || !reflect.DeepEqual(got.Head, want.Head) {
		t.Fatalf("%d rows, truncated %v, head %v; want %d, %v, %v", len(got.Rows), got.Truncated, got.Head,
			len(want.Rows), want.Truncated, want.Head)
	}
	for i := range want.Rows {
		for j := range want.Head {
			if got.Rows[i][j] != want.Rows[i][j] {
				t.Errorf("row %d, %s: %q; want %q", i, want.Head[j], got.Rows[i][j], want.Rows[i][j])
			}
		}
		if got.Exprs[i] != want.Exprs[i] {
			t.Errorf("row %d: expression %s; want %s", i, got.Exprs[i], want.Exprs[i])
		}
	}
}

func TestLongListsAndCycles(t *testing.T) {
	k := &kern{}
	for i := range 1000 {
		k.head = &task{TID: int32(i), next: k.head}
	}
	v := kview.View{Name: "list", Root: "head", Next: "next", Columns: allColumns}
	ev := self(t, k, nil)
	for _, cycle := range []*task{nil, k.head.next} {
		for last := k.head; ; last = last.next {
			if last.next == nil {
				last.next = cycle
				break
			}
		}
		want, err := kview.Rows(k, v)
		if err != nil || len(want.Rows) != 1000 {
			t.Fatal(len(want.Rows), err)
		}
		got, err := ev.Rows(v)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, &got, &want)
	}
}

func TestMoreThanMaxRows(t *testing.T) {
	k := &kern{plain: make([]task, kview.MaxRows+1)}
	got, err := self(t, k, nil).Rows(kview.View{Root: "plain", Columns: kview.Cols("TID TID")})
	if err != nil || len(got.Rows) != kview.MaxRows || !got.Truncated {
		t.Errorf("%d rows, truncated %v, %v", len(got.Rows), got.Truncated, err)
	}
}

func TestDeclarationsAreReadFromTheKernel(t *testing.T) {
	views := []kview.View{
		{Name: "b", Doc: "second", Root: "all", Skip: "parent", Columns: kview.Cols("TID TID hex", "S state R,S"), Detail: []string{"a", "c"}},
		{Name: "a", Root: "head", Next: "next", Each: "kids", EachNext: "next", Table: tableInRAM},
	}
	ev := self(t, sample(), views)
	got, err := ev.Views()
	if err != nil || !reflect.DeepEqual(got, []kview.View{views[1], views[0]}) {
		t.Errorf("%+v, %v", got, err)
	}
	tb, err := ev.Table("b")
	if err != nil || len(tb.Rows) != 2 {
		t.Errorf("%v, %v", tb.Rows, err)
	}
	if _, err := ev.Table("c"); err == nil {
		t.Error("no error for a view that does not exist")
	}
}

func TestErrors(t *testing.T) {
	var null *kern
	for name, tt := range map[string]struct {
		root any
		view kview.View
		want string
	}{
		"not booted":   {&null, kview.View{Root: "all"}, ErrNotBooted.Error()},
		"no root":      {nil, kview.View{Root: "all"}, ErrNotBooted.Error()},
		"wrong root":   {sample(), kview.View{Root: "nosuch"}, "no field nosuch"},
		"not a list":   {sample(), kview.View{Root: "head"}, "not something to walk"},
		"not a struct": {sample(), kview.View{Root: "all.x"}, "slice has no fields"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := self(t, tt.root, nil).Rows(tt.view)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v; want %s", err, tt.want)
			}
		})
	}
}

func BenchmarkThousandTasks(b *testing.B) {
	k := &kern{}
	for i := range 1000 {
		k.head = &task{TID: int32(i), comm: "sh", next: k.head, wait: &wait{"pipe_read"}}
	}
	v := kview.View{Root: "head", Next: "next", Columns: kview.Cols("TID TID", "PPID parent.TID", "PGID parent.parent.TID", "UID base.ID",
		"S state R,R,S,D,T,Z", "CPU owner.TID", "NI prio", "NR small", "WCHAN wait.Name", "COMM comm", "N count", "ID ID")}
	ev := self(b, k, nil)
	for b.Loop() {
		if tb, err := ev.Rows(v); err != nil || len(tb.Rows) != 1000 {
			b.Fatal(len(tb.Rows), err)
		}
	}
}

func addrOf[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }
