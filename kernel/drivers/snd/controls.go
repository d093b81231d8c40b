package snd

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
	"vitrine/kernel/sound"
)

// Control elements, of OASIS virtio 1.3 (5.14.4, 5.14.6).
const (
	featureControls = 1 << 0 // VIRTIO_SND_F_CTLS
	configControls  = 12

	rCtlInfo    = 0x300
	rCtlRead    = 0x302
	rCtlWrite   = 0x303
	rCtlTLVRead = 0x304

	ctlInfoSize  = 92  // struct virtio_snd_ctl_info, without padding
	ctlValueSize = 512 // struct virtio_snd_ctl_value
	maxControls  = 64
	maxCount     = 8 // values of one that make sense

	ctlBoolean   = 0
	ctlInteger   = 1
	ctlReadWrite = 3
	ctlTLVRead   = 1 << 4
)

// addControls makes controls of the device's elements, with the values that they have.
func (x *Sound) addControls(t *sched.Thread, c *sound.Card) error {
	if !x.Device.Has(featureControls) {
		return nil
	}
	for id := range min(x.Device.Config32(configControls), maxControls) {
		info, err := x.request(t, ctlInfoSize, rCtlInfo, id, 1, ctlInfoSize)
		if err != nil {
			return err
		}
		e, ok := controlOf(info)
		if !ok {
			continue
		}
		values, err := x.request(t, ctlValueSize, rCtlRead, id)
		if err != nil {
			return err
		}
		for i := range e.Count {
			e.Values[i] = min(max(int64(int32(binary.LittleEndian.Uint32(values[4*i:]))), e.Min), e.Max)
		}
		if binary.LittleEndian.Uint32(info[12:])&ctlTLVRead != 0 {
			// SNDRV_CTL_TLVT_DB_SCALE and its like: four words.
			if e.TLV, err = x.request(t, 16, rCtlTLVRead, id); err != nil {
				return err
			}
		}
		e.Set = func(t *sched.Thread, values []int64) error {
			words := make([]uint32, 2+ctlValueSize/4)
			words[0], words[1] = rCtlWrite, id
			for i, v := range values {
				words[2+i] = uint32(v)
			}
			_, err := x.request(t, 0, words...)
			return err
		}
		c.AddControl(e)
	}
	return nil
}

// controlOf reads a struct virtio_snd_ctl_info: hda_fn_nid, role, type, access, count, index, name, min, max, step. It reports false for
// kinds of elements that the core does not know.
func controlOf(info []byte) (*sound.Control, bool) {
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(info[at:]) }
	lo, hi, count := int32(word(68)), int32(word(72)), word(16)
	isSwitch := word(8) == ctlBoolean
	if isSwitch {
		lo, hi = 0, 1
	}
	if !isSwitch && word(8) != ctlInteger || word(12)&ctlReadWrite != ctlReadWrite || count < 1 || count > maxCount || lo >= hi || word(20) != 0 {
		return nil, false
	}
	return sound.NewControl(abi.CString(info[24:68]), isSwitch, int64(lo), int64(hi), int(count)), true
}
