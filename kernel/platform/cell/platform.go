package cell

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// Config says what a Platform works with. RAMFD and RAM must be set.
type Config struct {
	RAMFD    int    // the memory file
	RAM      []byte // the kernel's mapping of it
	Registry []byte // shared memory for the list of cells, may be nil; see registry.go
	CPUs     int    // host processors for guests and kernel together; 0: all that the process may use
	Pool     int    // warm cells kept; 0: 4
	Log      func(format string, args ...any)

	NoUserfaultfd bool          // map every page through the mm thread
	NoMemfdExec   bool          // exec the image from an unlinked file
	Wait          Wait          // how kernel and guest wait for each other
	KickDeadline  time.Duration // a guest that answers no kick for so long is killed; 0: 5 s, earlier if it runs
}

// Platform runs user code in cells.
type Platform struct {
	cfg       Config   // immutable after New
	ctl       *ctlFile // immutable after New
	elf       int      // the image's file
	tmplBlock block    // the template's order page, at offset 0 of ctl
	ram       int      // our copy of RAMFD
	codeEnd   uint64   // end of the cell's code
	clock     clock    // immutable after New
	uffd      bool     // userfaultfd works; immutable after New
	maxSegs   int      // host mappings a cell may have
	warden    *warden  // immutable after New
	tune      tuner    // has its own synchronisation
	stats     counters // atomic
	closing   atomic.Bool

	format amd64.XsaveFormat // set by the first probe in New, then immutable

	cloneMu sync.Mutex    // one clone at a time; held across host calls
	mu      sync.Mutex    // below cloneMu and cell.mu; held across straight-line code
	live    map[int]*cell // guarded by mu; all cells by host pid, the template too
	flight  *cell         // guarded by mu; a clone whose pid is not known yet
	tmpl    *cell         // guarded by mu
	pool    []*cell       // guarded by mu
	washing []*cell       // guarded by mu; used ones on their way back: see wash.go
	refill  chan struct{}
	reg     registry // guarded by mu
}

var _ platform.Platform = (*Platform)(nil)

// New starts the template cell and fills the pool.
func New(cfg Config) (*Platform, error) {
	if cfg.Log == nil {
		cfg.Log = func(string, ...any) {}
	}
	if cfg.Pool == 0 {
		cfg.Pool = 4
	}
	if cfg.KickDeadline == 0 {
		cfg.KickDeadline = 5 * time.Second
	}
	if cfg.CPUs == 0 {
		cfg.CPUs = hostCPUs()
	}
	if !fsgsbase() {
		return nil, fmt.Errorf("cell: the host lacks FSGSBASE (Linux 5.9 and a processor of 2012 or later)")
	}
	p := &Platform{
		cfg:     cfg,
		live:    map[int]*cell{},
		refill:  make(chan struct{}, 1),
		reg:     newRegistry(cfg.Registry),
		clock:   startClock(),
		maxSegs: maxMapCount() / 2,
		elf:     -1,
		ram:     -1,
	}
	p.tune.init(cfg.CPUs, cfg.Wait)
	if err := p.open(); err != nil {
		p.shut()
		return nil, err
	}
	if err := p.start(); err != nil {
		p.Close()
		return nil, err
	}
	go p.refiller()
	return p, nil
}

func (p *Platform) open() (err error) {
	var img []byte
	img, p.codeEnd = image()
	if p.elf, err = imageFile(img, !p.cfg.NoMemfdExec); err != nil {
		return fmt.Errorf("cell: image: %w", err)
	}
	if p.ram, err = dupHigh(p.cfg.RAMFD); err != nil {
		return fmt.Errorf("cell: memory file: %w", err)
	}
	if p.ctl, err = newCtl(); err != nil {
		return fmt.Errorf("cell: control memory: %w", err)
	}
	p.tmplBlock, err = p.ctl.alloc() // the first: the code relies on offset 0
	return err
}

// start brings up the template and a first cell, which shows what the host allows.
func (p *Platform) start() error {
	w, err := startWarden(p)
	p.warden = w
	if err != nil {
		return err
	}
	p.clock.calibrate()
	p.tune.calibrate(&p.clock)
	p.uffd = !p.cfg.NoUserfaultfd
	c, err := p.clone()
	if err != nil {
		return fmt.Errorf("cell: first cell: %w", err)
	}
	if p.uffd && c.uffd < 0 {
		p.uffd = false
		p.cfg.Log("cell: no userfaultfd on this host (%v): page faults are slower", c.uffdErr)
	}
	p.put(c)
	return nil
}

// Name implements platform.Platform.
func (p *Platform) Name() string { return "cell" }

// NewAddressSpace takes a cell from the pool, or makes one.
func (p *Platform) NewAddressSpace() (platform.AddressSpace, platform.Context, error) {
	p.stats.spaces.Add(1) // first, for the refiller
	for {
		c := p.get()
		if c == nil {
			if p.closing.Load() {
				return nil, nil, errno.EAGAIN.Because("the platform is closed")
			}
			var err error
			if c, err = p.clone(); err != nil {
				p.cfg.Log("cell: %v", err)
				return nil, nil, errno.EAGAIN.Because(err.Error())
			}
		}
		if c.deadReason() != "" {
			continue
		}
		s := &space{cell: c}
		p.mu.Lock()
		c.user = s
		p.mu.Unlock()
		x := c.newContext(s, c.first)
		s.contexts = []*context{x}
		return s, x, nil
	}
}

// Close kills and reaps every cell.
func (p *Platform) Close() {
	if p.closing.Swap(true) {
		return
	}
	p.nudge()
	p.cloneMu.Lock() // no clone is in flight from here on
	p.mu.Lock()
	var all []*cell
	for _, c := range p.live {
		all = append(all, c)
	}
	p.pool, p.washing = nil, nil
	p.mu.Unlock()
	for _, c := range all {
		c.kill("the platform was closed")
	}
	p.cloneMu.Unlock()
	if p.warden != nil {
		p.warden.wait()
	}
	for _, c := range all {
		c.closeUffd()
	}
	p.shut()
}

func (p *Platform) shut() {
	for _, fd := range []int{p.elf, p.ram} {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
	if p.ctl != nil {
		p.ctl.close()
	}
}

// fsgsbase reports whether user code may use RDFSBASE and its kin: bit 1 of AT_HWCAP2.
func fsgsbase() bool {
	const atHWCAP2 = 26
	for _, kv := range runtimeAuxv() {
		if kv[0] == atHWCAP2 {
			return kv[1]&2 != 0
		}
	}
	return false
}

//go:linkname runtimeAuxv0 runtime.getAuxv
func runtimeAuxv0() []uintptr

func runtimeAuxv() (out [][2]uintptr) {
	a := runtimeAuxv0()
	for i := 0; i+1 < len(a); i += 2 {
		out = append(out, [2]uintptr{a[i], a[i+1]})
	}
	return out
}

// hostCPUs counts the processors that this process may run on.
func hostCPUs() int {
	var mask [128]uint64
	n, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	if e != 0 {
		return 1
	}
	count := 0
	for _, m := range mask[:n/8] {
		for ; m != 0; m &= m - 1 {
			count++
		}
	}
	return max(count, 1)
}
