package snd_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	host "vitrine/hostdev/snd"
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/drivers/snd"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
	"vitrine/test/devtest"
)

// rig is a kernel with a sound device that plays into memory.
type rig struct {
	*devtest.Kernel
	mem *host.Memory
	dev *host.Device
	snd *snd.Sound
}

func newRig(t *testing.T, cpus int) *rig {
	t.Helper()
	r := &rig{mem: &host.Memory{}}
	r.dev = host.New(host.Options{Backend: r.mem})
	r.Kernel = devtest.NewOptions(t, devtest.Options{CPUs: cpus}, r.dev)
	r.Probe()
	virtio.Each(r.Bus, func(_ *virtio.Device, s *snd.Sound) { r.snd = s })
	if r.snd == nil || len(r.snd.Substreams) != 2 {
		t.Fatalf("no sound; log:\n%s", strings.Join(r.Log.Lines(), "\n"))
	}
	return r
}

// open opens a device node by name.
func (r *rig) open(th *sched.Thread, name string, flags int) (*vfs.File, error) {
	for _, c := range r.VFS.CharDevs(th) {
		if c.Name == name {
			f := r.VFS.NewAnonFile(th, name, nil, flags)
			impl, err := c.Open(th, nil, f)
			if err != nil {
				f.DecRef(th)
				return nil, err
			}
			f.Impl = impl
			return f, nil
		}
	}
	return nil, fmt.Errorf("no device node %s", name)
}

func random(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// TestDSPPlaysWhatIsWritten goes through OSS, the core, the driver and the device, at 8 kHz and 8 bits.
func TestDSPPlaysWhatIsWritten(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		r := newRig(t, cpus)
		want := random(3001)
		r.Run(func(th *sched.Thread) {
			f, err := r.open(th, "dsp", abi.O_WRONLY)
			if err != nil {
				t.Error(err)
				return
			}
			for rest := want; len(rest) > 0; {
				n := min(777, len(rest))
				if k, err := f.Write(th, mm.KernelIO(rest[:n])); k != n || err != nil {
					t.Errorf("write of %d: %d, %v", n, k, err)
					return
				}
				rest = rest[n:]
			}
			if _, err := r.open(th, "snd/pcmC0D0p", abi.O_RDWR|abi.O_NONBLOCK); errno.Of(err) != errno.EBUSY {
				t.Errorf("a second open: %v", err)
			}
			f.DecRef(th) // drains
			if f, err = r.open(th, "snd/pcmC0D0p", abi.O_RDWR|abi.O_NONBLOCK); err != nil {
				t.Errorf("open after the close: %v", err)
				return
			}
			f.DecRef(th)
		})
		if got, f := r.mem.Played(); !bytes.Equal(got, want) || f != (host.Format{Sample: host.U8, Channels: 1, Rate: 8000}) {
			t.Errorf("%d CPUs: %d bytes of %d, or others, %v", cpus, len(got), len(want), f)
		}
	}
}

func TestDSPRecords(t *testing.T) {
	r := newRig(t, 1)
	want := random(2500)
	r.mem.Source = bytes.NewReader(want)
	got := make([]byte, len(want))
	r.Run(func(th *sched.Thread) {
		f, err := r.open(th, "dsp", abi.O_RDONLY)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.DecRef(th)
		for at := 0; at < len(got); {
			n, err := f.Read(th, mm.KernelIO(got[at:min(at+333, len(got))]))
			if err != nil || n == 0 {
				t.Errorf("read: %d, %v", n, err)
				return
			}
			at += n
		}
	})
	if !bytes.Equal(got, want) {
		t.Error("other samples than the device's")
	}
}

// TestFullDuplex plays and records at once.
func TestFullDuplex(t *testing.T) {
	r := newRig(t, 2)
	want := random(2400)
	r.mem.Source = bytes.NewReader(want)
	got := make([]byte, len(want))
	r.Run(func(th *sched.Thread) {
		f, err := r.open(th, "dsp", abi.O_RDWR)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.DecRef(th)
		for at := 0; at < len(want); at += 240 {
			if n, err := f.Write(th, mm.KernelIO(want[at:at+240])); n != 240 || err != nil {
				t.Errorf("write: %d, %v", n, err)
			}
			for n := 0; n < 240; {
				k, err := f.Read(th, mm.KernelIO(got[at+n:at+240]))
				if err != nil {
					t.Errorf("read: %v", err)
					return
				}
				n += k
			}
		}
	})
	if played, _ := r.mem.Played(); !bytes.Equal(got, want) || !bytes.Equal(played, want) {
		t.Errorf("%d bytes were played, and recorded equal: %v", len(played), bytes.Equal(got, want))
	}
}

// TestPausedDeviceLosesNothing stops the device again and again while it plays, as a debugger does.
func TestPausedDeviceLosesNothing(t *testing.T) {
	r := newRig(t, 1)
	want := random(4000)
	g := r.Go(func(th *sched.Thread) {
		f, err := r.open(th, "dsp", abi.O_WRONLY)
		if err != nil {
			t.Error(err)
			return
		}
		f.Write(th, mm.KernelIO(want))
		f.DecRef(th)
	})
	for !g.Done() {
		r.dev.Pause()
		r.dev.Resume()
	}
	g.Wait()
	if got, _ := r.mem.Played(); !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, or others", len(got), len(want))
	}
}

// TestBrokenRing: the device goes; programs get an error, and the kernel lives.
func TestBrokenRing(t *testing.T) {
	r := newRig(t, 1)
	r.Run(func(th *sched.Thread) {
		f, err := r.open(th, "dsp", abi.O_WRONLY)
		if err != nil {
			t.Error(err)
			return
		}
		f.Write(th, mm.KernelIO(random(500)))
		r.dev.Break(nil)
		for range 100 {
			if _, err = f.Write(th, mm.KernelIO(random(500))); err != nil {
				break
			}
		}
		if e := errno.Of(err); e != errno.ENODEV && e != errno.EIO {
			t.Errorf("write to a broken device: %v", err)
		}
		f.DecRef(th)
		if _, err := r.open(th, "dsp", abi.O_WRONLY); errno.Of(err) != errno.ENODEV {
			t.Errorf("open of a broken device: %v", err)
		}
	})
}
