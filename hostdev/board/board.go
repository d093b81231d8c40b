package board

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/hostdev"
	"vitrine/machine"
	"vitrine/machine/ctl"
	"vitrine/machine/layout"
)

// Config says how to put a machine together.
type Config struct {
	Name        string
	Kernel      string   // the kernel's executable file
	KernelEnv   []string // its environment
	CommandLine string
	CPUs        int
	RAM         int64  // bytes
	RAMPath     string // file that holds RAM; "": anonymous memory
	WallTime    int64  // nanoseconds since 1970 at power-on; 0: the host's time
	Devices     []hostdev.Device

	// Message hears what the kernel says of itself: Ready, Image, Exited, and replies to nobody.
	// It runs on the control channel's goroutine and must not wait for the kernel.
	Message func(*ctl.Message)
}

// Board is a machine.
type Board struct {
	cfg   Config
	ram   []byte
	file  *os.File // RAM's
	bells *layout.Doorbells
	clock *layout.ClockPage
	cells []layout.CellEntry
	boot  machine.Boot

	pin  int // eventfd: interrupts, written here
	bell *os.File

	mu       sync.Mutex
	conn     *ctl.Conn // guarded by mu; nil before Start
	sock     *os.File
	pid      int
	requests map[uint64]chan *ctl.Message // guarded by mu
	lastID   uint64                       // guarded by mu
	halt     *ctl.Halt                    // guarded by mu: what the kernel said last
	paused   bool                         // guarded by mu: devices are paused
	belled   bool                         // guarded by mu: the doorbell is served
	closed   bool                         // guarded by mu

	words   tail          // what the kernel process wrote to its standard error
	started time.Time     // when Start was called
	exited  chan struct{} // closed when the kernel process is reaped
	status  unix.WaitStatus
}

// New makes the machine's RAM and attaches the devices, in slots 0, 1, 2, … They are the board's from
// then on, which closes them also when New fails.
func New(cfg Config) (_ *Board, err error) {
	if len(cfg.Devices) > layout.MaxDevices {
		return nil, fmt.Errorf("%d devices, the machine has %d slots", len(cfg.Devices), layout.MaxDevices)
	}
	b := &Board{cfg: cfg, pin: -1, requests: map[uint64]chan *ctl.Message{}, exited: make(chan struct{}), paused: true}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	if err = b.makeRAM(); err != nil {
		return nil, err
	}
	b.boot = machine.Boot{
		Name:        cfg.Name,
		CommandLine: cfg.CommandLine,
		CPUs:        max(cfg.CPUs, 1),
		Reserved:    layout.LowSize,
		Cells:       layout.Cells(),
		Rings:       layout.Rings(),
	}
	layout.Init(b.ram)
	b.bells, b.clock = layout.DoorbellsOf(b.ram), layout.ClockOf(b.ram)
	b.cells = layout.CellTable(b.ram, b.boot.Cells)
	if b.pin, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	b.bell = os.NewFile(uintptr(bell), "doorbell")
	for n, d := range cfg.Devices {
		e := layout.DeviceRegs(n)
		err = d.Attach(&hostdev.Slot{
			Number:    n,
			RAM:       b.ram,
			Regs:      layout.Bytes(b.ram, e),
			Interrupt: func() { b.interrupt(machine.LineDevice0 + n) },
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Name(), err)
		}
		b.boot.Devices = append(b.boot.Devices, machine.Slot{Number: n, Regs: e})
	}
	return b, nil
}

// makeRAM opens and maps RAM.
func (b *Board) makeRAM() error {
	size := b.cfg.RAM
	if size < layout.MinRAM || size%machine.PageSize != 0 {
		return fmt.Errorf("RAM of %d bytes: it must be at least %d and a multiple of %d", size, layout.MinRAM, machine.PageSize)
	}
	var err error
	if b.cfg.RAMPath != "" {
		// Old contents would be taken for rings and registers: start with zeros.
		b.file, err = os.OpenFile(b.cfg.RAMPath, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	} else {
		b.file, err = memfd("vitrine-ram")
	}
	if err != nil {
		return fmt.Errorf("RAM: %w", err)
	}
	if err = b.file.Truncate(size); err != nil {
		return fmt.Errorf("RAM: %w", err)
	}
	b.ram, err = unix.Mmap(int(b.file.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("RAM: %w", err)
	}
	// The kernel can touch all of it, and no size may change under the mappings.
	if b.cfg.RAMPath == "" {
		unix.FcntlInt(b.file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	return nil
}

// memfd makes a memory file that can't be executed, where the host knows the difference (Linux 6.3).
func memfd(name string) (*os.File, error) {
	const noexecSeal = 8
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|noexecSeal)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	// Mappings of text from the file are wanted, so only the exec seal, which MFD_NOEXEC_SEAL sets, is on it.
	return os.NewFile(uintptr(fd), name), nil
}

// RAM is the machine's memory.
func (b *Board) RAM() []byte { return b.ram }

// Ring returns the memory of a shared ring, for machine/ring; nil if there is none of that name.
func (b *Board) Ring(name string) []byte { return layout.Ring(b.ram, &b.boot, name) }

// Phase is how far the kernel says it has come.
func (b *Board) Phase() layout.Phase { return layout.Phase(layout.HeaderOf(b.ram).Phase.Load()) }

// LoadInitrd copies an initial root archive behind the low reserved area; a further one goes behind the first, at a
// page boundary. Call it before Boot.
func (b *Board) LoadInitrd(r io.Reader, size int64) error {
	start := int64(b.boot.Reserved)
	end := start + (size+machine.PageSize-1)&^(machine.PageSize-1)
	if size < 0 || size > int64(len(b.ram)) || end > int64(len(b.ram))/2 {
		return fmt.Errorf("initrd of %d MiB does not fit into %d MiB of RAM (at most half of it)", size>>20, len(b.ram)>>20)
	}
	f, ok := r.(*os.File)
	if ok {
		if err := b.sendfile(start, f, size); err != nil {
			ok = false
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				return err
			}
		}
	}
	if !ok {
		if _, err := io.ReadFull(r, b.ram[start:start+size]); err != nil {
			return fmt.Errorf("initrd: %w", err)
		}
	}
	b.boot.Initrd = machine.Extent{Addr: layout.LowSize, Size: uint64(start + size - layout.LowSize)}
	b.boot.Reserved = uint64(end)
	return nil
}

// sendfile copies within the host, which spares this process the page faults.
func (b *Board) sendfile(to int64, f *os.File, size int64) error {
	if _, err := b.file.Seek(to, io.SeekStart); err != nil {
		return err
	}
	for from := int64(0); from < size; {
		n, err := unix.Sendfile(int(b.file.Fd()), int(f.Fd()), &from, int(size-from))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
	}
	return nil
}

// Close ends the machine, if need be, and the devices, and gives RAM back.
func (b *Board) Close() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed = true
	pid := b.pid
	b.mu.Unlock()
	if pid != 0 {
		b.Kill()
		<-b.exited
	}
	for _, d := range b.cfg.Devices {
		d.Close()
	}
	if b.bell != nil {
		b.bell.Close()
	}
	if b.sock != nil {
		b.sock.Close()
	}
	if b.pin >= 0 {
		unix.Close(b.pin)
	}
	if b.file != nil {
		b.file.Close()
	}
	// RAM stays mapped: a device's goroutine may be on its way out, and this process ends soon.
}
