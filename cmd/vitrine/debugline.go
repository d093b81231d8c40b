package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/term"
)

// lineEditor reads lines at a prompt, with history and completion; what is written meanwhile moves the prompt down.
// The terminal is raw only while a line is read, so that ^C is a signal while a command runs.
type lineEditor struct {
	t    *term.Terminal
	keys *keyReader
}

func newLineEditor(complete func(text string) (string, []string), interrupt func()) *lineEditor {
	e := &lineEditor{keys: &keyReader{r: os.Stdin, interrupt: interrupt}}
	e.t = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{e.keys, plainNewlines{os.Stdout}}, "")
	e.t.History = loadHistory()
	e.t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		done, words := complete(line[:pos])
		if done == line[:pos] && len(words) > 1 {
			cols, _ := windowSize(1)
			e.t.Write([]byte(columns(words, cols)))
		}
		return done + line[pos:], len(done), true
	}
	reportSize(1, func(cols, rows int) { e.t.SetSize(cols, rows) })
	return e
}

func (e *lineEditor) setPrompt(p string) { e.t.SetPrompt(p) }

func (e *lineEditor) Write(p []byte) (int, error) { return e.t.Write(p) }

func (e *lineEditor) readLine() (string, error) {
	e.t.SetSize(windowSize(1))
	raw, err := makeRaw(0, true)
	if err != nil {
		return "", err
	}
	defer raw.restoreNow()
	line, err := e.t.ReadLine()
	if err == term.ErrPasteIndicator {
		err = nil
	}
	return line, err
}

// plainNewlines undoes what term.Terminal does to newlines: the terminal does it, raw or not.
type plainNewlines struct{ w io.Writer }

func (p plainNewlines) Write(b []byte) (int, error) {
	if _, err := p.w.Write(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// keyReader makes ^C stop the machine and empty the line; the terminal's own idea of it is the end of input.
type keyReader struct {
	r         io.Reader
	interrupt func()
	pending   []byte
}

const (
	keyInterrupt = 'c' & 0x1f
	keyEnd       = 'e' & 0x1f
	keyErase     = 'u' & 0x1f
)

func (k *keyReader) Read(p []byte) (int, error) {
	if len(k.pending) == 0 {
		var buf [256]byte
		n, err := k.r.Read(buf[:])
		if n == 0 {
			return 0, err
		}
		for _, c := range buf[:n] {
			if c == keyInterrupt {
				k.interrupt()
				k.pending = append(k.pending, keyEnd, keyErase)
				continue
			}
			k.pending = append(k.pending, c)
		}
	}
	n := copy(p, k.pending)
	k.pending = k.pending[n:]
	return n, nil
}

// history keeps the lines typed, over sessions. It implements term.History.
type history struct {
	mu    sync.Mutex
	lines []string
	file  string // "": not kept
}

const maxHistory = 1000

// stateDir is where the user's programs keep what is worth keeping.
func stateDir() (string, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".local", "state")
	}
	dir = filepath.Join(dir, "vitrine")
	return dir, os.MkdirAll(dir, 0o700)
}

func loadHistory() *history {
	h := &history{}
	dir, err := stateDir()
	if err != nil {
		return h
	}
	h.file = filepath.Join(dir, "debug_history")
	f, err := os.Open(h.file)
	if err != nil {
		return h
	}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		h.lines = append(h.lines, sc.Text())
	}
	f.Close()
	if n := len(h.lines); n > 2*maxHistory { // now and then it is cut
		h.lines = h.lines[n-maxHistory:]
		os.WriteFile(h.file, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600)
	}
	return h
}

// Add keeps a line, unless it is the same again or nothing.
func (h *history) Add(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if h.file == "" {
		return
	}
	f, err := os.OpenFile(h.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	f.WriteString(line + "\n")
}

// Len is how many there are.
func (h *history) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.lines)
}

// At returns one, 0 the youngest.
func (h *history) At(i int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lines[len(h.lines)-1-i]
}
