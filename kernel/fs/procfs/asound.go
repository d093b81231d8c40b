package procfs

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
	"vitrine/kernel/sound"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/pseudo"
)

// asoundDir is /proc/asound: cards, their PCMs, and how these are doing.
func (k *Kernel) asoundDir(core *sound.Core) *pseudo.Node {
	a := asound{core}
	files := []pseudo.Child{
		child("cards", pseudo.Text(a.cards)),
		child("devices", pseudo.Text(a.devices)),
		child("pcm", pseudo.Text(a.pcms)),
		child("timers", pseudo.Text(a.timers)),
		child("version", pseudo.Const("Advanced Linux Sound Architecture Driver Version k"+k.Release+".\n")),
	}
	return &pseudo.Node{
		Mode: abi.S_IFDIR | 0o555, Children: files,
		Lookup: func(t *sched.Thread, name string) *pseudo.Node {
			for _, c := range core.Cards(t) {
				switch name {
				case cardName(c):
					return cardDir(c)
				case c.ID:
					return pseudo.Link(cardName(c))
				}
			}
			return nil
		},
		List: func(t *sched.Thread) (out []vfs.DirEntry) {
			for _, c := range core.Cards(t) {
				out = append(out, vfs.DirEntry{Name: cardName(c), Type: abi.DT_DIR}, vfs.DirEntry{Name: c.ID, Type: abi.DT_LNK})
			}
			return out
		},
	}
}

// asound are the files about all cards.
type asound struct{ core *sound.Core }

func cardName(c *sound.Card) string { return fmt.Sprintf("card%d", c.Number) }

// cards is /proc/asound/cards.
func (a asound) cards(t *sched.Thread) string {
	var b strings.Builder
	for _, c := range a.core.Cards(t) {
		fmt.Fprintf(&b, "%2d [%-15s]: %s - %s\n%22s%s\n", c.Number, c.ID, c.Driver, c.Name, "", c.Name)
	}
	if b.Len() == 0 {
		return "--- no soundcards ---\n"
	}
	return b.String()
}

// devices is /proc/asound/devices: minor numbers.
func (a asound) devices(t *sched.Thread) string {
	var b strings.Builder
	for _, c := range a.core.Cards(t) {
		base := c.Number * abi.SNDRV_MINOR_CARDS
		fmt.Fprintf(&b, "%3d: [%2d]   : control\n", base+abi.SNDRV_MINOR_CONTROL, c.Number)
		for _, s := range c.Substreams {
			minor := base + []int{abi.SNDRV_MINOR_PLAYBACK, abi.SNDRV_MINOR_CAPTURE}[s.Stream]
			fmt.Fprintf(&b, "%3d: [%2d- 0]: digital audio %s\n", minor, c.Number, direction(s))
		}
	}
	if b.Len() > 0 {
		fmt.Fprintf(&b, "%3d:        : timer\n", abi.SNDRV_MINOR_TIMER)
	}
	return b.String()
}

// pcms is /proc/asound/pcm.
func (a asound) pcms(t *sched.Thread) string {
	var b strings.Builder
	for _, c := range a.core.Cards(t) {
		fmt.Fprintf(&b, "%02d-00: %s : %s", c.Number, c.Driver, c.Name)
		for _, s := range c.Substreams {
			fmt.Fprintf(&b, " : %s 1", direction(s))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// timers is /proc/asound/timers.
func (a asound) timers(t *sched.Thread) string {
	var b strings.Builder
	for _, r := range a.core.Timers(t) {
		if r.Class == abi.SNDRV_TIMER_CLASS_GLOBAL {
			fmt.Fprintf(&b, "G0: %s : %d.%03dus\n", r.Name, r.Resolution/1000, r.Resolution%1000)
		} else {
			fmt.Fprintf(&b, "P%d-0-%d: %s : SLAVE\n", r.Card, r.Stream, r.Name)
		}
	}
	return b.String()
}

func direction(s *sound.Substream) string {
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
		return "capture"
	}
	return "playback"
}

// cardDir is /proc/asound/card0.
func cardDir(c *sound.Card) *pseudo.Node {
	files := []pseudo.Child{child("id", pseudo.Const(c.ID+"\n"))}
	for _, s := range c.Substreams {
		info := pseudo.Text(func(t *sched.Thread) string { return pcmInfo(s.Report(t)) })
		files = append(files, child(fmt.Sprintf("pcm0%c", "pc"[s.Stream]), pseudo.Dir(
			child("info", info),
			child("sub0", pseudo.Dir(
				child("hw_params", pcmFile(s, pcmHWParams)),
				child("info", info),
				child("status", pcmFile(s, pcmStatus)),
				child("sw_params", pcmFile(s, pcmSWParams)),
			)),
		)))
	}
	return pseudo.Dir(files...)
}

// pcmFile is a file about a substream that somebody has open.
func pcmFile(s *sound.Substream, text func(r sound.Report) string) *pseudo.Node {
	return pseudo.Text(func(t *sched.Thread) string {
		r := s.Report(t)
		if !r.Open {
			return "closed\n"
		}
		return text(r)
	})
}

// pcmInfo is …/pcm0p/info and …/sub0/info.
func pcmInfo(r sound.Report) string {
	i := &r.Info
	stream := []string{"PLAYBACK", "CAPTURE"}[i.Stream]
	return fmt.Sprintf("card: %d\ndevice: 0\nsubdevice: 0\nstream: %s\nid: %s\nname: %s\nsubname: %s\nclass: 0\nsubclass: 0\n"+
		"subdevices_count: %d\nsubdevices_avail: %d\n",
		i.Card, stream, abi.CString(i.ID[:]), abi.CString(i.Name[:]), abi.CString(i.Subname[:]), i.SubdevicesCount, i.SubdevicesAvail)
}

// pcmHWParams is …/sub0/hw_params.
func pcmHWParams(r sound.Report) string {
	p := &r.Params
	if p.Rate == 0 {
		return "no setup\n"
	}
	return fmt.Sprintf("access: %s\nformat: %s\nsubformat: STD\nchannels: %d\nrate: %d (%d/1)\nperiod_size: %d\nbuffer_size: %d\n",
		abi.SndPCMAccessNames[r.Access], abi.SndPCMFormatNames[p.Format], p.Channels, p.Rate, p.Rate, p.PeriodSize, p.BufferSize)
}

// pcmSWParams is …/sub0/sw_params.
func pcmSWParams(r sound.Report) string {
	if r.Params.Rate == 0 {
		return "no setup\n"
	}
	mode := []string{"NONE", "ENABLE"}[r.SW.TstampMode]
	return fmt.Sprintf("tstamp_mode: %s\nperiod_step: 1\navail_min: %d\nstart_threshold: %d\nstop_threshold: %d\nsilence_threshold: %d\n"+
		"silence_size: %d\nboundary: %d\n",
		mode, r.SW.AvailMin, r.SW.StartThreshold, r.SW.StopThreshold, r.SW.SilenceThreshold, r.SW.SilenceSize, r.SW.Boundary)
}

// pcmStatus is …/sub0/status.
func pcmStatus(r sound.Report) string {
	stamp := func(ts abi.Timespec) string { return fmt.Sprintf("%d.%09d", ts.Sec, ts.Nsec) }
	return fmt.Sprintf("state: %s\nowner_pid   : %d\ntrigger_time: %s\ntstamp      : %s\ndelay       : %d\navail       : %d\navail_max   : %d\n"+
		"-----\nhw_ptr      : %d\nappl_ptr    : %d\n",
		abi.SndPCMStateNames[r.State], r.Owner, stamp(r.TriggerTstamp), stamp(r.Tstamp), r.Delay, r.Avail, r.AvailMax, r.HWPtr, r.ApplPtr)
}
