package fakeuser

import (
	"encoding/binary"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// User is what a program has: registers, memory and system calls.
type User struct {
	c        *Context
	resume   chan bool
	trap     chan platform.Trap
	rip      uint64 // where the program "is"
	handlers map[uint64]func(u *User, sig int)
	nextAddr uint64
}

// trapInto gives control to the kernel. Signal handlers to which the kernel moved RIP run
// before it returns; then RIP is at the instruction under way or after it.
func (u *User) trapInto(tr platform.Trap) {
	u.trap <- tr
	u.wait()
	for {
		r := u.c.regs
		if r.RIP == u.rip || r.RIP == u.rip+amd64.SyscallInsn {
			return
		}
		h := u.handlers[r.RIP]
		if h == nil { // nothing is there: a crash, as in a native program
			u.trap <- platform.Trap{Kind: platform.KindException, Signal: 4, Code: 2, Addr: r.RIP}
			u.wait()
			continue
		}
		back := u.rip
		u.rip = r.RIP + 4 // where the handler's own calls are made
		sp := r.RSP + 8   // as its ret leaves it
		h(u, int(r.RDI))
		// The restorer: rt_sigreturn(2) takes the frame at RSP and puts RIP back.
		r.RSP, r.RAX, r.OrigRAX, r.RIP = sp, 15, 15, u.rip+amd64.SyscallInsn
		u.rip = back
		u.trap <- platform.Trap{Kind: platform.KindSyscall}
		u.wait()
	}
}

// Syscall makes a system call and returns RAX: a negative number is an error. A call
// that the kernel restarts is made again.
func (u *User) Syscall(nr uint64, args ...uint64) int64 {
	r := u.c.regs
	var a [6]uint64
	copy(a[:], args)
	r.RAX = nr
	r.RDI, r.RSI, r.RDX, r.R10, r.R8, r.R9 = a[0], a[1], a[2], a[3], a[4], a[5]
	r.RIP = u.rip
	for r.RIP == u.rip {
		r.OrigRAX = r.RAX
		r.RIP = u.rip + amd64.SyscallInsn
		u.trapInto(platform.Trap{Kind: platform.KindSyscall})
	}
	r.RIP = u.rip
	return int64(r.RAX)
}

// Handler gives a Go function an address, for rt_sigaction(2).
func (u *User) Handler(f func(u *User, sig int)) uint64 {
	if u.handlers == nil {
		u.handlers = map[uint64]func(*User, int){}
	}
	u.nextAddr++
	a := uint64(0x7000_0000) + 16*u.nextAddr
	u.handlers[a] = f
	return a
}

// Fork makes the call with number nr (fork, clone …); the child runs f.
func (u *User) Fork(f Program, nr uint64, args ...uint64) int64 {
	u.c.child = func(child *User) int {
		child.handlers = u.handlers
		child.nextAddr = u.nextAddr
		return f(child)
	}
	return u.Syscall(nr, args...)
}

// Registers returns the thread's registers as the kernel last left them.
func (u *User) Registers() *amd64.Registers { return u.c.regs }

// Yield is a moment at which user code can be interrupted.
func (u *User) Yield() {
	if u.c.interrupted.Swap(false) {
		u.trapInto(platform.Trap{Kind: platform.KindInterrupt})
	}
}

// access returns the page at va, faulting until it may be accessed so.
func (u *User) access(va uint64, access platform.Access) []byte {
	for {
		u.Yield()
		if p := u.c.as.page(va, access); p != nil {
			return p[va%amd64.PageSize:]
		}
		u.trapInto(platform.Trap{Kind: platform.KindPageFault, Addr: va, Access: access})
	}
}

// Load reads user memory.
func (u *User) Load(va uint64, b []byte) {
	for len(b) > 0 {
		n := copy(b, u.access(va, platform.AccessRead))
		b, va = b[n:], va+uint64(n)
	}
}

// Store writes user memory.
func (u *User) Store(va uint64, b []byte) {
	for len(b) > 0 {
		n := copy(u.access(va, platform.AccessWrite), b)
		b, va = b[n:], va+uint64(n)
	}
}

// Load64 reads a word.
func (u *User) Load64(va uint64) uint64 {
	var b [8]byte
	u.Load(va, b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// Store64 writes a word.
func (u *User) Store64(va, v uint64) {
	u.Store(va, binary.LittleEndian.AppendUint64(nil, v))
}

// StoreString writes a string with its terminating zero and returns va.
func (u *User) StoreString(va uint64, s string) uint64 {
	u.Store(va, append([]byte(s), 0))
	return va
}
