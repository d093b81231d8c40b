package loader

import (
	"math/bits"

	"vitrine/kernel/abi"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/layout"
)

// VDSO is the shared object of which every process gets a view, and the time page that it reads.
//
//	              host's monotonic time
//	TSC ──────────────▶ ──────────────────▶ virtual time ──────▶ wall time
//	     time page: base,     clock page:       time page: wall
//	     mult (the kernel)    offset, frozen
//	                          (the supervisor)
//
// The supervisor's page is mapped into processes as it is, so a machine that stops stops the vDSO's
// clock, too. The kernel measures the counter's speed whenever it is asked for the time (Update), and declares the
// time page valid when two measurements agree; till then, and when the parameters are old, the vDSO
// makes the system call.
type VDSO struct {
	pager *mm.Frames
	page  *amd64.TimePage
	clock *layout.ClockPage // nil: the machine has none
	able  bool              // immutable: the counter is worth trying

	mu      ksync.SpinLock
	first   sample // where the measurement of the speed began; guarded by mu
	last    sample // guarded by mu
	params  amd64.TimeParams
	agreed  int  // consecutive measurements that agree; guarded by mu
	spoiled bool // the counter was found wrong: never again; guarded by mu
}

// sample is a reading of both clocks at one moment.
type sample struct {
	tsc  uint64
	mono int64 // the host's monotonic time
}

var classVDSO = &ksync.Class{Name: "vdso", Rank: ksync.RankFrames}

const (
	vdsoEvery   = 10 * ktime.Millisecond  // between two measurements
	vdsoMaxAge  = 200 * ktime.Millisecond // of parameters in use
	vdsoReading = 20_000                  // ticks that a reading of both clocks may take
	vdsoSlack   = 20 * ktime.Microsecond  // a prediction that misses by more spoils the counter
)

// NewVDSO builds the object in guest memory; a kernel has one.
func NewVDSO(t *sched.Thread, mem *mm.Memory) (*VDSO, error) {
	p, err := mem.AllocRun(t, 2, true)
	if err != nil {
		return nil, err
	}
	v := &VDSO{mu: ksync.NewSpinLock(classVDSO), able: amd64.TSCInvariant()}
	v.page = amd64.TimePageAt(mem.Bytes(p, 1))
	copy(mem.Bytes(p+1, 1), amd64.VDSOImage())
	clock := mm.PFN(layout.ClockAddr / machine.PageSize)
	if ram := mem.RAM(); layout.Check(ram) == nil {
		v.clock = layout.ClockOf(ram)
	} else {
		// No clock page: a page of zeros says "offset 0, not frozen".
		if clock, err = mem.Alloc(t, 0, true); err != nil {
			return nil, err
		}
	}
	v.pager = mm.NewFrames(mem, []mm.PFN{p, clock, p + 1}, false)
	return v, nil
}

// mapInto maps the object and returns the address of its ELF header.
func (v *VDSO) mapInto(t *sched.Thread, as *mm.AddressSpace) (uint64, error) {
	const size = amd64.VDSOPages * mm.PageSize
	at, err := as.Mmap(t, mm.MapRequest{
		Len: size, Prot: mm.Read, Flags: abi.MAP_PRIVATE, Pager: v.pager, Name: "[vvar]",
		VMFlags: mm.Special | mm.DontExpand | mm.DontDump,
	})
	if err != nil {
		return 0, err
	}
	image := at + size - mm.PageSize
	_, err = as.Mmap(t, mm.MapRequest{
		Addr: image, Len: mm.PageSize, Prot: mm.Read | mm.Exec, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED,
		Pager: v.pager, Offset: size - mm.PageSize, Name: "[vdso]", VMFlags: mm.Special | mm.DontExpand,
	})
	return uint64(image), err
}

// Update measures and stores new parameters if the old ones have aged. clock_gettime(2) calls it, for
// whoever asks the kernel may have been sent by the vDSO. It is cheap when there is nothing to do.
func (v *VDSO) Update(t *sched.Thread, timers *ktime.Timers) { v.update(t, timers, false) }

// WallChanged stores a new wall clock: clock_settime(2).
func (v *VDSO) WallChanged(t *sched.Thread, timers *ktime.Timers) { v.update(t, timers, true) }

func (v *VDSO) update(t *sched.Thread, timers *ktime.Timers, wall bool) {
	if v == nil || !v.able {
		return
	}
	v.mu.Lock(t)
	defer v.mu.Unlock(t)
	if v.spoiled {
		return
	}
	s, ok := v.measure(timers)
	if !ok || !wall && s.mono-v.last.mono < vdsoEvery {
		return
	}
	v.last = s
	if v.first.tsc == 0 || s.tsc <= v.first.tsc || s.mono <= v.first.mono {
		v.first = s
		return
	}
	mult := multOf(s.mono-v.first.mono, s.tsc-v.first.tsc)
	v.params.Wall = timers.WallOffset()
	if v.agreed < 2 {
		if v.params.Mult != 0 && near(mult, v.params.Mult) {
			v.agreed++
		} else {
			v.agreed = 0
		}
		v.params.Mult = mult
		v.publish(s.tsc, s.mono, mult, v.agreed == 2)
		return
	}
	// What programs have read so far must not be taken back: a prediction that ran ahead goes on, a little slower.
	guess := v.params.Base + int64(mulShift(s.tsc-v.params.TSC, v.params.Mult))
	switch ahead := guess - s.mono; {
	case ahead > vdsoSlack || ahead < -vdsoSlack && s.tsc-v.params.TSC < v.params.Max:
		v.spoiled = true
		v.publish(s.tsc, s.mono, 0, false)
	case ahead > 0:
		v.publish(s.tsc, guess, mult-mulDiv(mult, uint64(ahead), uint64(vdsoMaxAge)), true)
	default:
		v.publish(s.tsc, s.mono, mult, true)
	}
	if age := s.mono - v.first.mono; age > 100*vdsoMaxAge {
		// The host may change its clock's speed, slowly: the older half of the measurement is forgotten.
		v.first = sample{tsc: s.tsc - (s.tsc-v.first.tsc)/2, mono: s.mono - age/2}
	}
}

// measure reads both clocks. It reports false while the machine's clock is frozen or being set, and when
// the host took the processor away in between.
func (v *VDSO) measure(timers *ktime.Timers) (sample, bool) {
	for range 3 {
		off, frozen := v.offset()
		before := amd64.RDTSC()
		now := timers.Now()
		after := amd64.RDTSC()
		if again, f := v.offset(); frozen || f || again != off {
			return sample{}, false
		}
		if after-before < vdsoReading {
			return sample{tsc: before + (after-before)/2, mono: now + off}, true
		}
	}
	return sample{}, false
}

// offset is the machine's clock page's.
func (v *VDSO) offset() (int64, bool) {
	if v.clock == nil {
		return 0, false
	}
	const far = 1 << 62
	now, frozen := v.clock.Now(far)
	return far - now, frozen
}

func (v *VDSO) publish(tsc uint64, mono int64, mult uint64, valid bool) {
	v.params = amd64.TimeParams{Valid: valid, TSC: tsc, Base: mono, Mult: mult, Wall: v.params.Wall}
	if mult != 0 {
		v.params.Max = uint64(vdsoMaxAge) << 32 / mult
	}
	v.page.Write(v.params)
}

// Fixed-point helpers: mult is nanoseconds per tick times 1<<32.

func multOf(ns int64, ticks uint64) uint64 {
	if uint64(ns)>>32 >= ticks {
		return 0
	}
	q, _ := bits.Div64(uint64(ns)>>32, uint64(ns)<<32, ticks)
	return q
}

func mulShift(ticks, mult uint64) uint64 {
	hi, lo := bits.Mul64(ticks, mult)
	return hi<<32 | lo>>32
}

func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return 0
	}
	q, _ := bits.Div64(hi, lo, c)
	return q
}

func near(a, b uint64) bool {
	d := max(a, b) - min(a, b)
	return d <= b>>12
}
