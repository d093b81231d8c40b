package futex

import (
	"sync/atomic"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// The operation word of FUTEX_WAKE_OP (futex(2)): op:4 cmp:4 oparg:12 cmparg:12.
const (
	opSet = iota
	opAdd
	opOr
	opAndN
	opXor
	opArgShift = 8
)

const (
	cmpEQ = iota
	cmpNE
	cmpLT
	cmpLE
	cmpGT
	cmpGE
)

// WakeOp changes the word at addr2 by op, wakes up to n waiters on addr, and if the old value of the word compares as op says, up
// to m on addr2.
func (ft *Table) WakeOp(t *sched.Thread, addr, addr2 mm.UAddr, private bool, n, m int, op uint32) (int, error) {
	if addr%4 != 0 || addr2%4 != 0 {
		return 0, errno.EINVAL.Because("a futex word is not aligned")
	}
	if o := op >> 28 &^ opArgShift; o > opXor || op>>24&15 > cmpGE {
		return 0, errno.ENOSYS.Because("unknown operation")
	}
	key, err := mm.FutexKeyOf(t, addr, private)
	if err != nil {
		return 0, err
	}
	key2, err := mm.FutexKeyOf(t, addr2, private)
	if err != nil {
		return 0, err
	}
	a, b := ft.bucket(key), ft.bucket(key2)
	count := 0
	err = mm.WithWord(t, addr2, true, func(p *uint32) {
		lockTwo(t, a, b)
		defer unlockTwo(t, a, b)
		old := change(p, op)
		count = a.wakeKey(key, n, ^uint32(0))
		if compare(int32(old), op) {
			count += b.wakeKey(key2, m, ^uint32(0))
		}
	})
	return count, err
}

// change performs the operation atomically and returns the value before.
func change(p *uint32, op uint32) uint32 {
	arg := uint32(int32(op<<8) >> 20)
	if op>>28&opArgShift != 0 {
		arg = 1 << (arg & 31)
	}
	for {
		old := atomic.LoadUint32(p)
		var v uint32
		switch op >> 28 &^ opArgShift {
		case opSet:
			v = arg
		case opAdd:
			v = old + arg
		case opOr:
			v = old | arg
		case opAndN:
			v = old &^ arg
		case opXor:
			v = old ^ arg
		}
		if atomic.CompareAndSwapUint32(p, old, v) {
			return old
		}
	}
}

func compare(old int32, op uint32) bool {
	arg := int32(op<<20) >> 20
	switch op >> 24 & 15 {
	case cmpEQ:
		return old == arg
	case cmpNE:
		return old != arg
	case cmpLT:
		return old < arg
	case cmpLE:
		return old <= arg
	case cmpGT:
		return old > arg
	}
	return old >= arg
}

func load(p *uint32) uint32 { return atomic.LoadUint32(p) }
