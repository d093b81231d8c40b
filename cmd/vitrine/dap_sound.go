package main

import (
	"errors"
	"fmt"
	"time"

	"vitrine/dap"
	"vitrine/hostdev/snd"
)

// soundDevice is what clients call the sound device.
const soundDevice = "snd0"

// soundDirections are the names of the device's streams.
var soundDirections = [...]string{snd.Play: "playback", snd.Record: "capture"}

// Sound implements dap.Machine.
func (d *dapMachine) Sound(last time.Duration) (all []dap.Sound) {
	if d.sound == nil {
		return nil
	}
	for stream := range soundDirections {
		m := d.sound.Meter(stream, last)
		all = append(all, soundOf(stream, &m))
	}
	return all
}

func soundOf(stream int, m *snd.Meter) dap.Sound {
	s := dap.Sound{
		Device: soundDevice, Direction: soundDirections[stream], State: m.State, Rate: m.Format.Rate, Channels: m.Format.Channels,
		Position: m.Frames, Xruns: m.Stalls, Peaks: m.Peaks(),
	}
	if m.Format.Rate != 0 {
		s.Format = m.Format.Sample.String()
	}
	return s
}

// SoundSamples implements dap.Machine.
func (d *dapMachine) SoundSamples(device, direction string, last time.Duration) (dap.Sound, []byte, error) {
	if d.sound == nil {
		return dap.Sound{}, nil, errors.New("the machine has no sound device: `vitrine run -audio`")
	}
	if device != "" && device != soundDevice {
		return dap.Sound{}, nil, fmt.Errorf("there is no sound device %q", device)
	}
	for stream, name := range soundDirections {
		if direction == name || direction == "" && stream == snd.Play {
			m := d.sound.Meter(stream, last)
			return soundOf(stream, &m), m.S16(), nil
		}
	}
	return dap.Sound{}, nil, fmt.Errorf("direction %q is neither playback nor capture", direction)
}
