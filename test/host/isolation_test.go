package host

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the host's kernel says of the processes of a machine: rights, files, memory.
func TestProcessesAreConfined(t *testing.T) {
	root := hostile(t)
	// A descriptor that this process would hand on to all its children.
	secret, err := os.Create(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	dir := t.TempDir()
	cmd := command(dir, "-root", root, "--", "sh", "-c", "/bin/hostile spin & sleep 1000 & echo ready; cat")
	cmd.ExtraFiles = []*os.File{secret, secret}
	m := startCommand(t, dir, cmd)
	m.out.expect(t, "^ready$")

	seen := 0
	for _, pid := range append(m.cells(), m.kernel) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue // a cell that has just ended
		}
		for _, want := range []string{`CapInh:\t0+$`, `CapPrm:\t0+$`, `CapEff:\t0+$`, `CapBnd:\t0+$`, `CapAmb:\t0+$`, `NoNewPrivs:\t1$`, `Seccomp:\t2$`} {
			if os.Getuid() != 0 && strings.HasPrefix(want, "CapBnd") {
				continue // an ordinary user's bounding set is no right
			}
			if !regexp.MustCompile("(?m)^" + want).Match(status) {
				t.Errorf("process %d: no %s in\n%s", pid, want, status)
			}
		}
		fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		for _, fd := range fds {
			to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
			ok := strings.HasPrefix(to, "/memfd:vitrine-") || to == "anon_inode:[userfaultfd]"
			if pid == m.kernel {
				n, _ := strconv.Atoi(fd.Name())
				ok = ok || strings.HasPrefix(to, "anon_inode:") || to == "/dev/null" || strings.HasPrefix(to, "/sys/fs/cgroup/") ||
					n == 2 && strings.HasPrefix(to, "pipe:") || n == 3 && strings.HasPrefix(to, "socket:")
			}
			if !ok && to != "" {
				t.Errorf("process %d has descriptor %s: %s", pid, fd.Name(), to)
			}
		}
		if pid != m.kernel {
			checkMaps(t, pid)
		}
		seen++
	}
	if seen < 4 {
		t.Errorf("only %d processes", seen)
	}
	m.privateMemory()
	m.in.Close()
	m.cmd.Process.Kill()
	m.wait()
	m.noProcesses()
}

// mapping is a line of /proc/PID/maps.
type mapping struct {
	lo, hi, off uint64
	prot, file  string
}

func mapsOf(pid int) (all []mapping) {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var m mapping
		var dev string
		var ino uint64
		fmt.Sscanf(line, "%x-%x %s %x %s %d", &m.lo, &m.hi, &m.prot, &m.off, &dev, &ino)
		if f := strings.Fields(line); len(f) > 5 {
			m.file = f[5]
		}
		if line != "" {
			all = append(all, m)
		}
	}
	return all
}

// checkMaps: a cell has guest RAM below its own code, then that code, an order page that it cannot write, and thread areas that
// it cannot execute. No vDSO, no stack, no heap.
func checkMaps(t *testing.T, pid int) {
	t.Helper()
	for _, m := range mapsOf(pid) {
		ok := false
		switch m.file {
		case "/memfd:vitrine-ram":
			ok = m.hi <= cellBase && m.prot[3] == 's'
		case "/memfd:vitrine-cell":
			ok = m.lo == cellBase && m.prot == "r-xp"
		case "/memfd:vitrine-ctl":
			ok = m.lo == orderVA && m.hi == orderVA+0x10000 && m.prot == "r--s" || m.lo >= areaVA && m.hi <= areaEnd && m.prot == "rw-s"
		case "[vsyscall]", "[uprobes]":
			ok = true
		}
		if !ok {
			t.Errorf("cell %d maps %x-%x %s %s", pid, m.lo, m.hi, m.prot, m.file)
		}
	}
}

// privateMemory: what one cell can write no other can see (no program here shares memory), neither RAM nor control pages.
func (m *vm) privateMemory() {
	t := m.t
	t.Helper()
	type owned struct {
		mapping
		pid int
	}
	var all []owned
	for _, pid := range m.cells() {
		for _, x := range mapsOf(pid) {
			if x.file == "/memfd:vitrine-ram" || x.file == "/memfd:vitrine-ctl" {
				all = append(all, owned{x, pid})
			}
		}
	}
	for _, w := range all {
		if w.prot[1] != 'w' {
			continue
		}
		for _, x := range all {
			if x.pid != w.pid && x.file == w.file && x.off < w.off+w.hi-w.lo && w.off < x.off+x.hi-x.lo {
				t.Errorf("%s: cell %d writes %x+%x, cell %d maps %x+%x %s", w.file, w.pid, w.off, w.hi-w.lo, x.pid, x.off, x.hi-x.lo, x.prot)
			}
		}
	}
}

// A program looks for another's memory, the kernel's and the host's.
func TestPeek(t *testing.T) {
	root := hostile(t)
	for _, smp := range []string{"1", "4"} {
		status, out, errs := run(t, "-smp", smp, "-root", root, "--", "/bin/hostile", "peek")
		if status != 0 || !regexp.MustCompile(`^peek: found 0, [1-9]\d* pages`).MatchString(out) {
			t.Errorf("status %d\n%s%s", status, out, errs)
		}
	}
}

const hostSecret = "a line of a file of the host"

// tree makes a directory with all kinds of ways out, and a secret outside of it.
func tree(t *testing.T) (dir, outside string) {
	outside = t.TempDir()
	dir = t.TempDir()
	root := hostile(t)
	for _, d := range []string{"bin", "proc", "sys", "dev", "tmp", "etc", "d", "real"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"box", "hostile"} {
		if err := os.Link(filepath.Join(root, "bin", name), filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range strings.Fields("sh cat ls echo rm mv chmod ln mkdir touch cp seq sync true") {
		os.Symlink("box", filepath.Join(dir, "bin", name))
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "f"), hostSecret+"\n")
	write(filepath.Join(dir, "etc/passwd"), "of the guest\n")
	write(filepath.Join(dir, "etc/file"), "file\n")
	write(filepath.Join(dir, "real/f"), "real\n")
	for name, target := range map[string]string{
		"abs":       filepath.Join(outside, "f"),
		"absdir":    outside,
		"rel":       "../../../../../../../../../.." + outside + "/f",
		"passwd":    "/etc/passwd",
		"up":        "..",
		"slash":     "/",
		"d/climb":   "../../../../../../..",
		"d/proc":    "/proc/1/root" + outside + "/f",
		"d/self":    "/proc/self/root/../../" + outside + "/f",
		"etc/chain": "../up/../up/../abs",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, outside
}

// snapshot describes all below dir.
func snapshot(t *testing.T, dir string) map[string]string {
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		text := ""
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			text, _ = os.Readlink(path)
		case unix.S_IFREG:
			data, _ := os.ReadFile(path)
			text = string(data)
		}
		all[path] = fmt.Sprint(st.Mode, st.Uid, st.Gid, st.Size, st.Mtim, st.Ctim, len(text), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Links of the directory that -root serves lead nowhere but into the guest's tree, and nothing in it changes.
func TestRootDirectoryIsConfined(t *testing.T) {
	dir, outside := tree(t)
	before := snapshot(t, dir)
	status, out, errs := run(t, "-root", dir, "--", "sh", "-c", `
		out=`+outside+`
		for f in /abs /absdir/f /rel /up/abs /slash$out/f /d/climb$out/f /d/proc /d/self /etc/chain /../../../..$out/f $out/f /absdir/../f /d/../..$out/f; do
			cat $f && echo "$f leads out"
		done
		cat /passwd /up/up/etc/passwd /d/climb/etc/passwd
		ls -R /d /etc /real >/dev/null
		echo changed >/etc/passwd; echo new >/etc/new; rm /etc/file; mv /real /moved; chmod 777 /etc; ln /etc/passwd /etc/hard; ln -s x /d/y
		mkdir /abs /d/z; touch /bin/box; rm -r /d; cp /bin/sh /bin/new; rm /fifo /abs; echo over >/abs; sync
		cat /etc/passwd /abs /moved/f`)
	if status != 0 || strings.Contains(out, "leads out") || strings.Contains(out, hostSecret) {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	if want := strings.Repeat("of the guest\n", 3) + "changed\nover\nreal\n"; out != want {
		t.Errorf("the guest sees\n%swant\n%s%s", out, want, errs)
	}
	after := snapshot(t, dir)
	for path, x := range before {
		if after[path] != x {
			t.Errorf("%s changed on the host", path)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, there were %d", len(after), len(before))
	}
}

// Somebody on the host exchanges a directory and a link that leads out, all the time: the server never follows it.
func TestRootDirectoryThatChanges(t *testing.T) {
	dir, outside := tree(t)
	swap := filepath.Join(dir, "swap")
	link := filepath.Join(dir, "swaplink")
	if err := os.Mkdir(swap, 0o755); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(swap, "f"), []byte("inside\n"), 0o644)
	os.Symlink(outside, link)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				unix.Renameat2(unix.AT_FDCWD, swap, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
			}
		}
	}()
	_, out, _ := run(t, "-root", dir, "--", "sh", "-c", `
		for i in $(seq 40); do all="$all /swap/f /swaplink/f /swap/../swap/f"; done
		for i in $(seq 20); do cat $all; ls /swap/ /swaplink/; done; echo done`)
	close(stop)
	<-stopped
	if strings.Contains(out, hostSecret) {
		t.Error("the server followed a link out of its directory")
	}
	if !strings.HasSuffix(out, "done\n") {
		t.Errorf("the guest did not finish:\n%s", tail(out))
	}
}
