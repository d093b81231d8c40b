package tracer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// inject makes a stopped thread execute a system call. All other threads are stopped; what the thread was doing goes on
// afterwards, a system call that it sleeps in included.
func (t *Tracer) inject(th *Thread, nr uint64, args ...uint64) (uint64, error) {
	at, err := t.syscallInsn()
	if err != nil {
		return 0, err
	}
	r, err := t.Regs(th.ID)
	if err != nil {
		return 0, err
	}
	saved, over, hit := *r, th.over, th.Hit
	c := saved
	c.Rip, c.Rax, c.Orig_rax = at, nr, ^uint64(0)
	for i, p := range []*uint64{&c.Rdi, &c.Rsi, &c.Rdx, &c.R10, &c.R8, &c.R9} {
		if i < len(args) {
			*p = args[i]
		}
	}
	th.regs, th.dirty, th.over = c, true, false
	defer func() {
		th.regs, th.regsOK, th.dirty = saved, true, true
		th.over, th.Hit = over, hit
	}()
	for {
		done, err := t.stepOnce(th, 0)
		if err != nil {
			return 0, err
		}
		if t.exited || t.threads[th.ID] == nil {
			return 0, ErrExited
		}
		if !done {
			continue // a signal, for later, before the instruction
		}
		now, err := t.Regs(th.ID)
		if err != nil {
			return 0, err
		}
		if e := -int64(now.Rax); e > 0 && e < 4096 {
			return 0, unix.Errno(e)
		}
		return now.Rax, nil
	}
}

// injector returns a thread that can be made to execute a system call.
func (t *Tracer) injector() (*Thread, error) {
	for _, th := range t.Threads() {
		if !th.running && !th.group {
			return th, nil
		}
	}
	return nil, errors.New("no thread of the process can be used")
}

// syscallInsn returns the address of a syscall instruction in the program's text.
func (t *Tracer) syscallInsn() (uint64, error) {
	usable := func(a uint64) bool {
		var b [2]byte
		n, err := t.Read(b[:], a)
		return err == nil && n == 2 && b == [2]byte{0x0f, 0x05} && t.bps[a] == nil && t.bps[a+1] == nil && !t.inScratch(a)
	}
	if t.sysInsn != 0 && usable(t.sysInsn) {
		return t.sysInsn, nil
	}
	maps, err := t.Maps()
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 64<<10)
	for _, m := range maps {
		if m.Prot&unix.PROT_EXEC == 0 || !strings.HasPrefix(m.Path, "/") {
			continue
		}
		for a := m.Start; a < m.End; a += uint64(len(buf)) - 1 {
			n, _ := t.Read(buf[:min(uint64(len(buf)), m.End-a)], a)
			for off := 0; ; off++ {
				i := bytes.Index(buf[off:n], []byte{0x0f, 0x05})
				if i < 0 {
					break
				}
				if off += i; usable(a + uint64(off)) {
					t.sysInsn = a + uint64(off)
					return t.sysInsn, nil
				}
			}
		}
	}
	return 0, errors.New("no syscall instruction in the program's text")
}

// Map is a mapping of the process.
type Map struct {
	Start, End uint64
	Prot       int // PROT_READ and so on
	Shared     bool
	Offset     uint64
	Path       string // or [heap] and the like
}

const maxMaps = 1 << 20

// Maps lists the mappings of the process, with the protection that the program thinks they have.
func (t *Tracer) Maps() ([]Map, error) {
	r, err := t.maps()
	for i := range r { // the pages that are guarded have mappings of their own
		if g := t.guards[r[i].Start]; g != nil {
			r[i].Prot = g.prot
		}
	}
	return r, err
}

func (t *Tracer) maps() ([]Map, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", t.pid))
	if err != nil {
		return nil, err
	}
	var r []Map
	for line := range strings.Lines(string(b)) {
		var m Map
		var perm, dev string
		var ino uint64
		if n, _ := fmt.Sscanf(line, "%x-%x %s %x %s %d %s", &m.Start, &m.End, &perm, &m.Offset, &dev, &ino, &m.Path); n < 6 || len(perm) < 4 {
			continue
		}
		for i, p := range []int{unix.PROT_READ, unix.PROT_WRITE, unix.PROT_EXEC} {
			if perm[i] != '-' {
				m.Prot |= p
			}
		}
		m.Shared = perm[3] == 's'
		if r = append(r, m); len(r) == maxMaps {
			break
		}
	}
	return r, nil
}
