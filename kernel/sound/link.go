package sound

import (
	"cmp"
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// links are streams that start, stop, pause and are prepared together: SNDRV_PCM_IOCTL_LINK. They are in the order in which
// they are locked. A links never changes: who links makes another one.
type links struct{ streams []*Substream }

var classLinks = &ksync.Class{Name: "pcm_links", Rank: ksync.RankPipe}

// fileTable is what Thread.Owner offers: the file with a descriptor, with a reference.
type fileTable interface {
	File(fd int) (*vfs.File, error)
}

// link links the stream with that of another file.
func (s *Substream) link(t *sched.Thread, fd int) error {
	files, ok := t.Owner.(fileTable)
	if !ok {
		return errno.EBADF.Because("a kernel thread has no files")
	}
	f, err := files.File(fd)
	if err != nil {
		return err
	}
	defer f.DecRef(t)
	other, ok := f.Impl.(*pcmFile)
	if !ok {
		return errno.EBADFD.Because("the file is no PCM")
	}
	o := other.s
	if o == s {
		return errno.EINVAL.Because("a stream is linked with itself")
	}
	core := s.Card.core
	core.linkMu.Lock(t)
	defer core.linkMu.Unlock(t)
	if o.links != nil {
		return errno.EALREADY.Because("the other stream is linked")
	}
	mine := []*Substream{s}
	if s.links != nil {
		mine = s.links.streams
	}
	all := inOrder(append([]*Substream{o}, mine...))
	lockAll(t, all)
	defer unlockAll(t, all)
	if st := s.state(t); st == abi.SNDRV_PCM_STATE_OPEN || st != o.state(t) {
		return errno.EBADFD.Because("the streams are not in the same state")
	}
	setLinks(t, all, &links{all})
	return nil
}

// unlink takes the stream out of its links. It reports whether it had any.
func (s *Substream) unlink(t *sched.Thread) bool {
	core := s.Card.core
	if core == nil {
		return false
	}
	core.linkMu.Lock(t)
	defer core.linkMu.Unlock(t)
	if s.links == nil {
		return false
	}
	all := s.links.streams
	lockAll(t, all)
	defer unlockAll(t, all)
	rest := slices.DeleteFunc(slices.Clone(all), func(o *Substream) bool { return o == s })
	setLinks(t, all, nil)
	if len(rest) > 1 {
		setLinks(t, rest, &links{rest})
	}
	return true
}

// setLinks changes links. Caller holds Core.linkMu and every mu.
func setLinks(t *sched.Thread, streams []*Substream, l *links) {
	for _, s := range streams {
		s.lock.Lock(t)
		s.links = l
		s.lock.Unlock(t)
	}
}

// inOrder sorts streams as they are locked: by card, playback first.
func inOrder(streams []*Substream) []*Substream {
	slices.SortFunc(streams, func(a, b *Substream) int {
		return cmp.Or(cmp.Compare(a.Card.Number, b.Card.Number), cmp.Compare(a.Stream, b.Stream))
	})
	return streams
}

func lockAll(t *sched.Thread, streams []*Substream) {
	for _, s := range streams {
		s.mu.Lock(t)
	}
}

func unlockAll(t *sched.Thread, streams []*Substream) {
	for _, s := range slices.Backward(streams) {
		s.mu.Unlock(t)
	}
}

// together does something to the stream and to all that are linked with it. What one of them refuses the others have not done only if
// it is the first. Caller holds mu, which may be free for a moment.
func (s *Substream) together(t *sched.Thread, do func(*Substream, *sched.Thread) error) error {
	s.mu.AssertHeld(t)
	if s.links == nil {
		return do(s, t)
	}
	return s.withLinks(t, func(all []*Substream) error {
		// The stream that was asked comes first: its state says whether this can be.
		all = append([]*Substream{s}, slices.DeleteFunc(slices.Clone(all), func(o *Substream) bool { return o == s })...)
		for _, o := range all {
			if err := do(o, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// startTogether starts the stream and all that are linked with it, if all of them can: the device is asked for everything before
// anybody waits for its answers. Caller holds mu, which may be free for a moment.
func (s *Substream) startTogether(t *sched.Thread) error {
	if s.links == nil {
		return s.start(t)
	}
	return s.withLinks(t, func(all []*Substream) error {
		for _, o := range all {
			if err := o.startable(t); err != nil {
				return err
			}
		}
		for _, o := range all {
			o.begin(t)
		}
		var first error
		for _, o := range all {
			if err := o.HW.Sync(t); first == nil {
				first = err
			}
		}
		return first
	})
}

// withLinks calls f with all linked streams, locked. Caller holds mu, which is free until all are.
func (s *Substream) withLinks(t *sched.Thread, f func(all []*Substream) error) error {
	core := s.Card.core
	s.mu.Unlock(t)
	core.linkMu.Lock(t)
	all := []*Substream{s}
	if s.links != nil {
		all = s.links.streams
	}
	lockAll(t, all)
	core.linkMu.Unlock(t)
	err := f(all)
	for _, o := range slices.Backward(all) {
		if o != s {
			o.mu.Unlock(t)
		}
	}
	return err
}

// drainTogether drains the stream; those that are linked with it are drained first, playback before capture.
func (s *Substream) drainTogether(t *sched.Thread, nonblock bool) error {
	if s.links == nil {
		return s.drain(t, nonblock)
	}
	err := s.withLinks(t, func(all []*Substream) error {
		for _, o := range all {
			if o != s && o.state(t) == abi.SNDRV_PCM_STATE_RUNNING {
				if err := o.drain(t, true); err != nil && errno.Of(err) != errno.EAGAIN {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.drain(t, nonblock)
}

// others are the streams that are linked with this one. Caller holds lock.
func (s *Substream) others() []*Substream {
	if s.links == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.links.streams), func(o *Substream) bool { return o == s })
}

// xrunToo stops a stream that is linked with one that has an xrun. It is called in an interrupt window.
func (s *Substream) xrunToo(t *sched.Thread) {
	s.lock.Lock(t)
	if s.State == abi.SNDRV_PCM_STATE_RUNNING {
		s.halt(t, abi.SNDRV_PCM_STATE_XRUN)
		s.show()
	}
	s.lock.Unlock(t)
	s.wait.WakeAll()
}
