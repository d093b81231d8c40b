package tracer

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Read reads memory as the program has it: breakpoints and copies of instructions do not show. Fewer bytes than wanted
// come without an error when the rest is not mapped.
func (t *Tracer) Read(b []byte, addr uint64) (int, error) {
	if t.exited {
		return 0, ErrExited
	}
	n, err := pread(t.mem, b, addr)
	if err == nil && addr < t.high {
		t.mask(b[:n], addr)
	}
	return n, err
}

func pread(f *os.File, b []byte, addr uint64) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if int64(addr) < 0 { // not an address of a user's
		return 0, fmt.Errorf("read %#x: %w", addr, unix.EFAULT)
	}
	n, err := unix.Pread(int(f.Fd()), b, int64(addr))
	if n <= 0 {
		if err == nil || err == unix.EIO {
			err = unix.EFAULT
		}
		return 0, fmt.Errorf("read %#x: %w", addr, err)
	}
	return n, nil
}

func (t *Tracer) mask(b []byte, addr uint64) {
	end := addr + uint64(len(b))
	for a, p := range t.bps {
		if a >= addr && a < end {
			b[a-addr] = p.orig
		}
	}
	t.scratch.mask(b, addr)
}

// Write writes memory, read-only pages included; breakpoints stay.
func (t *Tracer) Write(addr uint64, b []byte) (int, error) {
	if t.exited {
		return 0, ErrExited
	}
	end := addr + uint64(len(b))
	if addr < t.high {
		if s := &t.scratch; addr < s.hi && s.lo < end {
			return 0, fmt.Errorf("write %#x: the tracer uses this dead code itself", addr)
		}
		t.changed(addr, end)
		b = append([]byte(nil), b...)
		for a, p := range t.bps {
			if a >= addr && a < end {
				if p.orig = b[a-addr]; p.live {
					b[a-addr] = 0xcc
				}
			}
		}
	}
	if err := t.pokeGuarded(addr, b); err != nil {
		return 0, err
	}
	t.refresh(addr, end)
	return len(b), nil
}

// pokeGuarded is poke where pages may be guarded by us: of a shared mapping Linux lets nobody write such a page.
func (t *Tracer) pokeGuarded(addr uint64, b []byte) error {
	err := t.poke(addr, b)
	if err == nil || len(t.guards) == 0 || t.running.Load() {
		return err
	}
	for page := pageOf(addr); page < addr+uint64(len(b)); page += pageSize {
		if g := t.guards[page]; g != nil && g.current != g.prot {
			if t.protect(nil, page, g.prot) == nil {
				defer t.protect(nil, page, g.wanted())
			}
		}
	}
	return t.poke(addr, b)
}

// poke writes memory as it is, read-only pages included.
func (t *Tracer) poke(addr uint64, b []byte) error {
	if int64(addr) < 0 {
		return fmt.Errorf("write %#x: %w", addr, unix.EFAULT)
	}
	n, err := unix.Pwrite(int(t.mem.Fd()), b, int64(addr))
	if err == nil && n == len(b) {
		return nil
	}
	for tid, th := range t.threads { // where /proc/PID/mem keeps to the protection (proc_mem.force_override)
		if !th.running {
			if _, err = unix.PtracePokeData(tid, uintptr(addr), b); err == nil {
				return nil
			}
			break
		}
	}
	if err == nil || err == unix.EIO {
		err = unix.EFAULT
	}
	return fmt.Errorf("write %#x: %w", addr, err)
}

// Live reads the process's memory at any time from any goroutine. It does not hide breakpoints, so it is for data.
// What it reads while the process runs may be torn.
type Live struct{ mem *os.File }

// Live opens another way to the process's memory. Who has it closes it.
func (t *Tracer) Live() (*Live, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", t.pid))
	if err != nil {
		return nil, err
	}
	return &Live{f}, nil
}

// Read reads memory; fewer bytes than wanted come without an error when the rest is not mapped.
func (l *Live) Read(b []byte, addr uint64) (int, error) { return pread(l.mem, b, addr) }

// Close ends the use of l.
func (l *Live) Close() error { return l.mem.Close() }
