package ring

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"
)

func mem(n int) []byte {
	w := make([]uint64, n/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), n)
}

func TestLogKeepsTheNewest(t *testing.T) {
	m := mem(1024)
	l, err := NewLog(m)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		l.Append(int64(i), uint32(i%8), fmt.Appendf(nil, "line %d", i))
		r, _ := NewReader(m)
		var last Record
		n := 0
		for rec, ok := r.Next(); ok; rec, ok = r.Next() {
			if n > 0 && rec.Time != last.Time+1 {
				t.Fatalf("after %d: record %d follows %d", i, rec.Time, last.Time)
			}
			if want := fmt.Sprintf("line %d", rec.Time); string(rec.Data) != want || rec.Kind != uint32(rec.Time%8) {
				t.Fatalf("record %q kind %d, want %q", rec.Data, rec.Kind, want)
			}
			last, n = rec, n+1
		}
		if last.Time != int64(i) || n > 1024/recordHead {
			t.Fatalf("after %d: %d records, the last is %d", i, n, last.Time)
		}
	}
}

func TestLogSizes(t *testing.T) {
	for n := range 200 {
		m := mem(1024)
		l, _ := NewLog(m)
		data := bytes.Repeat([]byte{'x'}, n)
		for range 20 {
			l.Append(7, 9, data)
		}
		r := l.Reader()
		rec, ok := r.Next()
		if !ok || !bytes.Equal(rec.Data, data) || rec.Time != 7 || rec.Kind != 9 {
			t.Fatalf("size %d: got %d bytes, %v", n, len(rec.Data), ok)
		}
	}
	// What does not fit is cut.
	l, _ := NewLog(mem(1024))
	l.Append(0, 0, make([]byte, 5000))
	if rec, ok := l.Reader().Next(); !ok || len(rec.Data) == 0 || len(rec.Data) > 1024/2 {
		t.Fatalf("a huge record: %d bytes, %v", len(rec.Data), ok)
	}
}

func TestLogGoesOnAfterItsWriter(t *testing.T) {
	m := mem(512)
	l, _ := NewLog(m)
	l.Append(1, 0, []byte("first kernel"))
	l, _ = NewLog(m)
	l.Append(2, 0, []byte("second kernel"))
	r, _ := NewReader(m)
	a, _ := r.Next()
	b, _ := r.Next()
	if string(a.Data) != "first kernel" || string(b.Data) != "second kernel" {
		t.Fatalf("%q, %q", a.Data, b.Data)
	}
}

func TestReaderIsOvertaken(t *testing.T) {
	m := mem(512)
	l, _ := NewLog(m)
	r := l.Reader()
	l.Append(0, 0, []byte("seen"))
	if rec, ok := r.Next(); !ok || string(rec.Data) != "seen" {
		t.Fatal("first record")
	}
	for i := range 100 {
		l.Append(int64(i), 0, []byte("later"))
	}
	rec, ok := r.Next()
	if !ok || r.Lost == 0 || rec.Time == 0 {
		t.Fatalf("record %+v, %v, lost %d", rec, ok, r.Lost)
	}
	n := 1
	for _, ok = r.Next(); ok; _, ok = r.Next() {
		n++
	}
	if rec.Time+int64(n) != 100 {
		t.Fatalf("%d records from %d on", n, rec.Time)
	}
}

// A reader beside the writer sees whole records or none.
func TestConcurrentReader(t *testing.T) {
	m := mem(2048)
	l, _ := NewLog(m)
	const total = 20000
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			r, _ := NewReader(m)
			seen := int64(-1)
			for seen < total-1 {
				rec, ok := r.Next()
				if !ok {
					continue
				}
				if rec.Time <= seen || len(rec.Data) != int(rec.Time%100) || len(bytes.Trim(rec.Data, string(rune('a'+rec.Time%26)))) != 0 {
					t.Errorf("record %d after %d: %q", rec.Time, seen, rec.Data)
					return
				}
				seen = rec.Time
			}
		})
	}
	for i := range int64(total) {
		l.Append(i, 0, bytes.Repeat([]byte{byte('a' + i%26)}, int(i%100)))
	}
	wg.Wait()
}

func TestQueue(t *testing.T) {
	m := mem(512)
	put, _ := NewQueue(m)
	take, _ := NewQueue(m)
	if !take.Empty() {
		t.Fatal("a new queue is not empty")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var in, out int64
	for in < 5000 {
		for range rng.IntN(5) {
			data := bytes.Repeat([]byte{byte(in)}, rng.IntN(60))
			if err := put.Put(in, uint32(in), data); err == nil {
				in++
			} else if take.Empty() {
				t.Fatal("an empty queue is full")
			}
		}
		for range rng.IntN(5) {
			rec, ok := take.Take()
			if !ok {
				break
			}
			if rec.Time != out || rec.Kind != uint32(out) || len(bytes.Trim(rec.Data, string([]byte{byte(out)}))) != 0 {
				t.Fatalf("took %d %q, want %d", rec.Time, rec.Data, out)
			}
			out++
		}
	}
	if err := put.Put(0, 0, make([]byte, 600)); err != ErrFull {
		t.Fatalf("a record larger than the ring: %v", err)
	}
}

func TestTooSmall(t *testing.T) {
	for _, n := range []int{0, 8, MinSize - 8} {
		var m []byte
		if n > 0 {
			m = mem(n)
		}
		if _, err := NewLog(m); err == nil {
			t.Errorf("a log in %d bytes", n)
		}
	}
	if _, err := NewReader(mem(1024)[1:]); err == nil {
		t.Error("a reader on odd memory")
	}
}

// FuzzHostile lets the other side write anything into the ring.
func FuzzHostile(f *testing.F) {
	l, _ := NewLog(mem(256))
	l.Append(1, 2, []byte("record"))
	f.Add([]byte("garbage"), uint64(64), uint64(0))
	f.Add(make([]byte, 192), uint64(1<<63), uint64(1<<63))
	f.Fuzz(func(t *testing.T, data []byte, head, tail uint64) {
		m := mem(256)
		copy(m[headerSize:], data)
		binary.LittleEndian.PutUint64(m, head)
		binary.LittleEndian.PutUint64(m[8:], tail)
		r, _ := NewReader(m)
		n := 0
		for _, ok := r.Next(); ok; _, ok = r.Next() {
			if n++; n > 256/recordHead {
				t.Fatal("more records than the ring holds")
			}
		}
		q, _ := NewQueue(bytes.Clone(m))
		if uintptr(unsafe.Pointer(&m[0]))%8 == 0 && q != nil {
			for i := 0; !q.Empty(); i++ {
				if q.Take(); i > 256/recordHead {
					t.Fatal("a queue that does not end")
				}
			}
		}
		w, _ := NewLog(m)
		w.Append(3, 4, []byte("after"))
		found := false
		rr := w.Reader()
		for rec, ok := rr.Next(); ok; rec, ok = rr.Next() {
			found = found || string(rec.Data) == "after"
		}
		_ = found // garbage before it may hide it; that is no crash
		w.Append(5, 6, make([]byte, 90))
	})
}

func BenchmarkAppend(b *testing.B) {
	l, _ := NewLog(mem(128 << 10))
	line := []byte("[   12] openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3, some eighty bytes")
	for b.Loop() {
		l.Append(1, 7, line)
	}
}
