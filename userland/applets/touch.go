package applets

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// touch - set the times of files, create them when missing
//
//	-c  do not create   -a  access time only   -m  modification time only
//	-r FILE  the times of that file            -d TIME, -t [[CC]YY]MMDDhhmm[.ss]
func init() {
	box.Register(&box.Cmd{Name: "touch", Usage: "touch [-acm] [-r FILE] [-d TIME] [-t STAMP] FILE...", Run: touch})
}

func touch(args []string) int {
	o, files := box.Parse(args, "acmr:d:t:h", "no-create=c reference=r date=d")
	if len(files) == 0 {
		box.UsageError(args[0])
	}
	now := unix.Timespec{Nsec: unix.UTIME_NOW}
	times := []unix.Timespec{now, now}
	set := func(t time.Time) { times[0] = unix.NsecToTimespec(t.UnixNano()); times[1] = times[0] }
	switch {
	case o.Has('r'):
		st, err := stat(o.Str('r', ""))
		if err != nil {
			return box.Fail(args[0], o.Str('r', ""), err)
		}
		times[0], times[1] = st.Atim, st.Mtim
	case o.Has('d') || o.Has('t'):
		t, ok := parseTime(o.Str('d', o.Str('t', "")), o.Has('t'))
		if !ok {
			return box.Fail(args[0], "invalid date '"+o.Str('d', o.Str('t', ""))+"'", nil)
		}
		set(t)
	}
	if o.Has('a') && !o.Has('m') {
		times[1].Nsec = unix.UTIME_OMIT
	}
	if o.Has('m') && !o.Has('a') {
		times[0].Nsec = unix.UTIME_OMIT
	}
	status := 0
	for _, f := range files {
		err := unix.UtimesNanoAt(unix.AT_FDCWD, f, times, 0)
		if err == unix.ENOENT {
			if o.Has('c') {
				continue
			}
			var fd box.FD
			if fd, err = box.OpenFile(f, unix.O_WRONLY|unix.O_CREAT, 0o666); err == nil {
				fd.Close()
				if o.Has('d') || o.Has('t') || o.Has('r') {
					err = unix.UtimesNanoAt(unix.AT_FDCWD, f, times, 0)
				}
			}
		}
		if err != nil {
			status = box.Fail(args[0], "cannot touch '"+f+"'", err)
		}
	}
	return status
}

// parseTime understands the usual ways to write a time. stamp: [[CC]YY]MMDDhhmm[.ss].
func parseTime(s string, stamp bool) (time.Time, bool) {
	if stamp {
		layout := map[int]string{8: "01021504", 10: "0601021504", 12: "200601021504"}
		digits, sec, hasSec := strings.Cut(s, ".")
		l, ok := layout[len(digits)]
		if !ok {
			return time.Time{}, false
		}
		t, err := time.ParseInLocation(l, digits, time.Local)
		if len(digits) == 8 {
			t = t.AddDate(time.Now().Year(), 0, 0)
		}
		if hasSec {
			n, serr := strconv.Atoi(sec)
			if serr != nil {
				return t, false
			}
			t = t.Add(time.Duration(n) * time.Second)
		}
		return t, err == nil
	}
	if s == "now" {
		return time.Now(), true
	}
	if n, ok := strings.CutPrefix(s, "@"); ok {
		f, err := strconv.ParseFloat(n, 64)
		return time.Unix(0, int64(f*1e9)), err == nil
	}
	for _, l := range []string{
		"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04",
		"2006-01-02", time.RFC3339, time.UnixDate, time.RFC1123, "15:04:05", "15:04",
	} {
		t, err := time.ParseInLocation(l, s, time.Local)
		if err == nil {
			if t.Year() == 0 {
				n := time.Now()
				t = time.Date(n.Year(), n.Month(), n.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.Local)
			}
			return t, true
		}
	}
	return time.Time{}, false
}
