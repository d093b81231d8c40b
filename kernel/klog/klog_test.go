package klog

import (
	"strings"
	"testing"

	"vitrine/kernel/bootparam"
	"vitrine/machine/fake"
	"vitrine/machine/layout"
)

func newLog(t *testing.T) (*Log, *fake.Machine) {
	m := fake.New(fake.Options{})
	t.Cleanup(m.Close)
	l, err := New(layout.Ring(m.RAM(), m.Boot(), "dmesg"), m.Clock())
	if err != nil {
		t.Fatal(err)
	}
	return l, m
}

func TestMessages(t *testing.T) {
	l, m := newLog(t)
	l.Infof("mm: %d MiB of RAM", 64)
	m.Advance(1_234_567_000)
	l.Errf("disk: gone\n")
	l.User(Notice, "from a program")
	r := l.Read()
	var got []string
	for msg, ok := r.Next(); ok; msg, ok = r.Next() {
		got = append(got, msg.Level.String()+" "+msg.String())
		if msg.User != strings.Contains(msg.Text, "program") {
			t.Errorf("%q: user %v", msg.Text, msg.User)
		}
	}
	want := "info [    0.000000] mm: 64 MiB of RAM|err [    1.234567] disk: gone|notice [    1.234567] from a program"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("log:\n%s, want\n%s", s, want)
	}
	r.Seek(0)
	if msg, _ := r.Next(); msg.Text != "mm: 64 MiB of RAM" {
		t.Errorf("after seek: %q", msg.Text)
	}
}

func TestConsole(t *testing.T) {
	for line, want := range map[string]string{
		"": "err", "loglevel=8": "err info debug", "loglevel=7": "err info", "debug": "err info debug",
		"quiet": "err", "loglevel=1": "", "loglevel=99": "err info debug", "loglevel=-3": "",
	} {
		l, _ := newLog(t)
		l.Configure(bootparam.Parse(line))
		var got []string
		l.SetConsole(func(m Message) { got = append(got, m.Text) })
		l.Errf("err")
		l.Infof("info")
		l.Debugf("debug")
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: console shows %q, want %q", line, s, want)
		}
		l.SetConsole(nil)
		l.Emergf("nobody hears")
	}
}

func TestLongLinesAreCut(t *testing.T) {
	l, _ := newLog(t)
	l.Infof("%s", strings.Repeat("x", 5*MaxLine))
	if m, ok := l.Read().Next(); !ok || len(m.Text) != MaxLine {
		t.Errorf("%d bytes", len(m.Text))
	}
}

func TestNilLogIsSilent(t *testing.T) {
	var l *Log
	l.Infof("nothing")
	l.User(Info, "nothing")
	if new(Limit).Ok(l) {
		t.Error("a nil log wants more")
	}
}

func TestLimit(t *testing.T) {
	l, m := newLog(t)
	var r Limit
	count := func() (n int) {
		for range 100 {
			if r.Ok(l) {
				n++
			}
		}
		return n
	}
	if n := count(); n != 10 {
		t.Errorf("%d messages at once", n)
	}
	m.Advance(6e9)
	if n := count(); n != 10 {
		t.Errorf("%d messages later", n)
	}
}
