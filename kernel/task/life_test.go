package task_test

import (
	"fmt"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/platform/fakeuser"
	"vitrine/kernel/task"
)

func TestInitExitHaltsWithItsStatus(t *testing.T) {
	w := newWorld(t, 1)
	if got := w.boot(func(u *fakeuser.User) int { return 7 }); got != 7 {
		t.Errorf("status %d, want 7", got)
	}
}

func TestForkWait(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		w := newWorld(t, cpus)
		w.run(func(u *fakeuser.User) int {
			me := u.Syscall(sysGetpid)
			pid := fork(u, func(u *fakeuser.User) int {
				if p := u.Syscall(sysGetppid); p != me {
					t.Errorf("parent %d, want %d", p, me)
				}
				return 3
			})
			id, status := wait4(u, -1, 0)
			if id != pid || status != uint32(abi.ExitStatus(3)) {
				t.Errorf("wait4 = %d, %#x; want %d, 0x300", id, status, pid)
			}
			if id, _ := wait4(u, -1, 0); id != -10 {
				t.Errorf("wait4 without children = %d, want ECHILD", id)
			}
			return 0
		})
	}
}

func TestForkCopiesPrivateAndSharesSharedMemory(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		private, shared := alloc(u, 4096, false), alloc(u, 4096, true)
		u.Store64(private, 1)
		u.Store64(shared, 1)
		fork(u, func(u *fakeuser.User) int {
			if v := u.Load64(private); v != 1 {
				t.Errorf("the child sees %d, want 1", v)
			}
			u.Store64(private, 2)
			u.Store64(shared, 2)
			return 0
		})
		wait4(u, -1, 0)
		if p, s := u.Load64(private), u.Load64(shared); p != 1 || s != 2 {
			t.Errorf("private %d, shared %d; want 1, 2", p, s)
		}
		return 0
	})
}

func TestOrphansGoToInit(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		fork(u, func(u *fakeuser.User) int {
			fork(u, func(u *fakeuser.User) int {
				for u.Syscall(sysGetppid) != 1 {
					sleep(u, 1e6)
				}
				return 5
			})
			return 4
		})
		seen := map[uint32]bool{}
		for range 2 {
			_, status := wait4(u, -1, 0)
			seen[status] = true
		}
		if !seen[4<<8] || !seen[5<<8] {
			t.Errorf("statuses %v, want 4 and 5", seen)
		}
		return 0
	})
}

func TestSubreaper(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		fork(u, func(u *fakeuser.User) int {
			u.Syscall(sysPrctl, abi.PR_SET_CHILD_SUBREAPER, 1)
			fork(u, func(u *fakeuser.User) int {
				fork(u, func(u *fakeuser.User) int { sleep(u, 1e9); return 6 })
				return 0
			})
			wait4(u, -1, 0)
			if _, status := wait4(u, -1, 0); status != 6<<8 {
				t.Errorf("the grandchild's status is %#x, want 0x600", status)
			}
			return 0
		})
		wait4(u, -1, 0)
		return 0
	})
}

func TestIgnoredSIGCHLDReapsChildren(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		sigaction(u, abi.SIGCHLD, abi.SIG_IGN, 0, 0)
		pid := fork(u, func(u *fakeuser.User) int { return 0 })
		if id, _ := wait4(u, pid, 0); id != -10 {
			t.Errorf("wait4 = %d, want ECHILD", id)
		}
		return 0
	})
}

func TestWaitOptions(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		pid := fork(u, func(u *fakeuser.User) int {
			u.Syscall(sysKill, uint64(u.Syscall(sysGetpid)), uint64(abi.SIGSTOP))
			sleep(u, 1e9)
			return 9
		})
		if id, _ := wait4(u, pid, abi.WNOHANG); id != 0 {
			t.Errorf("WNOHANG = %d, want 0", id)
		}
		if _, s := wait4(u, pid, abi.WUNTRACED); s != uint32(abi.StopStatus(abi.SIGSTOP)) {
			t.Errorf("WUNTRACED status %#x, want stopped by SIGSTOP", s)
		}
		if id, _ := wait4(u, pid, abi.WUNTRACED|abi.WNOHANG); id != 0 {
			t.Errorf("a stop is told twice: %d", id)
		}
		u.Syscall(sysKill, uint64(pid), uint64(abi.SIGCONT))
		if _, s := wait4(u, pid, abi.WCONTINUED); s != abi.ContinuedStatus {
			t.Errorf("WCONTINUED status %#x", s)
		}
		info := alloc(u, 4096, false)
		for range 2 { // WNOWAIT leaves it
			if r := u.Syscall(sysWaitid, abi.P_PID, uint64(pid), info, abi.WEXITED|abi.WNOWAIT, 0); r != 0 {
				t.Errorf("waitid = %d", r)
			}
		}
		if sig, code, id, status := load32(u, info), load32(u, info+8), load32(u, info+16), load32(u, info+24); sig != 17 || code != 1 ||
			int64(id) != pid || status != 9 {
			t.Errorf("waitid: signo %d code %d pid %d status %d", sig, code, id, status)
		}
		fd := u.Syscall(sysPidfdOpen, uint64(pid), 0)
		if r := u.Syscall(sysWaitid, abi.P_PIDFD, uint64(fd), info, abi.WEXITED, 0); r != 0 {
			t.Errorf("waitid(P_PIDFD) = %d", r)
		}
		if id, _ := wait4(u, pid, 0); id != -10 {
			t.Errorf("after the wait: %d, want ECHILD", id)
		}
		return 0
	})
}

func TestForkBombEndsInEAGAIN(t *testing.T) {
	w := newWorldWith(t, 4, func(c *task.Config) { c.MaxThreads = 40 })
	w.run(func(u *fakeuser.User) int {
		var bomb fakeuser.Program
		again := false
		bomb = func(u *fakeuser.User) int {
			for {
				if pid := fork(u, bomb); pid < 0 {
					if pid != -11 {
						t.Errorf("fork = %d, want EAGAIN", pid)
					}
					return 0
				}
			}
		}
		bomb(u)
		for {
			id, _ := wait4(u, -1, 0)
			if id == -10 {
				break
			}
			again = true
		}
		if !again {
			t.Error("no children")
		}
		if pid := fork(u, func(u *fakeuser.User) int { return 0 }); pid < 0 {
			t.Errorf("after the bomb fork = %d", pid)
		}
		wait4(u, -1, 0)
		return 0
	})
}

func TestManyForksAndWaits(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		for p := range 4 {
			fork(u, func(u *fakeuser.User) int {
				for i := range 20 {
					pid := fork(u, func(u *fakeuser.User) int { return i })
					if id, s := wait4(u, pid, 0); id != pid || s != uint32(i<<8) {
						t.Errorf("%d/%d: wait4(%d) = %d, %#x", p, i, pid, id, s)
					}
				}
				return 0
			})
		}
		for range 4 {
			wait4(u, -1, 0)
		}
		return 0
	})
	if n, _ := w.sys.Threads(nil); n > 1 {
		t.Errorf("%d tasks are left", n)
	}
}

func TestExec(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		path := alloc(u, 4096, false)
		exec := func(name string) fakeuser.Program {
			return func(u *fakeuser.User) int {
				u.StoreString(path, name)
				return int(-u.Syscall(sysExecve, path, 0, 0))
			}
		}
		for name, want := range map[string]uint32{"/prog1": 42, "/garbage": 8, "/nothing": 2, "/script": 42} {
			fork(u, exec(name))
			if _, s := wait4(u, -1, 0); s != want<<8 {
				t.Errorf("%s: status %#x, want %#x", name, s, want<<8)
			}
		}
		return 0
	}, func(u *fakeuser.User) int { return 42 })
}

func TestVforkParentWaitsForExec(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		path := alloc(u, 4096, false)
		u.StoreString(path, "/prog1")
		pid := u.Fork(func(u *fakeuser.User) int {
			w.note("child")
			u.Store64(path+64, 99) // in the parent's memory
			sleep(u, 1e9)
			u.Syscall(sysExecve, path, 0, 0)
			return 1
		}, sysVfork)
		w.note("parent")
		if v := u.Load64(path + 64); v != 99 {
			t.Errorf("the parent sees %d, want the child's 99", v)
		}
		if _, s := wait4(u, pid, 0); s != 42<<8 {
			t.Errorf("status %#x", s)
		}
		return 0
	}, func(u *fakeuser.User) int { return 42 })
	if got := w.noted(); got != "child parent" {
		t.Errorf("order %q", got)
	}
}

func TestThreads(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		mem := alloc(u, 4096, false)
		for i := range uint64(8) {
			if id := thread(u, mem+8*i, func(u *fakeuser.User) int {
				u.Store64(mem+1024+8*i, i+1)
				return exit(u, 0)
			}); id < 0 {
				t.Errorf("clone = %d", id)
			}
		}
		sum := uint64(0)
		for i := range uint64(8) {
			join(u, mem+8*i)
			sum += u.Load64(mem + 1024 + 8*i)
		}
		if sum != 36 {
			t.Errorf("sum %d, want 36", sum)
		}
		return 0
	})
}

func TestExitGroupEndsSleepingThreads(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		pid := fork(u, func(u *fakeuser.User) int {
			mem := alloc(u, 4096, false)
			for i := range uint64(3) {
				thread(u, mem+8*i, func(u *fakeuser.User) int {
					for {
						u.Syscall(sysPause)
					}
				})
			}
			sleep(u, 1e6)
			return 11
		})
		if id, s := wait4(u, pid, 0); id != pid || s != 11<<8 {
			t.Errorf("wait4 = %d, %#x", id, s)
		}
		return 0
	})
}

func TestExecEndsOtherThreads(t *testing.T) {
	for _, leader := range []bool{true, false} {
		t.Run(fmt.Sprint("leader=", leader), func(t *testing.T) {
			w := newWorld(t, 4)
			w.run(func(u *fakeuser.User) int {
				pid := fork(u, func(u *fakeuser.User) int {
					mem := alloc(u, 4096, false)
					u.StoreString(mem+512, "/prog1")
					other := func(u *fakeuser.User) int {
						if !leader {
							u.Syscall(sysExecve, mem+512, 0, 0)
						}
						for {
							u.Syscall(sysPause)
						}
					}
					thread(u, mem, other)
					if leader {
						u.Syscall(sysExecve, mem+512, 0, 0)
					}
					for {
						u.Syscall(sysPause)
					}
				})
				if id, s := wait4(u, pid, 0); id != pid || s != 42<<8 {
					t.Errorf("wait4 = %d, %#x", id, s)
				}
				return 0
			}, func(u *fakeuser.User) int {
				if p, id := u.Syscall(sysGetpid), u.Syscall(sysGettid); p != id {
					t.Errorf("after exec pid %d, tid %d", p, id)
				}
				return 42
			})
		})
	}
}
