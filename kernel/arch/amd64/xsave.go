package amd64

import (
	"encoding/binary"
	"errors"
)

// The XSAVE area as it lies in a signal frame (Intel SDM vol. 1, 13.4, and
// asm/sigcontext.h): 512 bytes of FXSAVE whose last 48 are Linux's software
// bytes, a 64-byte header, the extended components, and a closing magic.
const (
	XsaveMagic1     = 0x46505853 // at 464: the area is more than FXSAVE
	XsaveMagic2     = 0x46505845 // behind the area
	XsaveLegacySize = 512
	XsaveHeaderSize = 64

	xsaveMXCSR  = 24
	xsaveSW     = 464
	xsaveHeader = 512

	// xsaveFPSSE are the two components that every x86-64 processor has.
	xsaveFPSSE = 3
)

// ErrXsave says that an extended state is malformed.
var ErrXsave = errors.New("malformed XSAVE area")

// XsaveFormat is the extended state of this machine as its host lays it out.
type XsaveFormat struct {
	Features  uint64 // components that user code has
	Size      uint32 // bytes without the closing magic
	MXCSRMask uint32 // bits of MXCSR that may be set
}

// Total is the size of an area with its closing magic.
func (f *XsaveFormat) Total() int { return int(f.Size) + 4 }

// ReadFormat learns the format from an area that the host itself wrote.
func ReadFormat(area []byte) (XsaveFormat, error) {
	le := binary.LittleEndian
	if len(area) < XsaveLegacySize+XsaveHeaderSize || le.Uint32(area[xsaveSW:]) != XsaveMagic1 {
		return XsaveFormat{}, ErrXsave
	}
	f := XsaveFormat{
		Features:  le.Uint64(area[xsaveSW+8:]),
		Size:      le.Uint32(area[xsaveSW+16:]),
		MXCSRMask: le.Uint32(area[28:]),
	}
	if f.MXCSRMask == 0 { // SDM vol. 1, 11.6.6: zero stands for this
		f.MXCSRMask = 0xffbf
	}
	if f.Size < XsaveLegacySize+XsaveHeaderSize || le.Uint32(area[xsaveSW+4:]) != f.Size+4 || f.Total() > len(area) {
		return XsaveFormat{}, ErrXsave
	}
	return f, nil
}

// Sanitize copies the extended state src into dst, which has room for
// f.Total() bytes, in a form that XRSTOR takes without a fault: reserved bits
// are cleared, the software bytes are the host's own. src is an area with
// software bytes, or 512 bytes of plain FXSAVE. It may be shorter than the
// host's, as that of InitialFPU: what it lacks is in its initial state.
func (f *XsaveFormat) Sanitize(dst, src []byte) error {
	le := binary.LittleEndian
	if len(src) < XsaveLegacySize {
		return ErrXsave
	}
	dst = dst[:f.Total()]
	// The sizes are read from src once and src is copied before it is looked at: it may be memory that a guest writes.
	n := min(len(src), int(f.Size))
	copy(dst, src[:n])
	bv := uint64(xsaveFPSSE)
	if le.Uint32(dst[xsaveSW:]) == XsaveMagic1 && n > XsaveLegacySize {
		size, ext := le.Uint32(dst[xsaveSW+16:]), le.Uint32(dst[xsaveSW+4:])
		if size < XsaveLegacySize+XsaveHeaderSize || size > f.Size || ext != size+4 || len(src) < int(ext) || le.Uint32(src[size:]) != XsaveMagic2 {
			return ErrXsave
		}
		n = int(size)
		bv = le.Uint64(dst[xsaveHeader:]) & f.Features
		if size < f.Size {
			bv &= xsaveFPSSE
		}
	} else {
		n = XsaveLegacySize
	}
	clear(dst[n:])
	clear(dst[xsaveHeader : xsaveHeader+XsaveHeaderSize])
	le.PutUint64(dst[xsaveHeader:], bv)
	le.PutUint32(dst[xsaveMXCSR:], le.Uint32(dst[xsaveMXCSR:])&f.MXCSRMask)
	clear(dst[xsaveSW:XsaveLegacySize])
	le.PutUint32(dst[xsaveSW:], XsaveMagic1)
	le.PutUint32(dst[xsaveSW+4:], f.Size+4)
	le.PutUint64(dst[xsaveSW+8:], f.Features)
	le.PutUint32(dst[xsaveSW+16:], f.Size)
	le.PutUint32(dst[f.Size:], XsaveMagic2)
	return nil
}
