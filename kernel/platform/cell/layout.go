package cell

import (
	"unsafe"

	"vitrine/kernel/arch/amd64"
)

// Where things lie in every cell. cell_amd64.s has the same numbers; image.go
// gives the rest to the code by its data.
const (
	base     = 0x7ff0_0000_0000 // the image: code and read-only data
	imgSize  = 0x2000
	batchVA  = base + 0x10000     // the order page, read-only in the cell
	areaVA   = base + 0x1000_0000 // thread areas, readable and writable
	hostTop  = 0x7fff_ffff_f000   // end of the host's user space
	codeOff  = 0x80               // of the code in the image
	dataOff  = 0xc00              // of the data in the image
	blockLen = 0x10000            // one order page or one thread area

	// MaxThreads bounds the Contexts of one address space.
	MaxThreads = 4096
)

// A thread area: the mailbox, the alternate stack, and a frame that the kernel makes.
const (
	mboxLen    = 0x1000
	stackOff   = 0x1000
	stackLen   = 0xb000
	startOff   = 0xc000 // outside the alternate stack: a sigreturn from here may set that stack
	startFP    = 0xc200 // 64-byte aligned, as XRSTOR wants
	startFPMax = blockLen - startFP
)

// States of a mailbox. Only the side that a state names may leave it.
const (
	stGuest = 0 // guest: user code runs
	stReq   = 1 // kernel: a trap waits
	stReply = 2 // guest: go on with the frame
	stPing  = 3 // guest: say that you wait
	stPong  = 4 // kernel: the guest thread waits
	stOrder = 5 // kernel: as stReq, but the guest thread shall wake the mm thread and sleep
	stHold  = 6 // kernel: an order is being written
	stPark  = 7 // kernel: as stReq, but this takes long
)

// mailbox is the head of a thread area. User code can write all of it, so it
// proves nothing but "look here".
type mailbox struct {
	state uint32 // futex word on which the guest thread sleeps
	kwait uint32 // futex word on which the kernel sleeps; 1: it does
	gwait uint32 // 1: the guest thread sleeps or is about to
	sig   uint32 // why the handler ran; 0 at the start of the thread
	frame uint64 // address of the signal frame
	fs    uint64 // FS base at the trap and, if asked for by set, to be set
	gs    uint64
	spin  uint64 // how the guest thread waits: 0 futex, 1 yield, else cycles to spin
	set   uint32 // bit 0: set FS, bit 1: set GS
	tid   uint32
	pid   uint32
	_     uint32
	park  uint64 // cycles to yield, once in state stPark, before sleeping
}

// order is the order page: what the mm thread shall do next.
type order struct {
	seq   uint32 // futex word on which the mm thread sleeps
	n     uint32
	token uint64 // the acknowledgement, written to done or, after a failure, to failed
	kwait uint32 // 1: the kernel sleeps on done
	reply uint32 // the state that wake's mailbox gets
	spin  uint64 // cycles the mm thread spins before it sleeps
	wake  uint64 // mailbox of the thread that is told after the order, or 0
	_     [3]uint64
	entry [maxBatch]entry
}

const (
	doneOff  = 0x8000 // of the acknowledgement in the order page's block
	maxBatch = (doneOff - 64) / 64
)

// entry is one host call of the mm thread.
type entry struct {
	nr   uint64
	args [6]uint64
	_    uint64
}

// Compile-time checks: the assembly relies on these.
var (
	_ [0x40]byte                      = [unsafe.Sizeof(order{}) - maxBatch*64]byte{}
	_ [48]byte                        = [unsafe.Offsetof(mailbox{}.set)]byte{}
	_ [64]byte                        = [unsafe.Offsetof(mailbox{}.park)]byte{}
	_ [base - amd64.PageSize]struct{} = [amd64.UserTop]struct{}{}
)
