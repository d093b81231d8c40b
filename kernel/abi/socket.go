package abi

// Address families (socket(2)).
const (
	AF_UNSPEC  = 0
	AF_UNIX    = 1
	AF_INET    = 2
	AF_INET6   = 10
	AF_NETLINK = 16
	AF_PACKET  = 17
)

// Kinds of socket, and the flags that go with them.
const (
	SOCK_STREAM    = 1
	SOCK_DGRAM     = 2
	SOCK_RAW       = 3
	SOCK_SEQPACKET = 5
	SOCK_TYPE_MASK = 0xf
	SOCK_NONBLOCK  = O_NONBLOCK
	SOCK_CLOEXEC   = O_CLOEXEC
)

// Flags of send(2) and recv(2).
const (
	MSG_OOB          = 0x1
	MSG_PEEK         = 0x2
	MSG_DONTROUTE    = 0x4
	MSG_CTRUNC       = 0x8
	MSG_TRUNC        = 0x20
	MSG_DONTWAIT     = 0x40
	MSG_EOR          = 0x80
	MSG_WAITALL      = 0x100
	MSG_ERRQUEUE     = 0x2000
	MSG_NOSIGNAL     = 0x4000
	MSG_MORE         = 0x8000
	MSG_WAITFORONE   = 0x10000
	MSG_CMSG_CLOEXEC = 0x40000000
)

// Directions of shutdown(2).
const (
	SHUT_RD   = 0
	SHUT_WR   = 1
	SHUT_RDWR = 2
)

// Levels and options of setsockopt(2) (include/uapi/asm-generic/socket.h).
const (
	SOL_SOCKET      = 1
	SO_DEBUG        = 1
	SO_REUSEADDR    = 2
	SO_TYPE         = 3
	SO_ERROR        = 4
	SO_DONTROUTE    = 5
	SO_BROADCAST    = 6
	SO_SNDBUF       = 7
	SO_RCVBUF       = 8
	SO_KEEPALIVE    = 9
	SO_OOBINLINE    = 10
	SO_PRIORITY     = 12
	SO_LINGER       = 13
	SO_REUSEPORT    = 15
	SO_PASSCRED     = 16
	SO_PEERCRED     = 17
	SO_RCVLOWAT     = 18
	SO_SNDLOWAT     = 19
	SO_RCVTIMEO     = 20
	SO_SNDTIMEO     = 21
	SO_TIMESTAMP    = 29
	SO_ACCEPTCONN   = 30
	SO_PEERSEC      = 31
	SO_SNDBUFFORCE  = 32
	SO_RCVBUFFORCE  = 33
	SO_PASSSEC      = 34
	SO_PROTOCOL     = 38
	SO_DOMAIN       = 39
	SO_PEEK_OFF     = 42
	SO_PEERGROUPS   = 59
	SO_RCVTIMEO_NEW = 66
	SO_SNDTIMEO_NEW = 67
	SCM_RIGHTS      = 1
	SCM_CREDENTIALS = 2
	SCM_MAX_FD      = 253
	SOMAXCONN       = 4096
	UNIX_PATH_MAX   = 108
	SockaddrUnSize  = 2 + UNIX_PATH_MAX
	SockaddrStorage = 128
	CmsgHeaderSize  = 16
	UcredSize       = 12
	SIOCOUTQ        = 0x5411
	UIO_MAXIOV      = 1024
)

// MsgHdr is struct msghdr.
type MsgHdr struct {
	Name       uint64
	NameLen    uint32
	_          uint32
	Iov        uint64
	IovLen     uint64
	Control    uint64
	ControlLen uint64
	Flags      uint32
	_          uint32
}

// MMsgHdr is struct mmsghdr.
type MMsgHdr struct {
	MsgHdr
	Len uint32
	_   uint32
}

// Ucred is struct ucred.
type Ucred struct {
	PID      int32
	UID, GID uint32
}

// Linger is struct linger.
type Linger struct{ OnOff, Seconds int32 }
