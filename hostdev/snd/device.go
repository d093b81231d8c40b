// Package snd is the sound device (OASIS virtio 1.2, 5.14): a stream that plays and one that records, on a back-end:
// WAV files, a PulseAudio server, memory, or nothing. The driver is kernel/drivers/snd.
//
//	control queue ──▶ control: SET_PARAMS, PREPARE, START …
//	tx, rx queues ──▶ stream ◀── the machine's clock (machine/layout, ClockPage)
//	                    │ a piece is done when its time is over; its samples go out, or in, at that moment
//	                    ├── volume: what the control elements of virtio 1.3 set (elements.go); at 0 dB it touches nothing
//	                    ├──▶ meter: levels and the last seconds, for consoles
//	                    └──▶ Output, Input of the Backend
//
// The device's clock is the machine's: while a debugger holds the machine no piece becomes due, and after the stop the
// stream goes on in the middle of the piece where it stood. So samples are neither lost nor repeated. A back-end with a clock
// of its own (PulseAudio) has a queue between.
//
// When the driver has no piece ready the device waits for one: nothing is put in between. Being late by
// less than slack does not count: the next piece is due as if it had come in time.
//
// Lock order: the device's gate, stream.mu, what the back-end has.
package snd

import (
	"sync"
	"time"

	"vitrine/hostdev"
	"vitrine/hostdev/virtio"
	"vitrine/machine/layout"
)

const (
	deviceID  = 25 // 5.14.1
	queueSize = 256
)

// Queues (5.14.2).
const (
	queueControl = iota
	queueEvent
	queueTx
	queueRx
)

// Directions of a stream, which are also their numbers.
const (
	Play   = 0 // VIRTIO_SND_D_OUTPUT
	Record = 1 // VIRTIO_SND_D_INPUT
)

// Options are what differs between devices.
type Options struct {
	Backend Backend
	Clock   Clock // nil: the machine's
}

// Device is the sound device.
type Device struct {
	*virtio.Device
	backend Backend
	clock   Clock
	streams [2]*stream
	running sync.WaitGroup
}

// New returns a sound device. It closes the back-end at its end.
func New(o Options) *Device {
	d := &Device{backend: o.Backend, clock: o.Clock}
	var config [16]byte
	config[4], config[12] = byte(len(d.streams)), byte(len(elements)) // struct virtio_snd_config: jacks, streams, chmaps, controls
	d.Device = virtio.New(virtio.Spec{
		Name: "snd", ID: deviceID, Features: featureControls, Config: config[:], Queues: []int{queueControl: 64, queueEvent: 64, queueTx: queueSize, queueRx: queueSize},
	}, d)
	for i := range d.streams {
		d.streams[i] = newStream(d, i)
	}
	return d
}

// Attach implements hostdev.Device.
func (d *Device) Attach(s *hostdev.Slot) error {
	if d.clock == nil {
		d.clock = machineClock{layout.ClockOf(s.RAM)}
	}
	for _, st := range d.streams {
		var err error
		if st.alarm, err = d.clock.NewAlarm(); err != nil {
			return err
		}
	}
	if err := d.Device.Attach(s); err != nil {
		return err
	}
	for _, st := range d.streams {
		d.running.Add(1)
		go st.run()
	}
	return nil
}

// Close implements hostdev.Device.
func (d *Device) Close() error {
	d.Device.Close()
	for _, st := range d.streams {
		if st.alarm != nil {
			st.alarm.Close()
		}
	}
	d.running.Wait()
	return d.backend.Close()
}

// Serve implements virtio.Handler.
func (d *Device) Serve(q *virtio.Queue) {
	switch q.Index {
	case queueControl:
		d.control(q)
	case queueTx, queueRx:
		st := d.streams[q.Index-queueTx]
		st.mu.Lock()
		st.look()
		st.mu.Unlock()
	}
	// Buffers for events stay where they are: there are none to tell of.
}

// Started implements virtio.Handler.
func (d *Device) Started() {}

// Reset implements virtio.Handler.
func (d *Device) Reset() {
	for _, st := range d.streams {
		st.reset()
	}
}

// Meter returns how a stream, Play or Record, is doing, with what it has played or recorded of late.
func (d *Device) Meter(stream int, last time.Duration) Meter { return d.streams[stream].snapshot(last) }

var _ hostdev.Device = (*Device)(nil)
