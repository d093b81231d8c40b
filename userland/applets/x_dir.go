package applets

import (
	"sort"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// readDir returns the names in a directory except . and .., sorted.
func readDir(path string) ([]string, error) {
	fd, err := box.OpenFile(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	var names []string
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.ReadDirent(int(fd), buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return names, err
		}
		if n == 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	sort.Strings(names)
	return names, nil
}

// join puts a name under a directory, without cleaning what the user typed.
func join(dir, name string) string {
	if dir == "" || dir[len(dir)-1] == '/' {
		return dir + name
	}
	return dir + "/" + name
}

// lstat and stat return the status of a file without and with following a symbolic link.
func lstat(path string) (st unix.Stat_t, err error) {
	err = unix.Lstat(path, &st)
	return
}

func stat(path string) (st unix.Stat_t, err error) {
	err = unix.Stat(path, &st)
	return
}

// isDir reports whether the path leads to a directory.
func isDir(path string) bool {
	st, err := stat(path)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// readlink returns the target of a symbolic link.
func readlink(path string) (string, error) {
	buf := make([]byte, 4096)
	n, err := unix.Readlink(path, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
