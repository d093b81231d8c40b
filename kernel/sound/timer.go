package sound

import (
	"cmp"
	"fmt"
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// systemTick is the resolution of the system timer, ns.
const systemTick = ktime.Millisecond

var (
	classTimer      = &ksync.Class{Name: "snd_timer", Rank: ksync.RankPipe}
	classTimerQueue = &ksync.Class{Name: "snd_timer_queue", Rank: ksync.RankSoundTimer}
)

// timerFile is an open /dev/snd/timer, on a timer that SELECT chose: a PCM's, which ticks with each period, or the system's. What
// happens is read(2) from a queue: that is how dmix's programs, who share a PCM, hear of its periods.
type timerFile struct {
	core *Core // immutable

	mu  ksync.Mutex    // one ioctl at a time
	id  abi.SndTimerID // guarded by mu; Class is SNDRV_TIMER_CLASS_NONE: none chosen
	pcm *Substream     // whose timer it is; nil for the system's; guarded by mu

	q timerQueue
}

func newTimerFile(c *Core) *timerFile {
	f := &timerFile{core: c, mu: ksync.NewMutex(classTimer), id: abi.SndTimerID{Class: abi.SNDRV_TIMER_CLASS_NONE}}
	f.q.init()
	return f
}

// timerIDs are all timers, in NEXT_DEVICE's order.
func (c *Core) timerIDs(t *sched.Thread) []abi.SndTimerID {
	ids := []abi.SndTimerID{{Class: abi.SNDRV_TIMER_CLASS_GLOBAL, Card: -1, Device: abi.SNDRV_TIMER_GLOBAL_SYSTEM}}
	for _, card := range c.Cards(t) {
		for _, s := range card.Substreams {
			ids = append(ids, abi.SndTimerID{Class: abi.SNDRV_TIMER_CLASS_PCM, Card: int32(card.Number), Subdevice: int32(s.Stream)})
		}
	}
	return ids
}

// timerPCM returns the PCM whose timer id is, nil for the system timer.
func (c *Core) timerPCM(t *sched.Thread, id abi.SndTimerID) (*Substream, error) {
	switch {
	case id.Class == abi.SNDRV_TIMER_CLASS_GLOBAL && id.Device == abi.SNDRV_TIMER_GLOBAL_SYSTEM:
		return nil, nil
	case id.Class == abi.SNDRV_TIMER_CLASS_PCM && id.Device == 0:
		if card := c.card(t, int(id.Card)); card != nil {
			if s := card.Substream(int(id.Subdevice)); s != nil {
				return s, nil
			}
		}
	}
	return nil, errno.ENODEV.Because("no such timer")
}

// compareTimers orders IDs as NEXT_DEVICE lists them.
func compareTimers(a, b abi.SndTimerID) int {
	return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Card, b.Card), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Subdevice, b.Subdevice))
}

// Ioctl implements vfs.Ioctler. It lacks timers of the class SLAVE, which follow another program's timer, and GPARAMS, for
// no timer's rate can be changed.
func (f *timerFile) Ioctl(t *sched.Thread, _ *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	addr := mm.UAddr(arg)
	f.mu.Lock(t)
	defer f.mu.Unlock(t)
	switch cmd {
	case abi.SNDRV_TIMER_IOCTL_PVERSION:
		return 0, putInt(t, addr, abi.SNDRV_TIMER_VERSION)
	case abi.SNDRV_TIMER_IOCTL_NEXT_DEVICE:
		return 0, f.nextDevice(t, addr)
	case abi.SNDRV_TIMER_IOCTL_TREAD, abi.SNDRV_TIMER_IOCTL_TREAD64:
		on, err := getInt(t, addr)
		if err != nil {
			return 0, err
		}
		if f.chosen() {
			return 0, errno.EBUSY.Because("a timer was selected already")
		}
		f.q.setTread(t, on != 0)
		return 0, nil
	case abi.SNDRV_TIMER_IOCTL_GINFO:
		return 0, f.ginfo(t, addr)
	case abi.SNDRV_TIMER_IOCTL_GPARAMS:
		return 0, errno.ENOSYS.Because("the timers' rates are fixed")
	case abi.SNDRV_TIMER_IOCTL_GSTATUS:
		return 0, f.gstatus(t, addr)
	case abi.SNDRV_TIMER_IOCTL_SELECT:
		return 0, f.choose(t, addr)
	}
	if !f.chosen() {
		return 0, errno.EBADFD.Because("no timer was selected")
	}
	res := resolution(t, f.pcm)
	switch cmd {
	case abi.SNDRV_TIMER_IOCTL_INFO:
		g := describe(t, f.id, f.pcm)
		i := abi.SndTimerInfo{Flags: g.Flags, Card: g.Card, ID: g.ID, Name: g.Name, Resolution: g.Resolution}
		return 0, mm.CopyOutStruct(t, addr, &i)
	case abi.SNDRV_TIMER_IOCTL_PARAMS:
		return 0, f.params(t, addr, res)
	case abi.SNDRV_TIMER_IOCTL_STATUS:
		st := f.q.status(t, uint32(res))
		return 0, mm.CopyOutStruct(t, addr, &st)
	case abi.SNDRV_TIMER_IOCTL_START, abi.SNDRV_TIMER_IOCTL_CONTINUE:
		f.q.start(t, cmd == abi.SNDRV_TIMER_IOCTL_CONTINUE, uint32(res))
		return 0, nil
	case abi.SNDRV_TIMER_IOCTL_STOP, abi.SNDRV_TIMER_IOCTL_PAUSE:
		return 0, f.q.stop(t, cmd == abi.SNDRV_TIMER_IOCTL_PAUSE)
	}
	return 0, errno.ENOTTY.Because("a timer does not know this ioctl")
}

func (f *timerFile) chosen() bool { return f.id.Class != abi.SNDRV_TIMER_CLASS_NONE }

// nextDevice is NEXT_DEVICE: the timer after the one that the program names; CLASS_NONE begins and ends the list.
func (f *timerFile) nextDevice(t *sched.Thread, addr mm.UAddr) error {
	ask, err := mm.CopyInStruct[abi.SndTimerID](t, addr)
	if err != nil {
		return err
	}
	next := abi.SndTimerID{Class: abi.SNDRV_TIMER_CLASS_NONE}
	for _, id := range f.core.timerIDs(t) {
		if ask.Class < 0 || compareTimers(id, ask) > 0 {
			next = id
			break
		}
	}
	return mm.CopyOutStruct(t, addr, &next)
}

// choose is SELECT.
func (f *timerFile) choose(t *sched.Thread, addr mm.UAddr) error {
	sel, err := mm.CopyInStruct[abi.SndTimerSelect](t, addr)
	if err != nil {
		return err
	}
	f.leave(t)
	pcm, err := f.core.timerPCM(t, sel.ID)
	if err != nil {
		return err
	}
	f.id, f.pcm = sel.ID, pcm
	if pcm == nil {
		f.q.useClock(t, t.Scheduler().Timers)
		return nil
	}
	pcm.lock.Lock(t)
	pcm.timers = append(pcm.timers, &f.q)
	pcm.lock.Unlock(t)
	return nil
}

// leave gives the timer up. Caller holds mu.
func (f *timerFile) leave(t *sched.Thread) {
	if s := f.pcm; s != nil {
		s.lock.Lock(t)
		s.timers = slices.DeleteFunc(s.timers, func(q *timerQueue) bool { return q == &f.q })
		s.lock.Unlock(t)
	}
	f.id.Class, f.pcm = abi.SNDRV_TIMER_CLASS_NONE, nil
	f.q.reset(t)
}

// params is PARAMS: it stops the timer and empties the queue.
func (f *timerFile) params(t *sched.Thread, addr mm.UAddr, res uint64) error {
	p, err := mm.CopyInStruct[abi.SndTimerParams](t, addr)
	if err != nil {
		return err
	}
	const known = 1<<(abi.SNDRV_TIMER_EVENT_RESUME+1) - 1
	switch {
	case f.pcm == nil && (p.Ticks < 1 || uint64(p.Ticks)*res < uint64(ktime.Millisecond)):
		return errno.EINVAL.Because("faster than a millisecond")
	case p.QueueSize > 0 && (p.QueueSize < 32 || p.QueueSize > 1024):
		return errno.EINVAL.Because("a queue has 32 to 1024 places")
	case p.Filter&^(known|known<<abi.SNDRV_TIMER_EVENT_MASTER) != 0:
		return errno.EINVAL.Because("no such event")
	}
	f.q.setParams(t, p)
	return mm.CopyOutStruct(t, addr, &p)
}

func (f *timerFile) ginfo(t *sched.Thread, addr mm.UAddr) error {
	g, err := mm.CopyInStruct[abi.SndTimerGInfo](t, addr)
	if err != nil {
		return err
	}
	pcm, err := f.core.timerPCM(t, g.TID)
	if err != nil {
		return err
	}
	out := describe(t, g.TID, pcm)
	return mm.CopyOutStruct(t, addr, &out)
}

func (f *timerFile) gstatus(t *sched.Thread, addr mm.UAddr) error {
	g, err := mm.CopyInStruct[abi.SndTimerGStatus](t, addr)
	if err != nil {
		return err
	}
	pcm, err := f.core.timerPCM(t, g.TID)
	if err != nil {
		return err
	}
	res := resolution(t, pcm)
	out := abi.SndTimerGStatus{TID: g.TID, Resolution: res, ResolutionNum: res, ResolutionDen: uint64(ktime.Second)}
	return mm.CopyOutStruct(t, addr, &out)
}

// describe says what a timer is: pcm's, or the system's.
func describe(t *sched.Thread, id abi.SndTimerID, pcm *Substream) abi.SndTimerGInfo {
	g := abi.SndTimerGInfo{TID: id, Card: -1, Resolution: resolution(t, pcm)}
	if pcm == nil {
		copy(g.ID[:], "system")
		copy(g.Name[:], "system timer")
		return g
	}
	g.Flags, g.Card = abi.SNDRV_TIMER_FLG_SLAVE, int32(pcm.Card.Number)
	copy(g.ID[:], "PCM")
	copy(g.Name[:], fmt.Sprintf("PCM %s %d-0-0", directions[pcm.Stream], pcm.Card.Number))
	pcm.lock.Lock(t)
	g.Clients = uint32(len(pcm.timers))
	pcm.lock.Unlock(t)
	return g
}

// directions are the words for a stream's direction.
var directions = [2]string{"playback", "capture"}

// resolution is how long a tick is, ns: a PCM's period; 0 if it has none.
func resolution(t *sched.Thread, pcm *Substream) uint64 {
	if pcm == nil {
		return uint64(systemTick)
	}
	pcm.lock.Lock(t)
	defer pcm.lock.Unlock(t)
	return pcm.periodTime()
}

// periodTime is a period's length, ns; 0 without parameters. Caller holds lock.
func (s *Substream) periodTime() uint64 {
	if s.Params.Rate == 0 {
		return 0
	}
	return uint64(s.Params.PeriodSize) * uint64(ktime.Second) / uint64(s.Params.Rate)
}

// Read implements vfs.Reader: whole records.
func (f *timerFile) Read(t *sched.Thread, file *vfs.File, dst *mm.IO, _ int64) (int, error) {
	b, err := f.q.take(t, dst.Len(), file.Nonblock())
	if err != nil {
		return 0, err
	}
	return dst.CopyOut(t, b)
}

// Poll implements vfs.Poller.
func (f *timerFile) Poll(t *sched.Thread, _ *vfs.File, table *vfs.PollTable) vfs.Events {
	table.Add(&f.q.wait)
	if f.q.any(t) {
		return abi.POLLIN | abi.POLLRDNORM
	}
	return 0
}

// Release implements vfs.Releaser.
func (f *timerFile) Release(t *sched.Thread, _ *vfs.File) {
	f.mu.Lock(t)
	defer f.mu.Unlock(t)
	f.leave(t)
}
