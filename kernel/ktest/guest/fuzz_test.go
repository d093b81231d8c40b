package guest

import (
	"math/rand/v2"
	"strings"
	"testing"

	"vitrine/kernel/platform/fakeuser"
)

// FuzzSyscalls runs a program of arbitrary calls: whatever it does, the kernel has no
// bug, ends the program in time, and init goes on. Eight bytes are a call: two for its number, six that choose
// arguments from values that tend to hurt.
func FuzzSyscalls(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		b := make([]byte, 8*40)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 8*200)]
		s := Boot(t, Options{Init: func(u *fakeuser.User) int {
			p := scratch(u)
			pid := u.Fork(func(c *fakeuser.User) int {
				arbitrary(c, data)
				return 0
			}, sysFork)
			if pid < 0 {
				return 1
			}
			for range 200 { // of virtual time
				if u.Syscall(sysWait4, ^uint64(0), 0, 1) == -10 { // until there is no child left
					return 0
				}
				u.Store64(p, 0)
				u.Store64(p+8, 50_000_000)
				u.Syscall(35, p, 0)
			}
			for u.Syscall(sysKill, ^uint64(0), 9) == 0 && u.Syscall(sysWait4, ^uint64(0), 0, 0) != -10 {
			}
			return 0
		}})
		if h := s.Wait(); h.Status != 0 {
			t.Errorf("%+v\n%s", h, s.Dmesg())
		}
		if d := s.Dmesg(); strings.Contains(d, "BUG") || strings.Contains(d, "panic") {
			t.Error(d)
		}
	})
}

// arbitrary makes the calls that data describe.
func arbitrary(u *fakeuser.User, data []byte) {
	page := scratch(u)
	u.StoreString(page+0x100, "/tmp/f")
	u.StoreString(page+0x200, "/dev/zero")
	u.StoreString(page+0x300, "../tmp")
	u.Store64(page+0x400, page+0x100)
	u.Store64(page+0x408, 16)
	u.Store64(page+0x500, 1)
	values := [...]uint64{
		0, 1, 2, 3, 4, 5, 7, 8, 64, 0x1000, 0xfff, ^uint64(0), ^uint64(99), 1 << 63, 1<<63 - 1, 0x7fff_ffff, 0xffff_ffff, 0x8000_0000,
		page, page + 0x100, page + 0x200, page + 0x300, page + 0x400, page + 0x500, page + 0xff8, page + 0x1000, page - 1,
		0x42, 0o100 | 2, 0x22, 0x32, 0x7fff_ffff_f000,
	}
	for ; len(data) >= 8; data = data[8:] {
		nr := (uint64(data[0]) | uint64(data[1])<<8) % 460
		if nr == 169 {
			continue // reboot(2) does what it says
		}
		var a [6]uint64
		for i := range a {
			a[i] = values[data[2+i]%uint8(len(values))]
		}
		u.Syscall(37, 1) // alarm: some calls wait
		u.Syscall(nr, a[:]...)
	}
}
