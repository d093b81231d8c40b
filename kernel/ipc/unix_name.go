package ipc

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Bind is bind(2). The name is a path, which is made, or abstract if it begins with a NUL; "" lets the kernel choose
// an abstract one.
func (s *Unix) Bind(t *sched.Thread, fs *vfs.FS, name string) error {
	s.mu.Lock(t)
	named := s.name != ""
	s.mu.Unlock(t)
	if named {
		if name == "" {
			return nil
		}
		return errno.EINVAL.Because("the socket has a name already")
	}
	if name == "" || name[0] == 0 {
		return s.bindAbstract(t, name)
	}
	p, err := fs.VFS().MknodPath(t, fs, vfs.Path{}, name, abi.S_IFSOCK|0o777, 0)
	if err != nil {
		if errno.Of(err) == errno.EEXIST {
			return errno.EADDRINUSE
		}
		return err
	}
	i := p.Inode()
	i.Lock(t)
	s.mu.Lock(t)
	if named = s.name != ""; !named {
		s.name, s.node = name, p
		i.SetSpecial(t, s)
	}
	s.mu.Unlock(t)
	i.Unlock(t)
	if named {
		p.DecRef(t)
		return errno.EINVAL.Because("the socket has a name already")
	}
	return nil
}

func (s *Unix) bindAbstract(t *sched.Thread, name string) error {
	tab := s.table
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	if name == "" { // unix(7), "Autobind feature"
		for range 1 << 20 {
			tab.autobind = (tab.autobind + 1) & 0xfffff
			if n := fmt.Sprintf("\x00%05x", tab.autobind); tab.abstract[n] == nil {
				name = n
				break
			}
		}
		if name == "" {
			return errno.ENOSPC
		}
	}
	if tab.abstract[name] != nil {
		return errno.EADDRINUSE
	}
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if s.name != "" {
		return errno.EINVAL.Because("the socket has a name already")
	}
	s.name = name
	tab.abstract[name] = s
	return nil
}

// unname takes the name away from a socket that is closed.
func (s *Unix) unname(t *sched.Thread, name string, node vfs.Path) {
	if node.OK() {
		i := node.Inode()
		i.Lock(t)
		if i.Special(t) == any(s) {
			i.SetSpecial(t, nil)
		}
		i.Unlock(t)
		node.DecRef(t)
	}
	if strings.HasPrefix(name, "\x00") {
		tab := s.table
		tab.mu.Lock(t)
		if tab.abstract[name] == s {
			delete(tab.abstract, name)
		}
		tab.mu.Unlock(t)
	}
}

// find returns the socket with a name.
func (s *Unix) find(t *sched.Thread, fs *vfs.FS, name string) (*Unix, error) {
	if name == "" {
		return nil, errno.EINVAL.Because("the address has no name")
	}
	var u *Unix
	if name[0] == 0 {
		s.table.mu.Lock(t)
		u = s.table.abstract[name]
		s.table.mu.Unlock(t)
	} else {
		p, err := fs.VFS().Resolve(t, fs, vfs.Path{}, name, vfs.Follow)
		if err != nil {
			return nil, err
		}
		defer p.DecRef(t)
		i := p.Inode()
		if err := i.Permission(t, abi.W_OK); err != nil {
			return nil, err
		}
		if i.Mode().Type() == abi.S_IFSOCK {
			i.Lock(t)
			u, _ = i.Special(t).(*Unix)
			i.Unlock(t)
		}
	}
	switch {
	case u == nil:
		return nil, errno.ECONNREFUSED.Because("nobody is bound to the name")
	case u.kind != s.kind:
		return nil, errno.EPROTOTYPE
	}
	return u, nil
}

// Name returns the socket's own name, PeerName that of the other end.
func (s *Unix) Name(t *sched.Thread) string {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	return s.name
}

// PeerName returns the name of the other end: getpeername(2).
func (s *Unix) PeerName(t *sched.Thread) (string, error) {
	s.mu.Lock(t)
	peer := s.peer
	s.mu.Unlock(t)
	if peer == nil {
		return "", errno.ENOTCONN
	}
	return peer.Name(t), nil
}

// EncodeAddr returns a name as struct sockaddr_un.
func EncodeAddr(name string) []byte {
	b := append([]byte{abi.AF_UNIX, 0}, name...)
	if name != "" && name[0] != 0 {
		b = append(b, 0)
	}
	return b
}

// DecodeAddr returns the name in a struct sockaddr_un.
func DecodeAddr(b []byte) (string, error) {
	if len(b) < 2 || len(b) > abi.SockaddrUnSize {
		return "", errno.EINVAL.Because("not the length of a struct sockaddr_un")
	}
	if b[0] != abi.AF_UNIX || b[1] != 0 {
		return "", errno.EINVAL.Because("not an address of AF_UNIX")
	}
	name := string(b[2:])
	if name == "" || name[0] == 0 {
		return name, nil
	}
	name, _, _ = strings.Cut(name, "\x00")
	return name, nil
}
