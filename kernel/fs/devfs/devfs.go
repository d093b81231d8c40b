package devfs

import (
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

func init() {
	vfs.RegisterType(vfs.FSType{Name: "devtmpfs", NoDev: true, Mount: mount})
}

// instance is the one instance of a kernel.
type instance struct {
	v  *vfs.VFS
	sb *vfs.Superblock
	fs *vfs.FS // sees the instance alone
}

// mount returns the instance, making it at the first mount.
func mount(t *sched.Thread, v *vfs.VFS, r vfs.MountRequest) (*vfs.Superblock, error) {
	var failed error
	i, _ := v.Shared(t, "devtmpfs", func() any {
		i, err := newInstance(t, v)
		if failed = err; err != nil {
			return nil
		}
		return i
	}).(*instance)
	if i == nil {
		return nil, failed
	}
	return i.sb, nil
}

func newInstance(t *sched.Thread, v *vfs.VFS) (*instance, error) {
	sb, err := v.NewSuper(t, "tmpfs", vfs.MountRequest{Source: "devtmpfs", Data: "mode=755,size=1m"})
	if err != nil {
		return nil, err
	}
	sb.Type = "devtmpfs" // nobody has seen it yet
	i := &instance{v: v, sb: sb, fs: v.Private(t, sb)}
	i.fs.SetUmask(0)
	asRoot(t, func() {
		for _, d := range []struct {
			name string
			mode vfs.Mode
		}{{"pts", 0o755}, {"shm", abi.S_ISVTX | 0o777}, {"mqueue", abi.S_ISVTX | 0o777}} {
			err = first(err, v.Mkdir(t, i.fs, vfs.Path{}, d.name, d.mode))
		}
		for _, l := range [][2]string{
			{"fd", "/proc/self/fd"},
			{"stdin", "/proc/self/fd/0"},
			{"stdout", "/proc/self/fd/1"},
			{"stderr", "/proc/self/fd/2"},
		} {
			err = first(err, v.Symlink(t, i.fs, l[1], vfs.Path{}, l[0]))
		}
	})
	if err != nil {
		return nil, err
	}
	v.OnCharDev(t, i.addNode)
	return i, nil
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// asRoot runs f with all rights: a driver registers its device for the kernel, not for whoever runs.
func asRoot(t *sched.Thread, f func()) {
	old := t.Cred
	t.Cred = cred.Root()
	f()
	t.Cred = old
}

// addNode makes the node of a device; one that is there already stays.
func (i *instance) addNode(t *sched.Thread, c vfs.CharDev) {
	if c.Hidden || c.Name == "" {
		return
	}
	asRoot(t, func() {
		for k := range c.Name {
			if c.Name[k] == '/' {
				i.v.Mkdir(t, i.fs, vfs.Path{}, c.Name[:k], 0o755)
			}
		}
		name := strings.TrimPrefix(c.Name, "/")
		err := i.v.Mknod(t, i.fs, vfs.Path{}, name, abi.S_IFCHR|c.Mode.Perm(), vfs.MakeDev(c.Major, c.Minor))
		if errno.Of(err) != 0 {
			return
		}
		if c.UID == 0 && c.GID == 0 {
			return
		}
		p, err := i.v.Resolve(t, i.fs, vfs.Path{}, name, 0)
		if err == nil {
			i.v.SetAttr(t, p, vfs.SetAttr{
				Mask: vfs.AttrUID | vfs.AttrGID | vfs.AttrMode,
				UID:  cred.ID(c.UID), GID: cred.ID(c.GID), Mode: c.Mode.Perm(),
			})
			p.DecRef(t)
		}
	})
}
