// Package fake is a machine for tests: RAM in the test's own memory, a clock
// that moves only when it is told to, entropy from a seed, devices that are
// callbacks. Two runs of the same kernel on it are the same. Making one costs
// microseconds and touches no file, so a test process may have thousands.
//
//	m := fake.New(fake.Options{})
//	defer m.Close()
//	... boot a kernel on m ...
//	for m.Idle() {}               // let virtual time run until nobody waits for it
//	m.Advance(5 * time.Second)    // or move it by hand
//
// An alarm that is due is never raised from SetAlarm, which is called under
// locks, but by the next Advance or Idle.
package fake

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"vitrine/machine"
	"vitrine/machine/ctl"
	"vitrine/machine/layout"
)

// Options say how to put the machine together. The zero Options make a machine with
// 4 MiB of RAM and one CPU.
type Options struct {
	Name        string
	CommandLine string
	CPUs        int
	RAM         int    // bytes; rounded up to a page and what the initrd needs
	Initrd      []byte // the initial root archive
	WallTime    int64  // nanoseconds since 1970 at virtual time 0
	Seed        uint64 // of the entropy
	Devices     []int  // slots in use

	// NowStep, if not 0, is how many nanoseconds the clock moves at each reading, so that a
	// loop that waits for time to pass ends.
	NowStep int64

	// OnKick is the devices' end of the doorbells. It runs on the kernel's thread and may
	// call Raise.
	OnKick func(device, queue int)

	// OnHalt hears of Halt, once.
	OnHalt func(machine.Halt)
}

// Machine is the fake machine. All methods may be called from any goroutine.
type Machine struct {
	boot    machine.Boot // immutable
	ram     []byte       // immutable
	onKick  func(device, queue int)
	onHalt  func(machine.Halt)
	nowStep int64
	done    chan struct{} // closed at Halt

	mu      sync.Mutex // a leaf; never held while a callback runs
	now     int64
	alarm   int64
	raise   func(line int)
	pending uint64 // lines raised before OnInterrupt
	rng     *rand.ChaCha8
	kicks   [machine.NumLines]int
	halt    machine.Halt
	halted  bool
	toKern  []*ctl.Message
	toHost  []*ctl.Message
}

// New puts a machine together.
func New(o Options) *Machine {
	const page = machine.PageSize
	reserved := (layout.LowSize + len(o.Initrd) + page - 1) &^ (page - 1)
	if o.RAM == 0 {
		o.RAM = 4 << 20
	}
	size := max((o.RAM+page-1)&^(page-1), reserved+layout.LowSize)
	// Memory straight from the host is zero without being touched; a slice
	// from the Go heap would be cleared now and then.
	ram, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		panic(fmt.Sprintf("fake machine: no memory for %d bytes of RAM: %v", size, err))
	}
	layout.Init(ram)
	m := &Machine{
		ram:     ram,
		onKick:  o.OnKick,
		onHalt:  o.OnHalt,
		nowStep: o.NowStep,
		alarm:   machine.NoAlarm,
		done:    make(chan struct{}),
		boot: machine.Boot{
			Name:        o.Name,
			CommandLine: o.CommandLine,
			CPUs:        max(o.CPUs, 1),
			Reserved:    uint64(reserved),
			WallTime:    o.WallTime,
			Cells:       layout.Cells(),
			Rings:       layout.Rings(),
		},
	}
	if len(o.Initrd) > 0 {
		m.boot.Initrd = machine.Extent{Addr: layout.LowSize, Size: uint64(len(o.Initrd))}
		copy(ram[layout.LowSize:], o.Initrd)
	}
	for _, n := range o.Devices {
		m.boot.Devices = append(m.boot.Devices, machine.Slot{Number: n, Regs: layout.DeviceRegs(n)})
	}
	var seed [32]byte
	for i := range 8 {
		seed[i] = byte(o.Seed >> (8 * i))
	}
	m.rng = rand.NewChaCha8(seed)
	return m
}

// Close gives the RAM back. Nobody may use it any more.
func (m *Machine) Close() { syscall.Munmap(m.ram) }

// RAM implements machine.Machine.
func (m *Machine) RAM() []byte { return m.ram }

// RAMFile implements machine.Machine: there is no file.
func (m *Machine) RAMFile() int { return -1 }

// Boot implements machine.Machine.
func (m *Machine) Boot() *machine.Boot { return &m.boot }

// Clock implements machine.Machine.
func (m *Machine) Clock() machine.Clock { return (*clock)(m) }

// Entropy implements machine.Machine.
func (m *Machine) Entropy(p []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rng.Read(p)
}

// Kick implements machine.Machine: it calls Options.OnKick.
func (m *Machine) Kick(device, queue int) {
	m.mu.Lock()
	if device >= 0 && device < len(m.kicks) {
		m.kicks[device]++
	}
	m.mu.Unlock()
	if m.onKick != nil {
		m.onKick(device, queue)
	}
}

// Kicks returns how often a device was kicked.
func (m *Machine) Kicks(device int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kicks[device]
}

// OnInterrupt implements machine.Machine.
func (m *Machine) OnInterrupt(raise func(line int)) {
	m.mu.Lock()
	m.raise = raise
	set := m.pending
	m.pending = 0
	m.mu.Unlock()
	for line := range machine.NumLines {
		if set>>line&1 != 0 {
			raise(line)
		}
	}
}

// Raise interrupts the kernel, as a device does.
func (m *Machine) Raise(line int) {
	m.mu.Lock()
	raise := m.raise
	if raise == nil {
		m.pending |= 1 << line
	}
	m.mu.Unlock()
	if raise != nil {
		raise(line)
	}
}

// Halt implements machine.Machine. It returns, unlike a real machine's.
func (m *Machine) Halt(h machine.Halt) {
	m.mu.Lock()
	first := !m.halted
	if first {
		m.halt, m.halted = h, true
	}
	m.mu.Unlock()
	if first {
		if m.onHalt != nil {
			m.onHalt(h)
		}
		close(m.done)
	}
}

// Halted returns why the machine has ended, if it has.
func (m *Machine) Halted() (machine.Halt, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.halt, m.halted
}

// Done is closed when the machine has ended.
func (m *Machine) Done() <-chan struct{} { return m.done }

// Advance moves the clock on and raises the alarms on the way, each at its moment.
func (m *Machine) Advance(d time.Duration) {
	m.mu.Lock()
	end := m.now + int64(d)
	m.mu.Unlock()
	for m.fire(end) {
	}
	m.mu.Lock()
	m.now = max(m.now, end)
	m.mu.Unlock()
}

// Idle says that the kernel has nothing to do: the clock jumps to the next alarm
// and raises it. It returns false if there is none: only a device can wake the kernel.
func (m *Machine) Idle() bool { return m.fire(machine.NoAlarm - 1) }

// fire raises the alarm if it is due by end.
func (m *Machine) fire(end int64) bool {
	m.mu.Lock()
	if m.alarm > end {
		m.mu.Unlock()
		return false
	}
	m.now = max(m.now, m.alarm)
	m.alarm = machine.NoAlarm
	m.mu.Unlock()
	m.Raise(machine.LineTimer)
	return true
}

type clock Machine

func (c *clock) Now() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += c.nowStep
	return c.now
}

func (c *clock) SetAlarm(deadline int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarm = deadline
}

// Control returns the kernel's end of the control channel.
func (m *Machine) Control() ctl.Port { return (*port)(m) }

type port Machine

func (p *port) Receive() *ctl.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.toKern) == 0 {
		return nil
	}
	msg := p.toKern[0]
	p.toKern = p.toKern[1:]
	return msg
}

func (p *port) Send(m *ctl.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.toHost = append(p.toHost, m)
	return nil
}

// Send sends the kernel a message, as the supervisor does.
func (m *Machine) Send(msg *ctl.Message) {
	m.mu.Lock()
	m.toKern = append(m.toKern, msg)
	m.mu.Unlock()
	m.Raise(machine.LineControl)
}

// Sent returns the messages that the kernel has sent since the last call.
func (m *Machine) Sent() []*ctl.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.toHost
	m.toHost = nil
	return s
}

var (
	_ machine.Machine = (*Machine)(nil)
	_ ctl.Ported      = (*Machine)(nil)
)
