package board

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/hostdev"
	"vitrine/machine"
	"vitrine/machine/ctl"
	"vitrine/machine/host"
	"vitrine/machine/layout"
	"vitrine/machine/ring"
)

// The kernel of these tests is this program itself, started as a kernel: it opens the machine and does what the
// first word of its command line says.
func TestMain(m *testing.M) {
	if os.Args[0] == "vkernel" {
		kernelMain()
	}
	if os.Getenv("BOARD_TEST_SUPERVISOR") != "" {
		supervisorMain()
	}
	os.Exit(m.Run())
}

func kernelMain() {
	m, err := host.Open()
	if err == nil {
		err = m.AwaitBoot()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	log, _ := ring.NewLog(layout.Ring(m.RAM(), m.Boot(), "dmesg"))
	args := strings.Fields(m.Boot().CommandLine)
	k := kernels[args[0]]
	if k == nil {
		panic("no kernel " + args[0])
	}
	k(m, log, args[1:])
	select {}
}

var kernels = map[string]func(m *host.Machine, log *ring.Log, args []string){
	"halt": func(m *host.Machine, log *ring.Log, args []string) {
		n, _ := strconv.Atoi(args[0])
		m.Halt(machine.Halt{Status: n, Text: "bye"})
	},
	"panic": func(m *host.Machine, log *ring.Log, args []string) {
		log.Append(1, 0, []byte("about to die"))
		panic("the kernel's own end")
	},
	"record": func(m *host.Machine, log *ring.Log, args []string) {
		initrd := layout.Bytes(m.RAM(), m.Boot().Initrd)
		m.Halt(machine.Halt{Text: fmt.Sprintf("%s %d %x %d", m.Boot().Name, m.Boot().CPUs, initrd, len(m.Boot().Devices))})
	},
	// ready, then nothing but answers: each request comes back as its view's name.
	"answer": func(m *host.Machine, log *ring.Log, args []string) {
		c := m.Control()
		m.OnInterrupt(func(line int) {
			switch line {
			case machine.LineControl:
				for msg := c.Receive(); msg != nil; msg = c.Receive() {
					switch {
					case msg.View == nil:
					case msg.View.Name == "silence":
					case msg.View.Name == "error":
						c.Send(&ctl.Message{ID: msg.ID, Reply: &ctl.Reply{Error: "no such view"}})
					default:
						c.Send(&ctl.Message{ID: msg.ID, Reply: &ctl.Reply{Table: &ctl.Table{View: msg.View.Name}}})
					}
				}
			case machine.LineDevice0 + 1: // the device rings: kick it back
				m.Kick(1, 7)
				m.Kick(1, machine.ConfigQueue)
			}
		})
		c.Send(&ctl.Message{Ready: &ctl.Ready{}})
	},
	// ticks: an alarm every millisecond, counted in the dmesg ring with the virtual time.
	"ticks": func(m *host.Machine, log *ring.Log, args []string) {
		next := m.Clock().Now()
		m.OnInterrupt(func(line int) {
			now := m.Clock().Now()
			for ; next <= now; next += 1e6 {
				log.Append(now, 1, nil)
			}
			m.Clock().SetAlarm(next)
		})
		m.Clock().SetAlarm(next)
		m.Control().Send(&ctl.Message{Ready: &ctl.Ready{}})
	},
	// cells: some processes that spin, entered in the table of cells, and one forged entry.
	"cells": func(m *host.Machine, log *ring.Log, args []string) {
		m.OnInterrupt(func(int) {}) // or Go sees nobody who could ever wake this program
		table := layout.CellTable(m.RAM(), m.Boot().Cells)
		for i := range 3 {
			cmd := exec.Command("/bin/sh", "-c", "while :; do :; done")
			cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
			if err := cmd.Start(); err != nil {
				panic(err)
			}
			table[i].PID.Store(uint32(cmd.Process.Pid))
			table[i].Flags.Store(layout.CellLive)
		}
		forged, _ := strconv.Atoi(args[0])
		table[3].PID.Store(uint32(forged))
		table[3].Flags.Store(layout.CellLive)
		m.Control().Send(&ctl.Message{Ready: &ctl.Ready{}})
	},
	"confined": kernelConfined,
}

// device records what the board does to it.
type device struct {
	slot *hostdev.Slot
	mu   sync.Mutex
	log  []string
	kick chan int
}

func (d *device) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, s)
}

func (d *device) Name() string                 { return "test" }
func (d *device) Attach(s *hostdev.Slot) error { d.slot = s; d.note("attach"); return nil }
func (d *device) Kick(q int)                   { d.kick <- q }
func (d *device) Pause()                       { d.note("pause") }
func (d *device) Resume()                      { d.note("resume") }
func (d *device) Close() error                 { d.note("close"); return nil }

// start makes a machine with a test kernel and lets it run.
func start(t *testing.T, line string, change func(c *Config)) *Board {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Name: "test", Kernel: exe, CommandLine: line, RAM: 16 << 20, CPUs: 2}
	if change != nil {
		change(&c)
	}
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	if err := b.LoadInitrd(strings.NewReader("initrd"), 6); err != nil {
		t.Fatal(err)
	}
	if err := b.Boot(); err != nil {
		t.Fatal(err)
	}
	return b
}

// startReady is start that waits until the kernel says Ready.
func startReady(t *testing.T, line string, devices ...hostdev.Device) *Board {
	t.Helper()
	ready := make(chan bool, 1)
	b := start(t, line, func(c *Config) {
		c.Devices = devices
		c.Message = func(m *ctl.Message) {
			if m.Ready != nil {
				ready <- true
			}
		}
	})
	select {
	case <-ready:
	case <-b.Done():
		t.Fatalf("the kernel ended: %+v", b.Wait())
	case <-time.After(20 * time.Second):
		t.Fatal("the kernel is not ready")
	}
	return b
}

func TestHalt(t *testing.T) {
	o := start(t, "halt 42", nil).Wait()
	if o.Halt == nil || o.Halt.Status != 42 || o.Halt.Text != "bye" || o.Died != "" {
		t.Errorf("%+v", o)
	}
}

func TestBootRecord(t *testing.T) {
	d := &device{}
	o := start(t, "record", func(c *Config) { c.Devices = []hostdev.Device{d} }).Wait()
	if o.Halt == nil || o.Halt.Text != fmt.Sprintf("test 2 %x 1", "initrd") {
		t.Errorf("%+v", o.Halt)
	}
}

func TestKernelDies(t *testing.T) {
	b := start(t, "panic", nil)
	o := b.Wait()
	if o.Halt != nil || o.Died != "exit status 2" || !strings.Contains(o.Words, "the kernel's own end") {
		t.Errorf("%+v", o)
	}
	// RAM outlives it.
	r, err := ring.NewReader(b.Ring("dmesg"))
	if err != nil {
		t.Fatal(err)
	}
	if rec, ok := r.Next(); !ok || string(rec.Data) != "about to die" {
		t.Errorf("dmesg: %q, %v", rec.Data, ok)
	}
}

func TestKernelIsKilled(t *testing.T) {
	b := startReady(t, "answer")
	unix.Kill(b.PID(), unix.SIGKILL)
	if o := b.Wait(); o.Died != "killed by SIGKILL" {
		t.Errorf("%+v", o)
	}
	if _, err := b.Request(&ctl.Message{View: &ctl.View{}}, time.Second); err != ErrOff {
		t.Errorf("a request to a dead kernel: %v", err)
	}
	b.Kill() // of no effect, whoever has the number now
}

func TestRequests(t *testing.T) {
	b := startReady(t, "answer")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			name := fmt.Sprint("view", i)
			r, err := b.Request(&ctl.Message{View: &ctl.View{Name: name}}, 20*time.Second)
			if err != nil || r.Table == nil || r.Table.View != name {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		})
	}
	wg.Wait()
	if _, err := b.Request(&ctl.Message{View: &ctl.View{Name: "error"}}, 20*time.Second); err == nil || err.Error() != "no such view" {
		t.Errorf("an error came as %v", err)
	}
	if _, err := b.Request(&ctl.Message{View: &ctl.View{Name: "silence"}}, 10*time.Millisecond); err != ErrTimeout {
		t.Errorf("no answer came as %v", err)
	}
	// A kernel that ends meanwhile.
	time.AfterFunc(10*time.Millisecond, b.Kill)
	if _, err := b.Request(&ctl.Message{View: &ctl.View{Name: "silence"}}, time.Minute); err != ErrOff {
		t.Errorf("the end came as %v", err)
	}
}

func TestDoorbellAndInterrupt(t *testing.T) {
	other, d := &device{kick: make(chan int, 10)}, &device{kick: make(chan int, 10)}
	b := startReady(t, "answer", other, d)
	if d.slot.Number != 1 || len(d.slot.Regs) != layout.DeviceSize || len(d.slot.RAM) != 16<<20 {
		t.Errorf("slot %d, %d registers", d.slot.Number, len(d.slot.Regs))
	}
	for range 100 {
		d.slot.Interrupt()
		got := map[int]bool{}
		for range 2 {
			select {
			case q := <-d.kick:
				got[q] = true
			case <-time.After(20 * time.Second):
				t.Fatal("no kick came")
			}
		}
		if !got[7] || !got[machine.ConfigQueue] {
			t.Fatalf("kicks %v", got)
		}
	}
	b.PauseDevices()
	b.PauseDevices()
	b.ResumeDevices()
	b.Close()
	if s := strings.Join(d.log, " "); s != "attach resume pause resume close" {
		t.Errorf("life of a device: %s", s)
	}
	if len(other.kick) != 0 {
		t.Error("another device was kicked")
	}
}

// ticks returns how many ticks the kernel has counted and the time of the last.
func ticks(t *testing.T, b *Board) (n int, last int64) {
	r, err := ring.NewReader(b.Ring("dmesg"))
	if err != nil {
		t.Fatal(err)
	}
	for rec, ok := r.Next(); ok; rec, ok = r.Next() {
		n, last = n+1, rec.Time
	}
	return n, last
}

// wait polls until cond holds.
func wait(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func TestClockStandsStill(t *testing.T) {
	b := startReady(t, "ticks")
	wait(t, "ten ticks", func() bool { n, _ := ticks(t, b); return n >= 10 })
	b.FreezeClock()
	frozen, is := b.Now()
	if !is {
		t.Fatal("the clock is not frozen")
	}
	// An alarm that was on its way may still ring; it finds the time that was.
	time.Sleep(30 * time.Millisecond)
	n, last := ticks(t, b)
	time.Sleep(30 * time.Millisecond)
	if m, _ := ticks(t, b); m != n || last > frozen {
		t.Errorf("%d ticks while the clock stood, at %d after %d", m-n, last, frozen)
	}
	if now, _ := b.Now(); now != frozen {
		t.Errorf("the frozen clock went from %d to %d", frozen, now)
	}
	b.ThawClock()
	if now, is := b.Now(); is || now < frozen || now > frozen+1e9 {
		t.Errorf("after the thaw %d, frozen at %d", now, frozen)
	}
	wait(t, "ticks after the thaw", func() bool { m, _ := ticks(t, b); return m > n+5 })
}

func TestFreezeCells(t *testing.T) {
	innocent := exec.Command("/bin/sleep", "1000")
	if err := innocent.Start(); err != nil {
		t.Fatal(err)
	}
	defer innocent.Wait()
	defer innocent.Process.Kill()
	b := startReady(t, fmt.Sprint("cells ", innocent.Process.Pid))
	var pids []int
	for i := range 3 {
		pids = append(pids, int(b.cells[i].PID.Load()))
	}
	if err := b.FreezeCells(); err != nil {
		t.Fatal(err)
	}
	for _, p := range pids {
		if s := state(fmt.Sprintf("/proc/%d/stat", p)); s != 'T' {
			t.Errorf("cell %d is in state %c", p, s)
		}
	}
	if s := state(fmt.Sprintf("/proc/%d/stat", innocent.Process.Pid)); s == 'T' {
		t.Error("a forged entry stopped somebody else's process")
	}
	if b.cells[0].Flags.Load()&layout.CellFrozen == 0 {
		t.Error("the platform is not told")
	}
	b.ThawCells()
	for _, p := range pids {
		wait(t, "thaw", func() bool { return state(fmt.Sprintf("/proc/%d/stat", p)) == 'R' })
	}
	// The end of the kernel is the end of its cells, and of nobody else.
	unix.Kill(b.PID(), unix.SIGKILL)
	b.Wait()
	for _, p := range pids {
		wait(t, "cell's end", func() bool { return gone(p) })
	}
	if gone(innocent.Process.Pid) {
		t.Error("a forged entry killed somebody else's process")
	}
}

func gone(pid int) bool {
	s := state(fmt.Sprintf("/proc/%d/stat", pid))
	return s == 0 || s == 'Z' || s == 'X'
}

func TestBadConfigurations(t *testing.T) {
	for _, c := range []Config{
		{RAM: 1 << 20},
		{RAM: 4<<20 + 1},
		{RAM: 4 << 20, RAMPath: "/nonexistent/ram"},
		{RAM: 4 << 20, Devices: make([]hostdev.Device, layout.MaxDevices+1)},
	} {
		if b, err := New(c); err == nil {
			b.Close()
			t.Errorf("%+v makes a machine", c)
		}
	}
	b, err := New(Config{RAM: 4 << 20, Kernel: "/nonexistent"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Start(); err == nil {
		t.Error("a kernel that isn't there starts")
	}
	if err := b.LoadInitrd(strings.NewReader(""), 3<<20); err == nil {
		t.Error("an initrd of 3 MiB fits into 4 MiB")
	}
	if err := b.LoadInitrd(strings.NewReader("short"), 100); err == nil {
		t.Error("an initrd that is cut off passes")
	}
}

func TestRAMFile(t *testing.T) {
	path := t.TempDir() + "/ram"
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := start(t, "halt 0", func(c *Config) { c.RAMPath = path })
	b.Wait()
	f, err := os.ReadFile(path)
	if err != nil || len(f) != 16<<20 || !bytes.Equal(f[layout.LowSize:layout.LowSize+6], []byte("initrd")) {
		t.Errorf("%d bytes, %v", len(f), err)
	}
	if o := b.Wait(); o.Halt == nil {
		t.Errorf("%+v", o)
	}
}
