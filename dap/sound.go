package dap

import (
	"fmt"
	"math"
	"time"
)

// SoundArguments are those of vitrine/sound. Follow: while something sounds, the same comes as events of that name.
type SoundArguments struct {
	Follow bool `json:"follow,omitempty"`
}

// SoundBody is the answer to vitrine/sound, and the event's body.
type SoundBody struct {
	Streams []SoundStream `json:"streams"`
}

// SoundStream is a direction of a sound device, as the device sees it.
type SoundStream struct {
	Device    string    `json:"device"`    // "snd0"
	Direction string    `json:"direction"` // "playback" or "capture"
	State     string    `json:"state"`     // "open", "setup", "prepared", "running", "paused"
	Rate      int       `json:"rate"`      // Hz; 0 as long as no program has chosen
	Channels  int       `json:"channels"`
	Format    string    `json:"format"`   // "S16_LE", as aplay -f has it
	Position  int64     `json:"position"` // frames since the machine was switched on
	Xruns     int       `json:"xruns"`    // how often the driver was late
	Levels    []float64 `json:"levels"`   // dBFS of each channel: the peak of the last moment, from -120 on; of a stream that does not run -120
}

// SoundSamplesArguments are those of vitrine/soundSamples.
type SoundSamplesArguments struct {
	Device    string  `json:"device,omitempty"`    // "": the first
	Direction string  `json:"direction,omitempty"` // "": playback
	Seconds   float64 `json:"seconds"`             // the last of it, at most 10
}

// SoundSamplesBody is the answer to it. There may be less than was asked for.
type SoundSamplesBody struct {
	Rate     int    `json:"rate"`
	Channels int    `json:"channels"`
	Format   string `json:"format"`   // "s16": 16 bits, signed, little endian, whatever the stream's own format is
	Position int64  `json:"position"` // as SoundStream has it, behind the last of Data
	Data     []byte `json:"data"`     // base64, the channels in turn
}

// Sound is what the machine's device knows of a stream; see SoundStream.
type Sound struct {
	Device, Direction, State, Format string
	Rate, Channels, Xruns            int
	Position                         int64
	Peaks                            []float64 // 1 is full scale
}

const (
	soundEvent = "vitrine/sound"

	silence         = -120 // dBFS
	maxSoundSeconds = 10
)

func (c *conn) sound(_ *request, a *SoundArguments) (any, error) {
	m := c.attachedTo()
	if m == nil {
		return nil, errNoMachine
	}
	if !a.Follow {
		c.keep(m, soundEvent, nil)
	} else {
		quit := make(chan struct{})
		c.keep(m, soundEvent, func() { close(quit) })
		go c.followSound(m, quit)
	}
	return soundBody(m), nil
}

// followSound tells how it sounds as long as it does, and once when it has ended.
func (c *conn) followSound(m Machine, quit chan struct{}) {
	tick := time.NewTicker(eventPeriod)
	defer tick.Stop()
	sounded := false
	for {
		select {
		case <-quit:
			return
		case <-m.Done():
			return
		case <-tick.C:
		}
		body, sounds := soundBody(m), false
		for _, s := range body.Streams {
			sounds = sounds || s.State == "running"
		}
		if sounds || sounded {
			c.calm(outputLimit)
			c.event(soundEvent, body)
		}
		sounded = sounds
	}
}

func soundBody(m Machine) SoundBody {
	body := SoundBody{Streams: []SoundStream{}}
	for _, s := range m.Sound(eventPeriod) {
		d := SoundStream{
			Device: s.Device, Direction: s.Direction, State: s.State, Rate: s.Rate, Channels: s.Channels, Format: s.Format,
			Position: s.Position, Xruns: s.Xruns, Levels: make([]float64, len(s.Peaks)),
		}
		for i, p := range s.Peaks {
			d.Levels[i] = silence
			if s.State == "running" {
				d.Levels[i] = decibels(p)
			}
		}
		body.Streams = append(body.Streams, d)
	}
	return body
}

// decibels is an amplitude in dBFS, to a tenth.
func decibels(peak float64) float64 {
	return max(math.Round(200*math.Log10(peak))/10, silence)
}

func (c *conn) soundSamples(_ *request, a *SoundSamplesArguments) (any, error) {
	m := c.attachedTo()
	if m == nil {
		return nil, errNoMachine
	}
	if !(a.Seconds > 0 && a.Seconds <= maxSoundSeconds) {
		return nil, fmt.Errorf("seconds: more than 0, at most %d", maxSoundSeconds)
	}
	s, data, err := m.SoundSamples(a.Device, a.Direction, time.Duration(a.Seconds*float64(time.Second)))
	if err != nil {
		return nil, err
	}
	if data == nil {
		data = []byte{}
	}
	return SoundSamplesBody{Rate: s.Rate, Channels: s.Channels, Format: "s16", Position: s.Position, Data: data}, nil
}
