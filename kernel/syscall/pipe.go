package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/fs/pipefs"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(22, "pipe", sysPipe, Out("fds", Int32x2))
	Define(293, "pipe2", sysPipe2, Out("fds", Int32x2), In("flags", PipeFlags))
}

// sysPipe implements pipe(2).
func sysPipe(t *task.Task, a Args) (uint64, error) { return 0, pipe(t, a.Addr(0), 0) }

// sysPipe2 implements pipe2(2): O_CLOEXEC, O_NONBLOCK and O_DIRECT. It lacks O_NOTIFICATION_PIPE.
func sysPipe2(t *task.Task, a Args) (uint64, error) {
	if a.Int(1)&^(abi.O_CLOEXEC|abi.O_NONBLOCK|abi.O_DIRECT) != 0 {
		return 0, errno.EINVAL
	}
	return 0, pipe(t, a.Addr(0), a.Int(1))
}

func pipe(t *task.Task, to mm.UAddr, flags int) error {
	r, w := pipefs.New(t.Thread, t.Sys.VFS, flags)
	return installPair(t, r, w, to, flags&abi.O_CLOEXEC != 0)
}

// installPair gives two new files descriptors and tells the user both; on an error neither is left.
func installPair(t *task.Task, r, w *vfs.File, to mm.UAddr, cloexec bool) error {
	var fds [2]int32
	fd0, err := t.FDs.Reserve(t.Thread, 0)
	if err == nil {
		var fd1 int
		if fd1, err = t.FDs.Reserve(t.Thread, 0); err == nil {
			fds = [2]int32{int32(fd0), int32(fd1)}
			if err = mm.CopyOutStruct(t.Thread, to, &fds); err == nil {
				t.FDs.Fill(t.Thread, fd0, r, cloexec)
				t.FDs.Fill(t.Thread, fd1, w, cloexec)
				return nil
			}
			t.FDs.Cancel(t.Thread, fd1)
		}
		t.FDs.Cancel(t.Thread, fd0)
	}
	r.DecRef(t.Thread)
	w.DecRef(t.Thread)
	return err
}
