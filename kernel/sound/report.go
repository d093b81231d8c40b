package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
)

// Report is a substream as /proc/asound shows it.
type Report struct {
	Info   abi.SndPCMInfo
	Open   bool   // a file has it
	Owner  int    // thread that opened it
	Params Params // zero in the state open
	Access int    // abi.SNDRV_PCM_ACCESS_…
	SW     abi.SndPCMSWParams
	abi.SndPCMStatus
}

// Report describes the substream at this moment.
func (s *Substream) Report(t *sched.Thread) Report {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	r := Report{Info: s.info(), Open: s.users > 0, Owner: s.Owner, Params: s.Params, Access: s.Params.access}
	s.lock.Lock(t)
	defer s.lock.Unlock(t)
	r.SndPCMStatus = s.snapshot(t.Now())
	r.SW = abi.SndPCMSWParams{
		TstampMode: int32(s.sw.tstampMode), AvailMin: s.availMin(), StartThreshold: s.sw.start, StopThreshold: s.sw.stop,
		SilenceThreshold: s.sw.silenceThreshold, SilenceSize: s.sw.silenceSize, Boundary: s.boundary,
	}
	return r
}

// TimerReport is a timer as /proc/asound/timers shows it.
type TimerReport struct {
	Class      int    // abi.SNDRV_TIMER_CLASS_…
	Card       int    // -1: none
	Stream     int    // of a PCM
	Name       string // "system timer"
	Resolution uint64 // ns; 0: not known yet
	Clients    int    // files that have chosen it
}

// Timers describes all timers.
func (c *Core) Timers(t *sched.Thread) (list []TimerReport) {
	for _, id := range c.timerIDs(t) {
		pcm, err := c.timerPCM(t, id)
		if err != nil {
			continue
		}
		g := describe(t, id, pcm)
		list = append(list, TimerReport{
			Class: int(id.Class), Card: int(g.Card), Stream: int(id.Subdevice), Name: abi.CString(g.Name[:]), Resolution: g.Resolution, Clients: int(g.Clients),
		})
	}
	return list
}
