package dap

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestSound(t *testing.T) {
	_, h, c := launched(t)
	c.ConfigurationDone()
	if got := body(t, c, "vitrine/sound", nil); got != `{"streams":[]}` {
		t.Errorf("without a device: %s", got)
	}
	out := Sound{Device: "snd0", Direction: "playback", State: "running", Format: "S16_LE", Rate: 48000, Channels: 2, Xruns: 3, Position: 4800, Peaks: []float64{0.5, 0}}
	h.last().play(out)
	want := `{"streams":[{"device":"snd0","direction":"playback","state":"running","rate":48000,"channels":2,"format":"S16_LE","position":4800,"xruns":3,"levels":[-6,-120]}]}`
	if got := body(t, c, "vitrine/sound", SoundArguments{Follow: true}); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := string(c.Event(soundEvent).Body); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	out.State = "setup"
	h.last().play(out)
	for { // once more, when it has ended; a stream that stands still is silent
		var b SoundBody
		if err := json.Unmarshal(c.Event(soundEvent).Body, &b); err != nil {
			t.Fatal(err)
		}
		if s := b.Streams[0]; s.State != "running" {
			if fmt.Sprint(s.Levels) != "[-120 -120]" {
				t.Errorf("%+v", s)
			}
			break
		}
	}
	c.Do("vitrine/sound", SoundArguments{}, nil)
}

func TestSoundSamples(t *testing.T) {
	_, _, c := launched(t)
	c.ConfigurationDone()
	var b SoundSamplesBody
	c.Do("vitrine/soundSamples", SoundSamplesArguments{Device: "snd0", Direction: "playback", Seconds: 0.5}, &b)
	if b.Rate != 8000 || b.Channels != 1 || b.Format != "s16" || b.Position != 77 || len(b.Data) != 8000 {
		t.Errorf("%d Hz, %d channels, %s, %d bytes", b.Rate, b.Channels, b.Format, len(b.Data))
	}
	for _, a := range []SoundSamplesArguments{{Seconds: 0}, {Seconds: -1}, {Seconds: 10.1}, {Device: "other", Seconds: 1}} {
		c.Refused("vitrine/soundSamples", a)
	}
}

func TestAudioFilesAreAbsolute(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "none": "none", "pulse:host": "pulse:host", "wav:out=a.wav": "wav:out=/w/a.wav", "wav:out=/x/a.wav,in=b": "wav:out=/x/a.wav,in=/w/b", "wav:junk": "wav:junk",
	} {
		if got := absoluteAudio("/w", in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
