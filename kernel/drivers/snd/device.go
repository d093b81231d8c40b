// Package snd drives the sound device (OASIS virtio 1.2, 5.14) for the sound core. The back-end is hostdev/snd.
//
//	Sound ── control queue ── PCM_INFO, SET_PARAMS, PREPARE, START, STOP, RELEASE; CTL_INFO, CTL_READ, CTL_WRITE, TLV_READ
//	  │   ── event queue  ─── jacks and the like: taken, and forgotten
//	  └─ stream: sound.Hardware of a Substream
//	       │        tx queue   {xfer | samples ▶ device} {status}
//	       │        rx queue   {xfer} {samples ◀ device | status}
//	       └─ piece: a request; its samples lie in the substream's ring, nothing is copied
//
// A piece comes back when it has been played or filled, or with RELEASE.
//
// Lock order: Substream.mu, Sound.mu; in interrupts and under Substream.lock: stream.lock (spin), the queue's.
//
// First breakpoint: (*stream).Transfer, (*stream).done.
package snd

import (
	"encoding/binary"
	"fmt"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/sound"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
	"vitrine/machine/virtq"
)

func init() {
	virtio.Register(virtio.Driver{Name: "snd", ID: virtio.IDSound, Features: featureControls, Probe: probe})
}

// Queues (5.14.2) and configuration (5.14.4).
const (
	queueControl = 0
	queueEvent   = 1
	queueTx      = 2
	queueRx      = 3

	configStreams = 4

	controlSize = 32
	eventSize   = 16
	pieceSize   = 256 // descriptors: 3 for a piece
)

// Requests and answers (5.14.6).
const (
	rPCMInfo      = 0x100
	rPCMSetParams = 0x101
	rPCMPrepare   = 0x102
	rPCMRelease   = 0x103
	rPCMStart     = 0x104
	rPCMStop      = 0x105

	sOK      = 0x8000
	sBadMsg  = 0x8001
	sNotSupp = 0x8002

	infoSize  = 32
	eventLen  = 8
	maxStream = 16
	maxReply  = 4 + max(maxStream*infoSize, ctlValueSize)
	maxSend   = 8 + ctlValueSize
)

var (
	classSound  = &ksync.Class{Name: "snd", Rank: ksync.RankClient}
	classStream = &ksync.Class{Name: "snd_stream", Rank: ksync.RankDriver}
)

// Sound is a sound device.
type Sound struct {
	Device     *virtio.Device // immutable, as all but mu
	Cards      []*sound.Card  // one
	Substreams []*sound.Substream

	streams []*stream
	mu      ksync.Mutex    // one request at a time that is waited for
	buf     *virtio.Buffer // its bytes and its answer's; guarded by mu
}

func probe(t *sched.Thread, d *virtio.Device) error {
	x := &Sound{Device: d, mu: ksync.NewMutex(classSound)}
	err := d.SetQueues(t,
		virtio.QueueSpec{Index: queueControl, Name: "control", Size: controlSize},
		virtio.QueueSpec{Index: queueEvent, Name: "event", Size: eventSize},
		virtio.QueueSpec{Index: queueTx, Name: "tx", Size: pieceSize},
		virtio.QueueSpec{Index: queueRx, Name: "rx", Size: pieceSize})
	if err != nil {
		return err
	}
	if x.buf, err = d.Bus.NewBuffer(t, maxSend+maxReply); err != nil {
		return err
	}
	if err := x.startEvents(t); err != nil {
		return err
	}
	d.Private = x
	d.Ready(t)
	return x.addCard(t)
}

// startEvents gives the device buffers for events. There is nothing to do about any.
func (x *Sound) startEvents(t *sched.Thread) error {
	b, err := x.Device.Bus.NewBuffer(t, eventSize*eventLen)
	if err != nil {
		return err
	}
	for i := range eventSize {
		r := &virtio.Request{In: []virtq.Buf{b.Buf(i*eventLen, eventLen)}}
		r.Done = func(t *sched.Thread, r *virtio.Request) {
			if r.Err == nil {
				x.Device.Queues[queueEvent].Submit(t, r) // an error means that the device is lost
			}
		}
		if err := x.Device.Queues[queueEvent].Submit(t, r); err != nil {
			return err
		}
	}
	return nil
}

// addCard asks the device for its streams and makes a card of the first of each direction.
func (x *Sound) addCard(t *sched.Thread) error {
	n := min(int(x.Device.Config32(configStreams)), maxStream)
	if n <= 0 {
		return errno.ENODEV.Because("the device has no streams")
	}
	infos, err := x.request(t, n*infoSize, rPCMInfo, 0, uint32(n), infoSize)
	if err != nil {
		return err
	}
	number := 0
	virtio.Each(x.Device.Bus, func(d *virtio.Device, o *Sound) {
		if d != x.Device {
			number += len(o.Cards)
		}
	})
	c := sound.NewCard(x.Device.Bus.Memory, number, fmt.Sprintf("Vitrine%.0d", number), "virtio-snd", "Vitrine virtio sound")
	for id := range n {
		info := infos[id*infoSize:][:infoSize]
		caps, dir, ok := capsOf(info)
		if !ok || c.Substream(dir) != nil {
			continue
		}
		st, err := newStream(t, x, id, dir)
		if err != nil {
			return err
		}
		if st.pcm, err = c.AddSubstream(t, dir, caps, st); err != nil {
			return err
		}
		x.streams = append(x.streams, st)
	}
	if len(c.Substreams) == 0 {
		return errno.ENODEV.Because("the device has no stream of a known kind")
	}
	if err := x.addControls(t, c); err != nil {
		return err
	}
	x.Cards, x.Substreams = []*sound.Card{c}, c.Substreams
	if v, ok := virtio.Core[*vfs.VFS](x.Device.Bus); ok {
		return c.Register(t, v)
	}
	return nil
}

// request sends words to the control queue and waits for the answer, of which it returns what follows the status.
func (x *Sound) request(t *sched.Thread, reply int, words ...uint32) ([]byte, error) {
	x.mu.Lock(t)
	defer x.mu.Unlock(t)
	out := x.buf.Bytes[:0]
	for _, w := range words {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	clear(x.buf.Bytes[maxSend:][:4+reply])
	r := &virtio.Request{Out: []virtq.Buf{x.buf.Buf(0, len(out))}, In: []virtq.Buf{x.buf.Buf(maxSend, 4+reply)}}
	q := x.Device.Queues[queueControl]
	for {
		err := q.SubmitWait(t, r)
		if err == errno.RestartSys { // the queue is full for an instant; a stream's state must not be left half changed
			t.CondResched()
			continue
		}
		if err != nil {
			return nil, err
		}
		break
	}
	if err := q.WaitUninterruptible(t, "snd_control", r); err != nil {
		return nil, err
	}
	in := append([]byte(nil), x.buf.Bytes[maxSend:][:4+reply]...) // the device could change it while it is looked at
	return in[4:], statusError(binary.LittleEndian.Uint32(in))
}

func statusError(status uint32) error {
	switch status {
	case sOK:
		return nil
	case sBadMsg:
		return errno.EINVAL.Because("the sound device says VIRTIO_SND_S_BAD_MSG")
	case sNotSupp:
		return errno.EINVAL.Because("the sound device says VIRTIO_SND_S_NOT_SUPP")
	}
	return errno.EIO.Because("the sound device says VIRTIO_SND_S_IO_ERR")
}
