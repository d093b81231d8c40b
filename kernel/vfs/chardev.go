package vfs

import (
	"sort"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// CharDev is a character device that a driver has registered.
type CharDev struct {
	Major, Minor uint32
	Name         string // of its node in /dev: "null", "input/event0"
	Mode         Mode   // of its node: permission bits
	UID, GID     uint32 // of its node
	// Open returns what the open file does. For a device whose opening must be able to wait,
	// f is the file under construction.
	Open func(t *sched.Thread, inode *Inode, f *File) (impl any, err error)
	// Hidden devices get no node of their own (the slaves of pseudo terminals).
	Hidden bool
}

type charDev struct {
	num Dev
	CharDev
}

// RegisterChar makes a character device known; devfs instances make a node for it.
func (v *VFS) RegisterChar(t *sched.Thread, c CharDev) error {
	if c.Mode == 0 {
		c.Mode = 0o600
	}
	num := MakeDev(c.Major, c.Minor)
	v.dcache.Lock(t)
	i := sort.Search(len(v.chars), func(i int) bool { return v.chars[i].num >= num })
	if i < len(v.chars) && v.chars[i].num == num {
		v.dcache.Unlock(t)
		return errno.EBUSY.Because("the device number is taken")
	}
	v.chars = append(v.chars, nil)
	copy(v.chars[i+1:], v.chars[i:])
	v.chars[i] = &charDev{num, c}
	tell := append([]func(*sched.Thread, CharDev){}, v.nodes...)
	v.dcache.Unlock(t)
	for _, f := range tell {
		f(t, c)
	}
	return nil
}

// CharDevs returns all registered devices, in order of their numbers.
func (v *VFS) CharDevs(t *sched.Thread) []CharDev {
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	var out []CharDev
	for _, c := range v.chars {
		out = append(out, c.CharDev)
	}
	return out
}

// OnCharDev has f called for all devices, those that are registered and those that will be. For devfs.
func (v *VFS) OnCharDev(t *sched.Thread, f func(t *sched.Thread, c CharDev)) {
	v.dcache.Lock(t)
	v.nodes = append(v.nodes, f)
	v.dcache.Unlock(t)
	for _, c := range v.CharDevs(t) {
		f(t, c)
	}
}

// charDev returns the device with that number; nil if there is none.
func (v *VFS) charDev(t *sched.Thread, num Dev) *charDev {
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	i := sort.Search(len(v.chars), func(i int) bool { return v.chars[i].num >= num })
	if i < len(v.chars) && v.chars[i].num == num {
		return v.chars[i]
	}
	return nil
}
