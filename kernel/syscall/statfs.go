package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(137, "statfs", sysStatfs, In("path", Path), Out("buf", Addr))
	Define(138, "fstatfs", sysFstatfs, In("fd", FD), Out("buf", Addr))
}

// statfs tells about the filesystem of p; files without a mount have one too.
func statfs(t *task.Task, p vfs.Path, sb *vfs.Superblock, to mm.UAddr) error {
	s, err := sb.StatFS(t.Thread)
	if err != nil {
		return err
	}
	out := abi.Statfs{
		Type: s.Type, BSize: s.BSize, Blocks: s.Blocks, BFree: s.BFree, BAvail: s.BAvail, Files: s.Files, FFree: s.FFree,
		NameLen: s.NameLen, FrSize: s.BSize, FSID: [2]int32{int32(sb.Dev), int32(sb.Dev >> 32)}, Flags: abi.ST_VALID,
	}
	if p.Mount != nil {
		f := int64(p.Mount.Flags())
		out.Flags |= f & (abi.ST_RDONLY | abi.ST_NOSUID | abi.ST_NODEV | abi.ST_NOEXEC | abi.ST_NOATIME)
		if p.Mount.ReadOnly() {
			out.Flags |= abi.ST_RDONLY
		}
	}
	return mm.CopyOutStruct(t.Thread, to, &out)
}

// sysStatfs implements statfs(2).
func sysStatfs(t *task.Task, a Args) (uint64, error) {
	return 0, withPath(t, abi.AT_FDCWD, a.Addr(0), vfs.Follow, func(p vfs.Path) error {
		return statfs(t, p, p.Inode().SB, a.Addr(1))
	})
}

// sysFstatfs implements fstatfs(2).
func sysFstatfs(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error { return statfs(t, f.Path, f.Inode.SB, a.Addr(1)) })
}
