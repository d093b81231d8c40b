package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(237, "mbind", sysMbind, In("addr", Addr), In("length", Size), In("mode", Hex), In("nodes", Addr), In("max", Size), In("flags", Hex),
		Covers("all modes, on the only node"))
	Define(238, "set_mempolicy", sysSetMempolicy, In("mode", Hex), In("nodes", Addr), In("max", Size),
		Covers("all modes, on the only node"))
	Define(239, "get_mempolicy", sysGetMempolicy, Out("mode", Addr), Out("nodes", Addr), In("max", Size), In("addr", Addr), In("flags", Hex),
		Covers("MPOL_F_NODE MPOL_F_ADDR MPOL_F_MEMS_ALLOWED"), Lacks("the mode is always MPOL_DEFAULT: with one node all are the same"))
	Define(256, "migrate_pages", sysMigratePages, In("pid", Int), In("max", Size), In("old", Addr), In("new", Addr))
}

// The machine has one memory node, number 0, so every valid policy means the same.
const (
	mpolDefault      = 0
	mpolLocal        = 4
	mpolMax          = 6
	mpolModeFlags    = 0xe000
	mpolFNode        = 1
	mpolFAddr        = 2
	mpolFMemsAllowed = 4
	mpolMFValid      = 7
	maxNodeMaskBits  = 8 * mm.PageSize
)

// checkPolicy checks a mode with its nodes.
func checkPolicy(t *task.Task, mode uint64, nodes mm.UAddr, max uint64) error {
	if mode&^mpolModeFlags > mpolMax {
		return errno.EINVAL.Because("no such policy")
	}
	only, err := nodeZero(t, nodes, max)
	if err != nil {
		return err
	}
	switch m := mode &^ mpolModeFlags; {
	case m == mpolDefault && only:
		return errno.EINVAL.Because("MPOL_DEFAULT takes no nodes")
	case m != mpolDefault && m != mpolLocal && m != 1 && !only: // MPOL_PREFERRED may be without
		return errno.EINVAL.Because("no nodes")
	}
	return nil
}

// nodeZero reads a node mask: whether it has node 0. Others don't exist.
func nodeZero(t *task.Task, addr mm.UAddr, max uint64) (bool, error) {
	if addr == 0 || max <= 1 {
		return false, nil
	}
	max--
	if max > maxNodeMaskBits {
		return false, errno.EINVAL
	}
	words, err := mm.CopyInSlice[uint64](t.Thread, addr, int((max+63)/64))
	if err != nil {
		return false, err
	}
	if r := max % 64; r != 0 {
		words[len(words)-1] &= 1<<r - 1
	}
	for i, w := range words {
		if i == 0 {
			w &^= 1
		}
		if w != 0 {
			return false, errno.EINVAL.Because("a node that doesn't exist")
		}
	}
	return words[0]&1 != 0, nil
}

// sysSetMempolicy implements set_mempolicy(2) for a machine with one node.
func sysSetMempolicy(t *task.Task, a Args) (uint64, error) {
	return 0, checkPolicy(t, a[0], a.Addr(1), a[2])
}

// sysMbind implements mbind(2) for a machine with one node.
func sysMbind(t *task.Task, a Args) (uint64, error) {
	if a[0]%mm.PageSize != 0 || a[5]&^mpolMFValid != 0 {
		return 0, errno.EINVAL
	}
	return 0, checkPolicy(t, a[2], a.Addr(3), a[4])
}

// sysGetMempolicy implements get_mempolicy(2) for a machine with one node. The mode is always MPOL_DEFAULT.
func sysGetMempolicy(t *task.Task, a Args) (uint64, error) {
	flags := a[4]
	if flags&^(mpolFNode|mpolFAddr|mpolFMemsAllowed) != 0 || flags&mpolFMemsAllowed != 0 && flags != mpolFMemsAllowed ||
		flags&mpolFAddr == 0 && a[3] != 0 {
		return 0, errno.EINVAL
	}
	if flags&mpolFAddr != 0 {
		var b [1]byte
		if err := mm.CopyIn(t.Thread, b[:], a.Addr(3)); err != nil {
			return 0, err
		}
	}
	if a[0] != 0 {
		mode := uint32(0) // also the node's number
		if err := mm.CopyOutStruct(t.Thread, a.Addr(0), &mode); err != nil {
			return 0, err
		}
	}
	if a[1] != 0 {
		if a[2] < 2 || a[2] > maxNodeMaskBits {
			return 0, errno.EINVAL
		}
		mask := make([]uint64, (a[2]-1+63)/64)
		if flags&mpolFMemsAllowed != 0 {
			mask[0] = 1
		}
		return 0, mm.CopyOutSlice(t.Thread, a.Addr(1), mask)
	}
	return 0, nil
}

// sysMigratePages implements migrate_pages(2): there is nowhere to go.
func sysMigratePages(t *task.Task, a Args) (uint64, error) {
	if t.Sys.Task(t.Thread, a.Int(0)) == nil && a.Int(0) != 0 {
		return 0, errno.ESRCH
	}
	for _, i := range []int{2, 3} {
		if _, err := nodeZero(t, a.Addr(i), a[1]); err != nil {
			return 0, err
		}
	}
	return 0, nil
}
