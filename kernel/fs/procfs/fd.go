package procfs

import (
	"fmt"
	"strconv"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/pseudo"
)

// descriptor returns the open file of another task's descriptor, with a reference; nil if there is none.
func descriptor(t *sched.Thread, x *task.Task, fd int) *vfs.File {
	ft := x.Files(t)
	if ft == nil || fd < 0 {
		return nil
	}
	defer ft.Release(t)
	f, err := ft.Get(t, fd)
	if err != nil {
		return nil
	}
	return f
}

// fdDir is /proc/PID/fd: a link for each descriptor, which leads to the open file itself.
func (k *Kernel) fdDir(x *task.Task) *pseudo.Node {
	return &pseudo.Node{
		Mode: abi.S_IFDIR | 0o500,
		Lookup: func(t *sched.Thread, name string) *pseudo.Node {
			fd := number(name)
			f := descriptor(t, x, fd)
			if f == nil || inspect(t, x) != nil {
				if f != nil {
					f.DecRef(t)
				}
				return nil
			}
			mode := vfs.Mode(abi.S_IFLNK)
			if f.CanRead() {
				mode |= 0o500
			}
			if f.CanWrite() {
				mode |= 0o300
			}
			key := f
			f.DecRef(t)
			c := x.Credentials()
			return &pseudo.Node{
				Mode: mode, Key: key, UID: c.EUID, GID: c.EGID,
				Target: func(t *sched.Thread) (string, error) {
					f := descriptor(t, x, fd)
					if f == nil {
						return "", errno.ENOENT
					}
					defer f.DecRef(t)
					return f.Name(t), nil
				},
				Follow: func(t *sched.Thread) (vfs.Path, error) {
					if err := inspect(t, x); err != nil {
						return vfs.Path{}, err
					}
					f := descriptor(t, x, fd)
					if f == nil {
						return vfs.Path{}, errno.ENOENT
					}
					defer f.DecRef(t)
					f.Path.IncRef()
					return f.Path, nil
				},
			}
		},
		List: func(t *sched.Thread) []vfs.DirEntry { return descriptors(t, x, abi.DT_LNK) },
	}
}

func descriptors(t *sched.Thread, x *task.Task, kind uint8) []vfs.DirEntry {
	ft := x.Files(t)
	if ft == nil || inspect(t, x) != nil {
		if ft != nil {
			ft.Release(t)
		}
		return nil
	}
	defer ft.Release(t)
	var out []vfs.DirEntry
	for fd, e := ft.Next(t, 0); fd >= 0; fd, e = ft.Next(t, fd+1) {
		e.File.DecRef(t)
		out = append(out, vfs.DirEntry{Name: strconv.Itoa(fd), Type: kind})
	}
	return out
}

// fdinfoDir is /proc/PID/fdinfo.
func (k *Kernel) fdinfoDir(x *task.Task) *pseudo.Node {
	return &pseudo.Node{
		Mode: abi.S_IFDIR | 0o500,
		Lookup: func(t *sched.Thread, name string) *pseudo.Node {
			fd := number(name)
			f := descriptor(t, x, fd)
			if f == nil {
				return nil
			}
			defer f.DecRef(t)
			return &pseudo.Node{Mode: abi.S_IFREG | 0o400, Key: f, UID: x.Credentials().EUID, Read: func(t *sched.Thread) ([]byte, error) {
				f := descriptor(t, x, fd)
				if f == nil {
					return nil, errno.ENOENT
				}
				defer f.DecRef(t)
				mnt := 0
				if f.Path.Mount != nil {
					mnt = f.Path.Mount.ID
				}
				return fmt.Appendf(nil, "pos:\t%d\nflags:\t0%o\nmnt_id:\t%d\nino:\t%d\n", f.Pos(t), f.Flags(), mnt, f.Inode.Ino), nil
			}}
		},
		List: func(t *sched.Thread) []vfs.DirEntry { return descriptors(t, x, abi.DT_REG) },
	}
}

// dirTarget and dirFollow are the links cwd and root.
func (k *Kernel) dirTarget(x *task.Task, get func(*vfs.FS, *sched.Thread) vfs.Path) func(t *sched.Thread) (string, error) {
	follow := dirFollow(x, get)
	return func(t *sched.Thread) (string, error) {
		p, err := follow(t)
		if err != nil {
			return "", err
		}
		defer p.DecRef(t)
		return k.Tasks.VFS.PathString(t, nil, p), nil
	}
}

func dirFollow(x *task.Task, get func(*vfs.FS, *sched.Thread) vfs.Path) func(t *sched.Thread) (vfs.Path, error) {
	return func(t *sched.Thread) (vfs.Path, error) {
		if err := inspect(t, x); err != nil {
			return vfs.Path{}, err
		}
		fs := x.Dirs(t)
		if fs == nil {
			return vfs.Path{}, errno.ENOENT
		}
		defer fs.DecRef(t)
		return get(fs, t), nil
	}
}

// exeTarget and exeFollow are the link exe.
func (k *Kernel) exeTarget(x *task.Task) func(t *sched.Thread) (string, error) {
	return func(t *sched.Thread) (string, error) {
		f := x.Group.Exe(t)
		if f == nil {
			return "", errno.ENOENT
		}
		defer f.DecRef(t)
		return f.Name(t), nil
	}
}

func exeFollow(x *task.Task) func(t *sched.Thread) (vfs.Path, error) {
	return func(t *sched.Thread) (vfs.Path, error) {
		if err := inspect(t, x); err != nil {
			return vfs.Path{}, err
		}
		f := x.Group.Exe(t)
		if f == nil {
			return vfs.Path{}, errno.ENOENT
		}
		defer f.DecRef(t)
		f.Path.IncRef()
		return f.Path, nil
	}
}
