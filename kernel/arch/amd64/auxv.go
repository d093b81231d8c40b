package amd64

// Features of the processor that the auxiliary vector tells user code.

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

// RDTSC reads the time-stamp counter, after all loads before it.
func RDTSC() uint64

// Platform is AT_PLATFORM.
const Platform = "x86_64"

// Features are what the auxiliary vector says about the processor. CPUID is slow in a virtual machine, so it is asked once.
type Features struct {
	HWCap       uint64 // AT_HWCAP: CPUID leaf 1, EDX (Intel SDM vol. 2A, table 3-11)
	HWCap2      uint64 // AT_HWCAP2: bit 1 says that user code may use RDFSBASE and its like
	MinSigStack uint64 // AT_MINSIGSTKSZ: the size of the largest signal frame, with what alignment costs
}

// CPU is the processor that the kernel runs on; immutable.
var CPU = readFeatures()

func readFeatures() (f Features) {
	last, _, _, _ := cpuid(0, 0)
	_, _, c, d := cpuid(1, 0)
	f.HWCap = uint64(d)
	if last >= 7 {
		_, b, _, _ := cpuid(7, 0)
		f.HWCap2 = uint64(b&1) << 1
	}
	xsave := uint32(XsaveLegacySize)
	if c&(1<<27) != 0 { // OSXSAVE
		_, xsave, _, _ = cpuid(13, 0) // of the components in use
	}
	size := uint64(FrameSize) + uint64(xsave) + 4 + 64 + 16 + RedZone
	f.MinSigStack = (size + 15) &^ 15
	return f
}

// TSCInvariant reports whether the time-stamp counter runs at one speed whatever the
// processor does (Intel SDM vol. 3B, 18.17.1).
func TSCInvariant() bool {
	if max, _, _, _ := cpuid(0x8000_0000, 0); max < 0x8000_0007 {
		return false
	}
	_, _, _, d := cpuid(0x8000_0007, 0)
	return d&(1<<8) != 0
}
