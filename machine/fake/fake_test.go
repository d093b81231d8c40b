package fake

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"vitrine/machine"
	"vitrine/machine/ctl"
	"vitrine/machine/layout"
)

func TestClockMovesOnlyByHand(t *testing.T) {
	m := New(Options{})
	defer m.Close()
	var lines []int
	m.OnInterrupt(func(line int) { lines = append(lines, line) })
	c := m.Clock()
	if a, b := c.Now(), c.Now(); a != 0 || b != 0 {
		t.Error("the clock moves")
	}
	if m.Idle() {
		t.Error("idle without an alarm")
	}
	c.SetAlarm(-5) // due: still not raised from SetAlarm
	if len(lines) != 0 {
		t.Error("SetAlarm interrupts")
	}
	if !m.Idle() || c.Now() != 0 || !slices.Equal(lines, []int{machine.LineTimer}) {
		t.Errorf("a due alarm: now %d, lines %v", c.Now(), lines)
	}
	c.SetAlarm(1000)
	c.SetAlarm(500)
	m.Advance(499)
	if len(lines) != 1 {
		t.Error("an alarm before its time")
	}
	m.Advance(1000)
	if len(lines) != 2 || c.Now() != 1499 {
		t.Errorf("now %d, lines %v", c.Now(), lines)
	}
	c.SetAlarm(machine.NoAlarm)
	m.Advance(time.Hour)
	if len(lines) != 2 {
		t.Error("no alarm rings")
	}
}

// An alarm that the handler sets again rings again on the way, each at its moment.
func TestAdvanceStopsAtAlarms(t *testing.T) {
	m := New(Options{})
	defer m.Close()
	var at []int64
	m.OnInterrupt(func(int) {
		at = append(at, m.Clock().Now())
		m.Clock().SetAlarm(m.Clock().Now() + 10)
	})
	m.Clock().SetAlarm(10)
	m.Advance(35)
	if !slices.Equal(at, []int64{10, 20, 30}) || m.Clock().Now() != 35 {
		t.Errorf("alarms at %v, now %d", at, m.Clock().Now())
	}
}

func TestNowStep(t *testing.T) {
	m := New(Options{NowStep: 3})
	defer m.Close()
	m.Clock().Now()
	if now := m.Clock().Now(); now != 6 {
		t.Errorf("now %d", now)
	}
}

func TestEarlyInterruptsAreDelivered(t *testing.T) {
	m := New(Options{})
	defer m.Close()
	m.Raise(9)
	m.Raise(8)
	m.Raise(9)
	var lines []int
	m.OnInterrupt(func(line int) { lines = append(lines, line) })
	if !slices.Equal(lines, []int{8, 9}) {
		t.Errorf("lines %v", lines)
	}
}

func TestEntropyIsTheSeeds(t *testing.T) {
	read := func(seed uint64) []byte {
		m := New(Options{Seed: seed})
		defer m.Close()
		p := make([]byte, 100)
		m.Entropy(p)
		return p
	}
	if !bytes.Equal(read(1), read(1)) || bytes.Equal(read(1), read(2)) {
		t.Error("entropy is not a function of the seed")
	}
}

func TestPartsLieInRAM(t *testing.T) {
	initrd := bytes.Repeat([]byte("archive"), 10000)
	m := New(Options{Initrd: initrd, Devices: []int{0, 5}, RAM: 1})
	defer m.Close()
	b := m.Boot()
	if err := layout.Check(m.RAM()); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(layout.Bytes(m.RAM(), b.Initrd), initrd) || b.Reserved < b.Initrd.Addr+b.Initrd.Size || b.Reserved >= uint64(len(m.RAM())) {
		t.Errorf("initrd %+v, reserved %#x, RAM %#x", b.Initrd, b.Reserved, len(m.RAM()))
	}
	if len(b.Devices) != 2 || len(layout.Bytes(m.RAM(), b.Devices[1].Regs)) != layout.DeviceSize {
		t.Errorf("devices %+v", b.Devices)
	}
	if layout.Ring(m.RAM(), b, "epitaph") == nil || layout.Ring(m.RAM(), b, "none") != nil {
		t.Error("rings")
	}
}

func TestControl(t *testing.T) {
	m := New(Options{})
	defer m.Close()
	rung := 0
	m.OnInterrupt(func(line int) {
		if line == machine.LineControl {
			rung++
		}
	})
	p := m.Control()
	if p.Receive() != nil {
		t.Error("a message from nobody")
	}
	m.Send(&ctl.Message{ID: 1, View: &ctl.View{Name: "ps"}})
	if got := p.Receive(); rung != 1 || got == nil || got.View.Name != "ps" || p.Receive() != nil {
		t.Errorf("message %+v, rung %d", got, rung)
	}
	p.Send(&ctl.Message{ID: 1, Reply: &ctl.Reply{}})
	if s := m.Sent(); len(s) != 1 || len(m.Sent()) != 0 {
		t.Errorf("sent %+v", s)
	}
}

func TestHalt(t *testing.T) {
	n := 0
	m := New(Options{OnHalt: func(machine.Halt) { n++ }})
	defer m.Close()
	if _, ok := m.Halted(); ok {
		t.Error("halted at once")
	}
	m.Halt(machine.Halt{Status: 3})
	m.Halt(machine.Halt{Status: 4})
	<-m.Done()
	if h, ok := m.Halted(); !ok || h.Status != 3 || n != 1 {
		t.Errorf("%+v, %v, %d", h, ok, n)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(Options{}).Close()
	}
}
