// Package cred holds a task's credentials (credentials(7)). They are immutable
// once in use: a change installs a new Cred, so that a File or a message may
// keep the one it was made with.
package cred

import "slices"

// ID is a user or group id.
type ID uint32

// NoID is the "leave it" argument of setresuid(2) and chown(2).
const NoID = ^ID(0)

// Cap is a capability number (capabilities(7)).
type Cap uint

// The capabilities that the kernel asks for.
const (
	CapChown          Cap = 0
	CapDACOverride    Cap = 1
	CapDACReadSearch  Cap = 2
	CapFowner         Cap = 3
	CapFsetid         Cap = 4
	CapKill           Cap = 5
	CapSetgid         Cap = 6
	CapSetuid         Cap = 7
	CapSetpcap        Cap = 8
	CapNetBindService Cap = 10
	CapNetAdmin       Cap = 12
	CapIPCLock        Cap = 14
	CapIPCOwner       Cap = 15
	CapSysChroot      Cap = 18
	CapSysPtrace      Cap = 19
	CapSysAdmin       Cap = 21
	CapSysBoot        Cap = 22
	CapSysNice        Cap = 23
	CapSysResource    Cap = 24
	CapSysTime        Cap = 25
	CapSysTTYConfig   Cap = 26
	CapMknod          Cap = 27
	CapSyslog         Cap = 34
	LastCap           Cap = 40
)

// CapSet is a set of capabilities, bit n for Cap n.
type CapSet uint64

// AllCaps is what root has.
const AllCaps CapSet = 1<<(LastCap+1) - 1

// Cred is what a task may do.
type Cred struct {
	UID, EUID, SUID, FSUID ID
	GID, EGID, SGID, FSGID ID
	Groups                 []ID // supplementary, sorted

	Permitted, Effective, Inheritable, Bounding, Ambient CapSet
	SecureBits                                           uint32
	NoNewPrivs                                           bool
}

// Root returns the superuser's credentials.
func Root() *Cred {
	return &Cred{Permitted: AllCaps, Effective: AllCaps, Bounding: AllCaps}
}

// User returns the credentials of an ordinary user.
func User(uid, gid ID) *Cred {
	return &Cred{
		UID: uid, EUID: uid, SUID: uid, FSUID: uid,
		GID: gid, EGID: gid, SGID: gid, FSGID: gid, Bounding: AllCaps,
	}
}

// Clone returns a copy to change.
func (c *Cred) Clone() *Cred {
	n := *c
	n.Groups = slices.Clone(c.Groups)
	return &n
}

// Has reports whether capability k is effective.
func (c *Cred) Has(k Cap) bool { return c.Effective&(1<<k) != 0 }

// InGroup reports whether g is the filesystem group or a supplementary one.
func (c *Cred) InGroup(g ID) bool {
	return c.FSGID == g || slices.Contains(c.Groups, g)
}
