package task_test

import (
	"testing"

	"vitrine/kernel/platform/fakeuser"
)

const (
	fWait, fWake, fRequeue, fCmpRequeue, fWakeOp, fLockPI, fUnlockPI, fTrylockPI = 0, 1, 3, 4, 5, 6, 7, 8
	fPrivate                                                                     = 128
)

func TestFutexWaitAndWake(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		mem := alloc(u, 4096, false)
		const word = 512
		if r := u.Syscall(sysFutex, mem+word, fWait|fPrivate, 1, 0, 0, 0); r != -11 {
			t.Errorf("another value: %d, want EAGAIN", r)
		}
		u.Store64(mem+600, 0)
		u.Store64(mem+608, 1e6)
		if r := u.Syscall(sysFutex, mem+word, fWait|fPrivate, 0, mem+600, 0, 0); r != -110 {
			t.Errorf("nobody wakes: %d, want ETIMEDOUT", r)
		}
		for i := range uint64(3) {
			thread(u, mem+8*i, func(u *fakeuser.User) int {
				for load32(u, mem+word) == 0 {
					u.Syscall(sysFutex, mem+word, fWait|fPrivate, 0, 0, 0, 0)
				}
				return exit(u, 0)
			})
		}
		sleep(u, 1e7)
		if r := u.Syscall(sysFutex, mem+word, fWake|fPrivate, 1); r != 1 {
			t.Errorf("wake one = %d", r)
		}
		store32(u, mem+word, 1)
		sleep(u, 1e7)
		if r := u.Syscall(sysFutex, mem+word, fWake|fPrivate, 100); r < 2 || r > 3 {
			t.Errorf("wake all = %d", r)
		}
		for i := range uint64(3) {
			join(u, mem+8*i)
		}
		return 0
	})
}

func TestFutexBetweenProcesses(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		mem := alloc(u, 4096, true)
		fork(u, func(u *fakeuser.User) int {
			for load32(u, mem) == 0 {
				u.Syscall(sysFutex, mem, fWait, 0, 0, 0, 0)
			}
			return 21
		})
		sleep(u, 1e7)
		store32(u, mem, 1)
		if r := u.Syscall(sysFutex, mem, fWake, 1); r != 1 {
			t.Errorf("wake = %d", r)
		}
		if _, s := wait4(u, -1, 0); s != 21<<8 {
			t.Errorf("status %#x", s)
		}
		return 0
	})
}

func TestFutexRequeueAndWakeOp(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		mem := alloc(u, 4096, false)
		a, b := mem+512, mem+516
		for i := range uint64(4) {
			thread(u, mem+8*i, func(u *fakeuser.User) int {
				u.Syscall(sysFutex, a, fWait|fPrivate, 0, 0, 0, 0)
				return exit(u, 0)
			})
		}
		sleep(u, 1e7)
		if r := u.Syscall(sysFutex, a, fCmpRequeue|fPrivate, 1, 100, b, 5); r != -11 {
			t.Errorf("CMP_REQUEUE of another value = %d, want EAGAIN", r)
		}
		if r := u.Syscall(sysFutex, a, fCmpRequeue|fPrivate, 1, 2, b, 0); r != 3 {
			t.Errorf("CMP_REQUEUE = %d, want 3: one woken, two moved", r)
		}
		// a += 5; wake one on a; its old value was 0: wake all on b.
		const op = 1<<28 | 5<<12 // FUTEX_OP_ADD, FUTEX_OP_CMP_EQ, 5, 0
		if r := u.Syscall(sysFutex, a, fWakeOp|fPrivate, 1, 100, a, op); r != 1+0 {
			// both addresses are a: the first wake takes the only waiter
			t.Errorf("WAKE_OP = %d, want 1", r)
		}
		if v := load32(u, a); v != 5 {
			t.Errorf("the word is %d, want 5", v)
		}
		if r := u.Syscall(sysFutex, b, fWake|fPrivate, 100); r != 2 {
			t.Errorf("wake of the moved = %d, want 2", r)
		}
		for i := range uint64(4) {
			join(u, mem+8*i)
		}
		return 0
	})
}

func TestFutexPI(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		mem := alloc(u, 4096, false)
		lock, count := mem+512, mem+520
		const threads, rounds = 4, 25
		for i := range uint64(threads) {
			thread(u, mem+8*i, func(u *fakeuser.User) int {
				for range rounds {
					if r := u.Syscall(sysFutex, lock, fLockPI|fPrivate, 0, 0, 0, 0); r != 0 {
						t.Errorf("LOCK_PI = %d", r)
					}
					v := u.Load64(count)
					u.Syscall(sysSchedYield)
					u.Store64(count, v+1)
					if r := u.Syscall(sysFutex, lock, fUnlockPI|fPrivate, 0, 0, 0, 0); r != 0 {
						t.Errorf("UNLOCK_PI = %d", r)
					}
				}
				return exit(u, 0)
			})
		}
		for i := range uint64(threads) {
			join(u, mem+8*i)
		}
		if n := u.Load64(count); n != threads*rounds {
			t.Errorf("%d increments, want %d", n, threads*rounds)
		}
		if r := u.Syscall(sysFutex, lock, fUnlockPI|fPrivate, 0, 0, 0, 0); r != -1 {
			t.Errorf("unlocking what one doesn't hold = %d, want EPERM", r)
		}
		return 0
	})
}

func TestRobustFutexOfDeadOwner(t *testing.T) {
	w := newWorld(t, 4)
	w.run(func(u *fakeuser.User) int {
		mem := alloc(u, 8192, true)
		lock := mem + 4096
		pid := fork(u, func(u *fakeuser.User) int {
			// One entry, whose futex word lies 8 bytes behind it.
			head, entry := mem, mem+64
			u.Store64(head, entry)
			u.Store64(head+8, lock-entry)
			u.Store64(head+16, 0)
			u.Store64(entry, head)
			u.Syscall(sysSetRobustList, head, 24)
			store32(u, lock, uint32(u.Syscall(sysGettid))|0x80000000)
			sleep(u, 1e7)
			return 0
		})
		for {
			v := load32(u, lock)
			if v&0x40000000 != 0 {
				break
			}
			if v == 0 {
				sleep(u, 1e6)
				continue
			}
			u.Syscall(sysFutex, lock, fWait, uint64(v), 0, 0, 0)
		}
		wait4(u, pid, 0)
		if v := load32(u, lock); v != 0xc0000000 {
			t.Errorf("the dead owner's word is %#x, want FUTEX_WAITERS|FUTEX_OWNER_DIED", v)
		}
		return 0
	})
}

func TestHostileFutexCalls(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		for _, addr := range []uint64{1, 0, 4096, 1 << 62, ^uint64(3)} {
			for op := range uint64(16) {
				if r := u.Syscall(sysFutex, addr, op, 0, 1, addr, 0); r >= 0 && addr != 0 {
					t.Errorf("futex(%#x, %d) = %d", addr, op, r)
				}
			}
			u.Syscall(sysSetRobustList, addr, 24)
			u.Syscall(sysSetTidAddress, addr)
		}
		// A list that is a circle and one that leads nowhere: the exit survives.
		fork(u, func(u *fakeuser.User) int {
			mem := alloc(u, 4096, false)
			u.Store64(mem, mem+64)
			u.Store64(mem+64, mem+64)
			u.Syscall(sysSetRobustList, mem, 24)
			return 1
		})
		if _, s := wait4(u, -1, 0); s != 1<<8 {
			t.Errorf("status %#x", s)
		}
		return 0
	})
}
