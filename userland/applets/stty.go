package applets

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// stty - show or change the settings of the terminal on standard input
//
//	stty           the important ones           stty -a    all
//	stty size      rows and columns             stty rows N cols N
//	stty [-]echo, [-]icanon, [-]isig, ...       stty raw, -raw, cooked, sane
//	stty intr ^C, erase ^?, ...                 stty -g    in a form that stty takes again
//	-F DEVICE      another terminal
func init() {
	box.Register(&box.Cmd{Name: "stty", Usage: "stty [-ag] [-F DEVICE] [SETTING]...", Run: stty, RawHelp: true})
}

// sttyFlag is a bit in one of the four flag words.
type sttyFlag struct {
	name string
	word byte // i o c l
	bit  uint32
}

var sttyFlags = []sttyFlag{
	{"parenb", 'c', unix.PARENB},
	{"cstopb", 'c', unix.CSTOPB},
	{"cread", 'c', unix.CREAD},
	{"clocal", 'c', unix.CLOCAL},
	{"hupcl", 'c', unix.HUPCL},
	{"crtscts", 'c', unix.CRTSCTS},
	{"ignbrk", 'i', unix.IGNBRK},
	{"brkint", 'i', unix.BRKINT},
	{"ignpar", 'i', unix.IGNPAR},
	{"inpck", 'i', unix.INPCK},
	{"istrip", 'i', unix.ISTRIP},
	{"inlcr", 'i', unix.INLCR},
	{"igncr", 'i', unix.IGNCR},
	{"icrnl", 'i', unix.ICRNL},
	{"ixon", 'i', unix.IXON},
	{"ixoff", 'i', unix.IXOFF},
	{"ixany", 'i', unix.IXANY},
	{"imaxbel", 'i', unix.IMAXBEL},
	{"iutf8", 'i', unix.IUTF8},
	{"opost", 'o', unix.OPOST},
	{"onlcr", 'o', unix.ONLCR},
	{"ocrnl", 'o', unix.OCRNL},
	{"onocr", 'o', unix.ONOCR},
	{"onlret", 'o', unix.ONLRET},
	{"isig", 'l', unix.ISIG},
	{"icanon", 'l', unix.ICANON},
	{"iexten", 'l', unix.IEXTEN},
	{"echo", 'l', unix.ECHO},
	{"echoe", 'l', unix.ECHOE},
	{"echok", 'l', unix.ECHOK},
	{"echonl", 'l', unix.ECHONL},
	{"noflsh", 'l', unix.NOFLSH},
	{"tostop", 'l', unix.TOSTOP},
	{"echoctl", 'l', unix.ECHOCTL},
	{"echoke", 'l', unix.ECHOKE},
}

var sttyChars = []struct {
	name string
	idx  int
	sane byte
}{
	{"intr", unix.VINTR, 3},
	{"quit", unix.VQUIT, 28},
	{"erase", unix.VERASE, 127},
	{"kill", unix.VKILL, 21},
	{"eof", unix.VEOF, 4},
	{"eol", unix.VEOL, 0},
	{"start", unix.VSTART, 17},
	{"stop", unix.VSTOP, 19},
	{"susp", unix.VSUSP, 26},
	{"rprnt", unix.VREPRINT, 18},
	{"werase", unix.VWERASE, 23},
	{"lnext", unix.VLNEXT, 22},
}

func sttyWord(t *unix.Termios, w byte) *uint32 {
	switch w {
	case 'i':
		return &t.Iflag
	case 'o':
		return &t.Oflag
	case 'c':
		return &t.Cflag
	}
	return &t.Lflag
}

func stty(args []string) int {
	a := args[1:]
	if len(a) > 1 && a[0] == "-F" {
		fd, err := box.OpenFile(a[1], unix.O_RDWR|unix.O_NONBLOCK, 0)
		if err != nil {
			return box.Fail(args[0], a[1], err)
		}
		unix.Dup3(int(fd), 0, 0)
		a = a[2:]
	}
	t, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return box.Fail(args[0], "standard input", err)
	}
	switch {
	case len(a) == 0 || len(a) == 1 && a[0] == "-a":
		sttyShow(t, len(a) == 1)
	case len(a) == 1 && a[0] == "-g":
		fmt.Fprintf(box.Out, "%x:%x:%x:%x", t.Iflag, t.Oflag, t.Cflag, t.Lflag)
		for _, c := range t.Cc {
			fmt.Fprintf(box.Out, ":%x", c)
		}
		box.Out.WriteByte('\n')
	case len(a) == 1 && a[0] == "size":
		ws, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		if err != nil {
			return box.Fail(args[0], "standard input", err)
		}
		fmt.Fprintf(box.Out, "%d %d\n", ws.Row, ws.Col)
	default:
		return sttySet(args[0], a)
	}
	return 0
}

func sttyShow(t *unix.Termios, all bool) {
	speeds := map[uint32]int{unix.B9600: 9600, unix.B19200: 19200, unix.B38400: 38400, unix.B57600: 57600, unix.B115200: 115200}
	ws, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
	if err != nil {
		ws = &unix.Winsize{}
	}
	fmt.Fprintf(box.Out, "speed %d baud; rows %d; columns %d; line = %d;\n", speeds[t.Cflag&unix.CBAUD], ws.Row, ws.Col, t.Line)
	var words []string
	for _, c := range sttyChars {
		if all || t.Cc[c.idx] != c.sane {
			words = append(words, c.name+" = "+caret(t.Cc[c.idx])+";")
		}
	}
	if all || t.Lflag&unix.ICANON == 0 {
		words = append(words, fmt.Sprintf("min = %d; time = %d;", t.Cc[unix.VMIN], t.Cc[unix.VTIME]))
	}
	if len(words) > 0 {
		box.Out.WriteString(strings.Join(words, " ") + "\n")
	}
	words = []string{"cs" + itoa(5+int(t.Cflag&unix.CSIZE)>>4)}
	sane := *t
	sttySane(&sane)
	for _, f := range sttyFlags {
		on := *sttyWord(t, f.word)&f.bit != 0
		if !all && on == (*sttyWord(&sane, f.word)&f.bit != 0) {
			continue
		}
		if on {
			words = append(words, f.name)
		} else {
			words = append(words, "-"+f.name)
		}
	}
	if all || len(words) > 1 {
		box.Out.WriteString(strings.Join(words, " ") + "\n")
	}
}

func caret(c byte) string {
	switch {
	case c == 0:
		return "<undef>"
	case c == 127:
		return "^?"
	case c < 32:
		return "^" + string(c+64)
	}
	return string(c)
}

func sttySane(t *unix.Termios) {
	t.Iflag = t.Iflag&^(unix.IGNBRK|unix.INLCR|unix.IGNCR|unix.IXOFF|unix.IXANY|unix.ISTRIP) | unix.BRKINT | unix.ICRNL | unix.IXON | unix.IMAXBEL
	t.Oflag = t.Oflag&^(unix.OCRNL|unix.ONOCR|unix.ONLRET) | unix.OPOST | unix.ONLCR
	t.Cflag |= unix.CREAD
	t.Lflag = t.Lflag&^(unix.ECHONL|unix.NOFLSH|unix.TOSTOP) | unix.ISIG | unix.ICANON | unix.IEXTEN | unix.ECHO |
		unix.ECHOE | unix.ECHOK | unix.ECHOCTL | unix.ECHOKE
	for _, c := range sttyChars {
		t.Cc[c.idx] = c.sane
	}
}

// sttySet applies settings in their order.
func sttySet(name string, a []string) int {
	t, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return box.Fail(name, "standard input", err)
	}
	for i := 0; i < len(a); i++ {
		s := a[i]
		bare, off := strings.CutPrefix(s, "-")
		switch {
		case s == "sane":
			sttySane(t)
		case bare == "raw" && !off:
			t.Iflag &^= unix.BRKINT | unix.ICRNL | unix.INPCK | unix.ISTRIP | unix.IXON | unix.INLCR | unix.IGNCR
			t.Oflag &^= unix.OPOST
			t.Lflag &^= unix.ICANON | unix.ISIG | unix.IEXTEN
			t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		case bare == "raw" || s == "cooked":
			t.Iflag |= unix.BRKINT | unix.ICRNL | unix.IXON
			t.Oflag |= unix.OPOST
			t.Lflag |= unix.ICANON | unix.ISIG | unix.IEXTEN
		case (s == "rows" || s == "cols" || s == "columns" || s == "min" || s == "time") && i+1 < len(a):
			n, err := strconv.Atoi(a[i+1])
			if err != nil {
				return box.Fail(name, "invalid number '"+a[i+1]+"'", nil)
			}
			i++
			if s == "min" || s == "time" {
				idx := map[string]int{"min": unix.VMIN, "time": unix.VTIME}[s]
				t.Cc[idx] = byte(n)
				continue
			}
			ws, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
			if err != nil {
				ws = &unix.Winsize{}
			}
			if s == "rows" {
				ws.Row = uint16(n)
			} else {
				ws.Col = uint16(n)
			}
			if err := unix.IoctlSetWinsize(0, unix.TIOCSWINSZ, ws); err != nil {
				return box.Fail(name, s, err)
			}
		case strings.Count(s, ":") == 3+len(t.Cc):
			sttyRestore(t, s)
		case sttyFlagSet(t, bare, !off):
		case i+1 < len(a) && sttyCharSet(t, s, a[i+1]):
			i++
		default:
			return box.Fail(name, "invalid argument '"+s+"'", nil)
		}
	}
	if err := unix.IoctlSetTermios(0, unix.TCSETSW, t); err != nil {
		return box.Fail(name, "standard input", err)
	}
	return 0
}

func sttyFlagSet(t *unix.Termios, name string, on bool) bool {
	for _, f := range sttyFlags {
		if f.name != name {
			continue
		}
		if w := sttyWord(t, f.word); on {
			*w |= f.bit
		} else {
			*w &^= f.bit
		}
		return true
	}
	return false
}

func sttyCharSet(t *unix.Termios, name, val string) bool {
	for _, c := range sttyChars {
		if c.name != name || val == "" {
			continue
		}
		switch {
		case val == "undef" || val == "^-":
			t.Cc[c.idx] = 0
		case val == "^?":
			t.Cc[c.idx] = 127
		case val[0] == '^' && len(val) == 2:
			t.Cc[c.idx] = val[1] & 0x1f
		default:
			t.Cc[c.idx] = val[0]
		}
		return true
	}
	return false
}

// sttyRestore reads what -g has printed.
func sttyRestore(t *unix.Termios, s string) {
	for i, f := range strings.Split(s, ":") {
		n, _ := strconv.ParseUint(f, 16, 32)
		switch i {
		case 0, 1, 2, 3:
			*sttyWord(t, "iocl"[i]) = uint32(n)
		default:
			t.Cc[i-4] = byte(n)
		}
	}
}
