package ctl

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"

	"vitrine/machine"
)

func TestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	c := NewConn(&b)
	for _, m := range []*Message{
		{Boot: &machine.Boot{Name: "m", CommandLine: "a \"b\" — c", CPUs: 3, Initrd: machine.Extent{Addr: 1, Size: 2}, Devices: []machine.Slot{{Number: 4}}}},
		{ID: 7, View: &View{Name: "ps", Args: []string{"a"}}},
		{ID: 8, Exec: &Exec{Argv: []string{"sh", "-c", "x\x00y"}, Files: [3]string{"a", "b", "c"}}},
		{ID: 7, Reply: &Reply{Table: &Table{View: "ps", Head: []string{"PID"}, Rows: [][]string{{"1"}}}}},
		{Halt: &Halt{Reason: machine.Panic, Status: 255, Text: "no init"}},
	} {
		if err := c.Send(m); err != nil {
			t.Fatal(err)
		}
		got, err := c.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("sent %+v, got %+v", m, got)
		}
	}
	if _, err := c.Receive(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestLimits(t *testing.T) {
	if _, err := Append(nil, &Message{View: &View{Name: string(make([]byte, MaxMessage))}}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a huge message is sent: %v", err)
	}
	huge := binary.LittleEndian.AppendUint32(nil, MaxMessage+1)
	if _, err := Read(bytes.NewReader(huge)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a huge message is read: %v", err)
	}
	cut := append(binary.LittleEndian.AppendUint32(nil, 10), "{}"...)
	if _, err := Read(bytes.NewReader(cut)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut message: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	b, _ := Append(nil, &Message{ID: 1, Reply: &Reply{Error: "x"}})
	f.Add(b)
	f.Add([]byte{2, 0, 0, 0, '{', '}'})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			m, err := Read(r)
			if err != nil {
				return
			}
			if _, err := Append(nil, m); err != nil {
				t.Fatal(err)
			}
		}
	})
}
