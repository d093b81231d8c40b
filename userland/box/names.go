package box

import (
	"strconv"
	"strings"
)

// UserName returns the name of a user from /etc/passwd; without such a line, 0
// is root and everybody else is a number.
func UserName(uid uint32) string { return idName("/etc/passwd", uid) }

// GroupName is UserName for groups.
func GroupName(gid uint32) string { return idName("/etc/group", gid) }

// UserID returns the number of the named user (or of a number in decimal).
func UserID(name string) (uint32, bool) { return nameID("/etc/passwd", name) }

// GroupID is UserID for groups.
func GroupID(name string) (uint32, bool) { return nameID("/etc/group", name) }

// idFiles caches the parsed files: ls -l asks for the same names again and again.
var idFiles = map[string][][]string{}

// idFile returns the lines of a passwd-like file, split at colons.
func idFile(path string) [][]string {
	if l, ok := idFiles[path]; ok {
		return l
	}
	var lines [][]string
	data, _ := ReadFile(path)
	for _, l := range strings.Split(string(data), "\n") {
		if f := strings.Split(l, ":"); len(f) >= 3 {
			lines = append(lines, f)
		}
	}
	idFiles[path] = lines
	return lines
}

func idName(path string, id uint32) string {
	s := strconv.FormatUint(uint64(id), 10)
	for _, f := range idFile(path) {
		if f[2] == s {
			return f[0]
		}
	}
	if id == 0 {
		return "root"
	}
	return s
}

func nameID(path, name string) (uint32, bool) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), true
	}
	for _, f := range idFile(path) {
		if f[0] == name {
			n, err := strconv.ParseUint(f[2], 10, 32)
			return uint32(n), err == nil
		}
	}
	return 0, name == "root"
}
