package applets

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// yes - print a line again and again
// seq - print numbers: seq [-w] [-s SEPARATOR] [-f FORMAT] [FIRST [STEP]] LAST
// clear, reset - clear the terminal, set it up anew
// tty - the terminal's name
// which - where commands are
func init() {
	box.Register(&box.Cmd{Name: "yes", Usage: "yes [STRING]...", Run: yes})
	box.Register(&box.Cmd{Name: "seq", Usage: "seq [-w] [-s SEPARATOR] [-f FORMAT] [FIRST [STEP]] LAST", Run: seq})
	box.Register(&box.Cmd{Name: "clear", Usage: "clear", Run: func([]string) int {
		box.Out.WriteString("\x1b[H\x1b[2J\x1b[3J")
		return 0
	}})
	box.Register(&box.Cmd{Name: "reset", Usage: "reset", Run: reset})
	box.Register(&box.Cmd{Name: "tty", Usage: "tty [-s]", Run: tty})
	box.Register(&box.Cmd{Name: "which", Usage: "which [-a] COMMAND...", Run: which})
}

func yes(args []string) int {
	s := "y\n"
	if len(args) > 1 {
		s = strings.Join(args[1:], " ") + "\n"
	}
	block := []byte(strings.Repeat(s, 1+4096/len(s)))
	for {
		if _, err := box.Stdout.Write(block); err != nil {
			return box.Fail(args[0], "", err)
		}
	}
}

func seq(args []string) int {
	// A negative number is no option.
	for i := 1; i < len(args); i++ {
		if len(args[i]) > 1 && args[i][0] == '-' && strings.IndexByte("0123456789.", args[i][1]) >= 0 {
			args = append(append(append([]string{}, args[:i]...), "--"), args[i:]...)
			break
		}
		if !strings.HasPrefix(args[i], "-") {
			break
		}
	}
	o, rest := box.Parse(args, "+ws:f:", "equal-width=w separator=s format=f")
	if len(rest) < 1 || len(rest) > 3 {
		box.UsageError(args[0])
	}
	nums := make([]float64, len(rest))
	prec := 0
	for i, s := range rest {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return box.Fail(args[0], "invalid number '"+s+"'", nil)
		}
		nums[i] = v
		if _, frac, ok := strings.Cut(s, "."); ok && (i < len(rest)-1 || len(rest) == 1) {
			prec = max(prec, len(frac))
		}
	}
	first, step, last := 1.0, 1.0, nums[len(nums)-1]
	if len(nums) > 1 {
		first = nums[0]
	}
	if len(nums) > 2 {
		step = nums[1]
	}
	if step == 0 {
		return box.Fail(args[0], "step must not be 0", nil)
	}
	format := "%." + itoa(prec) + "f"
	if o.Has('w') {
		w := max(len(fmt.Sprintf(format, first)), len(fmt.Sprintf(format, last)))
		format = "%0" + itoa(w) + "." + itoa(prec) + "f"
	}
	format = o.Str('f', format)
	sep, _ := unescape(o.Str('s', "\n"), false)
	n := int(math.Floor((last-first)/step + 1e-9))
	for i := 0; i <= n; i++ {
		if i > 0 {
			box.Out.WriteString(sep)
		}
		fmt.Fprintf(box.Out, format, first+float64(i)*step)
	}
	if n >= 0 {
		box.Out.WriteByte('\n')
	}
	return 0
}

// reset undoes what a program may have left behind: colours, character sets, raw mode.
func reset([]string) int {
	box.Out.WriteString("\x1bc\x1b(B\x1b[m\x1b[?25h\x1b[H\x1b[2J")
	box.Out.Flush()
	return sttySet("reset", []string{"sane"})
}

func tty(args []string) int {
	o, _ := box.Parse(args, "s", "silent=s quiet=s")
	if !isatty(0) {
		if !o.Has('s') {
			box.Out.WriteString("not a tty\n")
		}
		return 1
	}
	if !o.Has('s') {
		name, err := readlink("/proc/self/fd/0")
		if err != nil {
			name = "/dev/console"
		}
		box.Out.WriteString(name + "\n")
	}
	return 0
}

func which(args []string) int {
	o, rest := box.Parse(args, "a", "all=a")
	status := 0
	for _, name := range rest {
		found := false
		dirs := strings.Split(os.Getenv("PATH"), ":")
		if strings.Contains(name, "/") {
			dirs = []string{""}
		}
		for _, d := range dirs {
			p := join(d, name)
			if unix.Access(p, unix.X_OK) == nil && !isDir(p) {
				box.Out.WriteString(p + "\n")
				if found = true; !o.Has('a') {
					break
				}
			}
		}
		if !found {
			status = 1
		}
	}
	return status
}
