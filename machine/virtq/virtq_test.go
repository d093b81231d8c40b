package virtq

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

// featureSets are what both ends may agree on.
var featureSets = []uint64{
	FeatureVersion1,
	FeatureVersion1 | FeatureEventIdx,
	FeatureVersion1 | FeatureIndirect,
	FeatureVersion1 | FeatureIndirect | FeatureEventIdx,
}

// pair makes both ends of a queue in fresh RAM. The rings are at 0, buffers from 64 KiB on.
func pair(t testing.TB, size int, features uint64) (*Queue, *DeviceQueue, []byte) {
	t.Helper()
	ram := alignedRAM(256 << 10)
	l := Place(0, size)
	if l.Length > 64<<10 {
		t.Fatal("the queue is too big for the test's RAM")
	}
	q, err := NewQueue(ram, l, features)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDeviceQueue(ram, l, features)
	if err != nil {
		t.Fatal(err)
	}
	return q, d, ram
}

func alignedRAM(n int) []byte {
	words := make([]uint64, n/8)
	return memoryOf(words)
}

const bufBase = 64 << 10

func TestChainGoesThereAndBack(t *testing.T) {
	for _, f := range featureSets {
		t.Run(fmt.Sprintf("%#x", f), func(t *testing.T) {
			q, d, ram := pair(t, 8, f)
			copy(ram[bufBase:], "hello, ")
			copy(ram[bufBase+100:], "device")
			out := []Buf{{bufBase, 7}, {bufBase + 100, 6}}
			in := []Buf{{bufBase + 200, 3}, {bufBase + 300, 10}}
			table := Buf{bufBase + 1024, 64}
			token := new(int)
			if err := q.Add(out, in, table, token); err != nil {
				t.Fatal(err)
			}
			var c Chain
			if ok, err := d.Pop(&c); ok || err != nil {
				t.Fatalf("Pop before Publish: %v, %v", ok, err)
			}
			if !q.Publish() {
				t.Fatal("the first chain needs no kick")
			}
			if ok, err := d.Pop(&c); !ok || err != nil {
				t.Fatalf("Pop: %v, %v", ok, err)
			}
			if c.ReadLen() != 13 || c.WriteLen() != 13 {
				t.Fatalf("lengths %d, %d", c.ReadLen(), c.WriteLen())
			}
			got, _ := io.ReadAll(&c)
			if string(got) != "hello, device" {
				t.Fatalf("read %q", got)
			}
			if n, err := c.Write([]byte("abcdefgh")); n != 8 || err != nil {
				t.Fatalf("Write: %d, %v", n, err)
			}
			d.Push(c.Head, c.Written())
			if !d.NeedInterrupt() {
				t.Fatal("no interrupt")
			}
			tok, n, err := q.Get()
			if tok != token || n != 8 || err != nil {
				t.Fatalf("Get: %v, %d, %v", tok, n, err)
			}
			if !bytes.Equal(ram[bufBase+200:][:3], []byte("abc")) || !bytes.Equal(ram[bufBase+300:][:5], []byte("defgh")) {
				t.Error("the reply is not where it belongs")
			}
			if tok, _, _ := q.Get(); tok != nil {
				t.Error("the chain came back twice")
			}
			if q.Free() != 8 || q.InFlight() != 0 {
				t.Errorf("%d free, %d in flight", q.Free(), q.InFlight())
			}
			if f&FeatureIndirect != 0 {
				if err := q.Add(out, in, table, token); err != nil || q.Free() != 7 {
					t.Errorf("an indirect chain took %d descriptors, %v", 8-q.Free(), err)
				}
			}
		})
	}
}

func TestAddRefusesWhatDoesNotFit(t *testing.T) {
	q, _, ram := pair(t, 4, FeatureVersion1)
	end := uint64(len(ram))
	b := Buf{bufBase, 1}
	for _, c := range []struct {
		name string
		out  []Buf
		in   []Buf
		want error
	}{
		{"nothing", nil, nil, ErrChain},
		{"longer than the queue", []Buf{b, b, b, b, b}, nil, ErrChain},
		{"empty buffer", []Buf{{bufBase, 0}}, nil, ErrChain},
		{"beyond RAM", nil, []Buf{{end - 1, 2}}, ErrChain},
		{"address overflows", nil, []Buf{{^uint64(0), 2}}, ErrChain},
		{"full queue", []Buf{b, b, b, b}, nil, nil},
		{"no room", []Buf{b}, nil, ErrFull},
	} {
		if err := q.Add(c.out, c.in, Buf{}, &c); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestKicksAndInterruptsAreSuppressed(t *testing.T) {
	for _, f := range featureSets {
		t.Run(fmt.Sprintf("%#x", f), func(t *testing.T) {
			q, d, _ := pair(t, 8, f)
			add := func() {
				t.Helper()
				if err := q.Add([]Buf{{bufBase, 1}}, nil, Buf{}, q); err != nil {
					t.Fatal(err)
				}
			}
			var c Chain
			work := func() {
				t.Helper()
				if ok, err := d.Pop(&c); !ok || err != nil {
					t.Fatal(ok, err)
				}
				d.Push(c.Head, 0)
			}
			d.DisableKicks()
			add()
			if q.Publish() {
				t.Error("kick though the device does not want one")
			}
			if !d.EnableKicks() {
				t.Error("EnableKicks does not see the chain that came meanwhile")
			}
			work()
			add()
			if !q.Publish() {
				t.Error("no kick though the device waits")
			}
			q.DisableInterrupts()
			work()
			if d.NeedInterrupt() {
				t.Error("interrupt though the driver does not want one")
			}
			if !q.EnableInterrupts() {
				t.Error("EnableInterrupts does not see what came meanwhile")
			}
			for range 2 {
				if tok, _, err := q.Get(); tok == nil || err != nil {
					t.Fatal(tok, err)
				}
			}
			add()
			q.Publish()
			work()
			if !d.NeedInterrupt() {
				t.Error("no interrupt though the driver waits")
			}
		})
	}
}

// TestIndexesWrap sends more chains than an index can count.
func TestIndexesWrap(t *testing.T) {
	for _, f := range featureSets {
		q, d, _ := pair(t, 4, f)
		var c Chain
		for i := range 70000 {
			if err := q.Add([]Buf{{bufBase, 4}}, []Buf{{bufBase + 8, 4}}, Buf{}, &i); err != nil {
				t.Fatal(i, err)
			}
			if !q.Publish() {
				t.Fatalf("%#x: chain %d needs no kick", f, i)
			}
			if ok, err := d.Pop(&c); !ok || err != nil {
				t.Fatal(i, ok, err)
			}
			d.Push(c.Head, 4)
			if !d.NeedInterrupt() {
				t.Fatalf("%#x: chain %d needs no interrupt", f, i)
			}
			if tok, n, err := q.Get(); tok == nil || n != 4 || err != nil {
				t.Fatal(i, tok, n, err)
			}
		}
	}
}

// TestBothEndsAtOnce runs the ends on goroutines that sleep between kicks and interrupts: a lost wake-up hangs.
func TestBothEndsAtOnce(t *testing.T) {
	const total = 20000
	for _, f := range featureSets {
		t.Run(fmt.Sprintf("%#x", f), func(t *testing.T) {
			q, d, ram := pair(t, 16, f)
			kick, irq := make(chan struct{}, 1), make(chan struct{}, 1)
			ring := func(c chan struct{}) {
				select {
				case c <- struct{}{}:
				default:
				}
			}
			var wg sync.WaitGroup
			wg.Add(1)
			go func() { // the device: returns the request with each byte one more, out of order now and then
				defer wg.Done()
				rnd := rand.New(rand.NewPCG(1, 2))
				var held []*Chain
				for done := 0; done < total; {
					d.DisableKicks()
					for {
						c := new(Chain)
						ok, err := d.Pop(c)
						if err != nil {
							t.Error(err)
							return
						}
						if !ok {
							break
						}
						var b [4]byte
						c.Read(b[:])
						for i := range b {
							b[i]++
						}
						c.Write(b[:])
						held = append(held, c)
					}
					rnd.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
					for _, c := range held {
						d.Push(c.Head, c.Written())
						done++
						if rnd.IntN(2) == 0 && d.NeedInterrupt() {
							ring(irq)
						}
					}
					held = held[:0]
					if d.NeedInterrupt() {
						ring(irq)
					}
					if !d.EnableKicks() && done < total {
						<-kick
					}
				}
			}()
			free := make([]uint64, 8)
			for i := range free {
				free[i] = bufBase + uint64(i)*64
			}
			sent, got := 0, 0
			want := map[uint64]byte{}
			for got < total {
				for sent < total && len(free) > 0 {
					at := free[len(free)-1]
					err := q.Add([]Buf{{at, 4}}, []Buf{{at + 8, 2}, {at + 16, 2}}, Buf{at + 16384, 48}, at)
					if errors.Is(err, ErrFull) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
					free = free[:len(free)-1]
					for i := range uint64(4) {
						ram[at+i] = byte(sent) + byte(i)
					}
					want[at] = byte(sent)
					sent++
				}
				if q.Publish() {
					ring(kick)
				}
				q.DisableInterrupts()
				for {
					tok, n, err := q.Get()
					if err != nil || tok != nil && n != 4 {
						t.Fatal(tok, n, err)
					}
					if tok == nil {
						break
					}
					at := tok.(uint64)
					if w := want[at]; ram[at+8] != w+1 || ram[at+17] != w+4 {
						t.Fatalf("request %d came back as % x", w, ram[at+8:at+18])
					}
					free = append(free, at)
					got++
				}
				if !q.EnableInterrupts() && got < total && (sent == total || len(free) == 0) {
					<-irq
				}
				runtime.Gosched()
			}
			wg.Wait()
			t.Logf("%d kicks, %d saved; %d interrupts, %d saved", q.Kicks, q.NoKicks, d.Interrupts, d.NoInterrupts)
		})
	}
}

func TestLayoutCheck(t *testing.T) {
	good := Place(0x1000, 16)
	if err := good.Check(0x10000); err != nil {
		t.Error(err)
	}
	for name, l := range map[string]Layout{
		"size 0":         {},
		"size 3":         {Size: 3},
		"size negative":  {Size: -4},
		"size too big":   {Size: 1 << 16},
		"desc unaligned": {Size: 4, Desc: 8, Avail: 0x100, Used: 0x200},
		"avail odd":      {Size: 4, Desc: 0, Avail: 0x101, Used: 0x200},
		"used unaligned": {Size: 4, Desc: 0, Avail: 0x100, Used: 0x202},
		"desc outside":   {Size: 4, Desc: 0xfff0, Avail: 0x100, Used: 0x200},
		"used overflows": {Size: 4, Desc: 0, Avail: 0x100, Used: ^uint64(3)},
	} {
		if err := l.Check(0x10000); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, size := range []int{1, 2, 4, 256, 32768} {
		if l := Place(0x4000, size); l.Check(0x4000+l.Length) != nil || l.Check(0x4000+l.Length-1) == nil {
			t.Errorf("Place(%d): Length is not what the queue takes", size)
		}
	}
}
