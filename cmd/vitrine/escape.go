package main

import "io"

const escapeKey = 'A' & 31 // Ctrl-A, as in QEMU

// escapeHelp is what Ctrl-A ? shows. The terminal is raw.
const escapeHelp = "\r\n" +
	"Ctrl-A ?       this help\r\n" +
	"Ctrl-A x       %s\r\n" +
	"Ctrl-A Ctrl-A  send Ctrl-A\r\n"

// escapeReader takes the commands that begin with Ctrl-A out of what is typed.
type escapeReader struct {
	r       io.Reader
	command func(key byte) // 'x' or '?'
	pending bool           // Ctrl-A was the last key
}

func (e *escapeReader) Read(p []byte) (int, error) {
	for {
		n, err := e.r.Read(p)
		out := p[:0]
		for _, c := range p[:n] {
			switch {
			case !e.pending && c == escapeKey:
				e.pending = true
			case !e.pending:
				out = append(out, c)
			default:
				e.pending = false
				switch c {
				case escapeKey:
					out = append(out, c)
				case 'x', 'X':
					e.command('x')
				case '?', 'h', 'H':
					e.command('?')
				}
				// Other keys are reserved, and ignored as in QEMU.
			}
		}
		if len(out) > 0 || err != nil {
			return len(out), err
		}
	}
}
