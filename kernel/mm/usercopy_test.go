package mm

import (
	"bytes"
	"strings"
	"testing"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

func TestUserCopiesBelieveNoAddress(t *testing.T) {
	withSpace(t, 100, func(h *host, th *sched.Thread, as *AddressSpace) {
		th.MM = as
		anon(t, th, as, base, 4, Read|Write, 0)
		anon(t, th, as, base+4*PageSize, 1, Read, 0)
		anon(t, th, as, base+5*PageSize, 1, 0, 0)
		buf := make([]byte, 100)
		for _, addr := range []UAddr{
			0, 1, minAddr - 1, base - 100, base + 6*PageSize, UserTop, UserTop - 50, UserTop + PageSize, 1 << 47, 1<<63 - 10,
			1 << 63, ^UAddr(0), ^UAddr(0) - 50, 0xffff_8000_0000_0000, base + 5*PageSize,
		} {
			if err := CopyIn(th, buf, addr); errno.Of(err) != errno.EFAULT {
				t.Errorf("CopyIn from %#x: %v", addr, err)
			}
			if err := CopyOut(th, addr, buf); errno.Of(err) != errno.EFAULT {
				t.Errorf("CopyOut to %#x: %v", addr, err)
			}
			if _, err := LoadUint32(th, addr&^3); errno.Of(err) != errno.EFAULT {
				t.Errorf("LoadUint32 at %#x: %v", addr&^3, err)
			}
			if _, err := CopyInString(th, addr, 100); errno.Of(err) != errno.EFAULT {
				t.Errorf("CopyInString at %#x: %v", addr, err)
			}
			if err := ZeroOut(th, addr, 1<<62); errno.Of(err) != errno.EFAULT {
				t.Errorf("ZeroOut at %#x: %v", addr, err)
			}
		}
		if err := CopyOut(th, base+4*PageSize, buf); errno.Of(err) != errno.EFAULT {
			t.Errorf("CopyOut to what can only be read: %v", err)
		}
		if n, err := CopyOutPartial(th, base+4*PageSize-30, buf); n != 30 || errno.Of(err) != errno.EFAULT {
			t.Errorf("CopyOutPartial: %d, %v", n, err)
		}
		if _, err := CopyInSlice[IOVec](th, ^UAddr(0)-4, 1024); errno.Of(err) != errno.EFAULT {
			t.Errorf("CopyInSlice: %v", err)
		}
		if err := WithWord(th, base+2, false, func(*uint32) {}); errno.Of(err) != errno.EINVAL {
			t.Errorf("odd word: %v", err)
		}
		th.MM = nil
		if err := CopyIn(th, buf, base); errno.Of(err) != errno.EFAULT {
			t.Errorf("in a kernel thread: %v", err)
		}
	})
}

func TestStringsEndWhereTheirPageDoes(t *testing.T) {
	withSpace(t, 100, func(h *host, th *sched.Thread, as *AddressSpace) {
		th.MM = as
		anon(t, th, as, base, 2, Read|Write, 0)
		end := UAddr(base + 2*PageSize)
		long := strings.Repeat("x", 5000)
		for _, c := range []struct {
			at   UAddr
			s    string
			max  int
			want errno.Errno
		}{
			{end - 6, "hello", 100, 0},
			{end - 5, "hello", 100, errno.EFAULT},
			{base, long, 6000, 0},
			{base, long, 5001, 0},
			{base, long, 5000, errno.ENAMETOOLONG},
			{base, "", 1, 0},
			{base, "", 0, errno.ENAMETOOLONG},
		} {
			ZeroOut(th, base, 2*PageSize)
			CopyOut(th, c.at, append([]byte(c.s), 0)[:min(len(c.s)+1, int(end-c.at))])
			got, err := CopyInString(th, c.at, c.max)
			if errno.Of(err) != c.want || err == nil && got != c.s {
				t.Errorf("%d bytes at end-%d, at most %d: %d bytes, %v", len(c.s), end-c.at, c.max, len(got), err)
			}
		}
	})
}

func TestIOAdvancesAsFarAsItGot(t *testing.T) {
	withSpace(t, 100, func(h *host, th *sched.Thread, as *AddressSpace) {
		th.MM = as
		anon(t, th, as, base, 1, Read|Write, 0)
		vec := []IOVec{{base + 100, 10}, {0, 0}, {base + 50, 5}, {base + PageSize - 3, 20}}
		CopyOutSlice(th, base, vec)
		io, err := UserIOVec(th, base, len(vec))
		if err != nil || io.Len() != 35 {
			t.Fatalf("%d, %v", io.Len(), err)
		}
		if n, err := io.CopyOut(th, []byte("abcdefghijklm")); n != 13 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		n, err := io.CopyOut(th, []byte("nopqrstuvwxyz"))
		if n != 5 || errno.Of(err) != errno.EFAULT || io.Len() != 17 {
			t.Errorf("%d, %v, %d left", n, err, io.Len())
		}
		got := make([]byte, 15)
		if in, _ := UserIOVec(th, base, 3); in != nil {
			if n, err := in.CopyIn(th, make([]byte, 4)); n != 4 || err != nil {
				t.Error(n, err)
			}
			if n, err := in.CopyIn(th, got); n != 11 || err != nil || string(got[:n]) != "efghijklmno" {
				t.Errorf("%q, %v", got[:n], err)
			}
		}
		k := KernelIO(make([]byte, 4))
		if n, err := k.CopyOut(th, []byte("abcdef")); n != 4 || err != nil || k.Len() != 0 {
			t.Error(n, err)
		}
		for _, bad := range [][]IOVec{{{base, 1 << 63}}, {{UserTop, 1}}, {{base, 1}, {^UAddr(0), 5}}} {
			CopyOutSlice(th, base, bad)
			if _, err := UserIOVec(th, base, len(bad)); err == nil {
				t.Errorf("%x was accepted", bad)
			}
		}
		for _, n := range []int{-1, MaxIOVecs + 1, 1 << 30} {
			if _, err := UserIOVec(th, base, n); errno.Of(err) != errno.EINVAL {
				t.Errorf("%d buffers: %v", n, err)
			}
		}
		if io := UserIO(th, base, ^uint64(0)); io.Len() != MaxIO {
			t.Error(io.Len())
		}
	})
}

func TestForcedWriteMakesAPrivateCopy(t *testing.T) {
	withSpace(t, 100, func(h *host, th *sched.Thread, as *AddressSpace) {
		f := newTestFile(h.mem, 4)
		if _, err := as.Mmap(th, MapRequest{Addr: base, Len: 4 * PageSize, Prot: Read | Exec, Flags: 0x12, Pager: f, File: f}); err != nil {
			t.Fatal(err)
		}
		s := tlbOf(as)
		was := s.load(t, th, base)
		if _, err := AccessRemote(th, as, base, []byte{0xcc}, true, false); errno.Of(err) != errno.EFAULT {
			t.Errorf("without force: %v", err)
		}
		if n, err := AccessRemote(th, as, base, []byte{0xcc}, true, true); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		s.verify("forced write")
		if got := s.load(t, th, base); got != was&^0xff|0xcc {
			t.Errorf("the program sees %#x", got)
		}
		if b := h.mem.Bytes(f.pages[0], 1); b[0] == 0xcc {
			t.Error("the file was written")
		}
		if err := CopyOut(th, base, []byte{1}); errno.Of(err) != errno.EFAULT {
			t.Errorf("the program may write now: %v", err)
		}
		long := bytes.Repeat([]byte{7}, 6*PageSize)
		if n, err := AccessRemote(th, as, base, long, false, true); n != 4*PageSize || errno.Of(err) != errno.EFAULT {
			t.Errorf("%d, %v", n, err)
		}
		as.Munmap(th, base, 4*PageSize)
		f.close(t, th)
	})
}
