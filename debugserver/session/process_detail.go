package session

import (
	"errors"
	"fmt"
	"strings"

	"vitrine/debugserver/views"
)

// ProcessDetail is what a process has.
type ProcessDetail struct {
	Files   []OpenFile
	Maps    []Mapping
	Signals Signals
}

// OpenFile is a file descriptor.
type OpenFile struct {
	FD    int
	Path  string // from the process's root; of a file without a place what the kernel calls it: "pipe:[12]"
	Flags uint64 // as fcntl(2) shows them, with O_CLOEXEC
	Pos   int64
}

// Mapping is an area of the address space.
type Mapping struct {
	Start, End uint64
	Prot       string // "r-xp", as in /proc/PID/maps
	Path       string // of its file, or "[stack]" and the like
	Offset     uint64 // in the file
}

// Signals are sets of signals, as /proc/PID/status has them: bit n-1 for signal n.
type Signals struct {
	Pending uint64 // for the process, or for its first thread
	Blocked uint64 // by the first thread
	Ignored uint64
	Caught  uint64
}

// Process looks at one process; one that has ended has neither files nor areas.
func (c *Client) Process(pid int) (ProcessDetail, error) {
	return ask(c, func(s *Session) (ProcessDetail, error) { return s.process(pid) })
}

func (s *Session) process(pid int) (d ProcessDetail, err error) {
	g, err := s.findProcess(pid)
	if err != nil {
		return d, err
	}
	leader, err := g.Field("Leader")
	if err == nil {
		leader, err = leader.Deref()
	}
	if err != nil {
		return d, fmt.Errorf("process %d: %w", pid, err)
	}
	if d.Signals, err = readSignals(g, leader); err != nil {
		return d, fmt.Errorf("signals of process %d: %w", pid, err)
	}
	if d.Files, err = readFiles(leader); err != nil {
		return d, fmt.Errorf("files of process %d: %w", pid, err)
	}
	if d.Maps, err = readMaps(leader); err != nil {
		return d, fmt.Errorf("areas of process %d: %w", pid, err)
	}
	return d, nil
}

// findProcess finds a *task.ThreadGroup by its number.
func (s *Session) findProcess(pid int) (found views.Object, err error) {
	k, err := s.kernelRoot()
	if err != nil {
		return found, err
	}
	groups, err := k.Field("Tasks.first")
	if err != nil {
		return found, err
	}
	n, ok := 0, false
	err = groups.Each("next", func(g views.Object) bool {
		id, err := g.Uint("ID")
		if ok = err == nil && int(id) == pid; ok {
			found = g
		}
		n++
		return !ok && n < maxProcesses
	})
	if !ok && err == nil {
		err = fmt.Errorf("there is no process %d", pid)
	}
	return found, err
}

func readSignals(g, leader views.Object) (s Signals, err error) {
	const ignore = 1 // SIG_IGN
	r, l := reader{o: g}, reader{o: leader}
	s.Pending = r.uint("pending.Set") | l.uint("sig.pending.Set")
	s.Blocked = l.uint("sig.Blocked")
	if err := errors.Join(r.err, l.err); err != nil {
		return s, err
	}
	list, err := g.Field("actions.list")
	if errors.Is(err, views.ErrNil) { // it has ended
		return s, nil
	}
	if err != nil {
		return s, err
	}
	signal := 0
	each := list.Each("", func(a views.Object) bool {
		switch handler, e := a.Uint("Handler"); {
		case e != nil:
			err = e
			return false
		case signal == 0 || handler == 0:
		case handler == ignore:
			s.Ignored |= 1 << (signal - 1)
		default:
			s.Caught |= 1 << (signal - 1)
		}
		signal++
		return signal <= 64
	})
	if err == nil {
		err = each
	}
	return s, err
}

// Bounds of what is shown of a process.
const (
	maxFiles = 65536
	maxDepth = 4096 // directories above a file
)

func readFiles(leader views.Object) (files []OpenFile, err error) {
	list, err := leader.Field("FDs.files")
	if errors.Is(err, views.ErrNil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	root, _ := leader.Field("FS.root") // without one paths go up to the mount tree's
	fd := 0
	each := list.Each("", func(d views.Object) bool {
		var f OpenFile
		if f, err = readFile(d, root); err == nil {
			f.FD = fd
			files = append(files, f)
		} else if !errors.Is(err, views.ErrNil) { // a free descriptor
			return false
		}
		err = nil
		fd++
		return fd < maxFiles
	})
	if err == nil {
		err = each
	}
	return files, err
}

// readFile reads a task.FD; ErrNil: it is free.
func readFile(d, root views.Object) (f OpenFile, err error) {
	const closeOnExec = 0o2000000 // O_CLOEXEC
	file, err := d.Field("File")
	if err == nil {
		file, err = file.Deref()
	}
	if err != nil {
		return f, err
	}
	r, fdr := reader{o: file}, reader{o: d}
	f.Flags, f.Pos = r.uint("flags"), int64(r.uint("pos"))
	if fdr.uint("CloseOnExec") != 0 {
		f.Flags |= closeOnExec
	}
	if err := errors.Join(r.err, fdr.err); err != nil {
		return f, err
	}
	place, err := file.Field("Path")
	if err != nil {
		return f, err
	}
	f.Path, err = pathOf(place, root)
	return f, err
}

// pathOf names a vfs.Path, seen from a root: what (*VFS).pathName does in the kernel.
func pathOf(place, root views.Object) (string, error) {
	addr := func(o views.Object, path string) uint64 { // of what a pointer points to; 0: nil
		p, err := o.Field(path)
		if err != nil {
			return 0
		}
		return p.Addr()
	}
	rootDentry, rootMount := addr(root, "Dentry"), addr(root, "Mount")
	d, err := place.Field("Dentry")
	if err != nil {
		return "", err
	}
	m, err := place.Field("Mount")
	if err != nil {
		return "", err
	}
	if m.Addr() == 0 { // a file without a place
		return d.Text("name")
	}
	r := reader{o: d}
	gone := r.uint("root") == 0 && r.uint("hashed") == 0
	var parts []string
	for range maxDepth {
		if d.Addr() == rootDentry && m.Addr() == rootMount {
			break
		}
		if d.Addr() == addr(m, "Root") {
			if addr(m, "parent") == 0 {
				break
			}
			if d, err = m.Field("point"); err == nil {
				m, err = m.Field("parent")
			}
			if err != nil {
				return "", err
			}
			continue
		}
		name, err := d.Text("name")
		if err != nil {
			return "", err
		}
		parts = append(parts, name)
		if d, err = d.Field("parent"); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteString("/" + parts[i])
	}
	if b.Len() == 0 {
		b.WriteString("/")
	}
	if gone {
		b.WriteString(" (deleted)")
	}
	return b.String(), r.err
}

func readMaps(leader views.Object) (maps []Mapping, err error) {
	list, err := leader.Field("mm.vmas")
	if errors.Is(err, views.ErrNil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	each := list.Each("", func(v views.Object) bool {
		const shared = 1 // mm.Shared
		r := reader{o: v}
		a := Mapping{Start: r.uint("Start"), End: r.uint("End"), Path: r.text("Name"), Offset: r.uint("Offset")}
		prot := []byte("---p")
		for i, bit := 0, r.uint("Prot"); i < 3; i++ {
			if bit>>i&1 != 0 {
				prot[i] = "rwx"[i]
			}
		}
		if r.uint("Flags")&shared != 0 {
			prot[3] = 's'
		}
		if err = r.err; err != nil {
			return false
		}
		a.Prot = string(prot)
		maps = append(maps, a)
		return len(maps) < maxAreas
	})
	if err == nil {
		err = each
	}
	return maps, err
}
