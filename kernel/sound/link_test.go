package sound

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// fds is what link asks for files.
type fds []*vfs.File

func (f fds) File(fd int) (*vfs.File, error) {
	if fd < 0 || fd >= len(f) {
		return nil, errno.EBADF
	}
	f[fd].IncRef()
	return f[fd], nil
}

// TestLinkedStreams start, pause, stop and fail together.
func TestLinkedStreams(t *testing.T) {
	withStreams(t, []int{abi.SNDRV_PCM_STREAM_PLAYBACK, abi.SNDRV_PCM_STREAM_CAPTURE}, func(th *sched.Thread, s []*Substream, h []*fakeHW) {
		play, rec := s[0], s[1]
		v := vfs.New(vfs.Config{Timers: th.Scheduler().Timers})
		other := v.NewAnonFile(th, "something", nil, abi.O_RDWR)
		mine := v.NewAnonFile(th, "pcm", &struct{ *pcmFile }{}, abi.O_RDWR)
		recFile := v.NewAnonFile(th, "pcm", nil, abi.O_RDWR)
		recFile.Impl = &pcmFile{rec}
		mine.Impl = &pcmFile{play}
		th.Owner = fds{other, mine, recFile}
		states := func(what string, want int32) {
			t.Helper()
			if a, b := play.state(th), rec.state(th); a != want || b != want {
				t.Errorf("%s: states %d, %d, want %d", what, a, b, want)
			}
		}
		do := func(s *Substream, what string, f func(*Substream, *sched.Thread) error) {
			t.Helper()
			s.mu.Lock(th)
			must(t, what, s.together(th, f))
			s.mu.Unlock(th)
		}
		for fd, want := range map[int]errno.Errno{9: errno.EBADF, 0: errno.EBADFD, 1: errno.EINVAL, 2: errno.EBADFD} {
			if err := play.link(th, fd); errno.Of(err) != want {
				t.Errorf("link with %d: %v, want %v", fd, err, want)
			}
		}
		for _, x := range s {
			x.mu.Lock(th)
			must(t, "hw_params", x.setParams(th, small))
			x.mu.Unlock(th)
		}
		must(t, "link", rec.link(th, 1))
		if err := rec.link(th, 1); errno.Of(err) != errno.EALREADY {
			t.Errorf("link again: %v", err)
		}
		do(rec, "prepare", (*Substream).prepare)
		states("prepared", abi.SNDRV_PCM_STATE_PREPARED)
		play.mu.Lock(th)
		play.write(th, mm.KernelIO(pattern(400)), false) // start_threshold is 1
		play.mu.Unlock(th)
		states("started by a write", abi.SNDRV_PCM_STATE_RUNNING)
		if play.triggered != rec.triggered {
			t.Errorf("they started at %d and %d", play.triggered, rec.triggered)
		}
		pause := func(on bool) func(*Substream, *sched.Thread) error {
			return func(s *Substream, t *sched.Thread) error { return s.pause(t, on) }
		}
		do(rec, "pause", pause(true))
		states("paused", abi.SNDRV_PCM_STATE_PAUSED)
		do(play, "resume", pause(false))
		states("resumed", abi.SNDRV_PCM_STATE_RUNNING)
		ksync.Sleep(th, "test", th.Now()+ktime.Second)
		states("with an underrun", abi.SNDRV_PCM_STATE_XRUN)
		do(play, "drop", (*Substream).drop)
		states("dropped", abi.SNDRV_PCM_STATE_SETUP)
		if !play.unlink(th) || rec.links != nil || rec.unlink(th) {
			t.Error("a link of one stream is left")
		}
		do(play, "prepare", (*Substream).prepare)
		if play.state(th) == rec.state(th) {
			t.Error("they are together still")
		}
		th.Owner = nil
		for _, f := range []*vfs.File{other, mine, recFile} {
			f.Impl = nil
			f.DecRef(th)
		}
	})
}
