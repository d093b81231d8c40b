package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestProcesses looks at processes while the machine runs and while it stands still.
func TestProcesses(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		t.Run(fmt.Sprintf("smp%d", cpus), func(t *testing.T) {
			m := start(t, cpus)
			m.run("cd /tmp; exec 8>>log 9</etc/passwd; trap 'echo no' INT; trap '' TERM; echo r''eady", "ready")
			m.run("mount -t tmpfs x /tmp; exec 6>/tmp/in 7>/tmp/gone; busybox rm /tmp/gone; echo m''ounted", "mounted")
			m.run("sh -c '/bin/true & exec sleep 1000' & echo st''arted", "started") // nobody waits for true
			s := New(m)
			c := connect(t, s, false)
			must := must[[]Process](t)
			for settled := 0; settled < 3; { // while all runs
				settled = 0
				for _, p := range must(c.Processes()) {
					if p.State == map[string]string{"sh": "S", "sleep": "S", "true": "Z"}[p.Comm] {
						settled++
					}
				}
			}
			check := func(all []Process) {
				t.Helper()
				find := func(comm string) *Process {
					i := slices.IndexFunc(all, func(p Process) bool { return p.Comm == comm })
					if i < 0 {
						t.Fatalf("there is no %s: %+v", comm, all)
					}
					return &all[i]
				}
				sh := find("sh")
				if p := find("true"); p.PPID != find("sleep").PID || p.State != "Z" || p.Wait != "" {
					t.Errorf("%+v", p)
				}
				if sh.PID != 1 || sh.PPID != 0 || sh.State != "S" || sh.Wait == "" || sh.CPU == 0 || sh.UID != 0 || sh.Started == 0 || len(sh.Threads) != 1 {
					t.Errorf("%+v", sh)
				}
				if p := find("sleep"); p.PPID != 1 || p.State != "S" || p.Threads[0].TID != p.PID || p.Threads[0].Name != "sleep" || p.Threads[0].Wait != p.Wait || p.Started < sh.Started {
					t.Errorf("%+v", p)
				}
			}
			check(must(c.Processes()))
			c.Pause()
			stopEvent(t, c)
			check(must(c.Processes()))
			d, err := c.Process(1)
			if err != nil {
				t.Fatal(err)
			}
			checkDetail(t, &d)
			all := must(c.Processes())
			i := slices.IndexFunc(all, func(p Process) bool { return p.State == "Z" })
			if d, err := c.Process(all[i].PID); err != nil || len(d.Files)+len(d.Maps) != 0 {
				t.Errorf("what has ended has %+v, %v", d, err)
			}
			if _, err := c.Process(4711); err == nil {
				t.Error("there is a process 4711")
			}
		})
	}
}

func checkDetail(t *testing.T, d *ProcessDetail) {
	t.Helper()
	const (
		appendOnly = 0o2000 // O_APPEND
		sigINT     = 1 << 1
		sigTERM    = 1 << 14
	)
	file := func(fd int) (f OpenFile) {
		if i := slices.IndexFunc(d.Files, func(f OpenFile) bool { return f.FD == fd }); i >= 0 {
			f = d.Files[i]
		}
		return f
	}
	if f := file(8); f.Path != "/tmp/log" || f.Flags&0o3 != 1 || f.Flags&appendOnly == 0 {
		t.Errorf("%+v", f)
	}
	if f := file(9); f.Path != "/etc/passwd" || f.Flags&0o3 != 0 {
		t.Errorf("%+v", f)
	}
	if f := file(6); f.Path != "/tmp/in" {
		t.Errorf("%+v", f)
	}
	if f := file(7); f.Path != "/tmp/gone (deleted)" {
		t.Errorf("%+v", f)
	}
	if f := file(0); !strings.HasPrefix(f.Path, "/dev/") {
		t.Errorf("%+v", f)
	}
	area := func(path, prot string) bool {
		return slices.ContainsFunc(d.Maps, func(m Mapping) bool {
			return m.Path == path && m.Prot == prot && m.Start < m.End && m.Start%4096 == 0
		})
	}
	if !area("/bin/busybox", "r-xp") || !area("[stack]", "rw-p") {
		t.Errorf("%+v", d.Maps)
	}
	if s := d.Signals; s.Caught&sigINT == 0 || s.Ignored&sigTERM == 0 || s.Caught&s.Ignored != 0 {
		t.Errorf("%+v", s)
	}
}

// BenchmarkProcesses lists 500 processes, while the machine runs and while it stands still.
func BenchmarkProcesses(b *testing.B) {
	m := start(b, 1)
	m.run("i=0; while [ $i -lt 500 ]; do sleep 100000 & i=$((i+1)); done 2>/dev/null; echo a''ll", "all")
	c := connect(b, New(m), false)
	bench := func(b *testing.B) {
		for b.Loop() {
			if all, err := c.Processes(); err != nil || len(all) < 500 {
				b.Fatalf("%d, %v", len(all), err)
			}
		}
	}
	b.Run("running", bench)
	c.Pause()
	stopEvent(b, c)
	b.Run("stopped", bench)
}
