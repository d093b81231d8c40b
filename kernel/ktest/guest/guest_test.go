package guest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"vitrine/kernel"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/platform/fakeuser"
	"vitrine/kernel/sched"
	"vitrine/machine/layout"
	"vitrine/machine/ring"
)

// System call numbers that the tests use (asm/unistd_64.h).
const (
	sysRead, sysWrite, sysOpen, sysClose, sysMmap = 0, 1, 2, 3, 9
	sysPipe, sysFork, sysExecve, sysWait4         = 22, 57, 59, 61
	sysGetpid, sysKill, sysReboot                 = 39, 62, 169
)

// scratch maps a page for arguments and results.
func scratch(u *fakeuser.User) uint64 {
	return uint64(u.Syscall(sysMmap, 0, 4096, 3, 0x22, ^uint64(0), 0))
}

func TestInitIsProcessOne(t *testing.T) {
	s := Boot(t, Options{Init: func(u *fakeuser.User) int { return int(u.Syscall(sysGetpid)) + 41 }})
	if h := s.Wait(); h.Status != 42 {
		t.Errorf("%+v, want status 42\n%s", h, s.Dmesg())
	}
}

func TestForkExecWaitPipe(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		t.Run(fmt.Sprintf("smp=%d", cpus), func(t *testing.T) {
			s := Boot(t, Options{
				CPUs: cpus,
				Programs: map[string]fakeuser.Program{"/bin/seven": func(u *fakeuser.User) int {
					p := scratch(u)
					u.StoreString(p, "hello")
					u.Syscall(sysWrite, 1, p, 5)
					return 7
				}},
				Init: func(u *fakeuser.User) int {
					p := scratch(u)
					if r := u.Syscall(sysPipe, p); r != 0 {
						return 1
					}
					fds := u.Load64(p)
					r, w := fds&0xffffffff, fds>>32
					pid := u.Fork(func(c *fakeuser.User) int {
						c.Syscall(33, w, 1) // dup2
						c.Syscall(sysClose, r)
						path := c.StoreString(p+64, "/bin/seven")
						c.Store64(p+128, path)
						c.Store64(p+136, 0)
						c.Syscall(sysExecve, path, p+128, p+136)
						return 99
					}, sysFork)
					if pid <= 1 {
						return 2
					}
					u.Syscall(sysClose, w)
					if n := u.Syscall(sysRead, r, p+512, 100); n != 5 {
						return 3
					}
					b := make([]byte, 5)
					if u.Load(p+512, b); string(b) != "hello" {
						return 4
					}
					if n := u.Syscall(sysRead, r, p+512, 100); n != 0 {
						return 5
					}
					if got := u.Syscall(sysWait4, uint64(pid), p, 0, 0); got != pid {
						return 6
					}
					if st := u.Load64(p) & 0xffff; st != 7<<8 {
						return 8
					}
					return 0
				},
			})
			if h := s.Wait(); h.Status != 0 {
				t.Errorf("%+v\n%s", h, s.Dmesg())
			}
		})
	}
}

// TestWildPointers makes every system call with bad addresses: the kernel lives.
func TestWildPointers(t *testing.T) {
	skip := map[uint64]bool{15: true, 34: true, 56: true, 57: true, 58: true, 60: true, 130: true, 169: true, 231: true, 435: true, 62: true, 200: true, 234: true, 424: true}
	s := Boot(t, Options{Init: func(u *fakeuser.User) int {
		for nr := uint64(0); nr < 460; nr++ {
			if skip[nr] {
				continue
			}
			pid := u.Fork(func(c *fakeuser.User) int {
				for _, bad := range []uint64{1, 0x1000, ^uint64(0), 1 << 63, 0x7fff_ffff_ffff} {
					c.Syscall(37, 2) // alarm: some calls would wait for ever
					c.Syscall(nr, bad, bad, bad, bad, bad, bad)
					c.Syscall(nr, 0, bad, 8, bad, bad, 8)
					c.Syscall(nr, ^uint64(99), bad, bad, 0, 0, 0)
				}
				return 0
			}, sysFork)
			if pid < 0 {
				return 1
			}
			u.Syscall(sysWait4, uint64(pid), 0, 0, 0)
		}
		return 0
	}})
	if h := s.Wait(); h.Status != 0 {
		t.Errorf("%+v\n%s", h, s.Dmesg())
	}
	if d := s.Dmesg(); strings.Contains(d, "BUG") {
		t.Error(d)
	}
}

// TestSameTraceTwice boots the same load twice: one CPU on a fake machine is deterministic.
func TestSameTraceTwice(t *testing.T) {
	run := func() string {
		s := Boot(t, Options{CommandLine: "trace trace_size=100000", Init: func(u *fakeuser.User) int {
			for i := range 5 {
				u.Fork(func(c *fakeuser.User) int {
					for range i * 3 {
						c.Syscall(sysGetpid)
						c.Syscall(24) // sched_yield
					}
					return i
				}, sysFork)
			}
			for range 5 {
				u.Syscall(sysWait4, ^uint64(0), 0, 0, 0)
			}
			return 0
		}})
		s.Wait()
		var b strings.Builder
		for _, r := range s.Trace.Records() {
			fmt.Fprintln(&b, r)
		}
		return b.String()
	}
	first := run()
	if strings.Count(first, "\n") < 100 {
		t.Fatalf("the trace is short:\n%s", first)
	}
	for range 3 {
		if again := run(); again != first {
			t.Fatal("two runs of the same load differ")
		}
	}
}

func TestThousandKernels(t *testing.T) {
	for range 1000 {
		s := Boot(t, Options{RAM: 4 << 20, Init: func(u *fakeuser.User) int { return 0 }})
		if h := s.Wait(); h.Status != 0 {
			t.Fatalf("%+v\n%s", h, s.Dmesg())
		}
	}
}

func BenchmarkBoot(b *testing.B) {
	for b.Loop() {
		Boot(b, Options{RAM: 4 << 20, Init: func(u *fakeuser.User) int { return 0 }}).Wait()
	}
}

// TestViews evaluates every view on a living kernel: none fails, and no column is wrong for all rows.
func TestViews(t *testing.T) {
	var report []string
	var s *System
	Boot(t, Options{Made: func(made *System) { s = made }, Init: func(u *fakeuser.User) int {
		u.Fork(func(c *fakeuser.User) int { return 0 }, sysFork)
		c := s.Kernel
		for _, v := range kernel.ViewNames() {
			text, err := c.ViewText(c.Tasks.Init(nil).LeaderTask(nil).Thread, v)
			if err != nil {
				t.Errorf("view %s: %v", v, err)
			}
			if strings.Contains(text, "?") {
				t.Errorf("view %s shows something that it can't:\n%s", v, text)
			}
			if v == "ps" && strings.Count(text, "init") != 2 {
				t.Errorf("ps does not show two tasks:\n%s", text)
			}
			report = append(report, v+"\n"+text)
		}
		return 0
	}})
	s.Wait()
	t.Log(strings.Join(report, "\n"))
}

// TestQuiesce brings tasks in all kinds of waits to the gate and lets them go on, as if nothing had been.
func TestQuiesce(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		s := Boot(t, Options{CPUs: cpus, Init: func(u *fakeuser.User) int {
			p := scratch(u)
			if u.Syscall(sysPipe, p) != 0 {
				return 1
			}
			fds := u.Load64(p)
			for range 3 {
				u.Fork(func(c *fakeuser.User) int {
					q := scratch(c)
					if n := c.Syscall(sysRead, fds&0xffffffff, q, 1); n != 1 {
						return 1
					}
					c.Store64(q, 1) // one second
					c.Store64(q+8, 0)
					if r := c.Syscall(35, q, 0); r != 0 {
						return 2
					}
					return 0
				}, sysFork)
			}
			u.Syscall(sysWrite, fds>>32, p, 3)
			bad := 0
			for range 3 {
				u.Syscall(sysWait4, ^uint64(0), p, 0, 0)
				if u.Load64(p)&0xffffffff != 0 {
					bad++
				}
			}
			return bad
		}})
		stop := false
		s.Sched.Spawn("quiescer", func(th *sched.Thread) {
			for range 20 {
				ksync.Sleep(th, "test", th.Now()+50*ktime.Millisecond)
				if stop {
					return
				}
				if n := s.Tasks.Quiesce(th, ktime.Second); n != 0 {
					t.Errorf("%d tasks are missing at the gate", n)
				}
				s.Tasks.Resume()
			}
		})
		s.Sched.Balance()
		if h := s.Wait(); h.Status != 0 {
			t.Errorf("cpus=%d: %+v\n%s", cpus, h, s.Dmesg())
		}
		stop = true
	}
}

// TestDebugRing pokes a program's memory as a debugger does while the machine stands still.
func TestDebugRing(t *testing.T) {
	var s *System
	Boot(t, Options{Made: func(made *System) { s = made }, Init: func(u *fakeuser.User) int {
		p := scratch(u)
		u.Store64(p, 1)
		q, err := ring.NewQueue(layout.Ring(s.Machine.RAM(), s.Machine.Boot(), "debug"))
		if err != nil {
			return 99
		}
		req := binary.LittleEndian.AppendUint64(nil, 1)
		req = binary.LittleEndian.AppendUint64(req, p)
		if q.Put(0, kernel.DebugPoke, append(req, 42)) != nil {
			return 98
		}
		q.Put(0, 77, []byte("garbage"))
		u.Syscall(sysGetpid)
		return int(u.Load64(p))
	}})
	if h := s.Wait(); h.Status != 42 {
		t.Errorf("%+v, want status 42", h)
	}
}
