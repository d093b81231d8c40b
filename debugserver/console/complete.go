package console

import (
	"path/filepath"
	"slices"
	"strings"
)

// maxWords bounds the completions that are offered.
const maxWords = 200

// Complete returns what the word that ends at pos may be. WordStart tells where it begins.
func (in *Interp) Complete(line string, pos int) []string {
	if pos < 0 || pos > len(line) {
		return nil
	}
	line = line[:pos]
	word := line[WordStart(line, pos):]
	name, args := splitCommand(strings.TrimLeft(line, " "))
	if args == "" && !strings.HasSuffix(line, " ") {
		return beginning(names(), name)
	}
	c, err := find(name)
	if err != nil || c.words == nil {
		return nil
	}
	return beginning(c.words(in, strings.TrimLeft(line, " ")[len(name):]), word)
}

// WordStart is the beginning of the word that ends at pos.
func WordStart(line string, pos int) int { return strings.LastIndexAny(line[:pos], " \t,(!=<>&|+") + 1 }

// beginning returns those of the words that begin with a prefix, sorted, each once.
func beginning(words []string, prefix string) []string {
	var r []string
	for _, w := range words {
		if strings.HasPrefix(w, prefix) {
			r = append(r, w)
		}
	}
	slices.Sort(r)
	r = slices.Compact(r)
	return r[:min(len(r), maxWords)]
}

// lastWord is the word at the end of args.
func lastWord(args string) string { return args[WordStart(args, len(args)):] }

// placeWords completes places: functions, files with a colon, and the words that break knows.
func placeWords(in *Interp, args string) []string {
	word := lastWord(args)
	if strings.Contains(args, " if ") {
		return exprWords(in, args)
	}
	before := strings.Fields(strings.TrimSuffix(args, word))
	if len(before) > 0 {
		switch before[len(before)-1] {
		case "on":
			return exceptionNames
		case "syscall":
			return in.syscallNames()
		case "task":
			return nil
		}
	}
	r := []string{"syscall", "on", "if", "task", "hits"}
	if strings.HasSuffix(word, ".go") {
		r = append(r, word+":")
	}
	if fs, err := in.c.Functions(word, 4*maxWords); err == nil && word != "" {
		for _, f := range fs {
			// A name is known by any end of it that begins behind a slash or dot.
			for i := 0; i < len(f); i++ {
				if (i == 0 || f[i-1] == '/' || f[i-1] == '.') && strings.HasPrefix(f[i:], word) {
					r = append(r, f[i:])
				}
			}
		}
	}
	if word != "" {
		if files, err := in.c.Sources(); err == nil {
			for _, f := range files {
				if b := filepath.Base(f); strings.HasPrefix(b, word) && in.ours(f) {
					r = append(r, b+":")
				}
			}
		}
	}
	return r
}

// exprWords completes expressions.
func exprWords(in *Interp, args string) []string {
	t, f := in.selection()
	r, err := in.c.Complete(t, f, lastWord(args))
	if err != nil {
		return nil
	}
	return r
}

// viewNames completes names of views.
func viewNames(in *Interp, _ string) (r []string) {
	vs, err := in.c.Views()
	if err != nil {
		return nil
	}
	for _, v := range vs {
		r = append(r, v.Name)
	}
	return r
}

// syscallNames lists the kernel's system calls: its view knows them.
func (in *Interp) syscallNames() (r []string) {
	tb, err := in.c.View("syscalls")
	if err != nil {
		return nil
	}
	col := slices.Index(tb.Head, "NAME")
	for _, row := range tb.Rows {
		if col >= 0 {
			r = append(r, row[col])
		}
	}
	return r
}

func commandNames(*Interp, string) []string { return names() }
