// Package guest boots a whole kernel in a `go test`, with Go functions as its
// user programs: every layer from the system call down is the real one, only the machine is fake.
//
//	s := guest.Boot(t, guest.Options{Init: func(u *fakeuser.User) int {
//		fd := u.Syscall(unix.SYS_OPENAT, …)
//		return 0
//	}})
//	if status := s.Wait(); status != 0 { … }
package guest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"vitrine/kernel"
	"vitrine/kernel/ktest"
	"vitrine/kernel/platform"
	"vitrine/kernel/platform/fakeuser"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/fake"
)

// Options say what to boot.
type Options struct {
	// Made is called when there is a system and nothing runs yet: Init may need it before Boot has returned.
	Made func(s *System)

	CPUs        int
	CommandLine string
	RAM         int                         // bytes; 0: 16 MiB
	Init        fakeuser.Program            // /init
	Programs    map[string]fakeuser.Program // more programs, by path
	Files       map[string]string           // plain files, by path
}

// System is a kernel that runs.
type System struct {
	*kernel.Kernel
	K       *ktest.Kernel
	Machine *fake.Machine
}

// Boot boots a kernel. It ends with the test.
func Boot(tb testing.TB, o Options) *System {
	tb.Helper()
	if o.RAM == 0 {
		o.RAM = 16 << 20
	}
	// The programs' entry addresses must stand in the archive before there is RAM to make the platform on.
	names := []string{"/init"}
	for n := range o.Programs {
		names = append(names, n)
	}
	slices.Sort(names[1:])
	var archive bytes.Buffer
	for _, d := range []string{"dev", "proc", "tmp", "bin"} {
		entry(&archive, d, 0o40755, nil)
	}
	for i, n := range names {
		entry(&archive, n[1:], 0o100755, fakeuser.Image(fakeuser.EntryBase+16*uint64(i)))
	}
	for n, text := range o.Files {
		entry(&archive, n[1:], 0o100644, []byte(text))
	}
	entry(&archive, "TRAILER!!!", 0, nil)

	s := &System{}
	m := fake.New(fake.Options{
		Name: tb.Name(), CommandLine: "stdio=/dev/null " + o.CommandLine, CPUs: o.CPUs, RAM: o.RAM, Initrd: archive.Bytes(),
		OnHalt: func(machine.Halt) { s.K.Poke() },
	})
	var users *fakeuser.Platform
	k, err := kernel.New(m, func(*kernel.Kernel) (platform.Platform, error) {
		users = fakeuser.New(m.RAM())
		for _, n := range names {
			if n == "/init" {
				users.Register(o.Init)
			} else {
				users.Register(o.Programs[n])
			}
		}
		return users, nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	s.Kernel, s.Machine = k, m
	s.K = ktest.Watch(tb, m, k.Sched)
	oops := k.Tasks.Oopsed
	k.Tasks.Oopsed = func(t *sched.Thread, text string, stack []byte) {
		oops(t, text, stack)
		s.K.Bug(text + "\n" + string(stack))
	}
	if o.Made != nil {
		o.Made(s)
	}
	k.Boot()
	tb.Cleanup(func() {
		k.Sched.Stop()
		users.Close()
		m.Close()
	})
	return s
}

// Wait lets the kernel run until it halts and returns the status.
func (s *System) Wait() machine.Halt {
	s.K.T.Helper()
	s.K.Wait(func() bool {
		_, ok := s.Machine.Halted()
		return ok
	})
	h, _ := s.Machine.Halted()
	if h.Reason == machine.Panic {
		s.K.T.Errorf("kernel panic: %s\n%s", h.Text, s.Dmesg())
	}
	return h
}

// Dmesg returns the kernel's log.
func (s *System) Dmesg() string {
	var b bytes.Buffer
	r := s.Log.Read()
	for m, ok := r.Next(); ok; m, ok = r.Next() {
		fmt.Fprintln(&b, m)
	}
	return b.String()
}

// entry appends a file to a cpio archive in the newc format (cpio(5)).
func entry(b *bytes.Buffer, name string, mode int, data []byte) {
	fmt.Fprintf(b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", b.Len()+1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	pad := func() {
		for b.Len()%4 != 0 {
			b.WriteByte(0)
		}
	}
	b.WriteString(name + "\x00")
	pad()
	b.Write(data)
	pad()
}
