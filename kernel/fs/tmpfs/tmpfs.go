package tmpfs

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

func init() {
	vfs.RegisterType(vfs.FSType{Name: "tmpfs", NoDev: true, Mount: Mount})
}

// FS is one instance.
type FS struct {
	sb  *vfs.Superblock
	mem *mm.Memory

	maxPages, pages   atomic.Int64 // limit 0: none
	maxInodes, inodes atomic.Int64
	mode              vfs.Mode // of the root at mount; for the options
}

var (
	_ vfs.Quota    = (*FS)(nil)
	_ vfs.StatFSer = (*FS)(nil)
	_ vfs.Optioner = (*FS)(nil)
)

type options struct {
	size, inodes int64 // pages; -1: not given
	mode         vfs.Mode
	uid, gid     cred.ID
}

// Mount makes an instance. Options: size, nr_blocks, nr_inodes, mode, uid, gid (tmpfs(5)).
func Mount(t *sched.Thread, v *vfs.VFS, r vfs.MountRequest) (*vfs.Superblock, error) {
	return MountAs(t, v, "tmpfs", r)
}

// MountAs is Mount under another type's name: devfs and the root are tmpfs inside.
func MountAs(t *sched.Thread, v *vfs.VFS, name string, r vfs.MountRequest) (*vfs.Superblock, error) {
	total := int64(v.Memory.Stats(t).Total)
	o := options{size: -1, inodes: -1, mode: abi.S_ISVTX | 0o777}
	if t.Cred != nil {
		o.uid, o.gid = t.Cred.FSUID, t.Cred.FSGID
	}
	if err := o.parse(r.Data, total); err != nil {
		return nil, err
	}
	fs := &FS{mem: v.Memory, mode: o.mode}
	if o.size < 0 {
		o.size = total / 2
	}
	if o.inodes < 0 {
		o.inodes = max(total/2, 8192)
	}
	fs.maxPages.Store(o.size)
	fs.maxInodes.Store(o.inodes)
	sb := v.NewSuperblock(name, r.Source, abi.TMPFS_MAGIC, fs)
	sb.Fs = fs
	fs.sb = sb
	root := newDir(fs, 1, abi.S_IFDIR|o.mode)
	root.SetOwner(o.uid, o.gid)
	fs.inodes.Add(1)
	sb.SetRoot(root)
	return sb, nil
}

func (o *options) parse(data string, totalPages int64) error {
	for _, opt := range strings.Split(data, ",") {
		if opt == "" {
			continue
		}
		key, val, _ := strings.Cut(opt, "=")
		bad := errno.EINVAL.Because("tmpfs: bad option " + opt)
		switch key {
		case "size", "nr_blocks", "nr_inodes":
			n, err := parseSize(val, totalPages)
			if err != nil {
				return bad
			}
			switch key {
			case "size":
				o.size = (n + mm.PageSize - 1) / mm.PageSize
			case "nr_blocks":
				o.size = n
			default:
				o.inodes = n
			}
		case "mode":
			n, err := strconv.ParseUint(val, 8, 32)
			if err != nil {
				return bad
			}
			o.mode = vfs.Mode(n & 0o7777)
		case "uid", "gid":
			n, err := strconv.ParseUint(val, 10, 32)
			if err != nil {
				return bad
			}
			if key == "uid" {
				o.uid = cred.ID(n)
			} else {
				o.gid = cred.ID(n)
			}
		case "huge", "mpol", "noswap", "inode64", "inode32", "source":
		default:
			return bad
		}
	}
	return nil
}

// parseSize reads a number with a suffix k, m, g, or % of RAM.
func parseSize(s string, totalPages int64) (int64, error) {
	if s == "" {
		return 0, errno.EINVAL
	}
	mul := int64(1)
	switch s[len(s)-1] {
	case 'k', 'K':
		mul = 1 << 10
	case 'm', 'M':
		mul = 1 << 20
	case 'g', 'G':
		mul = 1 << 30
	case '%':
		n, err := strconv.ParseInt(s[:len(s)-1], 10, 32)
		if err != nil || n < 0 {
			return 0, errno.EINVAL
		}
		return totalPages * mm.PageSize / 100 * n, nil
	}
	if mul > 1 {
		s = s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/mul {
		return 0, errno.EINVAL
	}
	return n * mul, nil
}

// Charge implements vfs.Quota.
func (fs *FS) Charge(n int64) bool {
	limit := fs.maxPages.Load()
	if fs.pages.Add(n) > limit && limit > 0 {
		fs.pages.Add(-n)
		return false
	}
	return true
}

// Uncharge implements vfs.Quota.
func (fs *FS) Uncharge(n int64) { fs.pages.Add(-n) }

// chargeInode counts a new inode.
func (fs *FS) chargeInode() error {
	limit := fs.maxInodes.Load()
	if fs.inodes.Add(1) > limit && limit > 0 {
		fs.inodes.Add(-1)
		return errno.ENOSPC.Because("tmpfs: no inodes left")
	}
	return nil
}

// StatFS implements vfs.StatFSer.
func (fs *FS) StatFS(t *sched.Thread, sb *vfs.Superblock) (vfs.StatFS, error) {
	s := vfs.StatFS{Type: abi.TMPFS_MAGIC, BSize: mm.PageSize, NameLen: abi.NAME_MAX}
	if limit := fs.maxPages.Load(); limit > 0 {
		s.Blocks = uint64(limit)
		s.BFree = uint64(max(0, limit-fs.pages.Load()))
		s.BAvail = s.BFree
	}
	if limit := fs.maxInodes.Load(); limit > 0 {
		s.Files = uint64(limit)
		s.FFree = uint64(max(0, limit-fs.inodes.Load()))
	}
	return s, nil
}

// ShowOptions implements vfs.Optioner.
func (fs *FS) ShowOptions(*vfs.Superblock) string {
	s := fmt.Sprintf("size=%dk,nr_inodes=%d", fs.maxPages.Load()*(mm.PageSize/1024), fs.maxInodes.Load())
	if fs.mode != abi.S_ISVTX|0o777 {
		s += fmt.Sprintf(",mode=%o", uint32(fs.mode))
	}
	return s
}

// Remount implements vfs.Optioner: new limits, not below what is in use.
func (fs *FS) Remount(t *sched.Thread, sb *vfs.Superblock, data string) error {
	o := options{size: -1, inodes: -1}
	if err := o.parse(data, int64(fs.mem.Stats(t).Total)); err != nil {
		return err
	}
	if o.size > 0 && o.size < fs.pages.Load() || o.inodes > 0 && o.inodes < fs.inodes.Load() {
		return errno.EINVAL.Because("tmpfs: more is in use than the new limit allows")
	}
	if o.size >= 0 {
		fs.maxPages.Store(o.size)
	}
	if o.inodes >= 0 {
		fs.maxInodes.Store(o.inodes)
	}
	return nil
}
