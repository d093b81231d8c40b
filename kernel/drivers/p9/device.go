// Package p9 drives the 9P transport (virtio device type 9): a queue on which T-messages go out and R-messages
// come back. The back-end is hostdev/fs.
//
// The driver knows nothing of 9P: it makes its queue known to the VFS under the mount tag that the
// configuration holds, and kernel/fs/p9 speaks on it once it is mounted.
//
// First breakpoint: probe.
package p9

import (
	"errors"
	"sync/atomic"

	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
)

// featureMountTag is VIRTIO_9P_MOUNT_TAG: the configuration is tag_len[2] tag[tag_len].
const featureMountTag = 1 << 0

func init() {
	virtio.Register(virtio.Driver{Name: "9p", ID: virtio.ID9P, Features: featureMountTag, Probe: probe})
}

// queueSize is how many descriptors there are for messages and data.
const queueSize = 128

// Transport is a device that speaks 9P.
type Transport struct {
	Tag    string
	Device *virtio.Device

	inUse atomic.Bool // a session is one mount's
}

func probe(t *sched.Thread, d *virtio.Device) error {
	if !d.Has(featureMountTag) {
		return errors.New("the device has no mount tag")
	}
	tag := make([]byte, min(d.Config16(0), 256))
	d.Config(2, tag)
	if len(tag) == 0 {
		return errors.New("the device's mount tag is empty")
	}
	if err := d.SetQueues(t, virtio.QueueSpec{Name: "requests", Size: queueSize}); err != nil {
		return err
	}
	tr := &Transport{Tag: string(tag), Device: d}
	d.Private = tr
	d.Ready(t)
	if v, ok := virtio.Core[*vfs.VFS](d.Bus); ok {
		v.RegisterSource(tr.Tag, tr)
	}
	return nil
}

// Queue is where requests go.
func (tr *Transport) Queue() *virtio.Queue { return tr.Device.Queues[0] }

// Acquire takes the transport for a mount; false if another has it. Release gives it back.
func (tr *Transport) Acquire() bool { return tr.inUse.CompareAndSwap(false, true) }

// Release undoes Acquire.
func (tr *Transport) Release() { tr.inUse.Store(false) }
