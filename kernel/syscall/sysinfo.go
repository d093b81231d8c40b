package syscall

import (
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(99, "sysinfo", sysSysinfo, Out("info", Addr))
}

// sysinfo is struct sysinfo.
type sysinfo struct {
	Uptime                                           int64
	Loads                                            [3]uint64
	Total, Free, Shared, Buffer, SwapTotal, SwapFree uint64
	Procs                                            uint16
	_                                                [6]byte
	TotalHigh, FreeHigh                              uint64
	Unit                                             uint32
	_                                                uint32
}

// sysSysinfo implements sysinfo(2).
func sysSysinfo(t *task.Task, a Args) (uint64, error) {
	m := t.Sys.Memory.Stats(t.Thread)
	tasks, _ := t.Sys.Threads(t.Thread)
	info := sysinfo{
		Uptime: (t.Now() + ktime.Second - 1) / ktime.Second,
		Total:  m.Total * mm.PageSize, Free: (m.Free + m.Reserved) * mm.PageSize, Shared: m.Shmem * mm.PageSize,
		Procs: uint16(min(tasks, 1<<16-1)), Unit: 1,
	}
	// Loads are in 1/65536.
	for i, l := range t.Sys.Loads(t.Thread) {
		info.Loads[i] = uint64(l * 65536)
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(0), &info)
}
