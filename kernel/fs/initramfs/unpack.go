package initramfs

import (
	"bytes"
	"io"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Stats says what was unpacked.
type Stats struct {
	Files, Dirs, Links, Nodes int
	Bytes                     int64
}

// Unpack unpacks data into fs's root. What was made before an error stays.
func Unpack(t *sched.Thread, v *vfs.VFS, fs *vfs.FS, data []byte) (Stats, error) {
	u := unpacker{t: t, v: v, fs: fs}
	return u.unpack(data)
}

// UnpackRAM is Unpack for an archive that lies in reserved memory from addr on and is not needed afterwards.
// Contents of plain archives that begin at a page's boundary are not copied: their frames become the files'. The
// other frames go to mem.
func UnpackRAM(t *sched.Thread, v *vfs.VFS, fs *vfs.FS, mem *mm.Memory, addr, size uint64) (Stats, error) {
	u := unpacker{t: t, v: v, fs: fs, mem: mem, free: addr, end: addr + size}
	s, err := u.unpack(mem.RAM()[addr:u.end])
	mem.Donate(t, u.free, u.end-u.free)
	return s, err
}

func (u *unpacker) unpack(data []byte) (Stats, error) {
	for {
		data = bytes.TrimLeft(data, "\x00")
		if len(data) == 0 {
			return u.stats, nil
		}
		r, rest, err := open(data)
		if err != nil {
			return u.stats, err
		}
		if err := u.archive(r); err != nil {
			return u.stats, err
		}
		next := rest()
		if len(next) >= len(data) {
			return u.stats, errBad("an empty archive")
		}
		data = next
	}
}

type unpacker struct {
	t     *sched.Thread
	v     *vfs.VFS
	fs    *vfs.FS
	a     *archive
	links map[inode]string // files with several names: the first of them
	buf   []byte
	stats Stats

	// For UnpackRAM: what lies in [free, end) of RAM is still the archive.
	mem       *mm.Memory
	free, end uint64
	src       *bytes.Reader // the archive, if it is a plain one; what it has left ends at end
}

// inode names a file within an archive.
type inode struct{ ino, major, minor uint32 }

// maxLinks bounds the table of hard links.
const maxLinks = 1 << 20

// chunk is how much of a file's content is moved at once.
const chunk = 256 << 10

// archive unpacks the members of a stream up to the end of the stream. A plain archive ends at its trailer, so that
// a compressed one may follow.
func (u *unpacker) archive(r io.Reader) error {
	u.a = &archive{r: r}
	u.links = map[inode]string{}
	src, plain := r.(*bytes.Reader)
	u.src = src
	for {
		h, err := u.a.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.name == trailer {
			u.links = map[inode]string{}
			if err := u.a.skip(int64(h.size)); err != nil || plain {
				return err
			}
			u.a.off = 0
			continue
		}
		if err := u.member(h); err != nil {
			return err
		}
		u.t.CondResched()
	}
}

// member makes one file.
func (u *unpacker) member(h *header) error {
	size := int64(h.size)
	name := clean(h.name)
	if name == "" { // the root itself
		if err := u.attributes("/", h); err != nil {
			return err
		}
		return u.rest(size)
	}
	if err := u.parents(name); err != nil {
		return err
	}
	mode := vfs.Mode(h.mode)
	switch mode.Type() {
	case abi.S_IFDIR:
		err := u.v.Mkdir(u.t, u.fs, vfs.Path{}, name, mode.Perm())
		if err != nil && errno.Of(err) != errno.EEXIST {
			return err
		}
		u.stats.Dirs++
	case abi.S_IFREG:
		return u.regular(name, h)
	case abi.S_IFLNK:
		if size == 0 || size >= abi.PATH_MAX {
			return errBad("a link's target is empty or too long")
		}
		b := make([]byte, size)
		if err := u.a.full(b); err != nil {
			return err
		}
		target := strings.TrimRight(string(b), "\x00")
		u.remove(name)
		if err := u.v.Symlink(u.t, u.fs, target, vfs.Path{}, name); err != nil {
			return err
		}
		u.stats.Links++
		size = 0
	case abi.S_IFCHR, abi.S_IFBLK, abi.S_IFIFO, abi.S_IFSOCK:
		u.remove(name)
		err := u.v.Mknod(u.t, u.fs, vfs.Path{}, name, mode, vfs.MakeDev(h.rdevMajor, h.rdevMinor))
		if err != nil {
			return err
		}
		u.stats.Nodes++
	default:
		return errBad("a file of unknown type")
	}
	if err := u.attributes(name, h); err != nil {
		return err
	}
	return u.rest(size)
}

// rest skips what is left of a member's data, and its padding.
func (u *unpacker) rest(size int64) error {
	if err := u.a.skip(size); err != nil {
		return err
	}
	return u.a.align()
}

// clean makes a name relative and takes "." and ".." out of it: an archive stays below its root.
func clean(name string) string {
	var parts []string
	for p := range strings.SplitSeq(name, "/") {
		switch p {
		case "", ".":
		case "..":
			if len(parts) > 0 {
				parts = parts[:len(parts)-1]
			}
		default:
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "/")
}

// parents makes the directories above name that are missing.
func (u *unpacker) parents(name string) error {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return nil
	}
	p, err := u.v.Resolve(u.t, u.fs, vfs.Path{}, name[:i], vfs.Follow|vfs.Directory)
	if err == nil {
		p.DecRef(u.t)
		return nil
	}
	for i := 0; i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		err := u.v.Mkdir(u.t, u.fs, vfs.Path{}, name[:i], 0o755)
		if err != nil && errno.Of(err) != errno.EEXIST {
			return err
		}
	}
	return nil
}

// remove takes away what an earlier archive has put there.
func (u *unpacker) remove(name string) {
	if u.v.Unlink(u.t, u.fs, vfs.Path{}, name) != nil {
		u.v.Rmdir(u.t, u.fs, vfs.Path{}, name)
	}
}

// regular makes a file, or another name of one. Of several names the last has the content.
func (u *unpacker) regular(name string, h *header) error {
	key := inode{h.ino, h.devMajor, h.devMinor}
	flags := abi.O_WRONLY | abi.O_CREAT | abi.O_NOFOLLOW
	first, again := u.links[key]
	if h.nlink > 1 && again {
		u.remove(name)
		p, err := u.v.Resolve(u.t, u.fs, vfs.Path{}, first, 0)
		if err != nil {
			return err
		}
		err = u.v.Link(u.t, u.fs, p, vfs.Path{}, name)
		p.DecRef(u.t)
		if err != nil {
			return err
		}
	} else {
		u.remove(name)
		flags |= abi.O_TRUNC
		if h.nlink > 1 {
			if len(u.links) >= maxLinks {
				return errBad("too many hard links")
			}
			u.links[key] = name
		}
	}
	u.stats.Files++
	f, err := u.v.Open(u.t, u.fs, vfs.Path{}, name, vfs.OpenHow{Flags: flags, Mode: 0o600})
	if err != nil {
		return err
	}
	err = u.content(f, int64(h.size))
	f.DecRef(u.t)
	if err != nil {
		return err
	}
	if err := u.attributes(name, h); err != nil {
		return err
	}
	return u.a.align()
}

// content copies size bytes of the archive into f.
func (u *unpacker) content(f *vfs.File, size int64) error {
	n, err := u.adopt(f, size)
	if err != nil {
		return err
	}
	if size -= n; n > 0 {
		if _, err := f.Seek(u.t, n, abi.SEEK_SET); err != nil {
			return err
		}
	}
	for size > 0 {
		n := int(min(size, chunk))
		b := u.buffer(n)
		if err := u.a.full(b); err != nil {
			return err
		}
		for io := mm.KernelIO(b); io.Len() > 0; {
			if _, err := f.Write(u.t, io); err != nil {
				return err
			}
		}
		u.stats.Bytes += int64(n)
		size -= int64(n)
	}
	return nil
}

// adopt makes the frames in which the content lies the file's, but for its last, partial page. It returns
// how many bytes that are; 0 if the content must be copied.
func (u *unpacker) adopt(f *vfs.File, size int64) (int64, error) {
	pages := uint64(size) / mm.PageSize
	if u.mem == nil || u.src == nil || pages == 0 || f.Inode.Pages == nil || u.src.Len() < int(pages*mm.PageSize) {
		return 0, nil
	}
	addr := u.end - uint64(u.src.Len())
	if addr%mm.PageSize != 0 {
		return 0, nil
	}
	if err := u.mem.Adopt(u.t, mm.PFN(addr/mm.PageSize), pages); err != nil {
		return 0, err
	}
	u.mem.Donate(u.t, u.free, addr-u.free) // what came before has been read
	u.free = addr + pages*mm.PageSize
	if err := f.Inode.Pages.Adopt(u.t, mm.PFN(addr/mm.PageSize), pages); err != nil {
		for i := range pages {
			u.mem.DecRef(u.t, mm.PFN(addr/mm.PageSize+i))
		}
		return 0, err
	}
	n := int64(pages * mm.PageSize)
	u.stats.Bytes += n
	return n, u.a.skip(n)
}

func (u *unpacker) buffer(n int) []byte {
	if len(u.buf) < n {
		u.buf = make([]byte, n)
	}
	return u.buf[:n]
}

// attributes sets owner, permissions and time.
func (u *unpacker) attributes(name string, h *header) error {
	p, err := u.v.Resolve(u.t, u.fs, vfs.Path{}, name, 0)
	if err != nil {
		return err
	}
	defer p.DecRef(u.t)
	s := vfs.SetAttr{
		Mask: vfs.AttrUID | vfs.AttrGID | vfs.AttrMtime | vfs.AttrMode,
		UID:  cred.ID(h.uid), GID: cred.ID(h.gid), Mtime: int64(h.mtime) * 1e9, Mode: vfs.Mode(h.mode).Perm(),
	}
	if p.Inode().Mode().IsSymlink() {
		s.Mask &^= vfs.AttrMode
	}
	return u.v.SetAttr(u.t, p, s)
}
