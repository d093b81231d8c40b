package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

var cmdDebug = &command{
	name: "debug", args: "[NAME] [options]", doc: "debug the kernel of a running machine",
	help: `
The machine stops, its clock with it, and you get a prompt: help lists the commands, ^C stops a machine that runs,
quit leaves and lets it run on. Commands of -x and -ex come first, in their order; one that fails ends
them. With -batch that is all, and the exit status is 0 only if none failed. In a pipe, commands are
read from standard input. -core looks at a core dump, of vitrine core, instead of a machine: at all but what
programs were doing. See docs/debugger.md.`,
	run: runDebug,
}

// script is a list of commands from one place.
type script struct {
	name  string // of its file; "" for -ex
	lines []string
}

func runDebug(c *command, args []string) int {
	var scripts []script
	fs := c.flags()
	fs.Func("ex", "execute `command` (may be given more than once)", func(v string) error {
		scripts = append(scripts, script{lines: []string{v}})
		return nil
	})
	fs.Func("x", "execute the commands in `file` (may be given more than once)", func(v string) error {
		data, err := os.ReadFile(v)
		if err != nil {
			return err
		}
		scripts = append(scripts, script{v, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")})
		return nil
	})
	batch := fs.Bool("batch", false, "exit after the commands of -x and -ex")
	core := fs.String("core", "", "look at a core dump, a `file`, instead of a machine")
	kernel := fs.String("kernel", "", "with -core: the kernel that it is of, a `file`")
	running := fs.Bool("running", false, "let the machine run on until a command or a breakpoint stops it")
	// The name may stand before the options.
	name := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	if status, ok := parse(fs, args); !ok {
		return status
	}
	if name == "" {
		name = fs.Arg(0)
	}
	dir, _ := os.Getwd()
	var w *wire
	var conn io.Closer
	var err error
	if *core != "" {
		w, conn, err = debugCore(*core, *kernel, dir)
	} else {
		w, conn, _, err = request(name, ask{Op: "debug", Dir: dir, Running: *running})
	}
	if err != nil {
		return fail("%v", err)
	}
	defer conn.Close()
	d := newDebugger(w)
	return d.run(scripts, *batch)
}

// debugger is the terminal's side of `vitrine debug`.
type debugger struct {
	w     *wire
	edit  *lineEditor   // nil: no terminal
	done  chan debugSay // Done; closed when the machine has ended
	words chan debugSay // completions
}

func newDebugger(w *wire) *debugger {
	d := &debugger{w: w, done: make(chan debugSay, 1), words: make(chan debugSay, 1)}
	if isTerminal(0) && isTerminal(1) {
		d.edit = newLineEditor(d.complete, d.interrupt)
	}
	return d
}

func (d *debugger) run(scripts []script, batch bool) int {
	go d.hear()
	d.signals()
	if _, ok := <-d.done; !ok { // where the machine stands has been told now
		return fail("the machine ended")
	}
	for _, s := range scripts {
		switch ok, quit := d.script(s); {
		case quit:
			return 0
		case !ok && batch:
			return 1
		case !ok:
			goto interactive // the user may find out why
		}
	}
	if batch {
		return 0
	}
interactive:
	if d.edit != nil {
		return d.interactive()
	}
	return d.pipe(os.Stdin)
}

// hear shows what comes from the machine.
func (d *debugger) hear() {
	defer close(d.done)
	defer close(d.words)
	for {
		var s debugSay
		if d.w.receive(&s) != nil {
			return
		}
		if len(s.Out) > 0 {
			d.output().Write(s.Out)
		}
		if s.Prompt != "" && d.edit != nil {
			d.edit.setPrompt(s.Prompt)
		}
		switch {
		case s.Done:
			d.done <- s
		case s.Start != nil:
			select {
			case d.words <- s:
			default: // nobody waits for it any more
			}
		}
	}
}

func (d *debugger) output() io.Writer {
	if d.edit != nil {
		return d.edit
	}
	return os.Stdout
}

// signals makes ^C stop the machine while a command runs. At the prompt it is a key.
func (d *debugger) signals() {
	c := make(chan os.Signal, 4)
	signal.Notify(c, unix.SIGINT)
	go func() {
		for range c {
			d.interrupt()
		}
	}()
}

func (d *debugger) interrupt() { d.w.send(debugAsk{Interrupt: true}) }

var errEnded = errors.New("the machine has ended")

// execute runs one line on the machine's side.
func (d *debugger) execute(line string) (quit bool, err error) {
	if d.w.send(debugAsk{Line: &line}) != nil {
		return true, errEnded
	}
	s, ok := <-d.done
	line = strings.TrimSpace(line)
	switch {
	case !ok && (strings.HasPrefix(line, "k") || strings.HasSuffix(line, "&")): // kill; and what is not waited for may be over soon
		return true, nil
	case !ok:
		return true, errEnded
	case s.Error != "":
		return false, errors.New(s.Error)
	}
	return s.Quit, nil
}

// script runs the commands of one until one fails.
func (d *debugger) script(s script) (ok, quit bool) {
	for i, line := range s.lines {
		if strings.TrimSpace(line) == "" {
			continue // no repetition in scripts
		}
		quit, err := d.execute(line)
		if err != nil {
			where := line
			if s.name != "" {
				where = fmt.Sprintf("%s:%d", s.name, i+1)
			}
			fmt.Fprintf(os.Stderr, "vitrine debug: %s: %v\n", where, err)
			return false, false
		}
		if quit {
			return true, true
		}
	}
	return true, false
}

// pipe runs commands from a stream that is no terminal.
func (d *debugger) pipe(r io.Reader) int {
	status := 0
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		quit, err := d.execute(sc.Text())
		if err != nil {
			fmt.Fprintf(os.Stderr, "vitrine debug: %v\n", err)
			status = 1
		}
		if quit {
			break
		}
	}
	return status
}

// interactive is the loop of prompt and command.
func (d *debugger) interactive() int {
	for {
		line, err := d.edit.readLine()
		if err != nil { // ^D
			return 0
		}
		quit, err := d.execute(line)
		if err != nil {
			fmt.Fprintf(d.edit, "%v\n", err)
		}
		if quit {
			return 0
		}
	}
}

// complete asks for what may stand at the end of a text, and returns how far it is certain.
func (d *debugger) complete(text string) (string, []string) {
	for len(d.words) > 0 {
		<-d.words // an answer that nobody waited for
	}
	if d.w.send(debugAsk{Complete: &text}) != nil {
		return text, nil
	}
	s, ok := <-d.words
	if !ok || len(s.Words) == 0 || *s.Start < 0 || *s.Start > len(text) {
		return text, nil
	}
	common := s.Words[0]
	for _, w := range s.Words[1:] {
		for !strings.HasPrefix(w, common) {
			common = common[:len(common)-1]
		}
	}
	for i, w := range s.Words {
		s.Words[i] = printable(w)
	}
	if len(s.Words) == 1 && !strings.HasSuffix(common, ":") && !strings.HasSuffix(common, ".") {
		common += " "
	}
	return text[:*s.Start] + common, s.Words
}

// columns arranges words as ls(1) does.
func columns(words []string, width int) string {
	longest := len(slices.MaxFunc(words, func(a, b string) int { return len(a) - len(b) })) + 2
	per := max(width/longest, 1)
	rows := (len(words) + per - 1) / per
	var b bytes.Buffer
	for r := range rows {
		for i := r; i < len(words); i += rows {
			if i+rows < len(words) {
				fmt.Fprintf(&b, "%-*s", longest, words[i])
			} else {
				b.WriteString(words[i])
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
