package sound

import (
	"encoding/binary"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// events reads all records of a queue with events.
func events(t *testing.T, th *sched.Thread, q *timerQueue) (list [][2]uint32) {
	t.Helper()
	for {
		b, err := q.take(th, 32, true)
		if errno.Of(err) == errno.EAGAIN {
			return list
		}
		must(t, "read", err)
		if len(b) != 32 {
			t.Fatalf("a record of %d bytes", len(b))
		}
		list = append(list, [2]uint32{binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[24:])})
	}
}

// TestPCMTimer: it ticks with each period, and tells of starts and stops.
func TestPCMTimer(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		var q timerQueue
		q.init()
		q.tread = true
		s.timers = append(s.timers, &q)
		ready(t, th, s)
		q.setParams(th, abi.SndTimerParams{
			Flags: abi.SNDRV_TIMER_PSFLG_AUTO | abi.SNDRV_TIMER_PSFLG_EARLY_EVENT, Ticks: 2,
			Filter: 1<<abi.SNDRV_TIMER_EVENT_TICK | 1<<(abi.SNDRV_TIMER_EVENT_STOP+abi.SNDRV_TIMER_EVENT_MASTER),
		})
		if got := events(t, th, &q); len(got) != 1 || got[0][0] != abi.SNDRV_TIMER_EVENT_EARLY {
			t.Errorf("at first: %v", got)
		}
		q.start(th, false, 0)
		s.write(th, mm.KernelIO(pattern(2*300)), false) // three periods and three quarters
		b, err := q.take(th, 32, false)
		if err != nil || th.Now() != 20*ktime.Millisecond+s.triggered {
			t.Errorf("the first tick comes %d ns after the start: %v", th.Now()-s.triggered, err)
		}
		if val := binary.LittleEndian.Uint32(b[24:]); val != 2 {
			t.Errorf("it stands for %d", val)
		}
		must(t, "drain", s.drain(th, false))
		if got := events(t, th, &q); len(got) != 1 || got[0][0] != abi.SNDRV_TIMER_EVENT_STOP+abi.SNDRV_TIMER_EVENT_MASTER {
			t.Errorf("at the end: %v", got)
		}
		s.timers = nil
	})
}

// TestUnreadTicksAreOneRecord, however many.
func TestUnreadTicksAreOneRecord(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		var q timerQueue
		q.init()
		q.auto = true
		q.start(th, false, 0)
		for range 1000 {
			q.tick(th, 3, 7)
		}
		b, err := q.take(th, 100, true)
		if err != nil || len(b) != 8 || binary.LittleEndian.Uint32(b) != 7 || binary.LittleEndian.Uint32(b[4:]) != 3000 {
			t.Errorf("%v, %v", b, err)
		}
		// Events in between are another matter: they fill the queue, and no more.
		q.tread, q.filter = true, ^uint32(0)
		for range 1000 {
			q.event(th, abi.SNDRV_TIMER_EVENT_PAUSE, 0)
		}
		if st := q.status(th, 0); st.Queue != defaultQueue || st.Overrun != 1000-defaultQueue {
			t.Errorf("%d records, %d lost", st.Queue, st.Overrun)
		}
	})
}

// TestSystemTimer ticks by the clock, also while nobody looks.
func TestSystemTimer(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		var q timerQueue
		q.init()
		q.useClock(th, th.Scheduler().Timers)
		q.setParams(th, abi.SndTimerParams{Flags: abi.SNDRV_TIMER_PSFLG_AUTO, Ticks: 10})
		start := th.Now()
		q.start(th, false, 0)
		for i := range 5 {
			b, err := q.take(th, 8, false)
			if want := start + int64(i+1)*10*ktime.Millisecond; err != nil || th.Now() != want || binary.LittleEndian.Uint32(b[4:]) != 10 {
				t.Errorf("tick %d at %d, want %d: %v, %v", i, th.Now(), want, b, err)
			}
		}
		ksync.Sleep(th, "test", th.Now()+ktime.Second)
		if b, err := q.take(th, 8, true); err != nil || binary.LittleEndian.Uint32(b[4:]) != 1000 {
			t.Errorf("a second later: %v, %v", b, err)
		}
		must(t, "pause", q.stop(th, true))
		ksync.Sleep(th, "test", th.Now()+ktime.Second)
		if q.any(th) {
			t.Error("a timer that is paused ticks")
		}
		if err := q.stop(th, false); errno.Of(err) != errno.EBUSY {
			t.Errorf("stop of a timer that does not run: %v", err)
		}
		q.start(th, true, 0)
		if _, err := q.take(th, 8, false); err != nil {
			t.Error(err)
		}
		q.reset(th)
	})
}

func TestTimersAreListed(t *testing.T) {
	withStreams(t, []int{abi.SNDRV_PCM_STREAM_PLAYBACK, abi.SNDRV_PCM_STREAM_CAPTURE}, func(th *sched.Thread, s []*Substream, h []*fakeHW) {
		c := s[0].Card.core
		ids := c.timerIDs(th)
		if len(ids) != 3 || compareTimers(ids[0], ids[1]) >= 0 || compareTimers(ids[1], ids[2]) >= 0 {
			t.Errorf("%v", ids)
		}
		for i, id := range ids {
			pcm, err := c.timerPCM(th, id)
			if err != nil || i == 0 && pcm != nil || i > 0 && pcm != s[i-1] {
				t.Errorf("%v: %v, %v", id, pcm, err)
			}
		}
		for _, id := range []abi.SndTimerID{
			{Class: abi.SNDRV_TIMER_CLASS_SLAVE},
			{Class: abi.SNDRV_TIMER_CLASS_CARD},
			{Class: 99},
			{Class: abi.SNDRV_TIMER_CLASS_GLOBAL, Device: 7},
			{Class: abi.SNDRV_TIMER_CLASS_PCM, Card: 1},
			{Class: abi.SNDRV_TIMER_CLASS_PCM, Card: -1},
			{Class: abi.SNDRV_TIMER_CLASS_PCM, Subdevice: 2},
			{Class: abi.SNDRV_TIMER_CLASS_PCM, Device: 1},
		} {
			if _, err := c.timerPCM(th, id); errno.Of(err) != errno.ENODEV {
				t.Errorf("%v: %v", id, err)
			}
		}
	})
}
