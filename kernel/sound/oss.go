package sound

import (
	"math/bits"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

var classDSP = &ksync.Class{Name: "dsp", Rank: ksync.RankPipe}

// dspFile is an open /dev/dsp: OSS on top of the PCM substreams, with parameters that take effect at the first
// transfer. An xrun is nothing that OSS programs hear of: the stream begins again.
type dspFile struct {
	mu       ksync.Mutex
	play     *Substream // nil if not open for writing; immutable
	rec      *Substream // nil if not open for reading; immutable
	settings            // guarded by mu, as all below
	set      bool       // the substreams have the parameters
	bytes    [2]int64
	blocks   [2]int64 // as of the last GETOPTR, GETIPTR
	trigger  int
	mapped   [2]bool // by mmap(2): the ring goes round, whatever the program does
}

// settings are what a program asked for.
type settings struct {
	format   int // abi.SNDRV_PCM_FORMAT_…
	channels int
	rate     int
	fragment int // bytes, a power of two; 0: not asked for
	frags    int // at most
}

// ossFormats are OSS's names for formats.
var ossFormats = []struct{ oss, alsa int }{
	{abi.AFMT_U8, abi.SNDRV_PCM_FORMAT_U8},
	{abi.AFMT_S8, abi.SNDRV_PCM_FORMAT_S8},
	{abi.AFMT_S16_LE, abi.SNDRV_PCM_FORMAT_S16_LE},
	{abi.AFMT_S24_LE, abi.SNDRV_PCM_FORMAT_S24_LE},
	{abi.AFMT_S32_LE, abi.SNDRV_PCM_FORMAT_S32_LE},
}

// openDSP opens /dev/dsp: for writing a playback substream, for reading a capture one.
func (c *Card) openDSP(t *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) {
	d := &dspFile{
		mu: ksync.NewMutex(classDSP), settings: settings{format: abi.SNDRV_PCM_FORMAT_U8, channels: 1, rate: 8000},
		trigger: abi.PCM_ENABLE_INPUT | abi.PCM_ENABLE_OUTPUT,
	}
	if f.CanWrite() {
		if d.play = c.Substream(abi.SNDRV_PCM_STREAM_PLAYBACK); d.play == nil {
			return nil, errno.ENODEV.Because("the card does not play")
		}
		if err := d.play.open(t, f.Nonblock()); err != nil {
			return nil, err
		}
	}
	if f.CanRead() {
		d.rec = c.Substream(abi.SNDRV_PCM_STREAM_CAPTURE)
		err := error(errno.ENODEV.Because("the card does not record"))
		if d.rec != nil {
			err = d.rec.open(t, f.Nonblock())
		}
		if err != nil {
			if d.play != nil {
				d.play.close(t)
			}
			return nil, err
		}
	}
	f.SetStream()
	return d, nil
}

// PipeMeansXrun tells package syscall that EPIPE is no broken pipe, and no reason for SIGPIPE.
func (d *dspFile) PipeMeansXrun() {}

// Release implements vfs.Releaser: what was written is played first.
func (d *dspFile) Release(t *sched.Thread, f *vfs.File) {
	d.mu.Lock(t)
	defer d.mu.Unlock(t)
	if d.play != nil {
		if d.set && !f.Nonblock() {
			d.play.mu.Lock(t)
			d.play.drain(t, false)
			d.play.mu.Unlock(t)
		}
		d.play.close(t)
	}
	if d.rec != nil {
		d.rec.close(t)
	}
}

// each calls f for the substreams of the file, locked.
func (d *dspFile) each(t *sched.Thread, f func(s *Substream) error) error {
	for _, s := range []*Substream{d.play, d.rec} {
		if s == nil {
			continue
		}
		s.mu.Lock(t)
		err := f(s)
		s.mu.Unlock(t)
		if err != nil {
			return err
		}
	}
	return nil
}

// caps are those of one of the substreams; they have the same.
func (d *dspFile) caps() *Caps {
	if d.play != nil {
		return &d.play.Caps
	}
	return &d.rec.Caps
}

// apply gives the substreams the parameters. Caller holds mu.
func (d *dspFile) apply(t *sched.Thread) error {
	if d.set {
		return nil
	}
	err := d.each(t, func(s *Substream) error {
		s.drop(t) // there may be nothing to stop
		if err := s.setParams(t, d.params()); err != nil {
			return err
		}
		s.lock.Lock(t)
		s.sw.start = uint64(s.Params.PeriodSize)
		if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
			s.sw.start = 1
		}
		s.control.availMin.Store(uint64(s.Params.PeriodSize))
		if d.mapped[s.Stream] {
			s.sw.start, s.sw.stop = s.boundary, s.boundary
		}
		s.lock.Unlock(t)
		return s.prepare(t)
	})
	d.set = err == nil
	return err
}

// params are the PCM parameters that the settings come to. Caller holds mu.
func (d *dspFile) params() Params {
	p := Params{Format: d.format, Channels: d.channels, Rate: d.rate, access: abi.SNDRV_PCM_ACCESS_RW_INTERLEAVED}
	p.FrameBytes = bitsOf(p.Format) / 8 * p.Channels
	fragment, frags := d.fragment, d.frags
	if fragment == 0 { // OSS: enough for 1/25 s
		fragment = 1 << (bits.Len(uint(p.FrameBytes*p.Rate/25)) - 1)
	}
	fragment = min(max(fragment, minPeriodBytes, 16*p.FrameBytes), maxBufferBytes/4)
	if frags == 0 {
		frags = 16
	}
	p.PeriodSize = max(fragment/p.FrameBytes, 1)
	p.BufferSize = p.PeriodSize * max(min(frags, maxBufferBytes/2/fragment), 2)
	return p
}

// Write implements vfs.Writer.
func (d *dspFile) Write(t *sched.Thread, f *vfs.File, src *mm.IO, _ int64) (int, error) {
	return d.transfer(t, d.play, func(s *Substream) (int, error) { return s.write(t, src, f.Nonblock()) })
}

// Read implements vfs.Reader.
func (d *dspFile) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	return d.transfer(t, d.rec, func(s *Substream) (int, error) { return s.read(t, dst, f.Nonblock()) })
}

// transfer moves frames; after an xrun the stream begins again.
func (d *dspFile) transfer(t *sched.Thread, s *Substream, f func(s *Substream) (int, error)) (int, error) {
	d.mu.Lock(t)
	err := d.apply(t)
	d.mu.Unlock(t) // others may ask for positions while this thread waits
	if err != nil {
		return 0, err
	}
	s.mu.Lock(t)
	n, size := 0, s.Params.FrameBytes
	for tries := 0; ; tries++ {
		n, err = f(s)
		if st := s.state(t); n > 0 || err == nil || tries == 2 || st != abi.SNDRV_PCM_STATE_XRUN && st != abi.SNDRV_PCM_STATE_SETUP {
			break
		}
		if err = s.prepare(t); err != nil {
			break
		}
	}
	s.mu.Unlock(t)
	d.mu.Lock(t)
	d.bytes[s.Stream] += int64(n * size)
	d.mu.Unlock(t)
	return n * size, err
}

// Mmap implements vfs.Mapper: the ring of the direction that the protection says. SETTRIGGER starts it, and GETOPTR tells where it is.
func (d *dspFile) Mmap(t *sched.Thread, _ *vfs.File, req *mm.MapRequest) error {
	d.mu.Lock(t)
	defer d.mu.Unlock(t)
	s := d.rec
	if req.Prot&mm.Write != 0 || s == nil {
		s = d.play
	}
	if s == nil {
		return errno.ENXIO.Because("not open in that direction")
	}
	if !d.mapped[s.Stream] {
		d.mapped[s.Stream], d.set = true, false
	}
	if err := d.apply(t); err != nil {
		return err
	}
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	return s.mapRing(req)
}

// Poll implements vfs.Poller.
func (d *dspFile) Poll(t *sched.Thread, _ *vfs.File, table *vfs.PollTable) vfs.Events {
	d.mu.Lock(t)
	d.apply(t) // an error shows at the transfer
	d.mu.Unlock(t)
	var ev uint32
	for _, s := range []*Substream{d.play, d.rec} {
		if s == nil {
			continue
		}
		table.Add(&s.wait)
		if s == d.rec {
			s.mu.Lock(t)
			if s.state(t) == abi.SNDRV_PCM_STATE_PREPARED {
				s.start(t) // select(2) starts recording
			}
			s.mu.Unlock(t)
		}
		ev |= s.events(t) &^ abi.POLLERR
	}
	return vfs.Events(ev)
}

// Ioctl implements vfs.Ioctler.
func (d *dspFile) Ioctl(t *sched.Thread, f *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	d.mu.Lock(t)
	defer d.mu.Unlock(t)
	addr := mm.UAddr(arg)
	switch cmd {
	case abi.OSS_GETVERSION:
		return 0, putInt(t, addr, abi.SOUND_VERSION)
	case abi.SNDCTL_DSP_SPEED, abi.SNDCTL_DSP_STEREO, abi.SNDCTL_DSP_CHANNELS, abi.SNDCTL_DSP_SETFMT,
		abi.SNDCTL_DSP_SETFRAGMENT, abi.SNDCTL_DSP_SUBDIVIDE:
		return 0, d.setting(t, cmd, addr)
	case abi.SOUND_PCM_READ_RATE:
		return 0, putInt(t, addr, d.rate)
	case abi.SOUND_PCM_READ_BITS:
		return 0, putInt(t, addr, d.ossFormat())
	case abi.SOUND_PCM_READ_CHANNELS:
		return 0, putInt(t, addr, d.channels)
	case abi.SNDCTL_DSP_GETFMTS:
		return 0, putInt(t, addr, d.formats())
	case abi.SNDCTL_DSP_GETCAPS:
		return 0, putInt(t, addr, abi.DSP_CAP_DUPLEX|abi.DSP_CAP_BATCH|abi.DSP_CAP_TRIGGER|abi.DSP_CAP_MMAP)
	case abi.SNDCTL_DSP_NONBLOCK:
		f.SetNonblock(true)
		return 0, nil
	case abi.SNDCTL_DSP_SETDUPLEX:
		return 0, nil
	case abi.SNDCTL_DSP_RESET:
		d.set = false // the next transfer begins anew
		return 0, d.each(t, func(s *Substream) error {
			s.drop(t)
			return nil
		})
	case abi.SNDCTL_DSP_SYNC, abi.SNDCTL_DSP_POST:
		return 0, d.sync(t, cmd == abi.SNDCTL_DSP_SYNC)
	case abi.SNDCTL_DSP_GETTRIGGER:
		return 0, putInt(t, addr, d.trigger)
	case abi.SNDCTL_DSP_SETTRIGGER:
		v, err := getInt(t, addr)
		if err != nil {
			return 0, err
		}
		return 0, d.setTrigger(t, v)
	}
	if err := d.apply(t); err != nil {
		return 0, err
	}
	return 0, d.position(t, cmd, addr)
}
