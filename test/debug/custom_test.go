package debug

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitrine/dap"
	"vitrine/dap/daptest"
)

// processes asks for all processes.
func processes(t *testing.T, c *daptest.Client) []dap.Process {
	t.Helper()
	var body dap.ProcessesBody
	c.Do("vitrine/processes", nil, &body)
	return body.Processes
}

// called finds a process by its name.
func called(t *testing.T, c *daptest.Client, comm string) dap.Process {
	t.Helper()
	all := processes(t, c)
	i := slices.IndexFunc(all, func(p dap.Process) bool { return p.Comm == comm })
	if i < 0 {
		t.Fatalf("there is no %s: %+v", comm, all)
	}
	return all[i]
}

// TestProcesses: a process with its files and signals; it is killed, while the machine runs and while it stands still.
func TestProcesses(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c, _ := stdio(t)
		launch(t, c, "read x; echo first; sleep 1000; echo $?; sleep 1001; echo $?", smp)
		c.ConfigurationDone()
		c.Do("vitrine/console", map[string]any{"stdin": "go\n"}, nil)
		asleep := func(after string) dap.Process {
			c.WaitOutput("stdout", after)
			for { // it is about to begin
				for _, p := range processes(t, c) {
					if p.Comm == "sleep" && p.State == "S" && p.Threads[0].Wait != "" {
						return p
					}
				}
			}
		}
		p := asleep("first\n")
		if sh := called(t, c, "sh"); p.PPID != sh.PID || p.PID != p.Threads[0].TID || p.CPU == 0 || p.Started < sh.Started {
			t.Errorf("%+v", p)
		}
		var d dap.ProcessBody
		c.Do("vitrine/process", dap.ProcessArguments{PID: p.PID}, &d)
		if len(d.Files) < 3 || !strings.HasPrefix(d.Files[0].Path, "/dev/") || len(d.Maps) == 0 || !slices.Contains(d.Signals.Caught, "SIGURG") { // Go's runtime
			t.Errorf("%+v", d)
		}
		var k dap.KillBody
		c.Do("vitrine/kill", dap.KillArguments{PID: p.PID, Signal: "TERM"}, &k)
		if k.Pending {
			t.Error("the machine runs, and the signal waits")
		}
		second := asleep("143\n")
		if second.PID == p.PID {
			t.Errorf("%+v after %+v", second, p)
		}
		c.Do("pause", nil, nil)
		c.Stopped()
		c.Do("vitrine/kill", dap.KillArguments{PID: second.PID, Signal: 9}, &k)
		if !k.Pending {
			t.Error("the machine stands still, and the signal does not wait")
		}
		if q := called(t, c, "sleep"); q.PID != second.PID {
			t.Errorf("%+v", q)
		}
		c.Refused("vitrine/kill", dap.KillArguments{PID: p.PID, Signal: 9})
		c.Continue()
		c.Exited()
		if out := c.Output("stdout"); out != "first\n143\n137\n" {
			t.Errorf("output %q", out)
		}
	})
}

// TestSyscallEvents: system calls are told of as long as somebody follows, and only those that he wants.
func TestSyscallEvents(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c, _ := stdio(t)
		launch(t, c, "echo ready; read x; cat /etc/hostname /no/such; read y; cat /etc/hostname; read z; true", smp)
		c.ConfigurationDone()
		c.WaitOutput("stdout", "ready\n") // the kernel is there to be told
		enter := func() { c.Do("vitrine/console", map[string]any{"stdin": "go\n"}, nil) }
		c.Refused("vitrine/syscalls", dap.SyscallsArguments{Follow: true, Names: []string{"nonsense"}})
		var s dap.SyscallsBody
		c.Do("vitrine/syscalls", dap.SyscallsArguments{Follow: true, Names: []string{"openat", "execve", "exit_group"}}, &s)
		if !s.Recording || s.Pending {
			t.Errorf("%+v", s)
		}
		enter()
		var calls []dap.Syscall
		for !slices.ContainsFunc(calls, func(s dap.Syscall) bool { return s.Name == "exit_group" && s.Comm == "cat" }) {
			var ev dap.SyscallsEvent
			if err := json.Unmarshal(c.Event("vitrine/syscalls").Body, &ev); err != nil || ev.Dropped != 0 {
				t.Fatalf("%v, %+v", err, ev)
			}
			calls = append(calls, ev.Calls...)
		}
		find := func(name string, args ...string) dap.Syscall {
			i := slices.IndexFunc(calls, func(s dap.Syscall) bool { return s.Name == name && slices.Equal(s.Args[:len(args)], args) })
			if i < 0 {
				t.Fatalf("there is no %s%q: %+v", name, args, calls)
			}
			return calls[i]
		}
		open, exec := find("openat", "AT_FDCWD", `"/etc/hostname"`), find("execve")
		if open.Comm != "cat" || open.PID == 0 || open.TID < open.PID || open.Nr != 257 || open.Ret < 0 || open.Errno != "" || open.Start == 0 || open.End < open.Start {
			t.Errorf("%+v", open)
		}
		if exec.PID != open.PID || exec.Ret != 0 || exec.Seq >= open.Seq || exec.Start >= open.Start {
			t.Errorf("%+v before %+v", exec, open)
		}
		if lost := find("openat", "AT_FDCWD", `"/no/such"`); lost.Errno != "ENOENT" || lost.Ret != -2 {
			t.Errorf("%+v", lost)
		}
		for _, s := range calls {
			if !slices.Contains([]string{"openat", "execve", "exit_group"}, s.Name) {
				t.Errorf("nobody wants %+v", s)
			}
		}
		// While the machine stands still the kernel can't be told; it begins when it runs. The shell alone.
		c.Do("pause", nil, nil)
		c.Stopped()
		sh := called(t, c, "sh").PID
		c.Do("vitrine/syscalls", dap.SyscallsArguments{Follow: true, PID: sh}, &s)
		if !s.Recording || !s.Pending {
			t.Errorf("%+v", s)
		}
		c.Continue()
		enter()
		for read := false; !read; {
			var ev dap.SyscallsEvent
			if err := json.Unmarshal(c.Event("vitrine/syscalls").Body, &ev); err != nil {
				t.Fatal(err)
			}
			for _, s := range ev.Calls {
				if s.PID != sh {
					t.Errorf("nobody wants %+v", s)
				}
				read = read || s.Name == "wait4"
			}
		}
		c.Do("vitrine/syscalls", dap.SyscallsArguments{}, &s)
		if s.Recording {
			t.Errorf("%+v", s)
		}
		for c.Evaluate(0, "kernel.The.Calls.filter.v").Result != "unsafe.Pointer(0x0)" { // the kernel is told; nobody waits for that
		}
		enter()
		c.Exited()
	})
}

// TestSyscallFlood: a program makes more calls than can be told of. What is not shown is counted, and nobody is held up.
func TestSyscallFlood(t *testing.T) {
	c, _ := stdio(t)
	const blocks = 50_000 // a read and a write each
	launch(t, c, fmt.Sprintf("echo ready; read x; dd if=/dev/zero of=/dev/null bs=1 count=%d; echo over; read y", blocks), nil)
	c.ConfigurationDone()
	c.WaitOutput("stdout", "ready\n")
	c.Do("vitrine/syscalls", dap.SyscallsArguments{Follow: true, Names: []string{"read", "write"}}, nil)
	enter := func() { c.Do("vitrine/console", map[string]any{"stdin": "go\n"}, nil) }
	enter()
	var shown, dropped uint64
	for seq := uint64(0); shown+dropped < 2*blocks; {
		var ev dap.SyscallsEvent
		if err := json.Unmarshal(c.Event("vitrine/syscalls").Body, &ev); err != nil || len(ev.Calls) > 2000 {
			t.Fatalf("%d calls, %v", len(ev.Calls), err)
		}
		for _, s := range ev.Calls {
			if s.Seq <= seq {
				t.Fatalf("number %d comes after %d", s.Seq, seq)
			}
			seq = s.Seq
		}
		shown, dropped = shown+uint64(len(ev.Calls)), dropped+ev.Dropped
	}
	t.Logf("%d are shown, %d are not", shown, dropped)
	c.WaitOutput("stdout", "over\n")
	if shown == 0 || shown+dropped > 2*blocks+1000 {
		t.Errorf("%d are shown, %d are not", shown, dropped)
	}
	enter()
	c.Exited()
}

// TestSound: what is played is told of, and can be had.
func TestSound(t *testing.T) {
	c, _ := stdio(t)
	launch(t, c, "play tone tone tone; read x", map[string]any{"audio": "none"})
	var body dap.SoundBody
	c.Do("vitrine/sound", dap.SoundArguments{Follow: true}, &body)
	if len(body.Streams) != 2 || body.Streams[0].State != "open" || body.Streams[0].Direction != "playback" || body.Streams[1].Direction != "capture" {
		t.Fatalf("%+v", body)
	}
	c.ConfigurationDone()
	next := func() dap.SoundStream {
		if err := json.Unmarshal(c.Event("vitrine/sound").Body, &body); err != nil {
			t.Fatal(err)
		}
		return body.Streams[0]
	}
	last := int64(0)
	for range 5 {
		s := next()
		if s.State == "running" && s.Position > 2000 && (len(s.Levels) != s.Channels || s.Levels[0] < -30 || s.Levels[0] > 0 || s.Rate == 0 || s.Position <= last) {
			t.Errorf("%+v after %d", s, last)
		}
		last = s.Position
	}
	var samples dap.SoundSamplesBody
	c.Do("vitrine/soundSamples", dap.SoundSamplesArguments{Seconds: 10}, &samples)
	if samples.Position < last {
		t.Errorf("position %d after %d", samples.Position, last)
	}
	if want := last * 2 * int64(samples.Channels); int64(len(samples.Data)) < want || samples.Format != "s16" || samples.Rate != body.Streams[0].Rate {
		t.Errorf("%d bytes of %d, %s, %d Hz", len(samples.Data), want, samples.Format, samples.Rate)
	}
	for s := next(); s.State == "running"; {
		s = next()
	}
	for _, a := range []dap.SoundSamplesArguments{{Seconds: 11}, {Seconds: 1, Device: "x"}, {Seconds: 1, Direction: "up"}} {
		c.Refused("vitrine/soundSamples", a)
	}
	c.Do("vitrine/console", map[string]any{"stdin": "go\n"}, nil)
	if status := c.Exited(); status != 0 {
		t.Errorf("status %d: %s", status, fmt.Sprint(c.Output("")))
	}
}
