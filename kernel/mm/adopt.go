package mm

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// Adopt takes n frames from p on out of the reserved memory, with their contents and a
// reference each for the caller. It is Donate for frames whose contents are of use as they lie there.
func (m *Memory) Adopt(t *sched.Thread, p PFN, n uint64) error {
	m.mu.Lock(t)
	defer m.mu.Unlock(t)
	if uint64(p) > uint64(len(m.pages)) || n > uint64(len(m.pages))-uint64(p) {
		return errno.EINVAL
	}
	run := m.pages[p : uint64(p)+n]
	for i := range run {
		if !run[i].machine {
			return errno.EINVAL.Because("the frame is not reserved")
		}
	}
	for i := range run {
		run[i].machine, run[i].dirty = false, true
		run[i].refs.Store(1)
		run[i].maps.Store(0)
	}
	m.total += n
	return nil
}
