package amd64

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"
	"unsafe"
)

// The vDSO is a small shared object that the kernel maps into every process, so that
// the time can be had without a system call (vdso(7)).
//
//	image - 0x2000   time page    parameters from the kernel
//	image - 0x1000   clock page   the machine's: offset of the virtual clock
//	image            ELF header, dynamic section, symbols, code
const (
	VDSOPages = 3 // with the two pages before the image
	vdsoOff   = 0x400
)

// vdsoAddr returns where the code lies in the kernel's text.
func vdsoAddr() unsafe.Pointer

// vdsoNames are the functions in the order of the entry jumps. Each has a weak name without the prefix.
var vdsoNames = [...]string{"clock_gettime", "gettimeofday", "time", "getcpu"}

// TimePage is what the kernel tells the vDSO: the host's monotonic time is
// Base + (TSC - tsc) × Mult >> 32, for Max ticks. vdso_amd64.s has the same offsets.
type TimePage struct {
	seq   atomic.Uint32 // odd while it is written
	valid atomic.Uint32
	tsc   atomic.Uint64
	base  atomic.Int64
	mult  atomic.Uint64
	max   atomic.Uint64
	wall  atomic.Int64
}

// TimeParams are the values of a TimePage.
type TimeParams struct {
	Valid bool
	TSC   uint64
	Base  int64
	Mult  uint64
	Max   uint64
	Wall  int64 // wall time at virtual time 0
}

// TimePageAt returns the time page in a frame.
func TimePageAt(frame []byte) *TimePage {
	_ = frame[PageSize-1]
	return (*TimePage)(unsafe.Pointer(&frame[0]))
}

// Write stores new parameters. The caller serialises writers.
func (p *TimePage) Write(v TimeParams) {
	p.seq.Add(1)
	valid := uint32(0)
	if v.Valid {
		valid = 1
	}
	p.valid.Store(valid)
	p.tsc.Store(v.TSC)
	p.base.Store(v.Base)
	p.mult.Store(v.Mult)
	p.max.Store(v.Max)
	p.wall.Store(v.Wall)
	p.seq.Add(1)
}

// Numbers of the ELF gABI and of the GNU symbol versions (LSB Core, 10.7).
const (
	dtHash, dtStrtab, dtSymtab, dtStrsz, dtSyment, dtSoname = 4, 5, 6, 10, 11, 14
	dtVersym, dtVerdef, dtVerdefnum                         = 0x6ffffff0, 0x6ffffffc, 0x6ffffffd
	vdsoSoname, vdsoVersion                                 = "linux-vdso.so.1", "LINUX_2.6"
)

// VDSOImage returns the page with the shared object.
func VDSOImage() []byte {
	le := binary.LittleEndian
	code := vdsoBytes()
	img := make([]byte, PageSize)
	copy(img[vdsoOff:], code)
	at := align8(vdsoOff + len(code))
	place := func(b []byte) uint64 {
		here := at
		if here+len(b) > len(img) {
			panic("amd64: the vDSO does not fit its page")
		}
		copy(img[here:], b)
		at = align8(here + len(b))
		return uint64(here)
	}

	strtab := []byte{0}
	str := func(s string) uint32 {
		o := len(strtab)
		strtab = append(append(strtab, s...), 0)
		return uint32(o)
	}
	type symbol struct {
		name string
		bind byte
		addr int
	}
	var syms []symbol
	for i, entry := range entries(code, len(vdsoNames)) {
		syms = append(syms,
			symbol{"__vdso_" + vdsoNames[i], 1, vdsoOff + entry}, // STB_GLOBAL
			symbol{vdsoNames[i], 2, vdsoOff + entry})             // STB_WEAK
	}
	symtab := make([]byte, 24*(len(syms)+1))
	versym := make([]byte, 2*(len(syms)+1))
	// One bucket per symbol or so; chains by index (gABI, Hash Table).
	n := len(syms)
	hash := make([]byte, 4*(2+n+n+1))
	le.PutUint32(hash[0:], uint32(n))
	le.PutUint32(hash[4:], uint32(n+1))
	for i, s := range syms {
		e := symtab[24*(i+1):]
		le.PutUint32(e[0:], str(s.name))
		e[4] = s.bind<<4 | 2 // STT_FUNC
		le.PutUint16(e[6:], 1)
		le.PutUint64(e[8:], uint64(s.addr))
		le.PutUint64(e[16:], uint64(len(code)-(s.addr-vdsoOff)))
		le.PutUint16(versym[2*(i+1):], 2)
		bucket := hash[8+4*(elfHash(s.name)%uint32(n)):]
		le.PutUint32(hash[8+4*n+4*(i+1):], le.Uint32(bucket)) // the next in the chain
		le.PutUint32(bucket, uint32(i+1))
	}
	soname, version := str(vdsoSoname), str(vdsoVersion)
	verdef := make([]byte, 2*28)
	for i, v := range []struct {
		name  string
		off   uint32
		flags uint16
		next  uint32
	}{{vdsoSoname, soname, 1, 28}, {vdsoVersion, version, 0, 0}} {
		d := verdef[28*i:]
		le.PutUint16(d[0:], 1) // version of the format
		le.PutUint16(d[2:], v.flags)
		le.PutUint16(d[4:], uint16(i+1))
		le.PutUint16(d[6:], 1) // one name follows
		le.PutUint32(d[8:], elfHash(v.name))
		le.PutUint32(d[12:], 20)
		le.PutUint32(d[16:], v.next)
		le.PutUint32(d[20:], v.off)
	}
	dynamic := make([]byte, 0, 16*10)
	dyn := func(tag, val uint64) {
		dynamic = le.AppendUint64(le.AppendUint64(dynamic, tag), val)
	}
	dyn(dtSoname, uint64(soname))
	dyn(dtHash, place(hash))
	dyn(dtSymtab, place(symtab))
	dyn(dtSyment, 24)
	dyn(dtVersym, place(versym))
	dyn(dtVerdef, place(verdef))
	dyn(dtVerdefnum, 2)
	dyn(dtStrtab, place(strtab))
	dyn(dtStrsz, uint64(len(strtab)))
	dyn(0, 0)
	dynAt := place(dynamic)

	copy(img, "\x7fELF\x02\x01\x01")
	le.PutUint16(img[16:], 3)  // ET_DYN
	le.PutUint16(img[18:], 62) // EM_X86_64
	le.PutUint32(img[20:], 1)
	le.PutUint64(img[32:], 64) // program headers
	le.PutUint16(img[52:], 64)
	le.PutUint16(img[54:], 56)
	le.PutUint16(img[56:], 2)
	header := func(i int, typ, flags uint32, off, size, align uint64) {
		h := img[64+56*i:]
		le.PutUint32(h[0:], typ)
		le.PutUint32(h[4:], flags)
		for _, f := range [][2]uint64{{8, off}, {16, off}, {24, off}, {32, size}, {40, size}, {48, align}} {
			le.PutUint64(h[f[0]:], f[1])
		}
	}
	header(0, 1, 5, 0, uint64(at), PageSize)        // PT_LOAD, R X
	header(1, 2, 4, dynAt, uint64(len(dynamic)), 8) // PT_DYNAMIC, R
	return img
}

// vdsoBytes returns the code, from the kernel's own text.
func vdsoBytes() []byte {
	src := unsafe.Slice((*byte)(vdsoAddr()), PageSize)
	end := bytes.Index(src, []byte("!EndMark"))
	if end < 0 {
		panic("amd64: the vDSO's code has no end")
	}
	return src[:end]
}

// entries decodes the jumps with which the code begins.
func entries(code []byte, n int) []int {
	var list []int
	for o := 0; len(list) < n; {
		switch code[o] {
		case 0xeb: // jmp rel8
			list = append(list, o+2+int(int8(code[o+1])))
			o += 2
		case 0xe9: // jmp rel32
			list = append(list, o+5+int(int32(binary.LittleEndian.Uint32(code[o+1:]))))
			o += 5
		default:
			panic("amd64: the vDSO's code does not begin with its entry jumps")
		}
	}
	return list
}

// elfHash is the gABI's hash function.
func elfHash(s string) uint32 {
	var h uint32
	for _, c := range []byte(s) {
		h = h<<4 + uint32(c)
		h ^= h >> 24 & 0xf0
	}
	return h & 0x0fff_ffff
}

func align8(n int) int { return (n + 7) &^ 7 }
