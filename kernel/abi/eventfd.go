package abi

// eventfd(2), timerfd_create(2), signalfd(2).
const (
	EFD_SEMAPHORE = 1
	EFD_CLOEXEC   = O_CLOEXEC
	EFD_NONBLOCK  = O_NONBLOCK

	TFD_TIMER_ABSTIME       = 1
	TFD_TIMER_CANCEL_ON_SET = 2
	TFD_CLOEXEC             = O_CLOEXEC
	TFD_NONBLOCK            = O_NONBLOCK
	TFD_IOC_SET_TICKS       = 0x40085400

	SFD_CLOEXEC  = O_CLOEXEC
	SFD_NONBLOCK = O_NONBLOCK
)

// SignalfdSiginfo is struct signalfd_siginfo.
type SignalfdSiginfo struct {
	Signo    uint32
	Errno    int32
	Code     int32
	PID      uint32
	UID      uint32
	FD       int32
	TID      uint32
	Band     uint32
	Overrun  uint32
	TrapNo   uint32
	Status   int32
	Int      int32
	Ptr      uint64
	UTime    uint64
	STime    uint64
	Addr     uint64
	AddrLSB  uint16
	_        uint16
	Syscall  int32
	CallAddr uint64
	Arch     uint32
	_        [28]byte
}

// SignalfdSiginfoSize is its size.
const SignalfdSiginfoSize = 128
