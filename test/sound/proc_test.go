package sound

import (
	"strings"
	"testing"
)

// TestProcAsound: what scripts and people read there.
func TestProcAsound(t *testing.T) {
	out, _ := guest{audio: "none", script: `
		cd /proc/asound; cat cards devices pcm timers; cat Vitrine/id card0/pcm0p/info card0/pcm0p/sub0/status
		play tone & until grep -q RUNNING card0/pcm0p/sub0/status; do :; done
		cat card0/pcm0p/sub0/hw_params card0/pcm0p/sub0/sw_params card0/pcm0p/sub0/status; wait`}.run(t)
	for _, want := range []string{
		" 0 [Vitrine        ]: virtio-snd - Vitrine virtio sound\n                      Vitrine virtio sound\n",
		"  0: [ 0]   : control\n 16: [ 0- 0]: digital audio playback\n 24: [ 0- 0]: digital audio capture\n 33:        : timer\n",
		"00-00: virtio-snd : Vitrine virtio sound : playback 1 : capture 1\n",
		"G0: system timer : 1000.000us\nP0-0-0: PCM playback 0-0-0 : SLAVE\nP0-0-1: PCM capture 0-0-0 : SLAVE\n",
		"Vitrine\ncard: 0\ndevice: 0\nsubdevice: 0\nstream: PLAYBACK\nid: virtio-snd\n", "subdevices_avail: 1\nclosed\n",
		"access: RW_INTERLEAVED\nformat: S16_LE\nsubformat: STD\nchannels: 1\nrate: 48000 (48000/1)\n", "\nstart_threshold: ",
		"state: RUNNING\nowner_pid   : ", "\nhw_ptr      : ",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not there:\n%s", want, out)
		}
	}
}
