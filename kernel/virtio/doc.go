// Package virtio is the bus on which all devices sit: it finds them in their
// slots, agrees with each on features (OASIS virtio 1.2, 3.1) and gives drivers
// queues whose requests threads can sleep on.
//
//	Bus.Devices ──▶ Device "virtio2"  registers: machine/layout, device.go
//	                  │ Driver: the table entry that init registered
//	                  │ Private: what the driver made of it
//	                  ├─ Queue 0 "rx" ── Ring (virtq.Queue) ── rings in RAM
//	                  └─ Queue 1 "tx"      │ in flight
//	                                       ▼
//	                              Request {Out, In} ◀── a thread sleeps in Wait,
//	                                                    or Done is called
//
// The way of a request: Submit → kick → (device) → interrupt line →
// Device.interrupt at some CPU's window → Queue.reap → Request.Done or wake.
//
// A driver is one package with one virtio.Register in its init. Its Probe finds
// the class cores it feeds (vfs, tty …) with Core.
//
// A device that breaks the rules of its rings, or says DEVICE_NEEDS_RESET, is
// given up: all its requests, now and later, end with EIO. The kernel lives on.
//
// Lock order: Queue.lock (spin, RankDriver); Done is called without it.
//
// First breakpoint: (*Device).interrupt, or the Probe of a driver.
package virtio
