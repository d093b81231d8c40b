// Package rng is the entropy device (OASIS virtio 1.2, 5.4): one queue of buffers
// that it fills with the host's random bytes. The driver is kernel/drivers/rng.
package rng

import (
	"crypto/rand"
	"io"

	"vitrine/hostdev"
	"vitrine/hostdev/virtio"
)

const (
	deviceID  = 4 // 5.4.1
	queueSize = 16
	maxBytes  = 64 << 10 // for one buffer
)

// Device is the back-end.
type Device struct {
	*virtio.Device
	source io.Reader
}

// New returns an entropy device. Source nil means the host's random numbers; tests give a seeded one.
func New(source io.Reader) *Device {
	d := &Device{source: source}
	if source == nil {
		d.source = rand.Reader
	}
	d.Device = virtio.New(virtio.Spec{Name: "rng", ID: deviceID, Queues: []int{queueSize}}, d)
	return d
}

var _ hostdev.Device = (*Device)(nil)
