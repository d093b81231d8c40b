package ktime

import (
	"reflect"
	"testing"
)

type handClock struct{ now, alarm int64 }

func (c *handClock) Now() int64       { return c.now }
func (c *handClock) SetAlarm(d int64) { c.alarm = d }

func TestTimersExpireInOrder(t *testing.T) {
	c := &handClock{alarm: Forever}
	ts := New(c, 1000)
	var got []int
	timer := func(n int) *Timer { return &Timer{Fn: func(int64) { got = append(got, n) }} }
	a, b, d, e := timer(1), timer(2), timer(3), timer(4)
	ts.Add(a, 30)
	ts.Add(b, 10)
	if c.alarm != 10 {
		t.Errorf("alarm at %d, want 10", c.alarm)
	}
	ts.Add(d, 10) // the same moment: after b
	ts.Add(e, 20)
	if !ts.Cancel(e) || ts.Cancel(e) {
		t.Error("Cancel does not tell whether the timer was armed")
	}
	ts.Add(a, 40) // moved
	for c.now = 0; c.now <= 50; c.now += 5 {
		if c.now >= c.alarm {
			c.alarm = Forever
			ts.Expire()
		}
	}
	if want := []int{2, 3, 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	if ts.Pending() != 0 {
		t.Errorf("%d timers are left", ts.Pending())
	}
}

func TestTimerThatArmsItself(t *testing.T) {
	c := &handClock{alarm: Forever}
	ts := New(c, 0)
	n := 0
	var tm Timer
	tm.Fn = func(now int64) {
		if n++; n < 5 {
			ts.Add(&tm, now+10)
		}
	}
	ts.Add(&tm, 10)
	for c.now = 0; c.now <= 100; c.now++ {
		if c.now >= c.alarm {
			c.alarm = Forever
			ts.Expire()
		}
	}
	if n != 5 {
		t.Errorf("ran %d times, want 5", n)
	}
}

func TestEarlyInterruptLosesNothing(t *testing.T) {
	c := &handClock{alarm: Forever}
	ts := New(c, 0)
	ran := false
	ts.Add(&Timer{Fn: func(int64) { ran = true }}, 100)
	c.now = 50
	ts.Expire() // the machine may interrupt early
	if ran || c.alarm != 100 {
		t.Errorf("ran %v, alarm %d", ran, c.alarm)
	}
	c.now = 100
	ts.Expire()
	if !ran {
		t.Error("the timer did not run when it was due")
	}
}

func TestWallClock(t *testing.T) {
	c := &handClock{now: 5}
	ts := New(c, 1000)
	if w := ts.Wall(); w != 1005 {
		t.Errorf("wall %d, want 1005", w)
	}
	ts.SetWall(9000)
	c.now = 7
	if w := ts.Wall(); w != 9002 {
		t.Errorf("wall %d after setting, want 9002", w)
	}
}
