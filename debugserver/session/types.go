package session

import "fmt"

// State is the run state.
type State uint8

// Run states.
const (
	Detached State = iota // nobody debugs: the kernel runs untraced
	Running
	Stopped
	Exited
)

func (s State) String() string { return [...]string{"detached", "running", "stopped", "exited"}[s] }

// Reason says why the machine stopped, in DAP's words.
type Reason string

// Reasons of a stop.
const (
	ReasonBreakpoint Reason = "breakpoint"
	ReasonData       Reason = "data breakpoint"
	ReasonStep       Reason = "step"
	ReasonPause      Reason = "pause"
	ReasonException  Reason = "exception"
	ReasonEntry      Reason = "entry"
	ReasonGoto       Reason = "goto"
	ReasonSyscall    Reason = "system call"
)

// Stop describes a stop of the machine.
type Stop struct {
	Seq    int // number of the stop: variables and frames of an older one are stale
	Reason Reason
	Text   string // for people: the panic's text, the value that changed
	Thread int    // the thread that stopped
	Hits   []int  // IDs of the breakpoints that were hit
	By     string // name of the client whose command it ends; "" when it comes by itself
}

// Event tells a client what has happened.
type Event struct {
	Stopped    *Stop
	Running    *Resumed
	Exited     *Exit
	Breakpoint *Breakpoint // has changed: verified now, or gone
	Removed    bool        // of Breakpoint
	Output     *Output     // a logpoint has spoken
}

// Resumed tells that the machine runs again.
type Resumed struct {
	By     string // name of the client
	Thread int    // of a step; 0: all go on
}

// Exit tells that the kernel is gone.
type Exit struct {
	Status int
	Text   string
}

// Output is what a logpoint says.
type Output struct {
	Breakpoint int
	Text       string
	File       string
	Line       int
}

// Thread is a kernel stack as debuggers list it: a task or a kernel thread; or, with an ID above GoroutineBase, a goroutine of the runtime.
type Thread struct {
	ID      int
	Name    string // "12 sh"
	State   string // as ps(1): R, S, D, T, Z; "" unknown
	Wait    string // what it waits for: "pipe_read"
	Current bool   // it holds a CPU
	Kernel  bool   // a kernel thread, not a task

	expr string // of its *sched.Thread, from the kernel on; "" unknown
}

// GoroutineBase is added to the numbers of goroutines that belong to no thread of the kernel.
const GoroutineBase = 1 << 24

// Title is how a list shows the thread.
func (t Thread) Title() string {
	s := t.Name
	if t.Wait != "" {
		return fmt.Sprintf("%s  [%s %s]", s, t.State, t.Wait)
	}
	if t.State != "" {
		return fmt.Sprintf("%s  [%s]", s, t.State)
	}
	return s
}

// Frame is one level of a stack, 0 the innermost.
type Frame struct {
	Index   int
	Func    string
	File    string // "" when unknown
	Line    int
	PC      uint64
	Runtime bool // of the Go runtime: of little interest

	Program  bool   // of the program that runs on the kernel
	Boundary bool   // between the kernel's frames and the program's: Func says what led from one to the other
	Doubtful bool   // was guessed
	Space    int    // process whose memory PC lies in; 0: the kernel
	Image    string // of a program's frame: the file
}

// Variable is a value with what is needed to look into it. It is valid until the machine runs.
type Variable struct {
	Name  string
	Type  string
	Value string // one line
	Expr  string // evaluates to it in the same frame; "" if nothing does
	Addr  uint64 // 0: not in memory
	Size  int64  // bytes; 0: unknown
	Kind  string // of reflect.Kind: "struct", "ptr", "slice" …
	Space int    // process whose memory Addr lies in; 0: the kernel

	Named   int // fields, map entries, the pointed-to value
	Indexed int // elements
	Ref     Ref // names it for Children
}

// Ref names a loaded value on the session's side; 0 has no children.
type Ref int

// Register is a CPU register.
type Register struct {
	Name  string
	Value string // hexadecimal, or what the register is made of
	Bits  uint64 // of a general register
}

// Instruction is one line of a disassembly.
type Instruction struct {
	Addr       uint64
	Bytes      []byte
	Text       string
	Func       string
	File       string
	Line       int
	Breakpoint bool
}

// Kind says what a breakpoint watches.
type Kind uint8

// Kinds of breakpoint.
const (
	Line      Kind = iota // File, Line
	Function              // Func
	Address               // Addr
	Data                  // Expr or Addr, with Size and Access
	Syscall               // Syscall, When
	Exception             // Exception
)

func (k Kind) String() string {
	return [...]string{"line", "function", "address", "data", "system call", "exception"}[k]
}

// Access of a data breakpoint.
type Access uint8

// Accesses.
const (
	Write Access = iota
	ReadWrite
)

// When a system call stops.
type When uint8

// Moments of a system call.
const (
	OnEntry When = 1 << iota
	OnReturn
)

// Exceptions that a breakpoint can be set on.
const (
	Oops        = "oops"         // a bug in the kernel that one task pays for, before anything is unwound
	KernelPanic = "panic"        // a bug that nobody survives
	FatalSignal = "fatal-signal" // a signal like SIGSEGV is about to end a program
	GoPanic     = "go-panic"     // a panic that nobody recovers, or a fatal error of the Go runtime
	Lockup      = "lockup"       // the watchdog reports a soft lockup, a deadlock or a hung task
)

// Spec is what a client asks for.
type Spec struct {
	Kind      Kind
	File      string // Line: a path, or its end
	Line      int
	Func      string // Function: as Delve's locations: sysOpenat, (*Mutex).Lock, vfs.(*File).Read
	Addr      uint64
	Expr      string // Data: evaluated when it is set
	Program   bool   // Line, Function, Address: in programs; without it where the kernel has no such file or function
	Thread    int    // Data: where Expr is evaluated …
	Frame     int    // … and in which frame; 0, 0: the current one
	Space     int    // Data: process whose memory Addr lies in, and Expr is only its name; 0: the kernel, or where Expr is
	Size      int    // Data: bytes; 0: the value's own size
	Access    Access
	Syscall   string // name, number, or * for all
	When      When   // 0: OnEntry
	Exception string

	Cond      string // a Go expression in the stopped frame's scope; for Syscall also args by name, pid, comm, ret, errno
	Hits      string // "3", ">= 3", "% 2": which hits count
	Log       string // a logpoint: text with {expressions}; it does not stop
	Task      string // only in this task: a number or a name
	Temporary bool   // gone with its first hit
	Disabled  bool
}

// Breakpoint is a breakpoint as it was set.
type Breakpoint struct {
	ID       int
	Owner    string // the client's name
	Spec     Spec
	Verified bool
	Message  string // why it is not verified
	Pending  bool   // it waits for a program that has the place
	Addrs    []uint64
	Func     string // where it really is
	File     string
	Line     int
	Count    int // hits, conditions regarded
}

// Step says how far a step goes.
type Step uint8

// Steps.
const (
	StepOver Step = iota
	StepInto
	StepOut
	StepInstruction
	StepOverInstruction
)
