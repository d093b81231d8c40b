package devfs

import (
	"fmt"
	"strconv"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/klog"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// RegisterKmsg registers kmsg, the kernel's log as a file (Documentation/ABI/testing/dev-kmsg).
func RegisterKmsg(t *sched.Thread, v *vfs.VFS, log *klog.Log) error {
	return v.RegisterChar(t, vfs.CharDev{
		Major: majorMem, Minor: 11, Name: "kmsg", Mode: 0o644,
		Open: func(t *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) {
			return &kmsg{log: log, mu: ksync.NewMutex(&classKmsg), r: log.Read()}, nil
		},
	})
}

var classKmsg = ksync.Class{Name: "kmsg", Rank: ksync.RankInode}

// kmsg is one reader: each read(2) brings one message.
type kmsg struct {
	log *klog.Log
	mu  ksync.Mutex
	r   *klog.Reader // guarded by mu
}

var (
	_ vfs.Reader = (*kmsg)(nil)
	_ vfs.Writer = (*kmsg)(nil)
	_ vfs.Seeker = (*kmsg)(nil)
)

// kmsgPoll is how often a waiting reader looks: the log can be written to from anywhere, so it wakes nobody.
const kmsgPoll = 100 * ktime.Millisecond

// Read implements vfs.Reader.
func (k *kmsg) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	for {
		k.mu.Lock(t)
		m, ok := k.r.Next()
		if ok {
			line := format(m)
			n, err := 0, error(errno.EINVAL.Because("the buffer is smaller than the message"))
			if dst.Len() >= len(line) {
				n, err = dst.CopyOut(t, []byte(line))
			}
			if err != nil {
				k.r.Seek(m.Seq)
			}
			k.mu.Unlock(t)
			return n, err
		}
		k.mu.Unlock(t)
		if f.Nonblock() {
			return 0, errno.EAGAIN
		}
		if err := ksync.Sleep(t, "kmsg", t.Now()+kmsgPoll); err != nil {
			return 0, err
		}
	}
}

// format shows a message as the manual says: priority, number, microseconds, flags; text.
func format(m klog.Message) string {
	facility := 0
	if m.User {
		facility = 1
	}
	text := strings.Map(func(r rune) rune {
		if r == '\n' {
			return ' '
		}
		return r
	}, m.Text)
	return fmt.Sprintf("%d,%d,%d,-;%s\n", facility<<3|int(m.Level), m.Seq, m.Time/1000, text)
}

// Write implements vfs.Writer: "<3>text" is a message of level 3.
func (k *kmsg) Write(t *sched.Thread, f *vfs.File, src *mm.IO, _ int64) (int, error) {
	n := src.Len()
	b := make([]byte, min(n, klog.MaxLine))
	if _, err := src.CopyIn(t, b); err != nil {
		return 0, err
	}
	text, level := string(b), klog.Warning
	if rest, ok := strings.CutPrefix(text, "<"); ok {
		if num, rest, ok := strings.Cut(rest, ">"); ok {
			if p, err := strconv.ParseUint(num, 10, 16); err == nil {
				level, text = klog.Level(p&7), rest
			}
		}
	}
	k.log.User(level, text)
	return n, nil
}

// Seek implements vfs.Seeker: SEEK_SET is the oldest message, SEEK_END behind the newest.
func (k *kmsg) Seek(t *sched.Thread, f *vfs.File, off int64, whence int) (int64, error) {
	if off != 0 {
		return 0, errno.ESPIPE
	}
	k.mu.Lock(t)
	defer k.mu.Unlock(t)
	switch whence {
	case abi.SEEK_SET:
		k.r = k.log.Read()
	case abi.SEEK_END, abi.SEEK_DATA:
		k.r.End()
	default:
		return 0, errno.EINVAL
	}
	return 0, nil
}

// Poll implements vfs.Poller.
func (k *kmsg) Poll(t *sched.Thread, f *vfs.File, p *vfs.PollTable) vfs.Events {
	k.mu.Lock(t)
	defer k.mu.Unlock(t)
	if m, ok := k.r.Next(); ok {
		k.r.Seek(m.Seq)
		return abi.POLLIN | abi.POLLRDNORM
	}
	return 0
}
