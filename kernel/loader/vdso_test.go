package loader

import (
	"testing"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

// tscClock is a clock of which a nanosecond is a tick of the counter, plus what a test adds.
type tscClock struct{ plus int64 }

func (c *tscClock) Now() int64     { return int64(amd64.RDTSC()) + c.plus }
func (c *tscClock) SetAlarm(int64) {}

func TestVDSOLearnsTheCountersSpeed(t *testing.T) {
	if !amd64.TSCInvariant() {
		t.Skip("the counter's speed varies on this processor")
	}
	onMachine(t, 100, func(b *bench, th *sched.Thread) {
		v, err := NewVDSO(th, b.mem)
		if err != nil {
			t.Fatal(err)
		}
		clock := &tscClock{}
		timers := ktime.New(clock, 5e18)
		pass := func(ns int64) {
			for end := clock.Now() + ns; clock.Now() < end; {
			}
			v.Update(th, timers)
		}
		guess := func() int64 {
			return v.params.Base + int64(mulShift(amd64.RDTSC()-v.params.TSC, v.params.Mult))
		}
		for i := 0; !v.params.Valid; i++ {
			if i == 20 {
				t.Fatalf("not valid after %d measurements: %+v", i, v.params)
			}
			pass(vdsoEvery + 1000)
		}
		last := int64(0)
		for range 10 {
			pass(vdsoEvery + 1000)
			now, g := clock.Now(), guess()
			if d := g - now; d < -vdsoSlack || d > vdsoSlack {
				t.Errorf("the vDSO is off by %d ns", d)
			}
			if g < last {
				t.Errorf("time went back by %d ns", last-g)
			}
			last = g
		}
		if v.params.Wall != 5e18 {
			t.Errorf("wall %d", v.params.Wall)
		}
		timers.SetWall(clock.Now() + 6e18)
		v.WallChanged(th, timers)
		if w := v.params.Wall; w < 6e18-1e6 || w > 6e18+1e6 {
			t.Errorf("wall %d after it was set", w)
		}
		// A counter that jumps isn't trusted again.
		clock.plus = int64(ktime.Millisecond)
		pass(vdsoEvery + 1000)
		if v.params.Valid || !v.spoiled {
			t.Error("the counter jumped and is believed")
		}
		v.free(th, b.mem)
	})
}

// TestVDSODistrustsAClockThatDoesNotFollowTheCounter uses the stepping clock of tests.
func TestVDSODistrustsAClockThatDoesNotFollowTheCounter(t *testing.T) {
	onMachine(t, 100, func(b *bench, th *sched.Thread) {
		v, err := NewVDSO(th, b.mem)
		if err != nil {
			t.Fatal(err)
		}
		clock := &testClock{}
		timers := ktime.New(clock, 0)
		for i := range 50 {
			clock.now.Add(vdsoEvery * int64(1+i%3))
			v.Update(th, timers)
		}
		if v.params.Valid {
			t.Error("believed")
		}
		v.free(th, b.mem)
	})
}
