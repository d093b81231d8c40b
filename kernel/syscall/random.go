package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

var grndFlags = Flags(Flag{1, "GRND_NONBLOCK"}, Flag{2, "GRND_RANDOM"}, Flag{4, "GRND_INSECURE"})

func init() {
	Define(318, "getrandom", sysGetrandom, Out("buf", Addr), In("count", Size), In("flags", grndFlags),
		Covers("GRND_NONBLOCK, RANDOM, INSECURE: the machine's entropy never runs dry"))
}

// sysGetrandom implements getrandom(2).
func sysGetrandom(t *task.Task, a Args) (uint64, error) {
	const nonblock, random, insecure = 1, 2, 4
	if f := a.Uint(2); f&^(nonblock|random|insecure) != 0 || f&(random|insecure) == random|insecure {
		return 0, errno.EINVAL.Because("unknown flags, or GRND_RANDOM with GRND_INSECURE")
	}
	addr, size := a.Addr(0), min(a[1], 1<<25-1)
	var buf [256]byte
	done := uint64(0)
	for done < size {
		b := buf[:min(size-done, uint64(len(buf)))]
		t.Sys.Machine.Entropy(b)
		if err := mm.CopyOut(t.Thread, addr+mm.UAddr(done), b); err != nil {
			if done > 0 {
				break
			}
			return 0, err
		}
		done += uint64(len(b))
		if done%4096 == 0 {
			t.CondResched()
			if t.SigPending.Load() {
				break
			}
		}
	}
	return done, nil
}
