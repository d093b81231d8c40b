// Package fakeuser is a guest platform on which user programs are Go
// functions: system calls, faults and signals are tested under the race detector,
// with no host process and no rights at all.
//
//	task's goroutine                     program's goroutine
//	  Switch(regs) ──── resume ───────────▶ runs: Load, Store, Syscall …
//	     │                                     │ syscall or fault
//	  returns ◀──────── trap ────────────────┘ waits for resume
//
// Exactly one of the two runs at a time, so the rules of the baton hold.
// The program reaches memory only through the translations that the kernel
// gave, as real user code does.
package fakeuser

import (
	"runtime"
	"sync"
	"sync/atomic"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// Program is a user program. When it returns, exit_group(2) with its result follows.
type Program func(u *User) int

// Platform makes address spaces on a piece of RAM.
type Platform struct {
	ram []byte

	mu       sync.Mutex
	programs []Program // entry address is EntryBase + 16*index
	contexts map[*Context]bool
	closed   bool
	wg       sync.WaitGroup
}

// EntryBase is the entry address of the first registered program.
const EntryBase = 0x40_0000 + 0x1000

// New returns a platform for the machine's RAM.
func New(ram []byte) *Platform {
	return &Platform{ram: ram, contexts: map[*Context]bool{}}
}

// Name implements platform.Platform.
func (p *Platform) Name() string { return "fakeuser" }

// NewAddressSpace implements platform.Platform.
func (p *Platform) NewAddressSpace() (platform.AddressSpace, platform.Context, error) {
	as := &AddressSpace{p: p, tlb: map[uint64]translation{}}
	c, err := as.NewContext()
	return as, c, err
}

// Register makes a program known and returns its entry address, for an ELF
// file's header: an exec of such a file runs the program. See Image.
func (p *Platform) Register(f Program) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.programs = append(p.programs, f)
	return EntryBase + 16*uint64(len(p.programs)-1)
}

func (p *Platform) program(rip uint64) Program {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := (rip - EntryBase) / 16
	if rip < EntryBase || rip%16 != 0 || i >= uint64(len(p.programs)) {
		return nil
	}
	return p.programs[i]
}

// Close ends all programs.
func (p *Platform) Close() {
	p.mu.Lock()
	p.closed = true
	for c := range p.contexts {
		c.end()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

type translation struct {
	frame uint64
	prot  platform.Prot
}

// AddressSpace is a map from pages to frames.
type AddressSpace struct {
	p *Platform

	mu       sync.Mutex
	tlb      map[uint64]translation
	contexts []*Context
}

// Map implements platform.AddressSpace.
func (as *AddressSpace) Map(r platform.Range, prot platform.Prot, reservation platform.Range) {
	if r.VA < reservation.VA || r.VA+r.Pages*amd64.PageSize > reservation.VA+reservation.Pages*amd64.PageSize ||
		r.Frame-reservation.Frame != (r.VA-reservation.VA)/amd64.PageSize {
		panic("fakeuser: the range does not lie in its reservation")
	}
	as.mu.Lock()
	defer as.mu.Unlock()
	for i := range r.Pages {
		as.tlb[r.VA/amd64.PageSize+i] = translation{r.Frame + i, prot}
	}
}

// Unmap implements platform.AddressSpace.
func (as *AddressSpace) Unmap(va, size uint64) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if size/amd64.PageSize > uint64(len(as.tlb)) {
		for vpn := range as.tlb {
			if vpn >= va/amd64.PageSize && vpn < (va+size)/amd64.PageSize {
				delete(as.tlb, vpn)
			}
		}
		return
	}
	for vpn := va / amd64.PageSize; vpn < (va+size)/amd64.PageSize; vpn++ {
		delete(as.tlb, vpn)
	}
}

// Protect implements platform.AddressSpace.
func (as *AddressSpace) Protect(va, size uint64, prot platform.Prot) {
	as.mu.Lock()
	defer as.mu.Unlock()
	for vpn, tr := range as.tlb {
		if vpn >= va/amd64.PageSize && vpn < (va+size)/amd64.PageSize {
			as.tlb[vpn] = translation{tr.frame, prot}
		}
	}
}

// Commit implements platform.AddressSpace: changes are effective at once here.
func (as *AddressSpace) Commit() {}

// Settled implements platform.AddressSpace.
func (as *AddressSpace) Settled() bool { return true }

// NewContext implements platform.AddressSpace.
func (as *AddressSpace) NewContext() (platform.Context, error) {
	c := &Context{as: as, resume: make(chan bool, 1), trap: make(chan platform.Trap, 1)}
	as.mu.Lock()
	as.contexts = append(as.contexts, c)
	as.mu.Unlock()
	as.p.mu.Lock()
	as.p.contexts[c] = true
	as.p.mu.Unlock()
	return c, nil
}

// Reset implements platform.AddressSpace.
func (as *AddressSpace) Reset(keep platform.Context) {
	as.mu.Lock()
	clear(as.tlb)
	others := as.contexts
	as.contexts = nil
	as.mu.Unlock()
	for _, c := range others {
		if c != keep {
			c.Release()
		}
	}
	k := keep.(*Context)
	k.end() // the old program never runs again
	k.resume, k.trap = make(chan bool, 1), make(chan platform.Trap, 1)
	k.started, k.start, k.child, k.ended = false, nil, nil, false
	as.mu.Lock()
	as.contexts = []*Context{k}
	as.mu.Unlock()
}

// OnStay implements platform.Context: here user code takes no time.
func (c *Context) OnStay(func()) bool { return false }

// Park implements platform.Context.
func (c *Context) Park() {}

// Release implements platform.AddressSpace.
func (as *AddressSpace) Release() {
	as.mu.Lock()
	all := as.contexts
	as.contexts = nil
	clear(as.tlb)
	as.mu.Unlock()
	for _, c := range all {
		c.Release()
	}
}

// HostPID implements platform.AddressSpace.
func (as *AddressSpace) HostPID() int { return 0 }

// page returns the bytes of a page if user code may access it so.
func (as *AddressSpace) page(va uint64, access platform.Access) []byte {
	as.mu.Lock()
	defer as.mu.Unlock()
	tr, ok := as.tlb[va/amd64.PageSize]
	want := [...]platform.Prot{platform.Read, platform.Write, platform.Exec}[access]
	if !ok || tr.prot&want == 0 {
		return nil
	}
	return as.p.ram[tr.frame*amd64.PageSize:][:amd64.PageSize]
}

// Context is a user thread: a goroutine that runs the program.
type Context struct {
	as          *AddressSpace
	regs        *amd64.Registers
	interrupted atomic.Bool
	fpu         []byte

	start   Program // what a forked child or a new thread runs
	child   Program // what the next clone runs
	started bool
	endMu   sync.Mutex
	ended   bool
	resume  chan bool
	trap    chan platform.Trap
}

// Start sets what runs at the first Switch, for a task that was not exec'd.
func (c *Context) Start(f Program) { c.start = f }

// Switch implements platform.Context.
func (c *Context) Switch(regs *amd64.Registers) platform.Trap {
	if c.interrupted.Swap(false) {
		return platform.Trap{Kind: platform.KindInterrupt}
	}
	c.regs = regs
	if !c.started {
		f := c.start
		if f == nil {
			f = c.as.p.program(regs.RIP)
		}
		if f == nil {
			return platform.Trap{Kind: platform.KindException, Signal: 4, Code: 2, Addr: regs.RIP}
		}
		c.started = true
		c.as.p.wg.Add(1)
		u := &User{c: c, resume: c.resume, trap: c.trap, rip: regs.RIP}
		go u.run(f)
	} else {
		c.resume <- true
	}
	return <-c.trap
}

// Interrupt implements platform.Context.
func (c *Context) Interrupt() { c.interrupted.Store(true) }

// FPU implements platform.Context.
func (c *Context) FPU() []byte { return c.fpu }

// SetFPU implements platform.Context.
func (c *Context) SetFPU(area []byte) error {
	c.fpu = append([]byte(nil), area...)
	if area == nil {
		c.fpu = nil
	}
	return nil
}

// Clone implements platform.Context.
func (c *Context) Clone(to platform.Context) {
	n := to.(*Context)
	n.start = c.child
	c.child = nil
	n.SetFPU(c.fpu)
}

// Release implements platform.Context.
func (c *Context) Release() {
	c.end()
	c.as.p.mu.Lock()
	delete(c.as.p.contexts, c)
	c.as.p.mu.Unlock()
}

// end lets the program's goroutine end at its next trap.
func (c *Context) end() {
	c.endMu.Lock()
	defer c.endMu.Unlock()
	if !c.ended {
		c.ended = true
		close(c.resume)
	}
}

// run is the program's goroutine.
func (u *User) run(f Program) {
	defer u.c.as.p.wg.Done()
	status := f(u)
	u.Syscall(231, uint64(status)) // exit_group
	for {
		u.wait() // a kernel that lets a program go on after exit is caught by the test's time-out
	}
}

// wait gives way to the kernel until the next Switch.
func (u *User) wait() {
	if _, ok := <-u.resume; !ok {
		runtime.Goexit()
	}
}
