package task_test

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/platform/fakeuser"
)

func TestITimerReal(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		n := 0
		sigaction(u, abi.SIGALRM, u.Handler(func(u *fakeuser.User, sig int) { n++ }), 0, 0)
		buf := alloc(u, 4096, false)
		u.Store64(buf, 0)
		u.Store64(buf+8, 100_000) // every 0.1 s
		u.Store64(buf+16, 0)
		u.Store64(buf+24, 250_000) // first after 0.25 s
		start := now(u)
		u.Syscall(sysSetitimer, abi.ITIMER_REAL, buf, 0)
		for n < 4 {
			u.Syscall(sysPause)
		}
		if took := now(u) - start; took < 550e6 || took > 600e6 {
			t.Errorf("four alarms after %d ns, want 0.55 s", took)
		}
		for i := range uint64(4) {
			u.Store64(buf+8*i, 0)
		}
		u.Syscall(sysSetitimer, abi.ITIMER_REAL, buf, buf+64)
		if us := u.Load64(buf + 64 + 8); us != 100_000 {
			t.Errorf("the old interval is %d µs", us)
		}
		return 0
	})
}

func TestAlarmFromTimerToSleepingProcess(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		pid := fork(u, func(u *fakeuser.User) int {
			u.Syscall(sysAlarm, 2)
			sleep(u, 10e9)
			return 0
		})
		start := now(u)
		if _, s := wait4(u, pid, 0); s != 14 {
			t.Errorf("status %#x, want SIGALRM", s)
		}
		if took := now(u) - start; took > 3e9 {
			t.Errorf("it took %d", took)
		}
		return 0
	})
}

// sigevent stores a struct sigevent.
func sigevent(u *fakeuser.User, at uint64, notify int32, sig abi.Signal, value uint64, tid int64) {
	u.Store64(at, value)
	store32(u, at+8, uint32(sig))
	store32(u, at+12, uint32(notify))
	store32(u, at+16, uint32(tid))
}

func TestPosixTimerCountsOverruns(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		buf := alloc(u, 4096, false)
		sigmask(u, abi.SetOf(abi.SIGRTMIN))
		sigevent(u, buf, abi.SIGEV_SIGNAL, abi.SIGRTMIN, 77, 0)
		if r := u.Syscall(sysTimerCreate, abi.CLOCK_MONOTONIC, buf, buf+64); r != 0 {
			t.Fatalf("timer_create = %d", r)
		}
		id := uint64(load32(u, buf+64))
		u.Store64(buf+128, 0)
		u.Store64(buf+136, 10e6) // every 10 ms
		u.Store64(buf+144, 0)
		u.Store64(buf+152, 10e6)
		if r := u.Syscall(sysTimerSettime, id, 0, buf+128, 0); r != 0 {
			t.Errorf("timer_settime = %d", r)
		}
		sleep(u, 105e6)
		u.Store64(buf+256, uint64(abi.SetOf(abi.SIGRTMIN)))
		if sig := u.Syscall(sysRtSigtimedwait, buf+256, buf+512, 0, 8); sig != int64(abi.SIGRTMIN) {
			t.Errorf("sigtimedwait = %d", sig)
		}
		code, tid, over, value := int32(load32(u, buf+512+8)), load32(u, buf+512+16), load32(u, buf+512+20), u.Load64(buf+512+24)
		if code != abi.SI_TIMER || uint64(tid) != id || over != 9 || value != 77 {
			t.Errorf("siginfo: code %d timer %d overrun %d value %d; want 9 overruns of 77", code, tid, over, value)
		}
		if n := u.Syscall(sysTimerGetover, id); n != 9 {
			t.Errorf("timer_getoverrun = %d", n)
		}
		return 0
	})
}

func TestPosixTimerToThread(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		buf := alloc(u, 4096, false)
		tid := thread(u, buf+1024, func(u *fakeuser.User) int {
			sigaction(u, abi.SIGUSR1, u.Handler(func(u *fakeuser.User, sig int) { u.Store64(buf+512, uint64(u.Syscall(sysGettid))) }), 0, 0)
			for u.Load64(buf+512) == 0 {
				u.Syscall(sysPause)
			}
			return exit(u, 0)
		})
		sleep(u, 1e6)
		sigevent(u, buf, abi.SIGEV_THREAD_ID, abi.SIGUSR1, 0, tid)
		u.Syscall(sysTimerCreate, abi.CLOCK_REALTIME, buf, buf+64)
		u.Store64(buf+144, 1)
		u.Syscall(sysTimerSettime, uint64(load32(u, buf+64)), 0, buf+128, 0)
		join(u, buf+1024)
		if got := int64(u.Load64(buf + 512)); got != tid {
			t.Errorf("the timer's signal went to %d, want %d", got, tid)
		}
		return 0
	})
}

func TestCPUTimers(t *testing.T) {
	// The fake clock moves at each reading, so system calls use CPU time; its alarms come when the machine is idle.
	burn := func(u *fakeuser.User) {
		for i := 0; ; i++ {
			u.Syscall(sysSchedYield)
			if i%1000 == 0 {
				sleep(u, 10e6)
			}
		}
	}
	t.Run("ITIMER_PROF", func(t *testing.T) {
		w := newWorld(t, 1)
		w.run(func(u *fakeuser.User) int {
			pid := fork(u, func(u *fakeuser.User) int {
				buf := alloc(u, 4096, false)
				u.Store64(buf+24, 5000) // 5 ms
				u.Syscall(sysSetitimer, abi.ITIMER_PROF, buf, 0)
				burn(u)
				return 0
			})
			if _, s := wait4(u, pid, 0); s != uint32(abi.SIGPROF) {
				t.Errorf("status %#x, want SIGPROF", s)
			}
			return 0
		})
	})
	t.Run("RLIMIT_CPU", func(t *testing.T) {
		w := newWorld(t, 1)
		w.run(func(u *fakeuser.User) int {
			pid := fork(u, func(u *fakeuser.User) int {
				buf := alloc(u, 4096, false)
				u.Store64(buf, 0) // the first second has begun at once
				u.Store64(buf+8, 1)
				u.Syscall(sysPrlimit64, 0, abi.RLIMIT_CPU, buf, 0)
				burn(u)
				return 0
			})
			if _, s := wait4(u, pid, 0); s != uint32(abi.SIGXCPU) {
				t.Errorf("status %#x, want SIGXCPU", s)
			}
			return 0
		})
	})
}

func TestClockNanosleepAbsolute(t *testing.T) {
	w := newWorld(t, 2)
	w.run(func(u *fakeuser.User) int {
		buf := alloc(u, 4096, false)
		until := now(u)/1e9 + 3
		u.Store64(buf, uint64(until))
		if r := u.Syscall(sysClockNanosleep, abi.CLOCK_MONOTONIC, abi.TIMER_ABSTIME, buf, 0); r != 0 {
			t.Errorf("clock_nanosleep = %d", r)
		}
		if n := now(u); n < until*1e9 || n > until*1e9+1e8 {
			t.Errorf("woke at %d, want %d s", n, until)
		}
		u.Store64(buf+8, 1e9)
		if r := u.Syscall(sysClockNanosleep, abi.CLOCK_MONOTONIC, 0, buf, 0); r != -22 {
			t.Errorf("a bad time: %d, want EINVAL", r)
		}
		return 0
	})
}
