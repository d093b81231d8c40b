package syscall

import (
	"math/bits"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(23, "select", sysSelect, In("nfds", Int), In("read", Addr), In("write", Addr), In("except", Addr), In("timeout", Addr))
	Define(270, "pselect6", sysPselect6, In("nfds", Int), In("read", Addr), In("write", Addr), In("except", Addr), In("timeout", Addr), In("sigmask", Addr))
}

// sysSelect implements select(2): all of it; the time that is left is stored into timeout.
func sysSelect(t *task.Task, a Args) (uint64, error) {
	limit := timeLimit{deadline: ktime.Forever}
	if addr := a.Addr(4); addr != 0 {
		tv, err := mm.CopyInStruct[abi.Timeval](t.Thread, addr)
		if err != nil {
			return 0, err
		}
		// As on Linux whole seconds among the microseconds are taken for what they are.
		tv = abi.Timeval{Sec: tv.Sec + tv.Usec/1e6, Usec: tv.Usec % 1e6}
		if !tv.Valid() {
			return 0, errno.EINVAL.Because("not a valid struct timeval")
		}
		limit.deadline = until(t, tv.Nanoseconds())
		limit.store = func(left int64) error {
			tv := abi.ToTimeval(left)
			return mm.CopyOutStruct(t.Thread, addr, &tv)
		}
	}
	n, err := selectFiles(t, a, limit.deadline)
	return limit.finish(t, n, err)
}

// sysPselect6 implements pselect(2), of which the last argument points to the mask's address and size.
func sysPselect6(t *task.Task, a Args) (uint64, error) {
	limit, err := timeLimitSpec(t, a.Addr(4))
	if err != nil {
		return 0, err
	}
	var mask [2]uint64
	if a.Addr(5) != 0 {
		if mask, err = mm.CopyInStruct[[2]uint64](t.Thread, a.Addr(5)); err != nil {
			return 0, err
		}
	}
	return withSigMask(t, mm.UAddr(mask[0]), mask[1], func() (uint64, error) {
		n, err := selectFiles(t, a, limit.deadline)
		return limit.finish(t, n, err)
	})
}

// What the three sets of select(2) mean.
var selectEvents = [3]vfs.Events{
	abi.POLLIN | abi.POLLRDNORM | abi.POLLRDBAND | abi.POLLHUP | abi.POLLERR,
	abi.POLLOUT | abi.POLLWRNORM | abi.POLLWRBAND | abi.POLLERR,
	abi.POLLPRI,
}

// selectFiles is the work of select(2); arguments 0 to 3 are those of the call.
func selectFiles(t *task.Task, a Args, deadline int64) (uint64, error) {
	n := a.Int(0)
	if n < 0 {
		return 0, errno.EINVAL
	}
	// Descriptors that no table has room for can't be open: their bits are not looked at.
	_, size := t.FDs.Count(t.Thread)
	words := (min(n, size) + 63) / 64
	var in [3][]uint64
	for i := range in {
		if a.Addr(1+i) == 0 {
			continue
		}
		set, err := mm.CopyInSlice[uint64](t.Thread, a.Addr(1+i), words)
		if err != nil {
			return 0, err
		}
		if rest := min(n, size) % 64; rest != 0 && words > 0 {
			set[words-1] &= 1<<rest - 1
		}
		in[i] = set
	}
	var set []polled
	var fds []int
	defer func() { release(t, set) }()
	for w := range words {
		var any uint64
		for i := range in {
			if in[i] != nil {
				any |= in[i][w]
			}
		}
		for ; any != 0; any &= any - 1 {
			fd := w*64 + bits.TrailingZeros64(any)
			f, err := t.File(fd)
			if err != nil {
				return 0, err
			}
			if f.IsPath() {
				f.DecRef(t.Thread)
				return 0, errno.EBADF
			}
			p := polled{file: f}
			for i := range in {
				if in[i] != nil && in[i][w]&(1<<(fd%64)) != 0 {
					p.want |= selectEvents[i]
				}
			}
			set, fds = append(set, p), append(fds, fd)
		}
	}
	if _, err := pollSet(t, set, deadline, "select"); err != nil {
		return 0, err
	}
	var out [3][]uint64
	count := uint64(0)
	for i := range in {
		if in[i] == nil {
			continue
		}
		out[i] = make([]uint64, words)
		for k, fd := range fds {
			if bit := uint64(1) << (fd % 64); in[i][fd/64]&bit != 0 && set[k].got&selectEvents[i] != 0 {
				out[i][fd/64] |= bit
				count++
			}
		}
	}
	for i := range out {
		if out[i] != nil {
			if err := mm.CopyOutSlice(t.Thread, a.Addr(1+i), out[i]); err != nil {
				return 0, err
			}
		}
	}
	return count, nil
}
