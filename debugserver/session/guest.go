package session

import (
	"encoding/binary"
	"errors"
	"fmt"

	"vitrine/debugserver/guest"
	"vitrine/debugserver/views"
)

// The programs that run on the kernel, as far as its structures and RAM show them: their tasks and address spaces here, their files in
// guest_file.go, the stack in guest_stack.go, what is in a frame in guest_frame.go.

// guests is what is known of programs. Files outlive a standstill; the rest is found anew.
type guests struct {
	files  map[fileKey]*guestFile
	size   int64 // bytes that are kept of files
	tasks  map[int]views.Object
	spaces map[uint64]*guestSpace // by the address space's address
	stacks map[int]*oneStack      // by thread
	at     map[int]bool           // threads whose program has come to a breakpoint, as far as was asked
	maps   [][2]string            // source paths: prefixes
	debug  *guestBreaks           // nil: nothing is set in programs
	task   *views.Object          // some task: for its type

	lastWatch uint64 // number of the last data breakpoint
}

// forget is for when the kernel has run.
func (g *guests) forget() { g.tasks, g.spaces, g.stacks, g.at = nil, nil, nil, nil }

// guestTask is a task of a program at a standstill.
type guestTask struct {
	views.Object
	tid, pid int
	regs     guest.Registers
	orig     uint64 // orig_rax
	flags    uint64
	fs, gs   uint64 // fs_base, gs_base
	user     bool   // it runs user code: the registers are those of its last stay in the kernel
	space    *guestSpace
}

// guestSpace is an address space.
type guestSpace struct {
	addr  uint64 // of the kernel's structure
	pid   int    // of one of its processes
	areas []guestArea
	*guest.Process
	ram *guest.Space
}

// guestArea is a mapping.
type guestArea struct {
	guest.Region
	pages views.Object // its page cache
	paged bool
	file  *guestFile
}

var (
	errNoRAM  = errors.New("the RAM of this machine can't be seen from here")
	errNoTask = errors.New("this is no task of a program")
)

// ram returns the machine's memory.
func (s *Session) ram() []byte {
	m, ok := s.machine.(interface{ RAM() []byte })
	if !ok {
		return nil
	}
	return m.RAM()
}

// kernelRoot is kernel.The.
func (s *Session) kernelRoot() (views.Object, error) {
	ev, err := s.evaluator()
	if err != nil {
		return views.Object{}, err
	}
	return ev.Kernel()
}

// guestTasks finds all tasks by their numbers.
func (s *Session) guestTasks() (map[int]views.Object, error) {
	if s.guests.tasks != nil {
		return s.guests.tasks, nil
	}
	k, err := s.kernelRoot()
	if err != nil {
		return nil, err
	}
	tasks := map[int]views.Object{}
	groups, err := k.Field("Tasks.first")
	if err != nil {
		return nil, err
	}
	err = groups.Each("next", func(g views.Object) bool {
		first, err := g.Field("first")
		if err == nil {
			first.Each("next", func(t views.Object) bool {
				if id, err := t.Uint("ID"); err == nil {
					tasks[int(id)] = t
				}
				return true
			})
		}
		return true
	})
	if len(tasks) == 0 {
		return nil, errors.Join(errNoTask, err)
	}
	s.guests.tasks = tasks
	return tasks, nil
}

// guestTask looks at the task of a thread.
func (s *Session) guestTask(thread int) (*guestTask, error) {
	if thread == 0 {
		thread = s.currentThread()
	}
	tasks, err := s.guestTasks()
	if err != nil {
		return nil, err
	}
	o, ok := tasks[thread]
	if !ok {
		return nil, errNoTask
	}
	return s.lookAtTask(o)
}

// lookAtTask reads what is needed of a *task.Task.
func (s *Session) lookAtTask(o views.Object) (*guestTask, error) {
	t := &guestTask{Object: o}
	id, err := o.Uint("ID")
	if err != nil {
		return nil, err
	}
	pid, err := o.Uint("Group.ID")
	if err != nil {
		return nil, err
	}
	t.tid, t.pid = int(id), int(pid)
	regs, err := o.Field("Regs")
	if err != nil {
		return nil, err
	}
	b, err := regs.Bytes(27 * 8)
	if err != nil || len(b) < 27*8 {
		return nil, errors.Join(errNoTask, err)
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	for n, at := range registerAt {
		t.regs.Set(n, word(at))
	}
	t.orig, t.flags, t.fs, t.gs = word(origRAXAt), word(flagsAt), word(fsBaseAt), word(gsBaseAt)
	t.regs.FS = t.fs
	t.regs.Vectors = &guest.Vectors{Load: func() ([]byte, error) { return s.loadVectors(t) }}
	if user, err := o.Uint("inUser"); err == nil {
		t.user = user != 0
	}
	space, err := o.Field("mm")
	if err != nil {
		return nil, err
	}
	if space, err = space.Deref(); err != nil {
		return nil, fmt.Errorf("task %d has left its address space", t.tid)
	}
	t.space, err = s.guestSpace(space, t.pid)
	return t, err
}

// guestSpace looks at an address space.
func (s *Session) guestSpace(o views.Object, pid int) (*guestSpace, error) {
	if sp := s.guests.spaces[o.Addr()]; sp != nil {
		return sp, nil
	}
	ram := s.ram()
	if ram == nil {
		return nil, errNoRAM
	}
	root, err := o.Uint("pt.root")
	if err != nil {
		return nil, err
	}
	sp := &guestSpace{addr: o.Addr(), pid: pid, ram: &guest.Space{RAM: ram, Root: root}}
	sp.ram.Absent = sp.absent(ram)
	vmas, err := o.Field("vmas")
	if err != nil {
		return nil, err
	}
	err = vmas.Each("", func(v views.Object) bool {
		if a, ok := readArea(v); ok {
			sp.areas = append(sp.areas, a)
		}
		return len(sp.areas) < maxAreas
	})
	if err != nil && len(sp.areas) == 0 {
		return nil, err
	}
	s.findFiles(sp)
	var regions []guest.Region
	for i := range sp.areas {
		regions = append(regions, sp.areas[i].Region)
	}
	sp.Process = guest.NewProcess(s.mended(sp), regions)
	if s.guests.spaces == nil {
		s.guests.spaces = map[uint64]*guestSpace{}
	}
	s.guests.spaces[sp.addr] = sp
	return sp, nil
}

// maxAreas bounds what is looked at of an address space.
const maxAreas = 65536

// readArea reads a *mm.VMA.
func readArea(v views.Object) (a guestArea, ok bool) {
	var err error
	get := func(path string) uint64 {
		n, e := v.Uint(path)
		err = errors.Join(err, e)
		return n
	}
	const exec = 4 // platform.Exec
	a.Start, a.End, a.Offset = get("Start"), get("End"), get("Offset")
	a.Exec = get("Prot")&exec != 0
	if err != nil || a.End <= a.Start {
		return a, false
	}
	a.Path, _ = v.Text("Name")
	if p, err := v.Field("Pager"); err == nil {
		if p, err = p.Deref(); err == nil && p.Type() == "vitrine/kernel/vfs.PageCache" {
			a.pages, a.paged = p, true
		}
	}
	return a, true
}

// area returns the mapping at an address.
func (sp *guestSpace) area(addr uint64) *guestArea {
	for i := range sp.areas {
		if a := &sp.areas[i]; addr >= a.Start && addr < a.End {
			return a
		}
	}
	return nil
}

// absent reads what the program would find on a page that it has not touched yet: zeros, or its file's content.
func (sp *guestSpace) absent(ram []byte) func(page []byte, addr uint64) bool {
	return func(page []byte, addr uint64) bool {
		a := sp.area(addr)
		if a == nil {
			return false
		}
		if !a.paged {
			return a.Path == "" || a.Path[0] == '[' && a.Path != "[vvar]" && a.Path != "[vdso]"
		}
		off := a.Offset + (addr - a.Start)
		if cached(a.pages, ram, off/uint64(len(page)), page) {
			return true
		}
		return a.file != nil && a.file.page(page, off)
	}
}
