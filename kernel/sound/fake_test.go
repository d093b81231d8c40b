package sound

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/ktest"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/fake"
)

// fakeHW is hardware that plays and fills pieces by the virtual clock: a timer per piece.
type fakeHW struct {
	t       *testing.T
	timers  *ktime.Timers
	s       *Substream
	ram     []byte
	params  Params
	running bool
	base    int64 // when the piece at work began
	queue   [][2]int
	timer   ktime.Timer
	played  []byte
	next    byte // what it records: a counter
	lost    bool // Transfer never takes anything
}

func (h *fakeHW) SetParams(t *sched.Thread, p Params) error {
	h.params = p
	return nil
}

func (h *fakeHW) Prepare(t *sched.Thread) error { return nil }
func (h *fakeHW) Sync(t *sched.Thread) error    { return nil }

func (h *fakeHW) Release(t *sched.Thread) {
	h.running = false
	for _, p := range h.queue {
		h.s.Elapsed(t, p[1])
	}
	h.queue = nil
}

// Post is called with the substream's lock held.
func (h *fakeHW) Post(t *sched.Thread, start bool) {
	h.running = start
	if start {
		h.base = h.timers.Now()
		h.arm()
	} else {
		h.timers.Cancel(&h.timer)
	}
}

func (h *fakeHW) Transfer(t *sched.Thread, addr uint64, n int) bool {
	if h.lost || len(h.queue) == 8 {
		return false
	}
	at := int(addr - h.s.ringAddr)
	if h.s.early || h.params.Planar {
		at = int(addr - h.s.shadowAddr)
	}
	if at < 0 || n <= 0 || at+n > h.params.BufferSize*h.params.FrameBytes || n%h.params.FrameBytes != 0 {
		h.t.Errorf("a piece of %d bytes at %d", n, at)
	}
	h.queue = append(h.queue, [2]int{int(addr), n})
	if h.running && len(h.queue) == 1 {
		h.base = h.timers.Now()
		h.arm()
	}
	return true
}

func (h *fakeHW) arm() {
	if len(h.queue) > 0 {
		frames := h.queue[0][1] / h.params.FrameBytes
		h.timers.Add(&h.timer, h.base+int64(frames)*ktime.Second/int64(h.params.Rate))
	}
}

// elapse is the hardware's interrupt.
func (h *fakeHW) elapse(t *sched.Thread) {
	if !h.running || len(h.queue) == 0 {
		return
	}
	p := h.queue[0]
	b := h.ram[p[0] : p[0]+p[1]]
	if h.s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK {
		h.played = append(h.played, b...)
	} else {
		for i := range b {
			b[i] = h.next
			h.next++
		}
	}
	h.queue = h.queue[1:]
	h.base = t.Now()
	h.arm()
	h.s.Elapsed(t, p[1])
}

var testCaps = Caps{
	Formats: []int{abi.SNDRV_PCM_FORMAT_S8, abi.SNDRV_PCM_FORMAT_U8, abi.SNDRV_PCM_FORMAT_S16_LE, abi.SNDRV_PCM_FORMAT_S24_LE, abi.SNDRV_PCM_FORMAT_S24_3LE, abi.SNDRV_PCM_FORMAT_S32_LE, abi.SNDRV_PCM_FORMAT_FLOAT_LE},
	Rates:   []int{8000, 11025, 16000, 22050, 32000, 44100, 48000, 64000, 88200, 96000}, ChannelsMin: 1, ChannelsMax: 2,
}

// withStream runs f on a kernel thread with an open substream.
func withStream(t *testing.T, stream int, f func(th *sched.Thread, s *Substream, h *fakeHW)) {
	t.Helper()
	withStreams(t, []int{stream}, func(th *sched.Thread, s []*Substream, h []*fakeHW) {
		s[0].mu.Lock(th)
		f(th, s[0], h[0])
		s[0].mu.Unlock(th)
	})
}

// withStreams runs f on a kernel thread with open substreams of one card.
func withStreams(t *testing.T, streams []int, f func(th *sched.Thread, s []*Substream, h []*fakeHW)) {
	t.Helper()
	k := ktest.New(t, ktest.Options{Machine: fake.Options{RAM: 16 << 20}})
	mem := mm.NewMemory(k.Machine.RAM(), k.Machine.Boot().Reserved)
	c := NewCard(mem, 0, "Fake", "fake", "Fake")
	c.core = newCore()
	c.core.cards = []*Card{c}
	var hw []*fakeHW
	for i := range streams {
		line := machine.LineDevice0 + i
		h := &fakeHW{t: t, timers: k.Timers, ram: k.Machine.RAM()}
		h.timer.Fn = func(int64) { k.Machine.Raise(line) }
		if err := k.IRQ.Request(line, "fake", h.elapse); err != nil {
			t.Fatal(err)
		}
		hw = append(hw, h)
	}
	k.Run(func(th *sched.Thread) {
		for i, stream := range streams {
			s, err := c.AddSubstream(th, stream, testCaps, hw[i])
			must(t, "add", err)
			hw[i].s = s
			must(t, "open", s.open(th, true))
		}
		f(th, c.Substreams, hw)
		for _, s := range c.Substreams {
			s.close(th)
			if s.ring != nil || s.shadow != nil || s.users != 0 || s.state(th) != abi.SNDRV_PCM_STATE_OPEN {
				t.Errorf("closed, in state %d, with a ring of %d bytes", s.state(th), len(s.ring))
			}
		}
	})
}

// small are parameters of 10 ms periods: 80 frames of two bytes, four of them.
var small = Params{Format: abi.SNDRV_PCM_FORMAT_S16_LE, Channels: 1, Rate: 8000, PeriodSize: 80, BufferSize: 320, FrameBytes: 2}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
