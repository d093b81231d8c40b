package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// tempDir is this user's directory in /tmp.
func tempDir() string { return fmt.Sprintf("/tmp/vitrine-%d", os.Getuid()) }

// runDir returns the directory of the sockets of running machines. It belongs to the user, and nobody else may
// enter: who can connect can command.
func runDir() (string, error) {
	dir := tempDir()
	if x := os.Getenv("XDG_RUNTIME_DIR"); x != "" {
		dir = filepath.Join(x, "vitrine")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Getuid() || st.Mode&0o077 != 0 {
		return "", fmt.Errorf("%s is not a directory of this user's alone (mode 700); remove it", dir)
	}
	return dir, nil
}

// validName reports whether a machine may be called that.
func validName(name string) bool {
	return name != "" && len(name) <= 64 && name[0] != '.' && name[0] != '-' && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// socketPath names a socket in dir. The host's limit is 108 bytes; a longer path is reached through /proc.
func socketPath(dir, name string) (path string, done func(), err error) {
	path = filepath.Join(dir, name+".sock")
	if len(path) < 100 {
		return path, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s.sock", d.Fd(), name), func() { d.Close() }, nil
}

// claim listens under the name, or under the first free one of vitrine, vitrine2, … if name is "". The listener stays
// when its file is removed, so a claim holds until release.
func claim(name string) (l *listener, claimed string, release func(), err error) {
	dir, err := runDir()
	if err != nil {
		return nil, "", nil, err
	}
	if name != "" && !validName(name) {
		return nil, "", nil, fmt.Errorf("%q is no name for a machine: letters, digits and -_. please", name)
	}
	for i := 1; ; i++ {
		claimed = name
		if name == "" {
			if claimed = "vitrine"; i > 1 {
				claimed = fmt.Sprintf("vitrine%d", i)
			}
		}
		l, err = listen(dir, claimed)
		if err == nil {
			file := filepath.Join(dir, claimed+".sock")
			return l, claimed, func() { os.Remove(file); l.Close() }, nil
		}
		if name != "" || !errors.Is(err, unix.EADDRINUSE) || i > 10000 {
			return nil, "", nil, err
		}
	}
}

// listen makes the socket. One that nobody listens on, left by a supervisor that was killed, is replaced.
func listen(dir, name string) (*listener, error) {
	path, done, err := socketPath(dir, name)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := listenUnix(path)
	if !errors.Is(err, unix.EADDRINUSE) {
		return l, err
	}
	// Two who find the same dead socket must not remove each other's new one.
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, err
	}
	if c, err := dialUnix(path); err == nil {
		c.Close()
		return nil, fmt.Errorf("a machine called %s runs already: %w", name, unix.EADDRINUSE)
	}
	os.Remove(path)
	return listenUnix(path)
}

// dial connects to a running machine; "" is the only one.
func dial(name string) (*os.File, string, error) {
	dir, err := runDir()
	if err != nil {
		return nil, "", err
	}
	if name == "" {
		switch names := running(); len(names) {
		case 1:
			name = names[0]
		case 0:
			return nil, "", errors.New("no machine runs; `vitrine run` starts one")
		default:
			return nil, "", fmt.Errorf("several machines run: %s; say which", strings.Join(names, ", "))
		}
	}
	if !validName(name) {
		return nil, "", fmt.Errorf("%q is no name of a machine", name)
	}
	path, done, err := socketPath(dir, name)
	if err != nil {
		return nil, "", err
	}
	defer done()
	c, err := dialUnix(path)
	if err != nil {
		msg := fmt.Sprintf("no machine called %s runs", name)
		if names := running(); len(names) > 0 {
			msg += "; there is " + strings.Join(names, ", ")
		}
		return nil, "", errors.New(msg)
	}
	return c, name, nil
}

// running lists the machines that answer.
func running() []string {
	dir, err := runDir()
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".sock")
		if !ok || !validName(name) {
			continue
		}
		path, done, err := socketPath(dir, name)
		if err != nil {
			continue
		}
		if c, err := dialUnix(path); err == nil {
			c.Close()
			names = append(names, name)
		}
		done()
	}
	sort.Strings(names)
	return names
}
