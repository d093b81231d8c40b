package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	whence := Enum(Flag{abi.SEEK_SET, "SEEK_SET"}, Flag{abi.SEEK_CUR, "SEEK_CUR"}, Flag{abi.SEEK_END, "SEEK_END"},
		Flag{abi.SEEK_DATA, "SEEK_DATA"}, Flag{abi.SEEK_HOLE, "SEEK_HOLE"})
	Define(8, "lseek", sysLseek, In("fd", FD), In("offset", Long), In("whence", whence))
}

// sysLseek implements lseek(2): all of SEEK_*.
func sysLseek(t *task.Task, a Args) (pos uint64, err error) {
	err = withFile(t, a.FD(0), func(f *vfs.File) error {
		n, err := f.Seek(t.Thread, a.Long(1), a.Int(2))
		pos = uint64(n)
		return err
	})
	return pos, err
}
