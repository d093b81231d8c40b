package mm

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// UnmapObject removes what is left of a mapping of a whole object that was made at addr: shmdt(2). is says
// which pagers count. Areas of the object that were mapped otherwise stay.
func (as *AddressSpace) UnmapObject(t *sched.Thread, addr UAddr, is func(p Pager) bool) error {
	as.lock(t)
	defer as.unlock(t)
	var parts [][2]uint64
	var object Pager
	for i := as.index(uint64(addr)); i < len(as.vmas); i++ {
		v := as.vmas[i]
		if v.Start < uint64(addr) || v.Pager == nil || v.Start-uint64(addr) != v.Offset {
			continue
		}
		if object == nil && is(v.Pager) {
			object = v.Pager
		}
		if v.Pager == object {
			parts = append(parts, [2]uint64{v.Start, v.End})
		}
	}
	if object == nil {
		return errno.EINVAL.Because("no shared memory is attached there")
	}
	for _, p := range parts {
		as.remove(t, p[0], p[1])
	}
	return nil
}
