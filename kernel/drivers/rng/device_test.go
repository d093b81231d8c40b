package rng_test

import (
	"bytes"
	"testing"

	hostrng "vitrine/hostdev/rng"
	"vitrine/kernel/drivers/rng"
	"vitrine/kernel/sched"
	"vitrine/kernel/virtio"
	"vitrine/test/devtest"
)

// counting is a source whose bytes tell whether all came, once and in order.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		c.n++
		p[i] = c.n
	}
	return len(p), nil
}

func TestReadGivesEachByteOnce(t *testing.T) {
	k := devtest.New(t, hostrng.New(&counting{}))
	k.Probe()
	found := 0
	virtio.Each(k.Bus, func(_ *virtio.Device, r *rng.Device) {
		found++
		k.Run(func(th *sched.Thread) {
			want := byte(0)
			for _, n := range []int{1, 7, 256, 1000, 3} {
				p := make([]byte, n)
				if got, err := r.Read(th, p); got != n || err != nil {
					t.Fatalf("Read of %d = %d, %v", n, got, err)
				}
				for i, b := range p {
					if want++; b != want {
						t.Fatalf("byte %d is %d, want %d", i, b, want)
					}
				}
			}
		})
	})
	if found != 1 {
		t.Fatalf("%d devices; log:\n%s", found, k.Log.Lines())
	}
	k.Run(func(th *sched.Thread) {
		devs := k.VFS.CharDevs(th)
		if len(devs) != 1 || devs[0].Name != "hwrng" {
			t.Errorf("device nodes %v", devs)
		}
	})
}

func TestHostRandomness(t *testing.T) {
	k := devtest.NewOptions(t, devtest.Options{CPUs: 4}, hostrng.New(nil))
	k.Probe()
	virtio.Each(k.Bus, func(_ *virtio.Device, r *rng.Device) {
		var threads []*devtest.Going
		out := make([][]byte, 8)
		for i := range out {
			out[i] = make([]byte, 512)
			threads = append(threads, k.Go(func(th *sched.Thread) { r.Read(th, out[i]) }))
		}
		for i, g := range threads {
			g.Wait()
			for j := range i {
				if bytes.Equal(out[i][:16], out[j][:16]) {
					t.Errorf("readers %d and %d got the same bytes", i, j)
				}
			}
		}
	})
}
