package pseudo

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Open implements vfs.Opener.
func (i *inode) Open(t *sched.Thread, _ *vfs.Inode, f *vfs.File) error {
	if i.node.Open != nil {
		impl, err := i.node.Open(t, f)
		f.Impl = impl
		return err
	}
	if f.CanWrite() && i.node.Write == nil {
		return errno.EACCES.Because("the file can't be written")
	}
	f.Impl = &handle{node: i.node, mu: ksync.NewMutex(&classHandle)}
	return nil
}

var classHandle = ksync.Class{Name: "pseudo_file", Rank: ksync.RankFSInternal}

// handle is an open text: made when it is read from the start, so that what is read in several pieces fits together.
type handle struct {
	node *Node
	mu   ksync.Mutex
	text []byte // guarded by mu; the bytes themselves are immutable
	made bool   // guarded by mu
}

// Read implements vfs.Reader.
func (h *handle) Read(t *sched.Thread, _ *vfs.File, dst *mm.IO, off int64) (int, error) {
	if h.node.Read == nil {
		return 0, errno.EINVAL.Because("the file can't be read")
	}
	h.mu.Lock(t)
	text, made := h.text, h.made
	h.mu.Unlock(t)
	if off == 0 || !made {
		var err error
		if text, err = h.node.Read(t); err != nil {
			return 0, err
		}
		h.mu.Lock(t)
		h.text, h.made = text, true
		h.mu.Unlock(t)
	}
	if off >= int64(len(text)) {
		return 0, nil
	}
	return dst.CopyOut(t, text[off:])
}

// Write implements vfs.Writer: each write is one value.
func (h *handle) Write(t *sched.Thread, _ *vfs.File, src *mm.IO, _ int64) (int, error) {
	if h.node.Write == nil {
		return 0, errno.EINVAL.Because("the file can't be written")
	}
	if src.Len() > MaxWrite {
		return 0, errno.EINVAL.Because("too much for one value")
	}
	b := make([]byte, src.Len())
	n, err := src.CopyIn(t, b)
	if err != nil {
		return 0, err
	}
	if err := h.node.Write(t, b[:n]); err != nil {
		return 0, err
	}
	return n, nil
}
