package cell

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

func spinUntil(addr *uint32, val uint32, cycles uint64) bool
func yieldUntil(addr *uint32, val uint32, cycles uint64) bool
func rdtsc() uint64

// Wait says how kernel and guest wait for each other.
type Wait uint8

// Ways to wait. Auto spins while there are processors
// for all who would, else yields to guests that call often and sleeps for others.
const (
	WaitAuto  Wait = iota
	WaitSpin       // always spin a while
	WaitYield      // always give the processor away, for a while
	WaitSleep      // always sleep at once
)

// spinTime is more than nearly all system calls take, and than most programs take to their next one. Twice as much
// answered no more of them and took a tenth of a boot's processor time.
const spinTime = 10 * time.Microsecond

// yieldFlag in mailbox.spin makes the guest thread yield while it waits.
const yieldFlag = 1 << 63

// tuner decides how to wait. Spinning on a processor that others want cost
// 300–700 µs a call, sleeping across processors 18 µs each way.
type tuner struct {
	cpus   int32
	mode   Wait
	cycles uint64 // of spinTime

	guests   atomic.Int32 // guest threads in user code
	spinners atomic.Int32 // kernel threads that spin
	staying  atomic.Int32 // guest threads that were told to stay around while their tasks sleep
}

func (t *tuner) init(cpus int, mode Wait) { t.cpus, t.mode = int32(cpus), mode }

func (t *tuner) calibrate(c *clock) { t.cycles = c.cycles(spinTime) }

// napTime is how long a kernel thread sleeps with its P before it sleeps without. Giving the P away
// costs more than most guests need to their next trap: the Go runtime's watcher wakes every 20 µs to take Ps away,
// another thread has to be woken to run them, and at the end a P must be found again. There are Ps to spare
// (GOMAXPROCS in the kernel's environment); a collection of garbage ends the nap by a signal.
const napTime = 200 * time.Microsecond

func (t *tuner) nap() time.Duration {
	if t.cpus < 2 {
		return 0
	}
	return napTime
}

func (t *tuner) spinCycles() uint64 { return t.cycles }

// mmSpin is how long to spin for an order: its mm thread has to be woken first.
func (t *tuner) mmSpin() uint64 {
	if t.cpus < 2 {
		return 0
	}
	return 5 * t.cycles
}

// stayCycles is how long a guest thread whose task sleeps stays around, yielding: to wake it again would take as long.
func (t *tuner) stayCycles() uint64 { return 4 * t.cycles }

// mayStay counts one more that stays around, if there are not enough.
func (t *tuner) mayStay() bool {
	if t.mode != WaitAuto {
		return false
	}
	if t.staying.Add(1) > t.cpus {
		t.staying.Add(-1)
		return false
	}
	return true
}

// guestWait tells a guest thread how to wait for the answer to its next trap.
func (t *tuner) guestWait(h *hitRate) uint64 {
	switch t.mode {
	case WaitSpin:
		return t.cycles
	case WaitYield:
		return t.cycles | yieldFlag
	case WaitSleep:
		return 0
	}
	if h.polite > 0 || t.cpus < 2 || t.guests.Load()+t.spinners.Load()+1 > t.cpus {
		return t.cycles | yieldFlag
	}
	return t.cycles
}

// hitRate remembers how often spinning was worth it.
type hitRate struct {
	misses uint8 // in a row, up to 63
	skip   uint8 // waits to sleep at once
	near   uint8 // in a row: traps that came soon, but to a sleeper
	polite uint8 // waits in which to yield, whatever the processors seem to be
}

// slept is told how long a trap took that was waited for asleep. Two sides
// that both sleep need 40 µs and more for what takes 2 when both are awake, and
// neither would ever find the other spinning: so a trap that came about as
// soon as that counts for spinning.
func (t *tuner) slept(h *hitRate, cycles uint64) {
	if cycles < 20*t.cycles {
		h.misses, h.skip = 0, 0
		// Again and again: then we spin on the very processor that the guest
		// waits for, because others hold the rest.
		if h.near++; h.near >= 3 {
			h.near, h.polite = 0, 100
		}
		return
	}
	if h.misses < 63 {
		h.misses++
	}
	h.skip = h.misses / 4
}

// wait waits a while for state to become stReq without sleeping; longer if
// the guest thread has to wake up first.
func (t *tuner) wait(h *hitRate, state *uint32, wake bool, st *counters) bool {
	if load(state) == stReq {
		st.spinHits.Add(1)
		return true
	}
	mode := t.mode
	if mode == WaitAuto {
		if h.skip > 0 {
			h.skip--
			return false
		}
		if h.polite > 0 {
			h.polite--
		}
		switch {
		case h.polite == 0 && t.cpus > 1 && t.guests.Load()+t.spinners.Load() < t.cpus:
			mode = WaitSpin
		case h.misses == 0:
			// The guest needs the processor that we are on. To yield is the
			// cheapest hand-off, but this thread keeps its P meanwhile, so only
			// to a guest that has just shown that it calls often.
			mode = WaitYield
		default:
			mode = WaitSleep
		}
	}
	ok, limit := false, t.cycles
	if wake {
		limit *= 6
	}
	switch mode {
	case WaitSpin:
		t.spinners.Add(1)
		ok = spinUntil(state, stReq, limit)
		t.spinners.Add(-1)
	case WaitYield:
		ok = yieldUntil(state, stReq, 10*t.cycles) // others get the time
	default:
		return false
	}
	if ok {
		st.spinHits.Add(1)
		h.misses, h.near = 0, 0
		return true
	}
	return false
}

// clock converts between time and cycles of the time-stamp counter.
type clock struct {
	t0   time.Time
	tsc0 uint64
	mhz  float64
}

func startClock() clock { return clock{t0: time.Now(), tsc0: rdtsc()} }

func (c *clock) calibrate() {
	if d := 2*time.Millisecond - time.Since(c.t0); d > 0 {
		time.Sleep(d)
	}
	d := time.Since(c.t0)
	c.mhz = float64(rdtsc()-c.tsc0) / (float64(d.Nanoseconds()) / 1000)
}

func (c *clock) cycles(d time.Duration) uint64 {
	return uint64(c.mhz * float64(d.Nanoseconds()) / 1000)
}

// maxMapCount is the host's limit of mappings a process may have.
func maxMapCount() int {
	b, _ := os.ReadFile("/proc/sys/vm/max_map_count")
	if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && n > 0 {
		return n
	}
	return 65530 // DEFAULT_MAX_MAP_COUNT
}
