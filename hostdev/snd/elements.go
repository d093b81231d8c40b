package snd

import "encoding/binary"

// Control elements, of OASIS virtio 1.3 (5.14.4, 5.14.6): a volume and a switch for each stream. The device applies them, between the
// driver's samples and the back-end.
const (
	featureControls = 1 << 0 // VIRTIO_SND_F_CTLS

	rCtlInfo    = 0x300
	rCtlRead    = 0x302
	rCtlWrite   = 0x303
	rCtlTLVRead = 0x304

	ctlInfoSize  = 92  // struct virtio_snd_ctl_info, without padding
	ctlValueSize = 512 // struct virtio_snd_ctl_value

	roleVolume  = 1
	roleMute    = 2
	typeBoolean = 0
	typeInteger = 1

	accessRead    = 1 << 0
	accessWrite   = 1 << 1
	accessTLVRead = 1 << 4

	tlvDBScale = 1       // SNDRV_CTL_TLVT_DB_SCALE
	tlvMute    = 1 << 16 // in its step: the lowest level is silence
)

// element is a control element.
type element struct {
	name   string
	stream int
	isOn   bool // a switch, not a volume
}

// elements are all, by number.
var elements = []element{
	{name: "Master Playback Volume", stream: Play},
	{name: "Master Playback Switch", stream: Play, isOn: true},
	{name: "Capture Volume", stream: Record},
	{name: "Capture Switch", stream: Record, isOn: true},
}

// count is how many values an element has.
func (e *element) count() int {
	if e.isOn {
		return 1
	}
	return channelMax
}

// info is its struct virtio_snd_ctl_info.
func (e *element) info(size int) []byte {
	b := make([]byte, size)
	role, typ, access, most := uint32(roleVolume), uint32(typeInteger), uint32(accessRead|accessWrite|accessTLVRead), uint32(maxLevel)
	if e.isOn {
		role, typ, access, most = roleMute, typeBoolean, accessRead|accessWrite, 1
	}
	for i, v := range []uint32{role, typ, access, uint32(e.count()), 0} {
		binary.LittleEndian.PutUint32(b[4+4*i:], v)
	}
	copy(b[24:68], e.name)
	binary.LittleEndian.PutUint32(b[72:], most) // from 0 to most
	return b
}

// controls answers requests about elements.
func (d *Device) controls(code uint32, m []byte) (uint32, []byte) {
	if code == rCtlInfo {
		return infos(m, len(elements), ctlInfoSize, func(i, size int) []byte { return elements[i].info(size) })
	}
	id := binary.LittleEndian.Uint32(m[4:])
	if id >= uint32(len(elements)) {
		return sBadMsg, nil
	}
	e := &elements[id]
	st := d.streams[e.stream]
	st.mu.Lock()
	defer st.mu.Unlock()
	switch code {
	case rCtlRead:
		b := make([]byte, ctlValueSize)
		if e.isOn {
			b[0] = byte(b2i(st.volume.on))
			return sOK, b
		}
		for i, v := range st.volume.level {
			binary.LittleEndian.PutUint32(b[4*i:], uint32(v))
		}
		return sOK, b
	case rCtlWrite:
		return st.setVolume(e, m[8:]), nil
	case rCtlTLVRead:
		if e.isOn {
			return sNotSupp, nil
		}
		var b []byte
		low := int32(lowest)
		for _, v := range []uint32{tlvDBScale, 8, uint32(low), levelStep | tlvMute} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return sOK, b
	}
	return sNotSupp, nil
}

// setVolume is CTL_WRITE: what is played or recorded from now on is that loud. Caller holds mu.
func (st *stream) setVolume(e *element, values []byte) uint32 {
	if len(values) < 4*e.count() {
		return sBadMsg
	}
	v := st.volume
	for i := range e.count() {
		n := binary.LittleEndian.Uint32(values[4*i:])
		switch {
		case e.isOn && n <= 1:
			v.on = n == 1
		case !e.isOn && n <= maxLevel:
			v.level[i] = int32(n)
		default:
			return sBadMsg
		}
	}
	if st.state == running && st.have {
		st.move(st.elapsed(st.dev.clock.Now())) // what is over already is as loud as it was
	}
	st.volume = v
	return sOK
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
