package abi

// Ioctls of terminals (include/uapi/asm-generic/ioctls.h).
const (
	TCGETS        = 0x5401
	TCSETS        = 0x5402
	TCSETSW       = 0x5403
	TCSETSF       = 0x5404
	TCGETA        = 0x5405
	TCSETA        = 0x5406
	TCSETAW       = 0x5407
	TCSETAF       = 0x5408
	TCSBRK        = 0x5409
	TCXONC        = 0x540A
	TCFLSH        = 0x540B
	TIOCEXCL      = 0x540C
	TIOCNXCL      = 0x540D
	TIOCSCTTY     = 0x540E
	TIOCGPGRP     = 0x540F
	TIOCSPGRP     = 0x5410
	TIOCOUTQ      = 0x5411
	TIOCSTI       = 0x5412
	TIOCGWINSZ    = 0x5413
	TIOCSWINSZ    = 0x5414
	TIOCMGET      = 0x5415
	TIOCGSOFTCAR  = 0x5419
	TIOCSSOFTCAR  = 0x541A
	FIONREAD      = 0x541B
	TIOCLINUX     = 0x541C
	TIOCCONS      = 0x541D
	TIOCGSERIAL   = 0x541E
	TIOCPKT       = 0x5420
	FIONBIO       = 0x5421
	TIOCNOTTY     = 0x5422
	TIOCSETD      = 0x5423
	TIOCGETD      = 0x5424
	TCSBRKP       = 0x5425
	TIOCSBRK      = 0x5427
	TIOCCBRK      = 0x5428
	TIOCGSID      = 0x5429
	FIONCLEX      = 0x5450
	FIOCLEX       = 0x5451
	FIOASYNC      = 0x5452
	FIOQSIZE      = 0x5460
	TCGETS2       = 0x802C542A
	TCSETS2       = 0x402C542B
	TCSETSW2      = 0x402C542C
	TCSETSF2      = 0x402C542D
	TIOCGPTN      = 0x80045430
	TIOCSPTLCK    = 0x40045431
	TIOCGDEV      = 0x80045432
	TIOCSIG       = 0x40045436
	TIOCVHANGUP   = 0x5437
	TIOCGPKT      = 0x80045438
	TIOCGPTLCK    = 0x80045439
	TIOCGEXCL     = 0x80045440
	TIOCGPTPEER   = 0x5441
	TIOCINQ       = FIONREAD
	KDGKBTYPE     = 0x4B33
	KB_101        = 0x02
	KDGETMODE     = 0x4B3B
	TIOCPKT_DATA  = 0
	NCCS          = 19
	N_TTY         = 0
	TCOOFF        = 0
	TCOON         = 1
	TCIOFF        = 2
	TCION         = 3
	TCIFLUSH      = 0
	TCOFLUSH      = 1
	TCIOFLUSH     = 2
	VDISABLE_CHAR = 0
)

// Packet-mode status bits (ioctl_tty(2), TIOCPKT).
const (
	TIOCPKT_FLUSHREAD  = 1
	TIOCPKT_FLUSHWRITE = 2
	TIOCPKT_STOP       = 4
	TIOCPKT_START      = 8
	TIOCPKT_NOSTOP     = 16
	TIOCPKT_DOSTOP     = 32
	TIOCPKT_IOCTL      = 64
)

// Indices into Termios.Cc (termios(3)).
const (
	VINTR    = 0
	VQUIT    = 1
	VERASE   = 2
	VKILL    = 3
	VEOF     = 4
	VTIME    = 5
	VMIN     = 6
	VSWTC    = 7
	VSTART   = 8
	VSTOP    = 9
	VSUSP    = 10
	VEOL     = 11
	VREPRINT = 12
	VDISCARD = 13
	VWERASE  = 14
	VLNEXT   = 15
	VEOL2    = 16
)

// Input flags.
const (
	IGNBRK  = 0o000001
	BRKINT  = 0o000002
	IGNPAR  = 0o000004
	PARMRK  = 0o000010
	INPCK   = 0o000020
	ISTRIP  = 0o000040
	INLCR   = 0o000100
	IGNCR   = 0o000200
	ICRNL   = 0o000400
	IUCLC   = 0o001000
	IXON    = 0o002000
	IXANY   = 0o004000
	IXOFF   = 0o010000
	IMAXBEL = 0o020000
	IUTF8   = 0o040000
)

// Output flags.
const (
	OPOST  = 0o000001
	OLCUC  = 0o000002
	ONLCR  = 0o000004
	OCRNL  = 0o000010
	ONOCR  = 0o000020
	ONLRET = 0o000040
	OFILL  = 0o000100
	OFDEL  = 0o000200
	TABDLY = 0o014000
	XTABS  = 0o014000
)

// Control flags.
const (
	CBAUD  = 0o010017
	B38400 = 0o000017
	CSIZE  = 0o000060
	CS8    = 0o000060
	CREAD  = 0o000200
	PARENB = 0o000400
	HUPCL  = 0o002000
	CLOCAL = 0o004000
)

// Local flags.
const (
	ISIG    = 0o000001
	ICANON  = 0o000002
	XCASE   = 0o000004
	ECHO    = 0o000010
	ECHOE   = 0o000020
	ECHOK   = 0o000040
	ECHONL  = 0o000100
	NOFLSH  = 0o000200
	TOSTOP  = 0o000400
	ECHOCTL = 0o001000
	ECHOPRT = 0o002000
	ECHOKE  = 0o004000
	FLUSHO  = 0o010000
	PENDIN  = 0o040000
	IEXTEN  = 0o100000
	EXTPROC = 0o200000
)

// Termios is struct ktermios, which is also struct termios2. The first
// TermiosSize bytes are the kernel's struct termios.
type Termios struct {
	Iflag, Oflag, Cflag, Lflag uint32
	Line                       uint8
	Cc                         [NCCS]uint8
	Ispeed, Ospeed             uint32
}

// Sizes in user memory.
const (
	TermiosSize  = 36 // struct termios: TCGETS
	Termios2Size = 44 // struct termios2: TCGETS2
)

// Termio is struct termio of System V: TCGETA.
type Termio struct {
	Iflag, Oflag, Cflag, Lflag uint16
	Line                       uint8
	Cc                         [8]uint8
	_                          uint8
}

// Winsize is struct winsize.
type Winsize struct{ Row, Col, Xpixel, Ypixel uint16 }
