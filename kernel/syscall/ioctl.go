package syscall

import (
	"fmt"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
)

func init() {
	Define(16, "ioctl", sysIoctl, In("fd", FD), In("request", ioctlName), In("arg", Hex))
}

// ioctlName shows the requests that every program makes by name.
var ioctlName = Format(func(_ *task.Task, v uint64, _ Args, _ int64) string {
	if n := ioctlNames[uint32(v)]; n != "" {
		return n
	}
	return fmt.Sprintf("%#x", uint32(v))
})

var ioctlNames = map[uint32]string{
	abi.TCGETS: "TCGETS", abi.TCSETS: "TCSETS", abi.TCSETSW: "TCSETSW", abi.TCSETSF: "TCSETSF",
	abi.TIOCGWINSZ: "TIOCGWINSZ", abi.TIOCSWINSZ: "TIOCSWINSZ", abi.TIOCGPGRP: "TIOCGPGRP", abi.TIOCSPGRP: "TIOCSPGRP",
	abi.TIOCSCTTY: "TIOCSCTTY", abi.TIOCNOTTY: "TIOCNOTTY", abi.TIOCGPTN: "TIOCGPTN", abi.TIOCSPTLCK: "TIOCSPTLCK",
	abi.TIOCGSID: "TIOCGSID", abi.FIONREAD: "FIONREAD", abi.FIONBIO: "FIONBIO", abi.FIOCLEX: "FIOCLEX", abi.FIONCLEX: "FIONCLEX",
}

// sysIoctl implements ioctl(2): the commands of all files here, the rest by the file's own Ioctl.
func sysIoctl(t *task.Task, a Args) (ret uint64, err error) {
	cmd := a.Uint(1)
	switch cmd {
	case abi.FIOCLEX, abi.FIONCLEX:
		return 0, t.FDs.SetCloseOnExec(t.Thread, a.FD(0), cmd == abi.FIOCLEX)
	}
	err = withFile(t, a.FD(0), func(f *vfs.File) error {
		if f.IsPath() {
			return errno.EBADF.Because("opened with O_PATH")
		}
		ret, err = fileIoctl(t, f, cmd, a[2])
		return err
	})
	return ret, err
}

func fileIoctl(t *task.Task, f *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	switch cmd {
	case abi.FIONBIO:
		on, err := mm.CopyInStruct[int32](t.Thread, mm.UAddr(arg))
		if err == nil {
			f.SetNonblock(on != 0)
		}
		return 0, err
	case abi.FIOASYNC:
		_, err := mm.CopyInStruct[int32](t.Thread, mm.UAddr(arg))
		return 0, err
	case abi.TIOCGPTPEER:
		if m, ok := f.Impl.(*tty.Master); ok {
			return openPeer(t, m, int(int32(arg)))
		}
	}
	if !f.Inode.Mode().IsReg() && !f.Inode.IsDir() {
		return f.Ioctl(t.Thread, cmd, arg)
	}
	switch cmd {
	case abi.FIONREAD:
		if f.Inode.IsDir() {
			break
		}
		left := int32(min(max(f.Inode.Size()-f.Pos(t.Thread), 0), 1<<31-1))
		return 0, mm.CopyOutStruct(t.Thread, mm.UAddr(arg), &left)
	case abi.FIOQSIZE:
		size := f.Inode.Size()
		return 0, mm.CopyOutStruct(t.Thread, mm.UAddr(arg), &size)
	case abi.FIGETBSZ:
		size := int32(mm.PageSize)
		return 0, mm.CopyOutStruct(t.Thread, mm.UAddr(arg), &size)
	}
	return f.Ioctl(t.Thread, cmd, arg)
}
