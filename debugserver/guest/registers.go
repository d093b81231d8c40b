package guest

// Registers are a frame's, by DWARF's numbers (System V ABI x86-64, figure 3.36).
type Registers struct {
	R       [numRegs]uint64
	Known   uint32   // bit by number
	Vectors *Vectors // nil: not known
	FS      uint64   // the thread's FS base; 0: not known

	saved [numRegs]uint64 // where a caller's register lies in memory; 0: it is the thread's own, notSaved: nowhere
}

// notSaved marks a register that was computed.
const notSaved = ^uint64(0)

// Numbers of registers.
const (
	RAX = iota
	RDX
	RCX
	RBX
	RSI
	RDI
	RBP
	RSP
	R8
	R9
	R10
	R11
	R12
	R13
	R14
	R15
	RIP
	numRegs
)

// RegisterNames are in the order of the numbers.
var RegisterNames = [numRegs]string{"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip"}

// Set sets a register.
func (r *Registers) Set(n int, v uint64) { r.R[n], r.Known = v, r.Known|1<<n }

// Get returns a register, if it is known.
func (r *Registers) Get(n uint64) (uint64, bool) {
	if n >= numRegs || r.Known&(1<<n) == 0 {
		return 0, false
	}
	return r.R[n], true
}
