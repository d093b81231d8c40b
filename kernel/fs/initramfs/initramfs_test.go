package initramfs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	_ "vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/vfstest"
)

type member struct {
	name  string
	mode  uint32
	data  string
	ino   int
	nlink int
	rdev  [2]int
	uid   int
}

func cpio(ms ...member) []byte {
	var b bytes.Buffer
	pad := func() {
		for b.Len()%4 != 0 {
			b.WriteByte(0)
		}
	}
	for _, m := range append(ms[:len(ms):len(ms)], member{name: trailer, nlink: 1}) {
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", m.ino, m.mode, m.uid, m.uid, max(m.nlink, 1),
			1_700_000_000, len(m.data), 0, 0, m.rdev[0], m.rdev[1], len(m.name)+1, 0)
		b.WriteString(m.name + "\x00")
		pad()
		b.WriteString(m.data)
		pad()
	}
	return b.Bytes()
}

func gz(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

var sample = []member{
	{name: ".", mode: abi.S_IFDIR | 0o755},
	{name: "bin", mode: abi.S_IFDIR | 0o755},
	{name: "bin/sh", mode: abi.S_IFREG | 0o755, data: strings.Repeat("program", 100_000)},
	{name: "bin/ls", mode: abi.S_IFLNK | 0o777, data: "sh"},
	{name: "dev/console", mode: abi.S_IFCHR | 0o600, rdev: [2]int{5, 1}},
	{name: "etc/a", mode: abi.S_IFREG | 0o4644, ino: 7, nlink: 2, uid: 12},
	{name: "etc/b", mode: abi.S_IFREG | 0o4644, ino: 7, nlink: 2, data: "linked", uid: 12},
}

func unpack(tb testing.TB, data []byte, f func(e *vfstest.Env, s Stats, err error)) {
	vfstest.RunCase(tb, vfstest.Options{Type: "tmpfs", RAM: 4 << 20}, 1, func(e *vfstest.Env) {
		s, err := Unpack(e.T, e.V, e.FS, data)
		f(e, s, err)
	})
}

func check(tb testing.TB, data []byte) {
	unpack(tb, data, func(e *vfstest.Env, s Stats, err error) {
		e.OK(err)
		e.Equal(e.Ls("/"), "bin dev etc")
		e.Equal(e.Read("bin/ls") == sample[2].data, true)
		e.Equal(e.Stat("bin/sh").Mode, vfs.Mode(abi.S_IFREG|0o755))
		e.Equal(e.Stat("bin/sh").Mtime, int64(1_700_000_000e9))
		e.Equal(e.Stat("dev/console").Rdev, vfs.MakeDev(5, 1))
		e.Equal(e.Read("etc/a"), "linked")
		e.Equal(e.Stat("etc/b").Nlink, 2)
		e.Equal(e.Stat("etc/b").Mode, vfs.Mode(abi.S_IFREG|0o4644))
		e.Equal(e.Stat("etc/b").UID, 12)
		e.Equal(s.Files, 3)
	})
}

func TestUnpackPlain(t *testing.T)      { check(t, cpio(sample...)) }
func TestUnpackCompressed(t *testing.T) { check(t, gz(cpio(sample...))) }
func TestUnpackSeveral(t *testing.T) {
	a, b := cpio(sample[:3]...), gz(cpio(sample[3:]...))
	check(t, append(append(append([]byte{}, a...), make([]byte, 512)...), b...))
	check(t, append(append([]byte{}, b...), a...))
}

func TestUnpackReplaces(t *testing.T) {
	unpack(t, append(cpio(member{name: "f", mode: abi.S_IFREG | 0o644, data: "long old"}, member{name: "g", mode: abi.S_IFLNK, data: "/etc/passwd"}),
		cpio(member{name: "f", mode: abi.S_IFREG | 0o600, data: "new"}, member{name: "g", mode: abi.S_IFREG | 0o600, data: "new"})...),
		func(e *vfstest.Env, s Stats, err error) {
			e.OK(err)
			e.Equal(e.Read("f"), "new")
			e.Equal(e.Read("g"), "new")
		})
}

func TestUnpackHostile(t *testing.T) {
	reg := uint32(abi.S_IFREG | 0o644)
	huge := cpio(member{name: "f", mode: reg, data: "x"})
	copy(huge[54:], "ffffffff") // the size
	for name, c := range map[string]struct {
		data []byte
		want errno.Errno
	}{
		"dotdot":     {cpio(member{name: "../../../etc/x", mode: reg, data: "x"}), 0},
		"empty":      {nil, 0},
		"zeros":      {make([]byte, 100), 0},
		"garbage":    {[]byte("garbage"), errno.EINVAL},
		"xz":         {[]byte("\xfd7zXZ\x00"), errno.EINVAL},
		"cut":        {cpio(sample...)[:1000], errno.EINVAL},
		"cutgz":      {gz(cpio(sample...))[:1000], errno.EINVAL},
		"huge":       {huge, errno.EINVAL},
		"badnumber":  {append([]byte("070701zzzzzzzz"), make([]byte, 200)...), errno.EINVAL},
		"longname":   {cpio(member{name: strings.Repeat("x/", 3000), mode: reg}), errno.EINVAL},
		"longpart":   {cpio(member{name: strings.Repeat("x", 300), mode: reg}), errno.ENAMETOOLONG},
		"badtype":    {cpio(member{name: "f", mode: 0o170644}), errno.EINVAL},
		"loop":       {cpio(member{name: "l", mode: abi.S_IFLNK, data: "l"}, member{name: "l/x", mode: reg}), errno.ELOOP},
		"filedir":    {cpio(member{name: "f", mode: reg}, member{name: "f/x", mode: reg}), errno.ENOTDIR},
		"full":       {gz(cpio(member{name: "f", mode: reg, data: strings.Repeat("\x01", 8<<20)})), errno.ENOSPC},
		"nolinkname": {cpio(member{name: "l", mode: abi.S_IFLNK}), errno.EINVAL},
	} {
		t.Run(name, func(t *testing.T) {
			unpack(t, c.data, func(e *vfstest.Env, s Stats, err error) {
				e.Want(err, c.want)
				if name == "dotdot" {
					e.Equal(e.Read("etc/x"), "x")
				}
			})
		})
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(cpio(sample[0], sample[1], member{name: "f", mode: abi.S_IFREG, data: "x", nlink: 2}, sample[3], sample[4]))
	f.Add(gz(cpio(sample[1])))
	env := vfstest.NewKernel(f, 1, 4<<20)
	env.K.Run(func(th *sched.Thread) {
		if _, err := env.V.MountRoot(th, "tmpfs", vfs.MountRequest{Source: "root", Data: "size=1m,nr_inodes=1000"}); err != nil {
			f.Fatal(err)
		}
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		env.K.T = t
		env.K.Run(func(th *sched.Thread) {
			e := env.With(th)
			Unpack(th, e.V, e.FS, data)
			e.FS.DecRef(th)
		})
	})
}

// aligned is cpio with the content of each file at a page's boundary, as vitrine packs it: zeros after the name.
func aligned(ms ...member) []byte {
	var b bytes.Buffer
	for _, m := range append(ms[:len(ms):len(ms)], member{name: trailer, nlink: 1}) {
		name := len(m.name) + 1
		if m.data != "" {
			name = (b.Len()+headerSize+name+4095)&^4095 - b.Len() - headerSize
		}
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", m.ino, m.mode, 0, 0, 1,
			1_700_000_000, len(m.data), 0, 0, 0, 0, name, 0)
		b.WriteString(m.name)
		b.Write(make([]byte, name-len(m.name)))
		b.Write(make([]byte, -b.Len()&3))
		b.WriteString(m.data)
		b.Write(make([]byte, -b.Len()&3))
	}
	return b.Bytes()
}

func TestUnpackRAMAdoptsFrames(t *testing.T) {
	big, exact := strings.Repeat("0123456789", 5000), strings.Repeat("page", 2048)
	data := aligned(member{name: "big", mode: abi.S_IFREG | 0o644, data: big}, member{name: "exact", mode: abi.S_IFREG | 0o644, data: exact},
		member{name: "small", mode: abi.S_IFREG | 0o644, data: "small"}, member{name: "empty", mode: abi.S_IFREG | 0o644})
	vfstest.RunCase(t, vfstest.Options{Type: "tmpfs", RAM: 4 << 20}, 1, func(e *vfstest.Env) {
		mem := e.V.Memory
		const addr = 0x40000 // reserved, and of no use to this test
		copy(mem.RAM()[addr:], data)
		before := mem.Stats(e.T)
		_, err := UnpackRAM(e.T, e.V, e.FS, mem, addr, uint64(len(data)))
		e.OK(err)
		e.Equal(e.Read("big") == big, true)
		e.Equal(e.Read("exact") == exact, true)
		e.Equal(e.Read("small"), "small")
		e.Equal(e.Read("empty"), "")
		// Nothing of the archive is left behind, and only partial pages took new frames.
		after := mem.Stats(e.T)
		e.Equal(after.Total-before.Total, uint64(len(data)/4096))
		// A frame of the archive can be written like any other.
		e.Write("big", "new")
		e.Equal(e.Read("big"), "new")
	})
}
