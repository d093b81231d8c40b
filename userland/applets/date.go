package applets

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// date - print or set the time
//
//	-u  UTC   -d TIME  that time   -r FILE  a file's time   -s TIME  set the clock   -I  ISO 8601
//	+FORMAT  as strftime(3): %Y %m %d %H %M %S %a %A %b %B %j %s %N %Z %z %T %D %F ...
func init() {
	box.Register(&box.Cmd{Name: "date", Usage: "date [-u] [-d TIME | -r FILE] [-s TIME] [-I] [-R] [+FORMAT]", Run: date})
}

func date(args []string) int {
	o, rest := box.Parse(args, "ud:r:s:IR", "utc=u date=d reference=r set=s rfc-email=R iso-8601=I")
	t := time.Now()
	ok := true
	switch {
	case o.Has('s'):
		if t, ok = parseTime(o.Str('s', ""), false); ok {
			tv := unix.NsecToTimeval(t.UnixNano())
			if err := unix.Settimeofday(&tv); err != nil {
				return box.Fail(args[0], "cannot set the clock", err)
			}
		}
	case o.Has('d'):
		t, ok = parseTime(o.Str('d', ""), false)
	case o.Has('r'):
		st, err := stat(o.Str('r', ""))
		if err != nil {
			return box.Fail(args[0], o.Str('r', ""), err)
		}
		t = time.Unix(st.Mtim.Unix())
	}
	if !ok {
		return box.Fail(args[0], "invalid date '"+o.Str('d', o.Str('s', ""))+"'", nil)
	}
	if o.Has('u') {
		t = t.UTC()
	}
	format := "%a %b %e %H:%M:%S %Z %Y"
	switch {
	case len(rest) > 0 && strings.HasPrefix(rest[0], "+"):
		format = rest[0][1:]
	case len(rest) > 0:
		box.UsageError(args[0])
	case o.Has('I'):
		format = "%F"
	case o.Has('R'):
		format = "%a, %d %b %Y %H:%M:%S %z"
	}
	box.Out.WriteString(strftime(format, t) + "\n")
	return 0
}

// strftime formats a time as the C function does.
func strftime(format string, t time.Time) string {
	layouts := map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'd': "02", 'e': "_2",
		'H': "15", 'I': "03", 'm': "01", 'M': "04", 'S': "05", 'p': "PM", 'y': "06", 'Y': "2006", 'Z': "MST", 'z': "-0700",
		'T': "15:04:05", 'R': "15:04", 'D': "01/02/06", 'F': "2006-01-02", 'c': "Mon Jan _2 15:04:05 2006",
		'x': "01/02/06", 'X': "15:04:05", 'r': "03:04:05 PM",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		if format[i] == '-' && i+1 < len(format) { // no padding
			i++
			b.WriteString(strings.TrimLeft(strftime("%"+format[i:i+1], t), "0 "))
			continue
		}
		switch c := format[i]; c {
		case '%':
			b.WriteByte('%')
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 's':
			fmt.Fprint(&b, t.Unix())
		case 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 'u':
			fmt.Fprint(&b, (int(t.Weekday())+6)%7+1)
		case 'w':
			fmt.Fprint(&b, int(t.Weekday()))
		case 'C':
			fmt.Fprintf(&b, "%02d", t.Year()/100)
		case 'k':
			fmt.Fprintf(&b, "%2d", t.Hour())
		case 'l':
			fmt.Fprintf(&b, "%2d", (t.Hour()+11)%12+1)
		case 'V':
			_, w := t.ISOWeek()
			fmt.Fprintf(&b, "%02d", w)
		case 'G':
			y, _ := t.ISOWeek()
			fmt.Fprint(&b, y)
		default:
			if l, ok := layouts[c]; ok {
				b.WriteString(t.Format(l))
			} else {
				b.WriteString("%" + string(c))
			}
		}
	}
	return b.String()
}
