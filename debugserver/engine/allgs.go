package engine

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/go-delve/delve/pkg/dwarf/godwarf"
	"github.com/go-delve/delve/pkg/proc"
)

// A list of goroutines is wanted at every stop, and Delve takes 50 µs for each one. This reads the runtime's structures
// directly: one read a goroutine, its labels, and frame pointers up to the first frame that is not the runtime's. Who
// runs on a thread is asked of Delve, as is everything if the runtime is not as it is known here.

// gLayout is where fields are in the runtime's structures.
type gLayout struct {
	allgs  uint64 // address of runtime.allgs
	size   int64  // of a runtime.g
	goid   int64
	status int64
	pc, bp int64 // of sched
	lo, hi int64 // of stack
	labels int64
	gopc   int64
	start  int64
	reason int64

	list       int64 // the slice of labels in what labels points to
	labelSize  int64
	key, value int64
}

var errLayout = errors.New("the runtime's structures are not as known")

func (e *Engine) readLayout() (*gLayout, error) {
	v, err := e.Eval(Where{}, "runtime.allgs", LoadConfig{})
	if err != nil {
		return nil, err
	}
	t, err := e.sym.bi.FindType("runtime.g")
	if err != nil {
		return nil, err
	}
	l := &gLayout{allgs: v.Addr, size: t.Size()}
	for path, to := range map[string]*int64{
		"goid": &l.goid, "atomicstatus.value": &l.status, "sched.pc": &l.pc, "sched.bp": &l.bp, "stack.lo": &l.lo,
		"stack.hi": &l.hi, "labels": &l.labels, "gopc": &l.gopc, "startpc": &l.start, "waitreason": &l.reason,
	} {
		if _, *to = offset(t, path); *to < 0 {
			return nil, errLayout
		}
	}
	l.list = -1
	if t, err = e.sym.bi.FindType("runtime/pprof.labelMap"); err != nil {
		return l, nil // a program without labels
	}
	for _, path := range []string{"Set.List", "LabelSet.list", "list"} {
		typ, off := offset(t, path)
		s, ok := typ.(*godwarf.SliceType)
		if off < 0 || !ok {
			continue
		}
		for _, names := range [][2]string{{"Key", "Value"}, {"key", "value"}} {
			_, k := offset(s.ElemType, names[0])
			_, v := offset(s.ElemType, names[1])
			if k >= 0 && v >= 0 {
				l.list, l.labelSize, l.key, l.value = off, s.ElemType.Size(), k, v
				return l, nil
			}
		}
	}
	return nil, errLayout
}

// offset finds a field of a field; -1 if there is none.
func offset(t godwarf.Type, path string) (godwarf.Type, int64) {
	var off int64
	for name := range strings.SplitSeq(path, ".") {
		st, ok := godwarf.ResolveTypedef(t).(*godwarf.StructType)
		if !ok {
			return nil, -1
		}
		found := false
		for _, f := range st.Field {
			if f.Name == name {
				t, off, found = f.Type, off+f.ByteOffset, true
				break
			}
		}
		if !found {
			return nil, -1
		}
	}
	return godwarf.ResolveTypedef(t), off
}

// layoutOnce returns the layout, or nil if it is not known.
func (e *Engine) layoutOnce() *gLayout {
	if !e.layoutTried {
		e.layoutTried = true
		e.layout, _ = e.readLayout()
	}
	return e.layout
}

// allGoroutines lists the goroutines in [start, start+count) of the runtime's list.
func (e *Engine) allGoroutines(start, count int) (gs []Goroutine, next int, err error) {
	l := e.layoutOnce()
	if l == nil {
		return nil, 0, errLayout
	}
	running := map[int64]*proc.G{}
	for _, th := range e.target.ThreadList() {
		if g, _ := proc.GetG(th); g != nil {
			running[g.ID] = g
		}
	}
	base, n, err := e.slice(l.allgs)
	if err != nil || n > maxGoroutines {
		return nil, 0, errLayout
	}
	g := make([]byte, l.size)
	word := func(off int64) uint64 { return binary.LittleEndian.Uint64(g[off:]) }
	for i := max(start, 0); i < n; i++ {
		if len(gs) == count {
			return gs, i, nil
		}
		at, err := e.word(base + 8*uint64(i))
		if err != nil {
			return nil, 0, err
		}
		if _, err := e.target.Memory().ReadMemory(g, at); err != nil {
			gs = append(gs, Goroutine{Err: err})
			continue
		}
		id, status := int64(word(l.goid)), uint64(binary.LittleEndian.Uint32(g[l.status:]))
		if status&^0x1000 == proc.Gdead || status&^0x1000 == proc.Gidle {
			continue
		}
		if r := running[id]; r != nil {
			gs = append(gs, e.describe(r))
			continue
		}
		gs = append(gs, Goroutine{
			ID: id, Status: statusName(status), WaitReason: int64(g[l.reason]), Labels: e.labels(word(l.labels)),
			Current: e.cached(word(l.pc)), User: e.userFrame(word(l.pc), word(l.bp), word(l.lo), word(l.hi)),
			Go: e.calling(word(l.gopc)), Start: e.cached(word(l.start)), System: private(e.cached(word(l.start)).Function),
		})
	}
	return gs, -1, nil
}

// onAnyStack tells whether an address lies on a goroutine's stack.
func (e *Engine) onAnyStack(addr uint64) bool {
	l := e.layoutOnce()
	if l == nil {
		return false
	}
	base, n, err := e.slice(l.allgs)
	for i := 0; err == nil && i < min(n, maxGoroutines); i++ {
		at, _ := e.word(base + 8*uint64(i))
		lo, err1 := e.word(at + uint64(l.lo))
		hi, err2 := e.word(at + uint64(l.hi))
		if err1 == nil && err2 == nil && lo <= addr && addr < hi {
			return true
		}
	}
	return false
}

// labels reads a goroutine's labels, up to a bound.
func (e *Engine) labels(at uint64) map[string]string {
	l := e.layout
	if at == 0 || l.list < 0 {
		return nil
	}
	base, n, err := e.slice(at + uint64(l.list))
	if err != nil {
		return nil
	}
	r := map[string]string{}
	for i := range min(n, 64) {
		at := base + uint64(i)*uint64(l.labelSize)
		k, err1 := e.str(at + uint64(l.key))
		v, err2 := e.str(at + uint64(l.value))
		if err1 == nil && err2 == nil {
			r[k] = v
		}
	}
	return r
}

// userFrame follows the frame pointers of a parked goroutine.
func (e *Engine) userFrame(pc, bp, lo, hi uint64) Location {
	first := e.cached(pc)
	for l, n := first, 0; n < 30; n++ {
		if !private(l.Function) {
			return l
		}
		if bp < lo || bp+16 > hi {
			break
		}
		ret, err1 := e.word(bp + 8)
		up, err2 := e.word(bp)
		if err1 != nil || err2 != nil || ret == 0 || up <= bp && up != 0 {
			break
		}
		l, bp = e.calling(ret), up
	}
	return first
}

// private tells whether a function is the runtime's own.
func private(fn string) bool {
	name, ok := strings.CutPrefix(fn, "runtime.")
	return ok && name != "" && name != "main" && !(name[0] >= 'A' && name[0] <= 'Z')
}

// cached is location for addresses that are asked for again and again.
func (e *Engine) cached(pc uint64) Location {
	l, ok := e.lines[pc]
	if !ok {
		if e.lines == nil || len(e.lines) > 1<<16 {
			e.lines = map[uint64]Location{}
		}
		l = e.location(pc)
		e.lines[pc] = l
	}
	return l
}

// calling is the location of the call that returns to pc.
func (e *Engine) calling(pc uint64) Location {
	l := e.cached(pc - 1)
	l.Addr = pc
	return l
}

func (e *Engine) word(at uint64) (uint64, error) {
	var b [8]byte
	_, err := e.target.Memory().ReadMemory(b[:], at)
	return binary.LittleEndian.Uint64(b[:]), err
}

func (e *Engine) slice(at uint64) (base uint64, n int, err error) {
	base, err = e.word(at)
	if err != nil {
		return 0, 0, err
	}
	x, err := e.word(at + 8)
	if x > 1<<30 {
		return 0, 0, errLayout
	}
	return base, int(x), err
}

func (e *Engine) str(at uint64) (string, error) {
	base, n, err := e.slice(at)
	if err != nil || n == 0 {
		return "", err
	}
	b := make([]byte, min(n, 4096))
	_, err = e.target.Memory().ReadMemory(b, base)
	return string(b), err
}
