package loader

import (
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// Image is an executable file. The loader's caller opens it and has checked
// that it may be executed; Release gives it back.
type Image interface {
	// ReadAt reads from the file; short only at its end, then with a nil error.
	ReadAt(t *sched.Thread, p []byte, off int64) (int, error)
	// Mmap fills in req.Pager, req.File and req.Name, as the file's Mapper does.
	Mmap(t *sched.Thread, req *mm.MapRequest) error
	Release(t *sched.Thread)
}

// Request says what to execute and for whom.
type Request struct {
	Image Image  // Prepare takes it over and releases it
	Path  string // as given to execve(2): AT_EXECFN, and what a script's interpreter gets
	Argv  []string
	Envp  []string

	// Open opens a program interpreter or the interpreter of a script, with the checks of execve(2).
	Open func(t *sched.Thread, path string) (Image, error)

	VDSO       *VDSO    // may be nil
	Random     [16]byte // AT_RANDOM
	Secure     bool     // AT_SECURE
	StackLimit uint64   // RLIMIT_STACK
	Randomize  uint64   // seed of the layout; 0: always the same layout
}

// Program is an executable that has been examined: what can be wrong with the
// file has been found before the old program is gone.
type Program struct{}

// Prepare examines an executable: scripts, ELF headers, interpreter, size of the arguments.
func Prepare(t *sched.Thread, r Request) (*Program, error) { panic("todo") }

// Load fills the empty address space as and returns where to start. After an error the caller kills the process.
func (p *Program) Load(t *sched.Thread, as *mm.AddressSpace) (entry, sp uint64, err error) {
	panic("todo")
}

// Release gives back what Prepare holds. After Load too.
func (p *Program) Release(t *sched.Thread) {}

// Load is Prepare and Load in one, for the first program.
func Load(t *sched.Thread, as *mm.AddressSpace, r Request) (entry, sp uint64, err error) {
	p, err := Prepare(t, r)
	if err != nil {
		return 0, 0, err
	}
	defer p.Release(t)
	return p.Load(t, as)
}

// VDSO is the code and the time page that every process gets mapped.
type VDSO struct{}

// NewVDSO builds the image in guest memory; one per kernel.
func NewVDSO(t *sched.Thread, mem *mm.Memory) (*VDSO, error) { panic("todo") }
