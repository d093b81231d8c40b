package listen

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sameUser reports whether the other end of a loopback connection belongs to this process's user: the host lists all
// TCP sockets with their owners.
func sameUser(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var local, peer unix.Sockaddr
	var err1, err2 error
	err = raw.Control(func(fd uintptr) {
		local, err1 = unix.Getsockname(int(fd))
		peer, err2 = unix.Getpeername(int(fd))
	})
	if err != nil || err1 != nil || err2 != nil {
		return false
	}
	// The peer's own socket has our two addresses the other way round.
	uid, ok := ownerOf(addrPort(peer), addrPort(local))
	return ok && uid == os.Getuid()
}

// ownerOf returns the user of the TCP socket with these two addresses.
func ownerOf(local, remote netip.AddrPort) (uid int, ok bool) {
	table := "/proc/net/tcp"
	if local.Addr().Is6() {
		table = "/proc/net/tcp6"
	}
	f, err := os.Open(table)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Scan() // headings
	for sc.Scan() {
		if uid, ok := ownerIn(sc.Text(), local, remote); ok {
			return uid, true
		}
	}
	return 0, false
}

// ownerIn reads a line of /proc/net/tcp: number, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
// A socket that nobody holds any more (inode 0) has no owner, though the column says 0.
func ownerIn(line string, local, remote netip.AddrPort) (uid int, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 || f[9] == "0" {
		return 0, false
	}
	if a, ok := parseHex(f[1]); !ok || a != local {
		return 0, false
	}
	if a, ok := parseHex(f[2]); !ok || a != remote {
		return 0, false
	}
	uid, err := strconv.Atoi(f[7])
	return uid, err == nil
}

// parseHex reads an address as the table has it: words of the host's byte order, a colon, the port.
func parseHex(s string) (netip.AddrPort, bool) {
	a, p, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(a)
	port, err2 := strconv.ParseUint(p, 16, 16)
	if err != nil || err2 != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr, uint16(port)), true
}
