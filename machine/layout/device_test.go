package layout

import (
	"bytes"
	"sync"
	"testing"
	"unsafe"
)

func newPage() *Device {
	words := make([]uint64, DeviceSize/8)
	return DeviceAt(unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), DeviceSize))
}

// TestConfigIsReadWhole changes all bytes of the configuration at once while it is read.
func TestConfigIsReadWhole(t *testing.T) {
	d := newPage()
	d.ConfigSize.Store(64)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for i := range 2000 {
			d.WriteConfig(0, bytes.Repeat([]byte{byte(i)}, 64))
		}
	}()
	p := make([]byte, 61)
	for range 2000 {
		if !d.ReadConfig(3, p) || bytes.Count(p, p[:1]) != len(p) {
			t.Fatalf("torn: % x", p)
		}
	}
	wg.Wait()
}

func TestConfigBounds(t *testing.T) {
	d := newPage()
	d.ConfigSize.Store(10)
	for _, c := range []struct {
		off, n int
		want   bool
	}{{0, 10, true}, {0, 11, false}, {10, 0, true}, {11, 0, false}, {9, 2, false}, {-1, 1, false}, {5, 5, true}} {
		if got := d.ReadConfig(c.off, make([]byte, c.n)); got != c.want {
			t.Errorf("ReadConfig(%d, %d bytes) is %v", c.off, c.n, got)
		}
	}
	d.ConfigSize.Store(1 << 31) // a lie
	if d.ReadConfig(MaxConfig, make([]byte, 1)) {
		t.Error("a read beyond the page")
	}
	d.ConfigGeneration.Store(1) // a device that died while it wrote
	if !d.ReadConfig(0, make([]byte, 4)) {
		t.Error("no end, or no answer")
	}
}
