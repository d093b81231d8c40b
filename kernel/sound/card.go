package sound

import (
	"fmt"
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/ksync"
	"vitrine/kernel/kview"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

func init() {
	kview.Register(kview.View{
		Name: "cards", Doc: "every sound card", Root: "Bus.Devices", Each: "Private.Cards",
		Columns: kview.Cols("DEVICE ^Name", "CARD Number", "ID ID", "NAME Name"),
		Detail:  []string{"substreams"},
	})
	kview.Register(kview.View{
		Name: "substreams", Doc: "every PCM substream with its pointers, in frames", Root: "Bus.Devices", Each: "Private.Substreams",
		Columns: kview.Cols("DEVICE ^Name", "PCM Name", "STATE State open,setup,prepared,running,xrun,draining,paused,suspended,disconnected",
			"RATE Params.Rate", "CHANNELS Params.Channels", "FORMAT Params.Format", "PERIOD Params.PeriodSize", "BUFFER Params.BufferSize",
			"HWPTR HWPtr", "APPLPTR Appl", "FED fed", "PIECES pieces", "XRUNS Xruns"),
	})
}

// Caps are what a substream's hardware can do.
type Caps struct {
	Formats                  []int // abi.SNDRV_PCM_FORMAT_…
	Rates                    []int // Hz, rising
	ChannelsMin, ChannelsMax int
}

// Params are the parameters of a stream.
type Params struct {
	Format     int // abi.SNDRV_PCM_FORMAT_…
	Channels   int
	Rate       int
	PeriodSize int // frames
	BufferSize int // frames, a multiple of PeriodSize
	FrameBytes int
	Planar     bool // the ring has one channel after the other: non-interleaved access
	access     int  // abi.SNDRV_PCM_ACCESS_…
}

// Hardware is what a driver does for a substream. Each method but Transfer and Post may sleep, and is
// called with Substream.mu held.
type Hardware interface {
	// SetParams takes parameters.
	SetParams(t *sched.Thread, p Params) error

	// Prepare makes the stream ready to start; Release ends that: all pieces are back when it returns.
	Prepare(t *sched.Thread) error
	Release(t *sched.Thread)

	// Post asks for a start or a stop and does not wait; it is called with Substream.lock held. Sync
	// waits for the answers to all Posts.
	Post(t *sched.Thread, start bool)
	Sync(t *sched.Thread) error

	// Transfer gives the device a piece of n bytes of RAM to play or to fill; Elapsed tells when that is done. It
	// is called with Substream.lock held and reports false if the device has too many already.
	Transfer(t *sched.Thread, addr uint64, n int) bool
}

// Card is a sound card.
type Card struct {
	Number     int    // immutable, as all below
	ID         string // "Vitrine"
	Driver     string
	Name       string
	Substreams []*Substream // at most one of each direction

	mu        ksync.Mutex
	Controls  []*Control // guarded by mu, as all below
	numids    uint32     // the greatest number of a control so far
	listeners []*ctlFile // who hears of changes
	changes   int        // so far

	mem  *mm.Memory
	core *Core // set by Register
}

// Substream is one direction of a PCM device: /dev/snd/pcmC0D0p or …c.
type Substream struct {
	Name   string // "pcmC0D0p"; immutable, as the next four
	Stream int    // abi.SNDRV_PCM_STREAM_…
	Card   *Card
	Caps   Caps
	HW     Hardware

	mu         ksync.Mutex
	users      int  // files that have it: more than one with O_APPEND; guarded by mu
	shares     bool // files with O_APPEND may join; guarded by mu
	Owner      int  // thread that opened it first, for views; guarded by mu
	Params     Params
	ring       []byte // guarded by mu: it is replaced in the states open and setup only
	ringAddr   uint64
	shadow     []byte // what the device gets instead of the ring, see shadow.go; likewise
	shadowAddr uint64
	prepared   bool   // HW.Prepare without HW.Release; guarded by mu
	links      *links // with which it starts and stops; guarded by Core.linkMu, mu and lock: who changes it has all

	lock       ksync.SpinLock
	State      int32 // abi.SNDRV_PCM_STATE_…; guarded by lock, as all below
	HWPtr      uint64
	Appl       uint64 // appl_ptr as it was read last
	fed        uint64 // the end of what the device has, or had
	early      bool   // HWPtr moves when a piece is given, not when it comes back: see shadow.go
	pieces     int    // that the device has
	inFlight   int    // frames in them
	boundary   uint64
	sw         swParams
	availMax   uint64
	triggered  int64 // when it started or stopped
	Xruns      int   // since it was opened
	Elapses    int   // pieces done, likewise
	lastUpdate int64
	wallOffset int64 // wall time at monotonic 0, when it was opened

	timers []*timerQueue // who reads its timer

	status  *abi.SndPCMMmapStatus // in a page that programs may map to read
	control *control              // in a page that programs may map to write
	pages   mm.PFN                // these two

	wait  ksync.WaitQueue // for the pointers or the state to change
	opens ksync.WaitQueue // for the substream to be free
}

// control is struct snd_pcm_mmap_control, which changes under our eyes.
type control struct{ applPtr, availMin atomic.Uint64 }

var (
	classPCM    = &ksync.Class{Name: "pcm", Rank: ksync.RankPipe}
	classStream = &ksync.Class{Name: "pcm_stream", Rank: ksync.RankDriver}
)

// NewCard returns a card without substreams.
func NewCard(mem *mm.Memory, number int, id, driver, name string) *Card {
	return &Card{Number: number, ID: id, Driver: driver, Name: name, mem: mem, mu: ksync.NewMutex(classCard)}
}

// AddSubstream adds a direction to the card.
func (c *Card) AddSubstream(t *sched.Thread, stream int, caps Caps, hw Hardware) (*Substream, error) {
	s := &Substream{
		Name: fmt.Sprintf("pcmC%dD0%c", c.Number, "pc"[stream]), Stream: stream, Card: c, Caps: caps, HW: hw,
		mu: ksync.NewMutex(classPCM), lock: ksync.NewSpinLock(classStream),
	}
	if err := s.newPages(t); err != nil {
		return nil, err
	}
	c.Substreams = append(c.Substreams, s)
	return s, nil
}

// Substream returns the card's substream of a direction, or nil.
func (c *Card) Substream(stream int) *Substream {
	for _, s := range c.Substreams {
		if s.Stream == stream {
			return s
		}
	}
	return nil
}

// audioGroup is Debian's group "audio", which may use the devices.
const audioGroup = 29

// Register makes the card's device nodes.
func (c *Card) Register(t *sched.Thread, v *vfs.VFS) error {
	c.core = Of(t, v)
	base := uint32(c.Number * abi.SNDRV_MINOR_CARDS)
	devs := []vfs.CharDev{{
		Major: abi.SNDRV_MAJOR, Minor: base + abi.SNDRV_MINOR_CONTROL, Name: fmt.Sprintf("snd/controlC%d", c.Number),
		Open: func(_ *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) {
			f.SetStream()
			return &ctlFile{card: c}, nil
		},
	}}
	for _, s := range c.Substreams {
		minor := base + abi.SNDRV_MINOR_PLAYBACK
		if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
			minor = base + abi.SNDRV_MINOR_CAPTURE
		}
		devs = append(devs, vfs.CharDev{Major: abi.SNDRV_MAJOR, Minor: minor, Name: "snd/" + s.Name, Open: s.openFile})
	}
	suffix := ""
	if c.Number > 0 {
		suffix = fmt.Sprint(c.Number)
	}
	oss := uint32(c.Number * abi.SOUND_MINOR_CARDS)
	devs = append(devs,
		vfs.CharDev{Major: abi.SOUND_MAJOR, Minor: oss + abi.SOUND_MINOR_DSP, Name: "dsp" + suffix, Open: c.openDSP},
		vfs.CharDev{
			Major: abi.SOUND_MAJOR, Minor: oss + abi.SOUND_MINOR_MIXER, Name: "mixer" + suffix,
			Open: func(*sched.Thread, *vfs.Inode, *vfs.File) (any, error) { return &mixerFile{c}, nil },
		})
	for _, d := range devs {
		d.Mode, d.GID = 0o660, audioGroup
		if err := v.RegisterChar(t, d); err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return c.core.add(t, v, c)
}
