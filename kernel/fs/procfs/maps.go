package procfs

import (
	"fmt"
	"strings"

	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

// mapLine shows an area as /proc/PID/maps does.
func mapLine(t *sched.Thread, b *strings.Builder, m mm.MapInfo) {
	perm := []byte("---p")
	for i, p := range [...]mm.Prot{mm.Read, mm.Write, mm.Exec} {
		if m.Prot&p != 0 {
			perm[i] = "rwx"[i]
		}
	}
	if m.Flags&mm.Shared != 0 {
		perm[3] = 's'
	}
	var dev vfs.Dev
	var ino uint64
	name := m.Name
	if f, ok := m.File.(*vfs.File); ok && f != nil {
		dev, ino = f.Inode.SB.Dev, f.Inode.Ino
		if name == "" {
			name = f.Name(t)
		}
	}
	line := fmt.Sprintf("%08x-%08x %s %08x %02x:%02x %d ", m.Start, m.End, perm, m.Offset, dev.Major(), dev.Minor(), ino)
	b.WriteString(line)
	if name != "" {
		fmt.Fprintf(b, "%*s%s", max(73-len(line), 0), "", strings.ReplaceAll(name, "\n", "\\012"))
	}
	b.WriteByte('\n')
}

// procMaps is /proc/PID/maps.
func procMaps(t *sched.Thread, x *task.Task) (string, error) {
	as := x.AddressSpace(t)
	if as == nil {
		return "", nil
	}
	defer as.Release(t)
	var b strings.Builder
	for _, m := range as.Maps(t, false) {
		mapLine(t, &b, m)
	}
	return b.String(), nil
}

// procSmaps is /proc/PID/smaps: the areas with their sizes in KiB.
func procSmaps(t *sched.Thread, x *task.Task) (string, error) {
	as := x.AddressSpace(t)
	if as == nil {
		return "", nil
	}
	defer as.Release(t)
	var b strings.Builder
	for _, m := range as.Maps(t, true) {
		mapLine(t, &b, m)
		for _, f := range []struct {
			name string
			kb   int64
		}{
			{"Size", int64(m.End-m.Start) / 1024},
			{"KernelPageSize", 4},
			{"MMUPageSize", 4},
			{"Rss", m.RSS * 4},
			{"Pss", m.RSS * 4},
			{"Shared_Clean", (m.RSS - m.Private) * 4},
			{"Shared_Dirty", 0},
			{"Private_Clean", 0},
			{"Private_Dirty", m.Private * 4},
			{"Referenced", m.RSS * 4},
			{"Anonymous", m.Private * 4},
			{"Swap", 0},
		} {
			fmt.Fprintf(&b, "%-16s%8d kB\n", f.name+":", f.kb)
		}
	}
	return b.String(), nil
}
