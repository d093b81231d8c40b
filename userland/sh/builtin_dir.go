package sh

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// biCd - cd [-LP] [DIR]: change the directory; "-" is the one before
func biCd(sh *Shell, args []string) int {
	a := args[1:]
	physical := false
	for len(a) > 0 && len(a[0]) > 1 && a[0][0] == '-' && strings.Trim(a[0][1:], "LP") == "" {
		physical = strings.HasSuffix(a[0], "P")
		a = a[1:]
	}
	if len(a) > 0 && a[0] == "--" {
		a = a[1:]
	}
	dir, show := "", false
	switch {
	case len(a) == 0:
		if dir = sh.get("HOME"); dir == "" {
			sh.errorf("cd: HOME not set")
			return 1
		}
	case a[0] == "-":
		if dir = sh.get("OLDPWD"); dir == "" {
			sh.errorf("cd: OLDPWD not set")
			return 1
		}
		show = true
	default:
		dir = a[0]
		if dir == "" {
			return 0
		}
	}
	if first, _, _ := strings.Cut(dir, "/"); !strings.HasPrefix(dir, "/") && first != "." && first != ".." {
		for _, p := range strings.Split(sh.get("CDPATH"), ":") {
			if p != "" && isDir(slash(p)+dir) {
				dir, show = slash(p)+dir, true
				break
			}
		}
	}
	target := dir
	if !strings.HasPrefix(target, "/") {
		target = slash(sh.get("PWD")) + target
	}
	if !physical {
		target = path.Clean(target) // ".." leads back along the path, not through the link
	}
	err := unix.Chdir(target)
	if err != nil {
		err = unix.Chdir(dir)
		physical = true
	}
	if err != nil {
		sh.errorf("cd: " + dir + ": " + box.Strerror(err))
		return 1
	}
	if physical {
		if cwd, err := unix.Getwd(); err == nil {
			target = cwd
		}
	}
	old := sh.get("PWD")
	sh.set("OLDPWD", old)
	sh.export("PWD", target)
	if show {
		box.Out.WriteString(target + "\n")
	}
	return 0
}

// biPwd - pwd [-LP]
func biPwd(sh *Shell, args []string) int {
	if len(args) > 1 && args[1] == "-P" || sh.get("PWD") == "" {
		cwd, err := unix.Getwd()
		if err != nil {
			sh.errorf("pwd: " + box.Strerror(err))
			return 1
		}
		box.Out.WriteString(cwd + "\n")
		return 0
	}
	box.Out.WriteString(sh.get("PWD") + "\n")
	return 0
}

// biUmask - umask [-S] [MODE]
func biUmask(sh *Shell, args []string) int {
	mask := unix.Umask(0)
	unix.Umask(mask)
	switch {
	case len(args) == 1:
		fmt.Fprintf(box.Out, "%04o\n", mask)
	case args[1] == "-S":
		perm := func(bits int) string {
			s := ""
			for i, c := range "rwx" {
				if bits&(4>>i) != 0 {
					s += string(c)
				}
			}
			return s
		}
		m := ^mask
		fmt.Fprintf(box.Out, "u=%s,g=%s,o=%s\n", perm(m>>6&7), perm(m>>3&7), perm(m&7))
	default:
		if n, err := strconv.ParseInt(args[1], 8, 32); err == nil {
			unix.Umask(int(n) & 0o777)
			return 0
		}
		mode, err := box.ParseMode(args[1], uint32(^mask)&0o777, false, 0)
		if err != nil {
			sh.errorf("umask: " + args[1] + ": bad mode")
			return 1
		}
		unix.Umask(int(^mode & 0o777))
	}
	return 0
}

// limits are the resources of ulimit.
var limits = []struct {
	letter   byte
	name     string
	resource int
	unit     uint64
}{
	{'t', "time(seconds)", unix.RLIMIT_CPU, 1},
	{'f', "file(blocks)", unix.RLIMIT_FSIZE, 512},
	{'d', "data(kbytes)", unix.RLIMIT_DATA, 1024},
	{'s', "stack(kbytes)", unix.RLIMIT_STACK, 1024},
	{'c', "coredump(blocks)", unix.RLIMIT_CORE, 512},
	{'m', "memory(kbytes)", unix.RLIMIT_RSS, 1024},
	{'l', "locked memory(kbytes)", unix.RLIMIT_MEMLOCK, 1024},
	{'u', "process", unix.RLIMIT_NPROC, 1},
	{'n', "nofiles", unix.RLIMIT_NOFILE, 1},
	{'v', "vmemory(kbytes)", unix.RLIMIT_AS, 1024},
}

// biUlimit - ulimit [-HSa] [-tfdscmlunv] [LIMIT]
func biUlimit(sh *Shell, args []string) int {
	hard, soft, all, letter := false, false, false, byte('f')
	a := args[1:]
	for len(a) > 0 && len(a[0]) > 1 && a[0][0] == '-' {
		for _, c := range []byte(a[0][1:]) {
			switch c {
			case 'H':
				hard = true
			case 'S':
				soft = true
			case 'a':
				all = true
			default:
				letter = c
			}
		}
		a = a[1:]
	}
	found := false
	for _, l := range limits {
		if !all && l.letter != letter {
			continue
		}
		found = true
		var rl unix.Rlimit
		if err := unix.Getrlimit(l.resource, &rl); err != nil {
			sh.errorf("ulimit: " + box.Strerror(err))
			return 1
		}
		if len(a) == 0 {
			v := rl.Cur
			if hard {
				v = rl.Max
			}
			s := "unlimited"
			if v != ^uint64(0) {
				s = strconv.FormatUint(v/l.unit, 10)
			}
			if all {
				s = fmt.Sprintf("%-24s %s", l.name, s)
			}
			box.Out.WriteString(s + "\n")
			continue
		}
		v := ^uint64(0)
		if a[0] != "unlimited" {
			n, err := strconv.ParseUint(a[0], 10, 64)
			if err != nil {
				sh.errorf("ulimit: bad number: " + a[0])
				return 1
			}
			v = n * l.unit
		}
		if soft || !hard {
			rl.Cur = v
		}
		if hard || !soft {
			rl.Max = v
		}
		if err := unix.Setrlimit(l.resource, &rl); err != nil {
			sh.errorf("ulimit: " + box.Strerror(err))
			return 1
		}
	}
	if !found {
		sh.errorf("ulimit: bad option -" + string(letter))
		return 2
	}
	return 0
}
