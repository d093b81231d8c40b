// Package host is the real machine: what the kernel process finds when the
// supervisor has started it. Package hostdev/board is the other end.
//
//	descriptor 3  control channel     stream socket, see machine/ctl
//	           4  RAM                 memory file, see machine/layout
//	           5  interrupt pin       eventfd, read here
//	           6  doorbell            eventfd, written here
//
// Interrupts come in on two goroutines, one for the pin and one for the clock's alarm. They are the only ones that call raise.
//
// First breakpoint: (*Machine).pin, when you want to see interrupts.
package host

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/machine"
	"vitrine/machine/ctl"
	"vitrine/machine/layout"
)

// Descriptors that the supervisor passes.
const (
	ControlFD = 3 + iota
	RAMFD
	InterruptFD
	DoorbellFD
)

// Machine is the real machine.
type Machine struct {
	ram    []byte
	boot   *machine.Boot
	bells  *layout.Doorbells
	header *layout.Header
	clock  clock
	opened time.Time

	conn *ctl.Conn

	once   sync.Once
	raise  atomic.Pointer[func(line int)]
	mu     sync.Mutex // guards inbox
	inbox  []*ctl.Message
	room   *sync.Cond // inbox has room again
	halted atomic.Bool
}

// maxInbox bounds the messages that wait for the kernel.
const maxInbox = 64

// Open takes the machine over from the supervisor. Its RAM is there at once, but Boot only after AwaitBoot.
func Open() (*Machine, error) {
	m := &Machine{opened: time.Now()}
	m.room = sync.NewCond(&m.mu)
	for fd := ControlFD; fd <= DoorbellFD; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return nil, errors.New("this is Vitrine's kernel; `vitrine run` starts it")
		}
	}
	m.conn = ctl.NewConn(control{})
	var st unix.Stat_t
	if err := unix.Fstat(RAMFD, &st); err != nil {
		return nil, fmt.Errorf("RAM: %w", err)
	}
	var err error
	m.ram, err = unix.Mmap(RAMFD, 0, int(st.Size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("RAM: %w", err)
	}
	if err := layout.Check(m.ram); err != nil {
		return nil, err
	}
	m.bells, m.header = layout.DoorbellsOf(m.ram), layout.HeaderOf(m.ram)
	m.header.KernelPID.Store(int32(os.Getpid()))
	m.header.Phase.Store(uint32(layout.PhaseBooting))
	if err := m.clock.open(layout.ClockOf(m.ram)); err != nil {
		return nil, err
	}
	return m, nil
}

// AwaitBoot waits for the boot record: the supervisor fills RAM while this process starts, and sends it when it is done.
func (m *Machine) AwaitBoot() error {
	msg, err := m.conn.Receive()
	if err != nil {
		return fmt.Errorf("boot record: %w", err)
	}
	if m.boot = msg.Boot; m.boot == nil {
		return errors.New("the supervisor's first message is no boot record")
	}
	if m.boot.Cells != layout.Cells() {
		return errors.New("the supervisor keeps its list of cells elsewhere: it is not of this version")
	}
	return nil
}

// RAM implements machine.Machine.
func (m *Machine) RAM() []byte { return m.ram }

// RAMFile implements machine.Machine.
func (m *Machine) RAMFile() int { return RAMFD }

// RAMInMemory reports whether RAM is memory of the host rather than a file on a disk (-mem-path): only there
// userfaultfd maps pages.
func (m *Machine) RAMInMemory() bool {
	var st unix.Statfs_t
	return unix.Fstatfs(RAMFD, &st) == nil && st.Type == unix.TMPFS_MAGIC
}

// Boot implements machine.Machine.
func (m *Machine) Boot() *machine.Boot { return m.boot }

// Clock implements machine.Machine.
func (m *Machine) Clock() machine.Clock { return &m.clock }

// Entropy implements machine.Machine.
func (m *Machine) Entropy(p []byte) {
	for len(p) > 0 {
		n, err := unix.Getrandom(p, 0)
		if err != nil && err != unix.EINTR {
			panic("getrandom: " + err.Error()) // never fails on Linux 3.17 and later
		}
		p = p[max(n, 0):]
	}
}

// Kick implements machine.Machine.
func (m *Machine) Kick(device, queue int) {
	if m.bells.Kick(device, queue) {
		signal(DoorbellFD)
	}
}

// OnInterrupt implements machine.Machine.
func (m *Machine) OnInterrupt(raise func(line int)) {
	m.raise.Store(&raise)
	m.once.Do(func() {
		go m.pin(os.NewFile(InterruptFD, "interrupts"), m.bells.TakeInterrupts)
		go m.pin(os.NewFile(uintptr(m.clock.timer), "alarm"), func() uint64 { return 1 << machine.LineTimer })
		go m.receive()
	})
}

// pin waits for interrupts and raises them, for ever. A goroutine that waits in Go's poller leaves nothing behind that keeps the
// runtime's watcher awake, as one in epoll_wait does.
func (m *Machine) pin(f *os.File, lines func() uint64) {
	var count [8]byte
	for {
		if _, err := f.Read(count[:]); err != nil {
			panic("interrupt pin: " + err.Error())
		}
		raise, set := *m.raise.Load(), lines()
		for line := range machine.NumLines {
			if set>>line&1 != 0 {
				raise(line)
			}
		}
	}
}

// receive takes messages from the supervisor, for ever.
func (m *Machine) receive() {
	for {
		msg, err := m.conn.Receive()
		if err != nil {
			// The supervisor is gone, or talks nonsense. PR_SET_PDEATHSIG is on its way, too.
			if !m.halted.Load() {
				os.Exit(1)
			}
			return
		}
		m.mu.Lock()
		for len(m.inbox) >= maxInbox {
			m.room.Wait()
		}
		m.inbox = append(m.inbox, msg)
		m.mu.Unlock()
		// Through the pin, so that raise is called from one goroutine.
		if m.bells.Raise(machine.LineControl) {
			signal(InterruptFD)
		}
	}
}

// Control returns the kernel's end of the control channel.
func (m *Machine) Control() ctl.Port { return (*port)(m) }

type port Machine

func (p *port) Receive() *ctl.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.inbox) == 0 {
		return nil
	}
	msg := p.inbox[0]
	p.inbox = append(p.inbox[:0], p.inbox[1:]...)
	p.room.Signal()
	return msg
}

func (p *port) Send(msg *ctl.Message) error {
	if msg.Ready != nil {
		p.header.Phase.Store(uint32(layout.PhaseRunning))
		if msg.Ready.Took == 0 {
			msg.Ready.Took = int64(time.Since(p.opened))
		}
	}
	return p.conn.Send(msg)
}

// Halt implements machine.Machine: it tells the supervisor and ends the process.
func (m *Machine) Halt(h machine.Halt) {
	if m.halted.Swap(true) {
		select {} // somebody else is at it
	}
	m.header.Phase.Store(uint32(layout.PhaseHalted))
	m.conn.Send(&ctl.Message{Halt: &ctl.Halt{Reason: h.Reason, Status: h.Status, Text: h.Text}})
	os.Exit(0)
}

// control is the control socket as a stream. Reads block in the host.
type control struct{}

func (control) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(ControlFD, p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, errors.New("the supervisor has closed the control channel")
		default:
			return n, nil
		}
	}
}

func (control) Write(p []byte) (done int, err error) {
	for done < len(p) {
		n, err := unix.Write(ControlFD, p[done:])
		if err != nil && err != unix.EINTR {
			return done, err
		}
		done += max(n, 0)
	}
	return done, nil
}

var (
	_ machine.Machine = (*Machine)(nil)
	_ ctl.Ported      = (*Machine)(nil)
)
