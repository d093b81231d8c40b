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
		if n > 07777 {
			return 0, errMode
		}
		return uint32(n), nil
	}
	mode := old & 07777
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
		who |= map[byte]uint32{'u': 04700, 'g': 02070, 'o': 01007, 'a': 07777}[s[i]]
	}
	allowed := who
	if who == 0 {
		who, allowed = 07777, 07777&^umask
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
				bits |= 0444
			case 'w':
				bits |= 0222
			case 'x':
				bits |= 0111
			case 'X':
				if dir || mode&0111 != 0 {
					bits |= 0111
				}
			case 's':
				bits |= 06000
			case 't':
				bits |= 01000
			case 'u':
				bits |= mode >> 6 & 7 * 0111
			case 'g':
				bits |= mode >> 3 & 7 * 0111
			case 'o':
				bits |= mode & 7 * 0111
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
			mode = mode&^(who&0777|who&bits&07000) | bits&allowed
		}
	}
	return mode, nil
}
