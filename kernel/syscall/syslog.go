package syscall

import (
	"fmt"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/klog"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

// Actions of syslog(2).
const (
	syslogClose = iota
	syslogOpen
	syslogRead
	syslogReadAll
	syslogReadClear
	syslogClear
	syslogConsoleOff
	syslogConsoleOn
	syslogConsoleLevel
	syslogSizeUnread
	syslogSizeBuffer
)

// syslogBuffer is what SIZE_BUFFER says: at least what READ_ALL can return.
const syslogBuffer = 256 << 10

func init() {
	Define(103, "syslog", sysSyslog, In("type", Int), Out("buf", Addr), In("len", Int),
		Covers("READ_ALL READ_CLEAR CLEAR CONSOLE_OFF CONSOLE_ON CONSOLE_LEVEL SIZE_BUFFER SIZE_UNREAD"),
		Lacks("READ does not wait: it returns what is there since the last READ"))
}

// line is a message as syslog(2) and /dev/kmsg's older sister show it.
func line(m klog.Message) string {
	return fmt.Sprintf("<%d>[%5d.%06d] %s\n", m.Level, m.Time/1e9, m.Time%1e9/1e3, m.Text)
}

// sysSyslog implements syslog(2), the system call: dmesg(1)'s way to the kernel's log.
func sysSyslog(t *task.Task, a Args) (uint64, error) {
	action, size := a.Int(0), a.Int(2)
	if action != syslogReadAll && action != syslogSizeBuffer && !t.Cred.Has(cred.CapSyslog) && !t.Cred.Has(cred.CapSysAdmin) {
		return 0, errno.EPERM
	}
	log, state := t.Sys.Log, &t.Sys.Syslog
	switch action {
	case syslogClose, syslogOpen:
		return 0, nil
	case syslogRead, syslogReadAll, syslogReadClear:
		if size < 0 || a[1] == 0 {
			return 0, errno.EINVAL
		}
		from := &state.Cleared
		if action == syslogRead {
			from = &state.Read
		}
		text, end := tail(log, from.Load(), size, action == syslogRead)
		if err := mm.CopyOut(t.Thread, a.Addr(1), []byte(text)); err != nil {
			return 0, err
		}
		if action != syslogReadAll {
			from.Store(end)
		}
		return uint64(len(text)), nil
	case syslogClear:
		_, end := tail(log, state.Cleared.Load(), 0, false)
		state.Cleared.Store(end)
		return 0, nil
	case syslogConsoleOff:
		if state.SavedLevel.Load() == 0 {
			state.SavedLevel.Store(int64(log.ConsoleLevel()))
		}
		log.SetConsoleLevel(1)
		return 0, nil
	case syslogConsoleOn:
		if n := state.SavedLevel.Swap(0); n != 0 {
			log.SetConsoleLevel(int(n))
		}
		return 0, nil
	case syslogConsoleLevel:
		if size < 1 || size > 8 {
			return 0, errno.EINVAL.Because("levels are 1 to 8")
		}
		log.SetConsoleLevel(size)
		return 0, nil
	case syslogSizeUnread:
		text, _ := tail(log, state.Read.Load(), syslogBuffer, false)
		return uint64(len(text)), nil
	case syslogSizeBuffer:
		return syslogBuffer, nil
	}
	return 0, errno.EINVAL.Because("unknown action")
}

// tail returns whole lines from position from on: the last ones that fit into size bytes, or with first the first ones. End
// is the position behind what was returned.
func tail(log *klog.Log, from uint64, size int, first bool) (text string, end uint64) {
	r := log.Read()
	if from != 0 {
		r.Seek(from)
	}
	end = from
	var lines []string
	total := 0
	for {
		m, ok := r.Next()
		if !ok {
			break
		}
		l := line(m)
		if first && total+len(l) > size {
			break
		}
		end = m.Next
		lines = append(lines, l)
		for total += len(l); total > size && len(lines) > 0; {
			total -= len(lines[0])
			lines = lines[1:]
		}
	}
	for _, l := range lines {
		text += l
	}
	return text, end
}
