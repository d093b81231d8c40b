package loader

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// Image is an executable file. Whoever opened it has checked that it may be executed.
type Image interface {
	// ReadAt reads from the file; short only at its end.
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

// Program is an executable that has been examined.
type Program struct {
	req    Request
	main   *elfFile
	interp *elfFile // nil for a static program
}

// Bounds on what a program may ask for.
const (
	maxScripts   = 4         // #! lines that lead from one to the next
	maxString    = 128 << 10 // MAX_ARG_STRLEN
	maxArguments = 6 << 20   // three quarters of the usual stack limit
	minArguments = 128 << 10 // room that RLIMIT_STACK can't take away
)

// Prepare examines an executable: scripts, ELF headers, the interpreter, and the size of the arguments.
func Prepare(t *sched.Thread, r Request) (*Program, error) {
	p := &Program{req: r}
	if len(r.Argv) == 0 {
		p.req.Argv = []string{""} // no program is prepared for an empty argv
	}
	file := r.Image
	p.req.Image = nil
	for depth := 0; ; depth++ {
		s, err := readScript(t, file)
		if err == nil && s != nil && depth == maxScripts {
			err = errno.ELOOP.Because("scripts run by scripts run by scripts")
		}
		if err == nil && s == nil {
			p.main, err = readELF(t, file)
		}
		if err != nil {
			file.Release(t)
			return nil, err
		}
		if s == nil {
			break
		}
		file.Release(t)
		// Its own path takes the place of argv[0]; of a script's interpreter that is a script that is the same.
		p.req.Argv = s.argv(p.req.Path, p.req.Argv)
		if file, err = r.Open(t, s.interp); err != nil {
			return nil, err
		}
		p.req.Path = s.interp
	}
	p.req.Path = r.Path
	if err := p.examine(t); err != nil {
		p.Release(t)
		return nil, err
	}
	return p, nil
}

// examine checks what is left after the main file's headers.
func (p *Program) examine(t *sched.Thread) error {
	if err := p.checkArguments(); err != nil {
		return err
	}
	if p.main.interp == "" {
		return nil
	}
	file, err := p.req.Open(t, p.main.interp)
	if err != nil {
		return err
	}
	if p.interp, err = readELF(t, file); err != nil {
		file.Release(t)
		if errno.Of(err) == errno.ENOEXEC {
			return errno.ELIBBAD.Because("the program interpreter isn't an ELF file for x86-64")
		}
		return err
	}
	return nil
}

// checkArguments bounds the strings as Linux does (execve(2), "Limits on size of arguments and environment").
func (p *Program) checkArguments() error {
	limit := min(max(p.req.StackLimit/4, minArguments), maxArguments)
	size := uint64(len(p.req.Path) + 1)
	for _, list := range [][]string{p.req.Argv, p.req.Envp} {
		for _, s := range list {
			if len(s) >= maxString {
				return errno.E2BIG.Because("a string has 128 KiB or more")
			}
			if size += uint64(len(s)) + 1 + 8; size > limit {
				return errno.E2BIG.Because("more than a quarter of RLIMIT_STACK")
			}
		}
	}
	return nil
}

// Load fills the empty address space as and returns where to start. After an error the process can only end.
func (p *Program) Load(t *sched.Thread, as *mm.AddressSpace) (entry, sp uint64, err error) {
	as.Loading(t)
	defer as.Loaded(t)
	place := newPlacement(p.req.Randomize)
	as.SetLayout(t, p.req.StackLimit, place.mmap)
	bias, err := p.main.mapAt(t, as, place.pie)
	if err != nil {
		return 0, 0, err
	}
	as.SetBrk(t, mm.UAddr(pageUp(p.main.end+bias)+place.brk))
	entry = p.main.entry + bias
	base := uint64(0)
	if p.interp != nil {
		if base, err = p.interp.mapAnywhere(t, as); err != nil {
			return 0, 0, err
		}
	}
	start := entry
	if p.interp != nil {
		start = p.interp.entry + base
	}
	var vdso uint64
	if p.req.VDSO != nil {
		if vdso, err = p.req.VDSO.mapInto(t, as); err != nil {
			return 0, 0, err
		}
	}
	sp, err = p.makeStack(t, as, place.stack, auxInfo{
		phdr: p.main.phdr + bias, phnum: p.main.phnum, base: base, entry: entry, vdso: vdso,
	})
	return start, sp, err
}

// Release gives back the files that Prepare opened; after Load, too.
func (p *Program) Release(t *sched.Thread) {
	for _, f := range []**elfFile{&p.main, &p.interp} {
		if *f != nil {
			(*f).file.Release(t)
			*f = nil
		}
	}
}

// Load is Prepare and Load in one, for the first program.
func Load(t *sched.Thread, as *mm.AddressSpace, r Request) (entry, sp uint64, err error) {
	p, err := Prepare(t, r)
	if err != nil {
		return 0, 0, err
	}
	defer p.Release(t)
	return p.Load(t, as)
}

// placement is where things go.
type placement struct {
	pie   uint64 // base of a position-independent program
	mmap  uint64 // how much lower mappings begin
	brk   uint64 // how much higher the heap begins
	stack uint64 // how much lower the stack ends
}

const pieBase = 0x5555_5555_4000 // two thirds of user space, as on Linux

// newPlacement spreads the bits of a seed over the layout; 0 is the fixed one.
func newPlacement(seed uint64) placement {
	l := placement{pie: pieBase}
	if seed == 0 {
		return l
	}
	next := func(pages uint64) uint64 { // splitmix64
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return (z ^ z>>31) % pages * mm.PageSize
	}
	l.pie += next(1 << 28)
	l.mmap = next(1 << 28)
	l.brk = next(1 << 13)
	l.stack = next(1 << 22)
	return l
}

func pageUp(n uint64) uint64   { return (n + mm.PageSize - 1) &^ (mm.PageSize - 1) }
func pageDown(n uint64) uint64 { return n &^ (mm.PageSize - 1) }

func protOf(flags uint32) (p mm.Prot) {
	if flags&abi.PF_R != 0 {
		p |= mm.Read
	}
	if flags&abi.PF_W != 0 {
		p |= mm.Write
	}
	if flags&abi.PF_X != 0 {
		p |= mm.Exec
	}
	return p
}
