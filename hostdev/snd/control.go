package snd

import (
	"encoding/binary"

	"vitrine/hostdev/virtio"
	"vitrine/machine/virtq"
)

// Requests and answers of the control queue (5.14.6).
const (
	rJackInfo     = 1
	rPCMInfo      = 0x100
	rPCMSetParams = 0x101
	rPCMPrepare   = 0x102
	rPCMRelease   = 0x103
	rPCMStart     = 0x104
	rPCMStop      = 0x105
	rChmapInfo    = 0x200

	sOK      = 0x8000
	sBadMsg  = 0x8001
	sNotSupp = 0x8002
	sIOErr   = 0x8003

	infoSize = 32
)

// control answers what is in the control queue.
func (d *Device) control(q *virtio.Queue) {
	var c virtq.Chain
	for {
		ok, _ := q.Pop(&c)
		if !ok {
			return
		}
		var m [8 + ctlValueSize]byte
		n, _ := c.Read(m[:])
		status, answer := d.request(m[:n])
		c.Write(binary.LittleEndian.AppendUint32(nil, status)) // without room for it there is no answer
		if status == sOK {
			c.Write(answer)
		}
		q.Push(&c)
	}
}

// request does what a message says.
func (d *Device) request(m []byte) (status uint32, answer []byte) {
	if len(m) < 8 {
		return sBadMsg, nil
	}
	code, arg := binary.LittleEndian.Uint32(m), binary.LittleEndian.Uint32(m[4:])
	switch code {
	case rPCMInfo:
		return infos(m, len(d.streams), infoSize, func(i, size int) []byte { return d.streams[i].info(size) })
	case rCtlInfo, rCtlRead, rCtlWrite, rCtlTLVRead:
		if d.Has(featureControls) {
			return d.controls(code, m)
		}
	case rPCMSetParams, rPCMPrepare, rPCMRelease, rPCMStart, rPCMStop:
		if arg >= uint32(len(d.streams)) {
			return sBadMsg, nil
		}
		st := d.streams[arg]
		switch code {
		case rPCMSetParams:
			return st.setParams(m), nil
		case rPCMPrepare:
			return st.prepare(), nil
		case rPCMRelease:
			return st.release(), nil
		case rPCMStart:
			return st.start(), nil
		}
		return st.stop(), nil
	case rJackInfo, rChmapInfo:
		return sBadMsg, nil // the configuration says that there are none
	}
	return sNotSupp, nil
}

// infos answers PCM_INFO and the like: start_id, count, size; the answer is an array of what describes each.
func infos(m []byte, all, least int, describe func(i, size int) []byte) (uint32, []byte) {
	if len(m) < 16 {
		return sBadMsg, nil
	}
	from, n, size := binary.LittleEndian.Uint32(m[4:]), binary.LittleEndian.Uint32(m[8:]), binary.LittleEndian.Uint32(m[12:])
	if from > uint32(all) || n > uint32(all)-from || size < uint32(least) || size > 4096 {
		return sBadMsg, nil
	}
	var out []byte
	for i := from; i < from+n; i++ {
		out = append(out, describe(int(i), int(size))...)
	}
	return sOK, out
}

// info is the stream's struct virtio_snd_pcm_info.
func (st *stream) info(size int) []byte {
	b := make([]byte, size)
	var formats, rateBits uint64
	for _, s := range st.can.Samples {
		formats |= 1 << s
	}
	for _, r := range st.can.Rates {
		for bit, x := range rates {
			if x == r {
				rateBits |= 1 << bit
			}
		}
	}
	binary.LittleEndian.PutUint64(b[8:], formats)
	binary.LittleEndian.PutUint64(b[16:], rateBits)
	b[24], b[25], b[26] = byte(st.id), byte(st.can.ChannelsMin), byte(st.can.ChannelsMax)
	return b
}
