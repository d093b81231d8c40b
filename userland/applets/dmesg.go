package applets

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// dmesg - print the kernel's messages
//
//	-c  clear them after printing   -C  only clear   -n LEVEL  what appears on the console
//	-r  as they are, with <priority>   -T  clock times   -w  wait for more
func init() {
	box.Register(&box.Cmd{Name: "dmesg", Usage: "dmesg [-cCrTw] [-n LEVEL]", Run: dmesg})
}

// The actions of syslog(2).
const (
	syslogReadAll      = 3
	syslogReadClear    = 4
	syslogClear        = 5
	syslogConsoleLevel = 8
	syslogSizeBuffer   = 10
)

func dmesg(args []string) int {
	o, _ := box.Parse(args, "cCrTwn:tH", "follow=w clear=C read-clear=c raw=r ctime=T")
	switch {
	case o.Has('n'):
		// The level goes in the third argument, which the wrapper takes from the length.
		if _, _, e := unix.Syscall(unix.SYS_SYSLOG, syslogConsoleLevel, 0, uintptr(o.Int('n', 7))); e != 0 {
			return box.Fail(args[0], "", e)
		}
		return 0
	case o.Has('C'):
		if _, err := unix.Klogctl(syslogClear, nil); err != nil {
			return box.Fail(args[0], "", err)
		}
		return 0
	case o.Has('w'):
		return dmesgFollow(args[0], o)
	}
	size, err := unix.Klogctl(syslogSizeBuffer, nil)
	if err != nil || size <= 0 {
		size = 256 << 10
	}
	buf := make([]byte, size)
	action := syslogReadAll
	if o.Has('c') {
		action = syslogReadClear
	}
	n, err := unix.Klogctl(action, buf)
	if err != nil {
		return box.Fail(args[0], "", err)
	}
	for _, line := range strings.Split(strings.TrimRight(string(buf[:n]), "\n"), "\n") {
		if line != "" {
			dmesgLine(line, o)
		}
	}
	return 0
}

// dmesgLine prints "<6>[    1.234567] text".
func dmesgLine(line string, o box.Opts) {
	if o.Has('r') {
		box.Out.WriteString(line + "\n")
		return
	}
	if i := strings.IndexByte(line, '>'); strings.HasPrefix(line, "<") && i > 0 {
		line = line[i+1:]
	}
	if i := strings.IndexByte(line, ']'); strings.HasPrefix(line, "[") && i > 0 && (o.Has('T') || o.Has('t')) {
		if sec, err := strconv.ParseFloat(strings.TrimSpace(line[1:i]), 64); err == nil {
			text := strings.TrimPrefix(line[i+1:], " ")
			if o.Has('T') {
				text = "[" + bootTime().Add(time.Duration(sec*1e9)).Format(time.ANSIC) + "] " + text
			}
			line = text
		}
	}
	box.Out.WriteString(line + "\n")
}

// dmesgFollow reads /dev/kmsg, where each read returns one record:
// "6,339,5140900,-;text" (priority, number, microseconds).
func dmesgFollow(name string, o box.Opts) int {
	fd, err := box.Open("/dev/kmsg")
	if err != nil {
		return box.Fail(name, "/dev/kmsg", err)
	}
	buf := make([]byte, 8192)
	for {
		n, err := fd.Read(buf)
		if err == unix.EPIPE { // records were overwritten before we could read them
			continue
		}
		if err != nil {
			return box.Fail(name, "/dev/kmsg", err)
		}
		head, text, _ := strings.Cut(string(buf[:n]), ";")
		text, _, _ = strings.Cut(text, "\n")
		f := strings.Split(head, ",")
		if len(f) >= 3 {
			us, _ := strconv.ParseUint(f[2], 10, 64)
			text = fmt.Sprintf("<%s>[%5d.%06d] %s", f[0], us/1e6, us%1e6, text)
		}
		dmesgLine(text, o)
		box.Out.Flush()
	}
}
