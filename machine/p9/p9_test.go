package p9

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	a := Attr{
		Valid: GetattrBasic, QID: QID{QTDir, 7, 1 << 60}, Mode: 0o40755, UID: 1, GID: 2, Nlink: 3, Rdev: 4, Size: 5, BlkSize: 6,
		Blocks: 7, Atime: -1, Mtime: 1_700_000_000_123_456_789, Ctime: 0, Btime: -1_000_000_000,
	}
	s := SetAttr{Valid: 1, Mode: 2, UID: 3, GID: 4, Size: 5, Atime: 6, Mtime: -7}
	f := StatFS{Type: 1, BlkSize: 2, Blocks: 3, Bfree: 4, Bavail: 5, Files: 6, Ffree: 7, FSID: 8, NameLen: 9}
	d := Dirent{QID: QID{1, 2, 3}, Offset: 4, Type: 5, Name: "name"}
	e := Start(make([]byte, 1000), Tgetattr, 42)
	e.Attr(&a)
	e.SetAttr(&s)
	e.StatFS(&f)
	before := e.Len()
	e.Dirent(d)
	if e.Len()-before != DirentSize(d.Name) {
		t.Errorf("an entry takes %d bytes, DirentSize says %d", e.Len()-before, DirentSize(d.Name))
	}
	e.Str("")
	msg := e.Finish(0)
	size, typ, tag, r := Open(msg)
	if int(size) != len(msg) || typ != Tgetattr || tag != 42 {
		t.Errorf("header %d %d %d", size, typ, tag)
	}
	if got := r.Attr(); got != a {
		t.Errorf("attr %+v, want %+v", got, a)
	}
	if got := r.SetAttr(); got != s {
		t.Errorf("setattr %+v, want %+v", got, s)
	}
	if got := r.StatFS(); got != f {
		t.Errorf("statfs %+v, want %+v", got, f)
	}
	if got := r.Dirent(); !reflect.DeepEqual(got, d) {
		t.Errorf("dirent %+v, want %+v", got, d)
	}
	if r.Str() != "" || r.Err != nil || r.Len() != 0 {
		t.Errorf("%d bytes are left, %v", r.Len(), r.Err)
	}
}

func TestBounds(t *testing.T) {
	e := Start(make([]byte, 10), Twalk, 1)
	e.Str("too long")
	e.U8(1)
	if e.Err != ErrFull {
		t.Errorf("Encoder: %v", e.Err)
	}
	e = Start(make([]byte, 3), Twalk, 1)
	if e.Err != ErrFull {
		t.Errorf("Encoder without room for a header: %v", e.Err)
	}
	e = Start(make([]byte, 100_000), Twalk, 1)
	if e.Str(strings.Repeat("x", 70_000)); e.Err != ErrFull {
		t.Errorf("a string that its length does not fit: %v", e.Err)
	}
	d := OpenBody([]byte{5, 0, 'a', 'b'})
	if s := d.Str(); s != "" || d.Err != ErrShort || d.U64() != 0 || d.Len() != 0 {
		t.Errorf("Decoder: %q, %v", s, d.Err)
	}
	for name, want := range map[string]bool{
		"a": true, "...": true, "": false, ".": false, "..": false, "a/b": false, "a\x00": false,
		strings.Repeat("n", 255): true, strings.Repeat("n", 256): false,
	} {
		if Valid(name) != want {
			t.Errorf("Valid(%q) is %v", name, !want)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x10\x00\x00\x00\x6e\x01\x00\x02\x00ab"))
	f.Fuzz(func(t *testing.T, b []byte) {
		keep := bytes.Clone(b)
		for _, take := range []func(d *Decoder){
			func(d *Decoder) { d.Attr() }, func(d *Decoder) { d.SetAttr() }, func(d *Decoder) { d.StatFS() },
			func(d *Decoder) {
				for d.Len() > 0 {
					d.Dirent()
				}
			},
		} {
			_, _, _, d := Open(b)
			take(d)
			d.Peek32()
			d.Rest()
		}
		if !bytes.Equal(b, keep) {
			t.Fatal("decoding changed the message")
		}
	})
}
