package fs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"vitrine/machine/p9"
	"vitrine/machine/virtq"
)

// client speaks to a server by hand, as a hostile kernel could.
type client struct {
	t   testing.TB
	s   *server
	ram []byte
	q   *virtq.Queue
	d   *virtq.DeviceQueue
}

const (
	outAt = 64 << 10
	inAt  = 256 << 10
	inLen = 256 << 10
)

func newClient(t testing.TB, dir string, writable bool) *client {
	t.Helper()
	s, err := newServer(Options{Tag: "x", Dir: dir, Writable: writable, OpenMax: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	words := make([]uint64, 1<<20/8)
	ram := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 1<<20)
	l := virtq.Place(0, 16)
	q, err := virtq.NewQueue(ram, l, virtq.Features)
	if err != nil {
		t.Fatal(err)
	}
	d, err := virtq.NewDeviceQueue(ram, l, virtq.Features)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, s, ram, q, d}
}

// raw sends bytes and returns the answer.
func (c *client) raw(msg []byte) []byte {
	c.t.Helper()
	copy(c.ram[outAt:], msg)
	clear(c.ram[inAt : inAt+inLen])
	err := c.q.Add([]virtq.Buf{{Addr: outAt, Len: uint32(len(msg))}}, []virtq.Buf{{Addr: inAt, Len: inLen}}, virtq.Buf{}, c)
	if err != nil {
		c.t.Fatal(err)
	}
	c.q.Publish()
	w := new(work)
	if ok, err := c.d.Pop(&w.chain); !ok || err != nil {
		c.t.Fatal(ok, err)
	}
	c.s.serve(c.s.accept(w))
	c.d.Push(w.chain.Head, w.chain.Written())
	_, n, err := c.q.Get()
	if err != nil {
		c.t.Fatal(err)
	}
	return c.ram[inAt : inAt+n]
}

// call sends a message and returns the answer's body, or the server's error.
func (c *client) call(typ uint8, args func(e *p9.Encoder)) (*p9.Decoder, error) {
	c.t.Helper()
	e := p9.Start(make([]byte, 128<<10), typ, 7)
	if args != nil {
		args(e)
	}
	size, rtyp, tag, d := p9.Open(c.raw(e.Finish(0)))
	if d.Err != nil || tag != 7 || int(size) != p9.HeaderSize+d.Len() {
		c.t.Fatalf("answer to %d: size %d, type %d, tag %d, %d bytes", typ, size, rtyp, tag, d.Len())
	}
	if rtyp == p9.Rlerror {
		return d, unix.Errno(d.U32())
	}
	if rtyp != typ+1 {
		c.t.Fatalf("answer to %d has type %d", typ, rtyp)
	}
	return d, nil
}

func (c *client) start() {
	c.t.Helper()
	if _, err := c.call(p9.Tversion, func(e *p9.Encoder) { e.U32(1 << 20); e.Str(p9.Version) }); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.call(p9.Tattach, func(e *p9.Encoder) { e.U32(0); e.U32(p9.NoFid); e.Str("root"); e.Str(""); e.U32(0) }); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) walk(fid, newFid uint32, names ...string) (int, error) {
	c.t.Helper()
	d, err := c.call(p9.Twalk, func(e *p9.Encoder) {
		e.U32(fid)
		e.U32(newFid)
		e.U16(uint16(len(names)))
		for _, n := range names {
			e.Str(n)
		}
	})
	if err != nil {
		return 0, err
	}
	return int(d.U16()), nil
}

func (c *client) fids(typ uint8, n ...uint32) error {
	c.t.Helper()
	_, err := c.call(typ, func(e *p9.Encoder) {
		for _, x := range n {
			e.U32(x)
		}
	})
	return err
}

func makeTree(t testing.TB) string {
	dir := t.TempDir()
	os.MkdirAll(dir+"/root/a/b", 0o755)
	os.WriteFile(dir+"/root/a/b/file", []byte("content"), 0o644)
	os.WriteFile(dir+"/secret", []byte("outside"), 0o644)
	os.Symlink("..", dir+"/root/up")
	os.Symlink("/etc", dir+"/root/etc")
	os.Symlink("a", dir+"/root/inside")
	unix.Mkfifo(dir+"/root/fifo", 0o666)
	return dir
}

// TestNothingOutsideRootIsReached tries the ways out, with and without openat2(2).
func TestNothingOutsideRootIsReached(t *testing.T) {
	for _, with := range []bool{true, false} {
		t.Run(fmt.Sprint("openat2=", with), func(t *testing.T) {
			dir := makeTree(t)
			c := newClient(t, dir+"/root", true)
			if with && !c.s.host.openat2 {
				t.Skip("this host has no openat2(2)")
			}
			c.s.host.openat2 = with
			c.start()
			for i, names := range [][]string{
				{"../secret"},
				{"..", "secret"},
				{"a", "..", "..", "secret"},
				{"up", "secret"},
				{"up", "..", "secret"},
				{"etc", "passwd"},
				{"/etc/passwd"},
				{"/"},
				{"a/b"},
				{""},
				{"."},
				{"a\x00b"},
				{strings.Repeat("x", 300)},
				{"inside", "b"}, // also a harmless link is the kernel's to follow
			} {
				if n, err := c.walk(0, uint32(100+i), names...); err == nil && n == len(names) {
					t.Errorf("walk %q succeeds", names)
				}
			}
			if n, err := c.walk(0, 1, "..", "..", "a", "b", "file"); err != nil || n != 5 {
				t.Errorf("'..' above root: %d, %v; it is root itself", n, err)
			}
			// A link is found and read, not opened.
			if _, err := c.walk(0, 2, "etc"); err != nil {
				t.Fatal(err)
			}
			if d, err := c.call(p9.Treadlink, func(e *p9.Encoder) { e.U32(2) }); err != nil || d.Str() != "/etc" {
				t.Errorf("readlink: %v", err)
			}
			if err := c.fids(p9.Tlopen, 2, 0); err == nil {
				t.Error("a symbolic link was opened")
			}
			// A directory that somebody exchanges for a link after the walk.
			if _, err := c.walk(0, 3, "a", "b"); err != nil {
				t.Fatal(err)
			}
			os.Rename(dir+"/root/a", dir+"/root/was-a")
			os.MkdirAll(dir+"/elsewhere/b", 0o755)
			os.Symlink(dir+"/elsewhere", dir+"/root/a")
			if err := c.fids(p9.Tlopen, 3, unix.O_DIRECTORY); err == nil {
				t.Error("a directory behind a link was opened")
			}
			if _, err := c.call(p9.Tmkdir, func(e *p9.Encoder) { e.U32(3); e.Str("made"); e.U32(0o755); e.U32(0) }); err == nil {
				t.Error("a directory was made behind a link")
			}
			for _, name := range []string{"..", ".", "", "x/y", "../made", "a\x00"} {
				for _, typ := range []uint8{p9.Tmkdir, p9.Tlcreate, p9.Tsymlink, p9.Tunlinkat} {
					_, err := c.call(typ, func(e *p9.Encoder) {
						e.U32(0)
						e.Str(name)
						if typ == p9.Tsymlink {
							e.Str("target")
						}
						e.U32(0)
						e.U32(0o755)
						e.U32(0)
					})
					if err != unix.EINVAL {
						t.Errorf("request %d with the name %q: %v", typ, name, err)
					}
				}
			}
			out, _ := filepath.Glob(dir + "/*")
			behind, _ := filepath.Glob(dir + "/elsewhere/b/*")
			if len(out) != 3 || len(behind) != 0 {
				t.Errorf("outside root there is now %q %q", out, behind)
			}
		})
	}
}

func TestSpecialFilesAreNotOpened(t *testing.T) {
	c := newClient(t, makeTree(t)+"/root", false)
	c.start()
	if _, err := c.walk(0, 1, "fifo"); err != nil {
		t.Fatal(err)
	}
	if err := c.fids(p9.Tlopen, 1, 0); err == nil {
		t.Error("a FIFO was opened")
	}
}

func TestReadOnlyServerChangesNothing(t *testing.T) {
	c := newClient(t, makeTree(t)+"/root", false)
	c.start()
	if _, err := c.walk(0, 1, "a", "b", "file"); err != nil {
		t.Fatal(err)
	}
	for typ, op := range ops {
		if op.write && typ != p9.Tremove {
			if err := c.fids(typ, 1, 1, 1, 1); err != unix.EROFS {
				t.Errorf("request %d: %v", typ, err)
			}
		}
	}
	for _, flags := range []uint32{unix.O_WRONLY, unix.O_RDWR, unix.O_TRUNC, unix.O_RDONLY | unix.O_TRUNC} {
		if err := c.fids(p9.Tlopen, 1, flags); err != unix.EROFS {
			t.Errorf("open with %#x: %v", flags, err)
		}
	}
	if err := c.fids(p9.Tlopen, 1, unix.O_CREAT|unix.O_EXCL); err != nil {
		t.Errorf("flags that mean nothing to an open: %v", err)
	}
	if got, err := os.ReadFile(c.t.(*testing.T).TempDir() + "/x"); err == nil {
		t.Errorf("%q", got)
	}
	if err := c.fids(p9.Tremove, 1); err != unix.EROFS {
		t.Errorf("remove: %v", err)
	}
	if err := c.fids(p9.Tclunk, 1); err != unix.EBADF {
		t.Errorf("remove did not clunk: %v", err)
	}
}

func TestFidsAreBounded(t *testing.T) {
	c := newClient(t, makeTree(t)+"/root", false)
	c.start()
	// Filling the table by messages takes long; the bound is what matters.
	for i := range uint32(maxFids - 1) {
		root, _ := c.s.tree.get(&c.s.tree.root)
		c.s.bind(1+i, &fid{node: root, fd: -1})
	}
	if _, err := c.walk(0, 1<<30, "a"); err != unix.ENFILE {
		t.Errorf("a fid too many: %v", err)
	}
	if _, err := c.walk(0, 0); err != nil {
		t.Errorf("a walk to its own fid needs no new one: %v", err)
	}
	if err := c.fids(p9.Tclunk, 5); err != nil {
		t.Error(err)
	}
	if _, err := c.walk(0, 1<<30, "a"); err != nil {
		t.Errorf("after a clunk: %v", err)
	}
	if err := c.fids(p9.Tclunk, 1<<29); err != unix.EBADF {
		t.Errorf("clunk of nothing: %v", err)
	}
}

func TestDescriptorsAreBounded(t *testing.T) {
	for _, writable := range []bool{false, true} {
		c := newClient(t, makeTree(t)+"/root", writable)
		c.start()
		refused := 0
		for i := range uint32(100) {
			if _, err := c.walk(0, 1+i, "a", "b", "file"); err != nil {
				t.Fatal(err)
			}
			switch err := c.fids(p9.Tlopen, 1+i, 0); err {
			case nil:
			case unix.ENFILE:
				refused++
			default:
				t.Fatal(err)
			}
		}
		if c.s.files.n > 16 || (refused > 0) != writable {
			t.Errorf("writable %v: %d descriptors are open, %d opens were refused", writable, c.s.files.n, refused)
		}
		for i := range uint32(100 - refused) {
			d, err := c.call(p9.Tread, func(e *p9.Encoder) { e.U32(1 + i); e.U64(0); e.U32(100) })
			if err != nil || d.U32() != 7 || string(d.Rest()) != "content" {
				t.Errorf("read of fid %d: %v", 1+i, err)
			}
		}
		c.s.reset()
		if c.s.files.n != 0 || len(c.s.tree.root.children) != 0 {
			t.Errorf("after a reset %d descriptors and %d names are left", c.s.files.n, len(c.s.tree.root.children))
		}
	}
}

func TestMalformedMessages(t *testing.T) {
	c := newClient(t, makeTree(t)+"/root", true)
	c.start()
	huge := p9.Start(make([]byte, 64), p9.Tread, 1)
	huge.PutU32(0, 1<<31)
	for name, msg := range map[string][]byte{
		"1 byte":            {1},
		"6 bytes":           {6, 0, 0, 0, 100, 0},
		"size 0":            {0, 0, 0, 0, 100, 0, 0},
		"size beyond":       huge.Finish(1 << 30),
		"unknown type":      p9.Start(make([]byte, 64), 77, 1).Finish(0),
		"R-message":         p9.Start(make([]byte, 64), p9.Tread+1, 1).Finish(0),
		"read without args": p9.Start(make([]byte, 64), p9.Tread, 1).Finish(0),
	} {
		if got := c.raw(msg); len(got) > 0 && got[4] != p9.Rlerror {
			t.Errorf("%s: answer % x", name, got)
		}
	}
	for typ := range ops { // every request cut short
		if typ == p9.Tversion || typ == p9.Tflush {
			continue
		}
		if _, err := c.call(typ, nil); err == nil {
			t.Errorf("request %d without arguments succeeds", typ)
		}
	}
	if _, err := c.call(p9.Twalk, func(e *p9.Encoder) { e.U32(0); e.U32(9); e.U16(60000) }); err == nil {
		t.Error("a walk of 60000 names succeeds")
	}
	if _, err := c.call(p9.Tread, func(e *p9.Encoder) { e.U32(0); e.U64(0); e.U32(10) }); err == nil {
		t.Error("a read of a fid that is not open succeeds")
	}
	if err := c.fids(p9.Tversion, 100); err == nil {
		t.Error("a message size of 100 is accepted")
	}
	if _, err := c.walk(0, 1); err != nil {
		t.Errorf("the session is gone: %v", err)
	}
}

func TestFlushOfNothingAndItself(t *testing.T) {
	c := newClient(t, makeTree(t)+"/root", false)
	c.start()
	for _, tag := range []uint16{0, 7, 99} {
		if _, err := c.call(p9.Tflush, func(e *p9.Encoder) { e.U16(tag) }); err != nil {
			t.Errorf("flush of %d: %v", tag, err)
		}
	}
}

// TestRenamesKeepTheTreesShape moves directories about at random, by two clients' worth of requests at once, and looks whether
// every fid's path is one that the host has.
func TestRenamesKeepTheTreesShape(t *testing.T) {
	dir := t.TempDir()
	for i := range 6 {
		os.MkdirAll(fmt.Sprintf("%s/d%d", dir, i), 0o755)
	}
	s, err := newServer(Options{Tag: "x", Dir: dir, Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.msize = maxMsize
	var fids []*fid
	for i := range 6 {
		n, err := s.tree.child(&s.tree.root, fmt.Sprintf("d%d", i))
		if err != nil {
			t.Fatal(err)
		}
		fids = append(fids, &fid{node: n, fd: -1})
		s.fids[uint32(i)] = fids[i]
	}
	var wg sync.WaitGroup
	for k := range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rnd := rand.New(rand.NewPCG(uint64(k), 1))
			var buf [256]byte
			for range 3000 {
				e := p9.Start(buf[:], p9.Trename, 1)
				e.U32(uint32(rnd.IntN(6)))
				e.U32(uint32(rnd.IntN(6)))
				e.Str(fmt.Sprintf("n%d", rnd.IntN(4)))
				_, _, _, args := p9.Open(e.Finish(0))
				s.rename(&request{work: new(work), args: args, re: p9.Start(make([]byte, 64), 1, 1)})
			}
		}()
	}
	wg.Wait()
	alive := 0
	for i, f := range fids {
		path, err := s.tree.path(f.node)
		if err != nil {
			continue // another took its name
		}
		alive++
		if _, err := os.Lstat(filepath.Join(dir, path)); err != nil {
			t.Errorf("fid %d is said to be at %s: %v", i, path, err)
		}
	}
	t.Logf("%d directories are left", alive)
}

func FuzzServer(f *testing.F) {
	var seed bytes.Buffer
	for _, typ := range []uint8{p9.Tgetattr, p9.Twalk, p9.Tlopen, p9.Treaddir, p9.Tread, p9.Tclunk} {
		e := p9.Start(make([]byte, 64), typ, 1)
		e.U32(0)
		e.U32(1)
		e.U16(1)
		e.Str("a")
		seed.Write(e.Finish(0))
	}
	f.Add(seed.Bytes())
	dir := makeTree(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newClient(t, dir+"/root", false)
		c.start()
		for len(data) >= p9.HeaderSize {
			n := min(len(data), max(p9.HeaderSize, int(data[0])))
			msg := append([]byte(nil), data[:n]...)
			msg[0], msg[1], msg[2], msg[3] = byte(n), 0, 0, 0
			c.raw(msg)
			data = data[n:]
		}
		if got, err := os.ReadFile(dir + "/secret"); err != nil || string(got) != "outside" {
			t.Fatal("the outside changed", err)
		}
	})
}

// TestRequestsOnAFidWaitForItsWalk: what follows a walk may be sent with it, whichever worker is quicker.
func TestRequestsOnAFidWaitForItsWalk(t *testing.T) {
	c := newClient(t, makeTree(t)+"/root", false)
	c.start()
	// take puts a message into the queue and takes it out, without serving it.
	take := func(at uint64, tag uint16, typ uint8, args func(e *p9.Encoder)) *request {
		e := p9.Start(c.ram[outAt+at:outAt+at+4096], typ, tag)
		args(e)
		msg := e.Finish(0)
		err := c.q.Add([]virtq.Buf{{Addr: outAt + at, Len: uint32(len(msg))}}, []virtq.Buf{{Addr: inAt + at, Len: 4096}}, virtq.Buf{}, c)
		if err != nil {
			t.Fatal(err)
		}
		c.q.Publish()
		w := new(work)
		if ok, err := c.d.Pop(&w.chain); !ok || err != nil {
			t.Fatal(ok, err)
		}
		return c.s.accept(w)
	}
	answered := func(r *request) uint8 { return r.out[4] }
	walk := take(0, 1, p9.Twalk, func(e *p9.Encoder) { e.U32(0); e.U32(50); e.U16(1); e.Str("a") })
	stat := take(8192, 2, p9.Tgetattr, func(e *p9.Encoder) { e.U32(50); e.U64(0) })
	done := make(chan struct{})
	go func() {
		c.s.serve(stat)
		close(done)
	}()
	c.s.serve(walk)
	<-done
	if answered(walk) != p9.Twalk+1 || answered(stat) != p9.Tgetattr+1 {
		t.Errorf("answers %d and %d", answered(walk), answered(stat))
	}
	// The other way round nobody waits, nor for a walk that waits itself.
	stat = take(0, 1, p9.Tgetattr, func(e *p9.Encoder) { e.U32(51); e.U64(0) })
	walk = take(8192, 2, p9.Twalk, func(e *p9.Encoder) { e.U32(52); e.U32(51); e.U16(0) })
	other := take(16384, 3, p9.Twalk, func(e *p9.Encoder) { e.U32(51); e.U32(52); e.U16(0) })
	for _, r := range []*request{stat, walk, other} {
		c.s.serve(r)
		if answered(r) != p9.Rlerror {
			t.Errorf("answer %d", answered(r))
		}
	}
	if len(c.s.flights) != 0 || len(c.s.walks) != 0 {
		t.Error("requests are under way for ever")
	}
}
