package applets

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// isatty reports whether the descriptor is a terminal.
func isatty(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// winsize returns the size of the terminal, 24x80 when it does not know.
func winsize(fd int) (rows, cols int) {
	ws, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return 24, 80
	}
	return int(ws.Row), int(ws.Col)
}

// rawMode switches a terminal to single keys without echo and returns the
// function that switches it back. Signals by ^C and ^Z stay on.
func rawMode(fd int) (restore func(), err error) {
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	raw := *old
	raw.Lflag &^= unix.ICANON | unix.ECHO
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return nil, err
	}
	return func() { unix.IoctlSetTermios(fd, unix.TCSETS, old) }, nil
}

func runeLen(s string) int { return utf8.RuneCountInString(s) }

// cell is a text to be put in columns; its width is given because colour codes take none.
type cell struct {
	text  string
	width int
}

// columns prints cells down and then right, as ls does, in as many columns as
// fit. Width 0 means one per line.
func columns(cells []cell, width int) {
	widest := 0
	for _, c := range cells {
		widest = max(widest, c.width)
	}
	per := 1
	if width > 0 {
		per = max(1, width/(widest+2))
	}
	rows := (len(cells) + per - 1) / per
	for r := 0; r < rows; r++ {
		for i := r; i < len(cells); i += rows {
			box.Out.WriteString(cells[i].text)
			if i+rows < len(cells) {
				box.Out.WriteString(strings.Repeat(" ", widest+2-cells[i].width))
			}
		}
		box.Out.WriteByte('\n')
	}
}
