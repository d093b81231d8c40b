package box

import (
	"errors"
	"strconv"
	"strings"
)

var errMode = errors.New("invalid mode")

// ParseMode applies a mode like "755", "u+x,go-w" or "a=rX" to old. dir matters
// for X and octal modes keep setuid bits of directories; umask masks what "+x"
// without a class sets.
func ParseMode(s string, old uint32, dir bool, umask uint32) (uint32, error) {
	if n, err := strconv.ParseUint(s, 8, 32); err == nil {
		if n > 0o7777 {
			return 0, errMode
		}
		return uint32(n), nil
	}
	mode := old & 0o7777
	for _, clause := range strings.Split(s, ",") {
		var err error
		if mode, err = modeClause(clause, mode, dir, umask); err != nil {
			return 0, err
		}
	}
	return mode, nil
}

// modeClause applies one [ugoa]*([-+=][rwxXst]*)+.
func modeClause(s string, mode uint32, dir bool, umask uint32) (uint32, error) {
	who, i := uint32(0), 0
	for ; i < len(s) && strings.IndexByte("ugoa", s[i]) >= 0; i++ {
		who |= map[byte]uint32{'u': 0o4700, 'g': 0o2070, 'o': 0o1007, 'a': 0o7777}[s[i]]
	}
	allowed := who
	if who == 0 {
		who, allowed = 0o7777, 0o7777&^umask
	}
	if i == len(s) {
		return 0, errMode
	}
	for i < len(s) {
		op := s[i]
		if strings.IndexByte("+-=", op) < 0 {
			return 0, errMode
		}
		bits := uint32(0)
		for i++; i < len(s) && strings.IndexByte("+-=", s[i]) < 0; i++ {
			switch s[i] {
			case 'r':
				bits |= 0o444
			case 'w':
				bits |= 0o222
			case 'x':
				bits |= 0o111
			case 'X':
				if dir || mode&0o111 != 0 {
					bits |= 0o111
				}
			case 's':
				bits |= 0o6000
			case 't':
				bits |= 0o1000
			case 'u':
				bits |= mode >> 6 & 7 * 0o111
			case 'g':
				bits |= mode >> 3 & 7 * 0o111
			case 'o':
				bits |= mode & 7 * 0o111
			default:
				return 0, errMode
			}
		}
		switch op {
		case '+':
			mode |= bits & allowed
		case '-':
			mode &^= bits & allowed
		case '=':
			mode = mode&^(who&0o777|who&bits&0o7000) | bits&allowed
		}
	}
	return mode, nil
}
