package applets

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// stat - show what the kernel knows about files
//
//	-L  follow links   -f  about the filesystem
//	-c FORMAT  %n name %s size %b blocks %a %A mode %f raw mode %u %U %g %G owner %i inode
//	           %h links %t %T device numbers %F kind %x %y %z times %X %Y %Z in seconds %d device %N
func init() {
	box.Register(&box.Cmd{Name: "stat", Usage: "stat [-Lf] [-c FORMAT] FILE...", Run: statMain})
}

func statMain(args []string) int {
	o, files := box.Parse(args, "Lfc:t", "dereference=L format=c file-system=f")
	if len(files) == 0 {
		box.UsageError(args[0])
	}
	status := 0
	for _, f := range files {
		if o.Has('f') {
			if err := statFS(f); err != nil {
				status = box.Fail(args[0], "cannot read file system information for '"+f+"'", err)
			}
			continue
		}
		get := lstat
		if o.Has('L') {
			get = stat
		}
		st, err := get(f)
		if err != nil {
			status = box.Fail(args[0], "cannot stat '"+f+"'", err)
			continue
		}
		if format := o.Str('c', ""); format != "" {
			box.Out.WriteString(statFormat(format, f, &st) + "\n")
			continue
		}
		dev := ""
		if k := st.Mode & unix.S_IFMT; k == unix.S_IFCHR || k == unix.S_IFBLK {
			dev = statFormat("   Device type: %t,%T", f, &st)
		}
		box.Out.WriteString(statFormat("  File: %N\n  Size: %s\tBlocks: %b\tIO Block: %o\t%F\n"+
			"Device: %d\tInode: %i\tLinks: %h"+dev+"\n"+
			"Access: (%04a/%A)  Uid: (%u/%U)   Gid: (%g/%G)\nAccess: %x\nModify: %y\nChange: %z\n", f, &st))
	}
	return status
}

func statFormat(format, f string, st *unix.Stat_t) string {
	when := func(ts unix.Timespec) string {
		return time.Unix(ts.Unix()).Format("2006-01-02 15:04:05.000000000 -0700")
	}
	format = strings.ReplaceAll(format, "%04a", fmt.Sprintf("%04o", st.Mode&0o7777))
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		var v any
		switch format[i] {
		case 'n':
			v = f
		case 'N':
			v = f
			if st.Mode&unix.S_IFMT == unix.S_IFLNK {
				t, _ := readlink(f)
				v = f + " -> " + t
			}
		case 's':
			v = st.Size
		case 'b':
			v = st.Blocks
		case 'B':
			v = 512
		case 'o':
			v = st.Blksize
		case 'a':
			v = fmt.Sprintf("%o", st.Mode&0o7777)
		case 'A':
			v = modeString(st.Mode)
		case 'f':
			v = fmt.Sprintf("%x", st.Mode)
		case 'F':
			v = fileType(st.Mode)
			if v == "regular file" && st.Size == 0 {
				v = "regular empty file"
			}
		case 'u':
			v = st.Uid
		case 'U':
			v = box.UserName(st.Uid)
		case 'g':
			v = st.Gid
		case 'G':
			v = box.GroupName(st.Gid)
		case 'i':
			v = st.Ino
		case 'h':
			v = st.Nlink
		case 'd':
			v = fmt.Sprintf("%d,%d", unix.Major(st.Dev), unix.Minor(st.Dev))
		case 't':
			v = fmt.Sprintf("%x", unix.Major(st.Rdev))
		case 'T':
			v = fmt.Sprintf("%x", unix.Minor(st.Rdev))
		case 'x':
			v = when(st.Atim)
		case 'y':
			v = when(st.Mtim)
		case 'z':
			v = when(st.Ctim)
		case 'X':
			v = st.Atim.Sec
		case 'Y':
			v = st.Mtim.Sec
		case 'Z':
			v = st.Ctim.Sec
		case '%':
			v = "%"
		default:
			v = "?"
		}
		fmt.Fprint(&b, v)
	}
	return b.String()
}

func statFS(f string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(f, &st); err != nil {
		return err
	}
	fmt.Fprintf(box.Out, "  File: %s\n    ID: %x%x Namelen: %d Type: %#x\nBlock size: %d Fundamental block size: %d\n"+
		"Blocks: Total: %d Free: %d Available: %d\nInodes: Total: %d Free: %d\n",
		f, uint32(st.Fsid.Val[0]), uint32(st.Fsid.Val[1]), st.Namelen, st.Type, st.Bsize, st.Frsize, st.Blocks, st.Bfree, st.Bavail, st.Files, st.Ffree)
	return nil
}
