// Package fs is the file server device (virtio device type 9): it serves a
// directory of the host to the kernel by 9P2000.L. The driver is kernel/drivers/p9, the
// filesystem kernel/fs/p9; mount(2) finds the device by its tag.
//
//	T-message ─▶ Serve (some workers) ─▶ server.handle ─▶ host calls below root
//	R-message ◀──────────┘                  │
//	file data read and written straight     ├─ fids: what the client has in hand
//	into and out of the kernel's frames     ├─ nodes: names below root
//	                                        └─ open files, the least used closed meanwhile
//
// The client is hostile: it names nothing outside root (names are single components; the host
// resolves them beneath root and follows no symbolic link), and all that it can make grow has a bound.
//
// The files of the user who runs the server appear as root's, for that is whom they
// belong to in the machine. Symbolic links are passed through for the kernel to follow.
//
// Lock order: the gate, server.orderMu (to take a request), server.renameMu, server.mu, fid.mu, then leaves:
// tree.mu, openFiles.mu, server.flightMu.
package fs

import (
	"encoding/binary"
	"fmt"

	"vitrine/hostdev"
	"vitrine/hostdev/virtio"
)

const (
	deviceID        = 9      // virtio 1.2, 5: "9P transport"
	featureMountTag = 1 << 0 // VIRTIO_9P_MOUNT_TAG: the configuration is len[2] tag
	queueSize       = 128
	workers         = 4
	maxTag          = 32
)

// Options say what is served.
type Options struct {
	Tag      string // by which mount(2) asks for it: "root"
	Dir      string // a directory of the host
	Writable bool
	OpenMax  int // host descriptors for open files; 0: a default
}

// Device is the back-end.
type Device struct {
	*virtio.Device
	server *server
}

// New opens the directory and returns the device that serves it.
func New(o Options) (*Device, error) {
	if o.Tag == "" || len(o.Tag) > maxTag {
		return nil, fmt.Errorf("9p: tag %q: 1 to %d bytes", o.Tag, maxTag)
	}
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	d := &Device{server: s}
	config := append(binary.LittleEndian.AppendUint16(nil, uint16(len(o.Tag))), o.Tag...)
	d.Device = virtio.New(virtio.Spec{
		Name: "9p", ID: deviceID, Features: featureMountTag, Config: config,
		Queues: []int{queueSize}, Workers: workers, Poll: true,
	}, d)
	return d, nil
}

// Close implements hostdev.Device.
func (d *Device) Close() error {
	err := d.Device.Close()
	d.server.close()
	return err
}

var _ hostdev.Device = (*Device)(nil)
