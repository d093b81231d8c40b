package vfs

import (
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
)

// MountInfo is a mount as /proc/PID/mountinfo shows it.
type MountInfo struct {
	ID, Parent  int
	Dev         Dev
	Root, Point string // in its filesystem; in the mount tree
	Type        string
	Source      string
	Options     string // of the mount: "rw,nosuid,relatime"
	SuperOpts   string // of the filesystem: "rw,size=64k"
	Mount       *Mount `json:"-"`
}

// Mounts lists what is mounted and visible from fs's root, oldest first. A nil fs sees all.
func (v *VFS) Mounts(t *sched.Thread, fs *FS) []MountInfo {
	v.dcache.Lock(t)
	all := append([]*Mount(nil), v.allMounts...)
	for _, m := range all {
		m.refs.Add(1)
	}
	v.dcache.Unlock(t)
	var out []MountInfo
	for _, m := range all {
		name, reached, _ := v.pathName(t, fs, Path{m, m.Root})
		i := MountInfo{
			ID: m.ID, Parent: m.ID, Dev: m.SB.Dev, Point: name, Type: m.SB.Type, Source: m.Source,
			Options: m.options(), SuperOpts: "rw", Mount: m,
		}
		v.dcache.Lock(t)
		if m.parent != nil {
			i.Parent = m.parent.ID
		}
		for d := m.Root; !d.root; d = d.parent {
			i.Root = "/" + d.name + i.Root
		}
		v.dcache.Unlock(t)
		if i.Root == "" {
			i.Root = "/"
		}
		if i.Source == "" {
			i.Source = "none"
		}
		if m.SB.ReadOnly() {
			i.SuperOpts = "ro"
		}
		if o := m.SB.Options(); o != "" {
			i.SuperOpts += "," + o
		}
		if reached || fs == nil {
			out = append(out, i)
		}
		m.decRef(t)
	}
	return out
}

func (m *Mount) options() string {
	opts := []string{"rw"}
	if m.ReadOnly() {
		opts[0] = "ro"
	}
	for _, o := range []struct {
		flag int
		name string
	}{
		{abi.MS_NOSUID, "nosuid"},
		{abi.MS_NODEV, "nodev"},
		{abi.MS_NOEXEC, "noexec"},
		{abi.MS_NOATIME, "noatime"},
		{abi.MS_NODIRATIME, "nodiratime"},
		{abi.MS_RELATIME, "relatime"},
		{abi.MS_NOSYMFOLLOW, "nosymfollow"},
	} {
		if m.Flags()&o.flag != 0 {
			opts = append(opts, o.name)
		}
	}
	return strings.Join(opts, ",")
}
