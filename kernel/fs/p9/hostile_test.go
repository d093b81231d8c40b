package p9_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"vitrine/hostdev/virtio"
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/machine/p9"
	"vitrine/machine/virtq"
	"vitrine/test/devtest"
)

// liar is a server that a test makes answer as it likes.
type liar struct {
	*virtio.Device
	mu     sync.Mutex
	answer func(typ uint8, tag uint16, args *p9.Decoder) []byte // nil: in good order
	hold   bool                                                 // keep reads
	held   []*virtq.Chain
	asked  map[uint8]int
}

func newLiar() *liar {
	l := &liar{asked: map[uint8]int{}}
	l.Device = virtio.New(virtio.Spec{Name: "9p", ID: 9, Features: 1, Queues: []int{128}, Config: []byte("\x04\x00host")}, l)
	return l
}

func (l *liar) Started() {}
func (l *liar) Reset()   {}

func (l *liar) Serve(q *virtio.Queue) {
	for {
		c := new(virtq.Chain)
		if ok, _ := q.Pop(c); !ok {
			return
		}
		b := make([]byte, 8192)
		n, _ := c.Read(b)
		_, typ, tag, args := p9.Open(b[:n])
		l.mu.Lock()
		l.asked[typ]++
		if l.hold && typ == p9.Tread {
			l.held = append(l.held, c)
			l.mu.Unlock()
			continue
		}
		f := l.answer
		l.mu.Unlock()
		var re []byte
		if f != nil {
			re = f(typ, tag, args)
		}
		if re == nil {
			re = l.good(typ, tag, args)
		}
		c.Write(re)
		q.Push(c)
	}
}

// good is a file server with a root directory in which every name is a file of 100,000 bytes.
func (l *liar) good(typ uint8, tag uint16, args *p9.Decoder) []byte {
	e := p9.Start(make([]byte, 200_000), typ+1, tag)
	switch typ {
	case p9.Tversion:
		e.U32(100_000)
		e.Str(p9.Version)
	case p9.Tattach:
		e.QID(p9.QID{Type: p9.QTDir, Path: 1})
	case p9.Twalk:
		args.U32()
		args.U32()
		n := args.U16()
		e.U16(n)
		for range n {
			e.QID(p9.QID{Path: 2})
		}
	case p9.Tgetattr:
		fid := args.U32()
		a := p9.Attr{Mode: abi.S_IFREG | 0o644, QID: p9.QID{Path: 1000 + uint64(fid)}, Size: 100_000, Nlink: 1}
		if fid == 1 {
			a.Mode, a.QID = abi.S_IFDIR|0o755, p9.QID{Type: p9.QTDir, Path: 1}
		}
		e.Attr(&a)
	case p9.Tlopen:
		e.QID(p9.QID{})
		e.U32(0)
	case p9.Tread:
		args.U32()
		args.U64()
		n := int(args.U32())
		e.U32(uint32(n))
		return append(e.Finish(n), make([]byte, n)...)
	case p9.Treaddir:
		e.U32(0)
	case p9.Treadlink:
		e.Str("somewhere")
	}
	return e.Finish(0)
}

func (l *liar) set(f func(typ uint8, tag uint16, args *p9.Decoder) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = f
}

func mountLiar(t *testing.T) (*rig, *liar) {
	t.Helper()
	l := newLiar()
	r := &rig{Kernel: devtest.New(t, l)}
	r.Probe()
	r.Run(func(th *sched.Thread) {
		if _, err := r.VFS.MountRoot(th, "9p", vfs.MountRequest{Source: "host", Flags: abi.MS_RDONLY}); err != nil {
			t.Errorf("mount: %v", err)
			return
		}
		r.fs = r.VFS.NewFS(th)
	})
	return r, l
}

// TestLyingServer answers nonsense: every call must end with an error, and the kernel go on.
func TestLyingServer(t *testing.T) {
	msg := func(typ uint8, tag uint16, body ...byte) []byte {
		b := make([]byte, 7, 7+len(body))
		binary.LittleEndian.PutUint32(b, uint32(7+len(body)))
		b[4] = typ
		binary.LittleEndian.PutUint16(b[5:], tag)
		return append(b, body...)
	}
	lies := map[string]func(typ uint8, tag uint16) []byte{
		"nothing":        func(uint8, uint16) []byte { return []byte{} },
		"3 bytes":        func(uint8, uint16) []byte { return []byte{1, 2, 3} },
		"no body":        func(typ uint8, tag uint16) []byte { return msg(typ+1, tag) },
		"other type":     func(typ uint8, tag uint16) []byte { return msg(typ+3, tag, make([]byte, 200)...) },
		"its own type":   func(typ uint8, tag uint16) []byte { return msg(typ, tag, make([]byte, 200)...) },
		"other tag":      func(typ uint8, tag uint16) []byte { return msg(typ+1, tag+1, make([]byte, 200)...) },
		"all ones":       func(typ uint8, tag uint16) []byte { return msg(typ+1, tag, bytes.Repeat([]byte{0xff}, 200)...) },
		"size too big":   func(typ uint8, tag uint16) []byte { b := msg(typ+1, tag, make([]byte, 200)...); b[3] = 0x7f; return b },
		"error 0":        func(typ uint8, tag uint16) []byte { return msg(p9.Rlerror, tag, 0, 0, 0, 0) },
		"error restart":  func(typ uint8, tag uint16) []byte { return msg(p9.Rlerror, tag, 0, 2, 0, 0) }, // 512
		"error huge":     func(typ uint8, tag uint16) []byte { return msg(p9.Rlerror, tag, 0xff, 0xff, 0xff, 0xff) },
		"error no entry": func(typ uint8, tag uint16) []byte { return msg(p9.Rlerror, tag, 2, 0, 0, 0) },
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			r, l := mountLiar(t)
			for i, target := range []uint8{p9.Twalk, p9.Tgetattr, p9.Tlopen, p9.Tread, p9.Treaddir} {
				l.set(func(typ uint8, tag uint16, _ *p9.Decoder) []byte {
					if typ == target {
						return lie(typ, tag)
					}
					return nil
				})
				r.Run(func(th *sched.Thread) {
					var err error
					if target == p9.Treaddir {
						_, err = r.list(th, "/", 100)
					} else {
						_, err = r.read(th, fmt.Sprintf("/file%d", i))
					}
					// What Rlopen says beyond its type is not used, and a listing may be empty.
					unused := target == p9.Tlopen && (name == "no body" || name == "all ones") || target == p9.Treaddir
					if err == nil && !unused || errno.Of(err).Internal() {
						t.Errorf("request %d: %v", target, err)
					}
				})
			}
			l.set(nil)
			r.Run(func(th *sched.Thread) {
				if got, err := r.read(th, "/good"); err != nil || len(got) != 100_000 {
					t.Errorf("afterwards: %d bytes, %v", len(got), err)
				}
			})
		})
	}
}

func TestHostileListings(t *testing.T) {
	dirent := func(e *p9.Encoder, name string, off uint64) {
		e.Dirent(p9.Dirent{Offset: off, Type: abi.DT_REG, Name: name})
	}
	for name, f := range map[string]func(e *p9.Encoder){
		"slash in a name":   func(e *p9.Encoder) { dirent(e, "a/b", 1); dirent(e, "good", 2) },
		"NUL in a name":     func(e *p9.Encoder) { dirent(e, "a\x00b", 1); dirent(e, "good", 2) },
		"same cookie":       func(e *p9.Encoder) { dirent(e, "a", 0) },
		"negative cookie":   func(e *p9.Encoder) { dirent(e, "a", 1<<63) },
		"cut off":           func(e *p9.Encoder) { dirent(e, "a", 1); e.U32(5) },
		"only bad names":    func(e *p9.Encoder) { dirent(e, "", 1) },
		"name beyond bytes": func(e *p9.Encoder) { e.QID(p9.QID{}); e.U64(1); e.U8(8); e.U16(60000) },
	} {
		r, l := mountLiar(t)
		l.set(func(typ uint8, tag uint16, args *p9.Decoder) []byte {
			if typ != p9.Treaddir {
				return nil
			}
			args.U32()
			e := p9.Start(make([]byte, 4096), typ+1, tag)
			e.U32(0)
			if args.U64() == 0 {
				f(e)
			}
			e.PutU32(7, uint32(e.Len()-11))
			return e.Finish(0)
		})
		r.Run(func(th *sched.Thread) {
			all, err := r.list(th, "/", 100)
			for _, e := range all {
				if !p9.Valid(e.Name) {
					t.Errorf("%s: the listing has the name %q", name, e.Name)
				}
			}
			if err == nil && len(all) == 0 {
				t.Errorf("%s: an empty listing without an error", name)
			}
		})
	}
}

// TestAbandonedRead interrupts a read that the server holds: the reader returns at once, the frames
// stay the device's until it is done, and the slot is used again.
func TestAbandonedRead(t *testing.T) {
	r, l := mountLiar(t)
	l.mu.Lock()
	l.hold = true
	l.mu.Unlock()
	reader := r.Go(func(th *sched.Thread) {
		f, err := r.open(th, "/file", abi.O_RDONLY)
		if err != nil {
			t.Error(err)
			return
		}
		_, err = f.Read(th, mm.KernelIO(make([]byte, 100)))
		if err != errno.RestartSys {
			t.Errorf("read: %v", err)
		}
		th.SigPending.Store(false)
		f.Close(th, nil)
	})
	var free uint64
	r.Run(func(th *sched.Thread) {
		holds := func() bool { // the server has the read, and the reader waits
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.held) > 0
		}
		for !holds() || reader.Thread.WaitName != "9p_read" {
			th.Yield()
		}
		free = r.Memory.Stats(th).Free
		r.Sched.Signal(reader.Thread)
	})
	reader.Wait()
	r.Run(func(th *sched.Thread) {
		if now := r.Memory.Stats(th).Free; now > free+64 {
			t.Errorf("%d frames were freed while the device has them", now-free)
		}
	})
	l.mu.Lock()
	l.hold = false
	held := l.held
	l.mu.Unlock()
	if len(held) != 1 {
		t.Fatalf("%d reads are held", len(held))
	}
	l.Do(func() {
		held[0].Write(append([]byte{0xff}, bytes.Repeat([]byte{0xaa}, 4000)...))
		l.Queues[0].Push(held[0])
	})
	r.Run(func(th *sched.Thread) {
		for range 40 { // more than there are slots
			if got, err := r.read(th, "/file"); err != nil || len(got) != 100_000 || bytes.IndexByte(got, 0xaa) >= 0 {
				t.Errorf("afterwards: %d bytes, %v", len(got), err)
			}
		}
	})
}

// TestLostDevice breaks the ring in mid-flight: all that wait get EIO.
func TestLostDevice(t *testing.T) {
	r, l := mountLiar(t)
	l.mu.Lock()
	l.hold = true
	l.mu.Unlock()
	reader := r.Go(func(th *sched.Thread) {
		if _, err := r.read(th, "/file"); errno.Of(err) != errno.EIO {
			t.Errorf("read: %v", err)
		}
	})
	r.Run(func(th *sched.Thread) {
		for reader.Thread.WaitName != "9p_read" {
			th.Yield()
		}
	})
	l.Break(fmt.Errorf("for the test"))
	reader.Wait()
	r.Run(func(th *sched.Thread) {
		if _, err := r.read(th, "/other"); errno.Of(err) != errno.EIO {
			t.Errorf("read afterwards: %v", err)
		}
	})
}
