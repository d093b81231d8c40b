package rng

import (
	"vitrine/hostdev/virtio"
	"vitrine/machine/virtq"
)

// Started implements virtio.Handler.
func (d *Device) Started() {}

// Reset implements virtio.Handler.
func (d *Device) Reset() {}

// Serve fills buffers with random bytes.
func (d *Device) Serve(q *virtio.Queue) {
	var c virtq.Chain
	for {
		ok, _ := q.Pop(&c)
		if !ok {
			return
		}
		// 5.4.6.2: "The device MUST place one or more random bytes into the buffer, but it MAY use
		// less than the entire buffer length." A driver that asks for gigabytes gets some.
		for left := maxBytes; left > 0; {
			room := c.Room()
			if room == nil {
				break
			}
			room = room[:min(len(room), left)]
			if n, err := d.source.Read(room); err != nil || n == 0 {
				break
			} else {
				c.Advance(n)
				left -= n
			}
		}
		q.Push(&c)
	}
}
