package engine

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/go-delve/delve/pkg/proc"
)

// memoryMap lists the mappings of a process that a core file should have.
func memoryMap(pid int) ([]proc.MemoryMapEntry, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	var r []proc.MemoryMapEntry
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		lo, hi, _ := strings.Cut(f[0], "-")
		a, err1 := strconv.ParseUint(lo, 16, 64)
		z, err2 := strconv.ParseUint(hi, 16, 64)
		off, err3 := strconv.ParseUint(f[2], 16, 64)
		if err1 != nil || err2 != nil || err3 != nil || z <= a || len(f[1]) < 3 {
			continue
		}
		m := proc.MemoryMapEntry{Addr: a, Size: z - a, Read: f[1][0] == 'r', Write: f[1][1] == 'w', Exec: f[1][2] == 'x', Offset: off}
		if len(f) > 5 && strings.HasPrefix(f[5], "/") {
			m.Filename = f[5]
		}
		r = append(r, m)
	}
	return r, nil
}
