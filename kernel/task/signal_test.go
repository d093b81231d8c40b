package task_test

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/platform/fakeuser"
)

func TestSignalHandlerRunsAndReturns(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		got := 0
		h := u.Handler(func(u *fakeuser.User, sig int) { got = sig })
		sigaction(u, abi.SIGUSR1, h, 0, 0)
		me := u.Syscall(sysGetpid)
		if r := u.Syscall(sysKill, uint64(me), uint64(abi.SIGUSR1)); r != 0 {
			t.Errorf("kill = %d", r)
		}
		if got != int(abi.SIGUSR1) {
			t.Errorf("the handler got %d", got)
		}
		if r := u.Syscall(sysGetpid); r != me {
			t.Errorf("after the handler getpid = %d", r)
		}
		return 0
	})
}

func TestSiginfoOfKillAndChild(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		info := alloc(u, 4096, false)
		u.Store64(info+256, uint64(abi.SetOf(abi.SIGUSR1, abi.SIGCHLD, abi.SIGRTMIN)))
		sigmask(u, abi.SetOf(abi.SIGUSR1, abi.SIGCHLD, abi.SIGRTMIN))
		wait := func() int64 { return u.Syscall(sysRtSigtimedwait, info+256, info, 0, 8) }
		me := uint64(u.Syscall(sysGetpid))
		pid := fork(u, func(u *fakeuser.User) int {
			u.Syscall(sysKill, me, uint64(abi.SIGUSR1))
			return 5
		})
		if sig := wait(); sig != int64(abi.SIGUSR1) || int64(load32(u, info+16)) != pid || load32(u, info+8) != 0 {
			t.Errorf("SIGUSR1: signal %d code %d pid %d", sig, load32(u, info+8), load32(u, info+16))
		}
		if sig := wait(); sig != int64(abi.SIGCHLD) || int64(load32(u, info+16)) != pid || load32(u, info+8) != abi.CLD_EXITED ||
			load32(u, info+24) != 5 {
			t.Errorf("SIGCHLD: signal %d code %d pid %d status %d", sig, load32(u, info+8), load32(u, info+16), load32(u, info+24))
		}
		wait4(u, -1, 0)
		// Real-time signals queue, in order, with their values.
		code := int32(abi.SI_QUEUE)
		for i := range uint64(3) {
			store32(u, info+512+8, uint32(code))
			u.Store64(info+512+24, 100+i)
			if r := u.Syscall(sysRtSigqueueinfo, me, uint64(abi.SIGRTMIN), info+512); r != 0 {
				t.Errorf("rt_sigqueueinfo = %d", r)
			}
		}
		for i := range uint64(3) {
			if sig := wait(); sig != int64(abi.SIGRTMIN) || u.Load64(info+24) != 100+i {
				t.Errorf("RT signal %d: %d with value %d", i, sig, u.Load64(info+24))
			}
		}
		u.Store64(info+600, 0)
		u.Store64(info+608, 1000)
		if r := u.Syscall(sysRtSigtimedwait, info+256, info, info+600, 8); r != -11 {
			t.Errorf("sigtimedwait of nothing = %d, want EAGAIN", r)
		}
		return 0
	})
}

func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags uint64
		want  int64
	}{{"SA_RESTART", abi.SA_RESTART, 0}, {"no SA_RESTART", 0, -4}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 2)
			w.run(func(u *fakeuser.User) int {
				n := 0
				sigaction(u, abi.SIGUSR1, u.Handler(func(u *fakeuser.User, sig int) { n++ }), c.flags, 0)
				me := uint64(u.Syscall(sysGetpid))
				fork(u, func(u *fakeuser.User) int {
					sleep(u, 1e7)
					u.Syscall(sysKill, me, uint64(abi.SIGUSR1))
					sleep(u, 1e7)
					return 0
				})
				// wait4 is restarted or fails with EINTR.
				buf := u.Registers().RSP - 8192
				r := u.Syscall(sysWait4, ^uint64(0), buf, 0, 0)
				if c.want < 0 && r != c.want || c.want == 0 && r <= 0 {
					t.Errorf("wait4 = %d", r)
				}
				if n != 1 {
					t.Errorf("the handler ran %d times", n)
				}
				if c.want < 0 {
					wait4(u, -1, 0)
				}
				return 0
			})
		})
	}
}

func TestNanosleepGoesOnAfterStop(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		pid := fork(u, func(u *fakeuser.User) int {
			start := now(u)
			if r := sleep(u, 1e9); r != 0 {
				t.Errorf("nanosleep = %d", r)
			}
			if took := now(u) - start; took < 1e9 {
				t.Errorf("slept for %d only", took)
			}
			return 0
		})
		sleep(u, 1e8)
		u.Syscall(sysKill, uint64(pid), uint64(abi.SIGSTOP))
		wait4(u, pid, abi.WUNTRACED)
		u.Syscall(sysKill, uint64(pid), uint64(abi.SIGCONT))
		wait4(u, pid, 0)
		return 0
	})
}

func TestNanosleepInterruptedTellsTheRest(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		sigaction(u, abi.SIGALRM, u.Handler(func(u *fakeuser.User, sig int) {}), abi.SA_RESTART, 0)
		buf := alloc(u, 4096, false)
		u.Syscall(sysAlarm, 1)
		u.Store64(buf, 10)
		if r := u.Syscall(sysNanosleep, buf, buf+64); r != -4 {
			t.Errorf("nanosleep = %d, want EINTR", r)
		}
		if rest := u.Load64(buf + 64); rest != 8 {
			t.Errorf("the rest is %d s and a bit, want 8", rest)
		}
		return 0
	})
}

func TestSigsuspendRestoresTheMaskAfterTheHandler(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		var inside abi.SigSet
		sigaction(u, abi.SIGUSR1, u.Handler(func(u *fakeuser.User, sig int) { inside = sigmask(u, 0); sigmask(u, inside) }), 0, 0)
		blocked := abi.SetOf(abi.SIGUSR1, abi.SIGUSR2)
		sigmask(u, blocked)
		me := uint64(u.Syscall(sysGetpid))
		u.Syscall(sysKill, me, uint64(abi.SIGUSR1))
		buf := u.Registers().RSP - 4096
		u.Store64(buf, uint64(abi.SetOf(abi.SIGUSR2)))
		if r := u.Syscall(sysRtSigsuspend, buf, 8); r != -4 {
			t.Errorf("sigsuspend = %d, want EINTR", r)
		}
		if want := abi.SetOf(abi.SIGUSR1, abi.SIGUSR2); inside != want {
			t.Errorf("in the handler %#x is blocked, want %#x", inside, want)
		}
		if m := sigmask(u, 0); m != blocked {
			t.Errorf("after it %#x is blocked, want %#x", m, blocked)
		}
		return 0
	})
}

func TestDefaultActions(t *testing.T) {
	for _, c := range []struct {
		sig  abi.Signal
		want uint32
	}{{abi.SIGTERM, 15}, {abi.SIGKILL, 9}, {abi.SIGQUIT, 3}, {abi.SIGRTMIN, 32}, {abi.SIGCHLD, 5 << 8}, {abi.SIGWINCH, 5 << 8}} {
		w := newWorld(t, 2)
		w.run(func(u *fakeuser.User) int {
			pid := fork(u, func(u *fakeuser.User) int { sleep(u, 1e9); return 5 })
			sleep(u, 1e6)
			u.Syscall(sysKill, uint64(pid), uint64(c.sig))
			if _, s := wait4(u, pid, 0); s != c.want {
				t.Errorf("%v: status %#x, want %#x", c.sig, s, c.want)
			}
			return 0
		})
	}
}

func TestInitIsProtected(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		fork(u, func(u *fakeuser.User) int {
			for _, sig := range []abi.Signal{abi.SIGKILL, abi.SIGTERM, abi.SIGSTOP, abi.SIGQUIT} {
				u.Syscall(sysKill, 1, uint64(sig))
			}
			return 0
		})
		if id, _ := wait4(u, -1, 0); id <= 0 {
			t.Errorf("wait4 = %d", id)
		}
		return 0
	})
}

func TestFaults(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		fork(u, func(u *fakeuser.User) int { u.Load64(0xdead000); return 0 })
		if _, s := wait4(u, -1, 0); s != 11 {
			t.Errorf("a wild load: status %#x, want SIGSEGV", s)
		}
		fork(u, func(u *fakeuser.User) int { // blocked or ignored makes no difference
			sigmask(u, abi.SetOf(abi.SIGSEGV))
			sigaction(u, abi.SIGSEGV, abi.SIG_IGN, 0, 0)
			u.Load64(0xdead000)
			return 0
		})
		if _, s := wait4(u, -1, 0); s != 11 {
			t.Errorf("a wild load, SIGSEGV ignored: status %#x", s)
		}
		fork(u, func(u *fakeuser.User) int { // a handler on a stack that isn't there
			sigaction(u, abi.SIGUSR1, u.Handler(func(u *fakeuser.User, sig int) {}), 0, 0)
			me := u.Syscall(sysGetpid)
			u.Registers().RSP = 0x1000
			u.Syscall(sysKill, uint64(me), uint64(abi.SIGUSR1))
			return 0
		})
		if _, s := wait4(u, -1, 0); s != 11 {
			t.Errorf("no stack for a handler: status %#x", s)
		}
		fork(u, func(u *fakeuser.User) int { // a forged frame
			u.Registers().RSP = 0x1000
			u.Syscall(15)
			return 0
		})
		if _, s := wait4(u, -1, 0); s != 11 {
			t.Errorf("sigreturn from nowhere: status %#x", s)
		}
		return 0
	})
}

func TestSignalsToThreads(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		mem := alloc(u, 4096, false)
		h := u.Handler(func(u *fakeuser.User, sig int) { u.Store64(mem+512, uint64(u.Syscall(sysGettid))) })
		sigaction(u, abi.SIGUSR1, h, 0, 0)
		tid := thread(u, mem, func(u *fakeuser.User) int {
			for u.Load64(mem+512) == 0 {
				u.Syscall(sysPause)
			}
			return exit(u, 0)
		})
		sleep(u, 1e6)
		if r := u.Syscall(sysTgkill, uint64(u.Syscall(sysGetpid)), uint64(tid), uint64(abi.SIGUSR1)); r != 0 {
			t.Errorf("tgkill = %d", r)
		}
		join(u, mem)
		if got := int64(u.Load64(mem + 512)); got != tid {
			t.Errorf("the handler ran on %d, want %d", got, tid)
		}
		// A signal to the process goes to a thread that does not block it.
		u.Store64(mem+512, 0)
		sigmask(u, abi.SetOf(abi.SIGUSR1))
		tid = thread(u, mem, func(u *fakeuser.User) int {
			sigmask(u, 0)
			for u.Load64(mem+512) == 0 {
				u.Syscall(sysPause)
			}
			return exit(u, 0)
		})
		sleep(u, 1e6)
		u.Syscall(sysKill, uint64(u.Syscall(sysGetpid)), uint64(abi.SIGUSR1))
		join(u, mem)
		if got := int64(u.Load64(mem + 512)); got != tid {
			t.Errorf("the process's signal went to %d, want %d", got, tid)
		}
		return 0
	})
}

func TestGroupStopStopsAllThreads(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		count := alloc(u, 4096, true)
		pid := fork(u, func(u *fakeuser.User) int {
			mem := alloc(u, 4096, false)
			for i := range uint64(2) {
				thread(u, mem+8*i, func(u *fakeuser.User) int {
					for {
						u.Store64(count+8*i, u.Load64(count+8*i)+1)
						sleep(u, 1e6)
					}
				})
			}
			for {
				u.Syscall(sysPause)
			}
		})
		sleep(u, 1e8)
		u.Syscall(sysKill, uint64(pid), uint64(abi.SIGSTOP))
		wait4(u, pid, abi.WUNTRACED)
		before := u.Load64(count) + u.Load64(count+8)
		sleep(u, 1e8)
		if after := u.Load64(count) + u.Load64(count+8); after != before || before == 0 {
			t.Errorf("stopped threads went on: %d, %d", before, after)
		}
		u.Syscall(sysKill, uint64(pid), uint64(abi.SIGCONT))
		wait4(u, pid, abi.WCONTINUED)
		sleep(u, 1e8)
		if after := u.Load64(count) + u.Load64(count+8); after == before {
			t.Error("continued threads stand still")
		}
		u.Syscall(sysKill, uint64(pid), uint64(abi.SIGSTOP))
		wait4(u, pid, abi.WUNTRACED)
		u.Syscall(sysKill, uint64(pid), uint64(abi.SIGKILL)) // ends even what is stopped
		if _, s := wait4(u, pid, 0); s != 9 {
			t.Errorf("status %#x", s)
		}
		return 0
	})
}

func TestKillOfGroupsAndPermissions(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		leader := fork(u, func(u *fakeuser.User) int {
			u.Syscall(sysSetpgid, 0, 0)
			fork(u, func(u *fakeuser.User) int { sleep(u, 1e10); return 0 })
			sleep(u, 1e10)
			return 0
		})
		sleep(u, 1e7)
		if r := u.Syscall(sysKill, uint64(-leader), uint64(abi.SIGTERM)); r != 0 {
			t.Errorf("kill(-pgrp) = %d", r)
		}
		for range 2 {
			if _, s := wait4(u, -1, 0); s != 15 {
				t.Errorf("status %#x, want SIGTERM", s)
			}
		}
		if r := u.Syscall(sysKill, uint64(-leader), 0); r != -3 {
			t.Errorf("kill of an empty group = %d, want ESRCH", r)
		}
		fork(u, func(u *fakeuser.User) int {
			u.Syscall(105, 1000) // setuid
			if r := u.Syscall(sysKill, 1, uint64(abi.SIGTERM)); r != -1 {
				t.Errorf("kill of root's process = %d, want EPERM", r)
			}
			return 0
		})
		wait4(u, -1, 0)
		return 0
	})
}

func TestOrphanedStoppedGroupGetsHangup(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		// A "shell" in a session of its own with a stopped job exits: the job gets SIGHUP and SIGCONT.
		fork(u, func(u *fakeuser.User) int {
			u.Syscall(sysSetsid)
			job := fork(u, func(u *fakeuser.User) int {
				u.Syscall(sysSetpgid, 0, 0)
				u.Syscall(sysKill, uint64(u.Syscall(sysGetpid)), uint64(abi.SIGSTOP))
				return 0
			})
			wait4(u, job, abi.WUNTRACED)
			return 1
		})
		seen := map[uint32]bool{}
		for range 2 {
			_, s := wait4(u, -1, 0)
			seen[s] = true
		}
		if !seen[1<<8] || !seen[1] {
			t.Errorf("statuses %v, want exit 1 and SIGHUP", seen)
		}
		return 0
	})
}

func TestAltStack(t *testing.T) {
	w := newWorld(t, 1)
	w.run(func(u *fakeuser.User) int {
		mem := alloc(u, 65536, false)
		buf := u.Registers().RSP - 4096
		u.Store64(buf, mem)
		u.Store64(buf+8, 0)
		u.Store64(buf+16, 32768)
		if r := u.Syscall(sysSigaltstack, buf, 0); r != 0 {
			t.Errorf("sigaltstack = %d", r)
		}
		sp := uint64(0)
		sigaction(u, abi.SIGUSR1, u.Handler(func(u *fakeuser.User, sig int) {
			sp = u.Registers().RSP
			b := u.Registers().RSP - 2048
			u.Syscall(sysSigaltstack, 0, b)
			if f := u.Load64(b + 8); f != abi.SS_ONSTACK {
				t.Errorf("flags on the stack: %d", f)
			}
			if r := u.Syscall(sysSigaltstack, b, 0); r != -1 {
				t.Errorf("changing it while on it = %d, want EPERM", r)
			}
		}), abi.SA_ONSTACK, 0)
		u.Syscall(sysKill, uint64(u.Syscall(sysGetpid)), uint64(abi.SIGUSR1))
		if sp < mem || sp >= mem+32768 {
			t.Errorf("the handler's stack %#x is not in %#x…", sp, mem)
		}
		return 0
	})
}

func TestSignalLimit(t *testing.T) {
	w := newWorld(t, 1)
	w.run(func(u *fakeuser.User) int {
		buf := alloc(u, 4096, false)
		u.Store64(buf, 3)
		u.Store64(buf+8, 3)
		u.Syscall(sysPrlimit64, 0, abi.RLIMIT_SIGPENDING, buf, 0)
		sigmask(u, abi.SetOf(abi.SIGRTMIN))
		code := int32(abi.SI_QUEUE)
		store32(u, buf+512+8, uint32(code))
		for i := range 5 {
			want := int64(0)
			if i >= 3 {
				want = -11
			}
			if r := u.Syscall(sysRtSigqueueinfo, uint64(u.Syscall(sysGetpid)), uint64(abi.SIGRTMIN), buf+512); r != want {
				t.Errorf("signal %d: %d, want %d", i, r, want)
			}
		}
		return 0
	})
}
