package sh

import (
	"sort"
	"strconv"
	"strings"

	"vitrine/userland/box"
)

// complete proposes words for the text before the cursor: commands in the place of
// a command, variables after $, else files. It returns where the word begins and
// what may stand there.
func (sh *Shell) complete(line string) (start int, words []string) {
	start = len(line)
	for start > 0 && (strings.IndexByte(" \t;|&()<>\"'`=", line[start-1]) < 0 ||
		start > 1 && line[start-2] == '\\') {
		start--
	}
	word := line[start:]
	before := strings.TrimRight(line[:start], " \t")
	atCommand := before == "" || strings.IndexByte(";|&(`", before[len(before)-1]) >= 0
	if !atCommand {
		last := before[strings.LastIndexAny(before, " \t;|&(")+1:]
		switch last {
		case "if", "then", "else", "elif", "while", "until", "do", "!", "time", "exec", "command", "nohup", "xargs", "env", "which", "type":
			atCommand = true
		}
	}
	seen := map[string]bool{}
	add := func(w string) {
		if strings.HasPrefix(w, word) && !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	switch {
	case strings.HasPrefix(word, "$"):
		for _, n := range sh.names() {
			add("$" + n)
		}
	case atCommand && !strings.Contains(word, "/"):
		for n := range builtins {
			add(n + " ")
		}
		for _, n := range box.Names() {
			add(n + " ")
		}
		for n := range sh.funcs {
			add(n + " ")
		}
		for n := range sh.aliases {
			add(n + " ")
		}
		for _, dir := range strings.Split(sh.get("PATH"), ":") {
			for _, n := range dirNames(dir) {
				add(n + " ")
			}
		}
		for _, n := range dirNames(".") { // a directory to go into: ./sub/prog
			if strings.HasPrefix(n, word) && word != "" && isDir(n) {
				add(n + "/")
			}
		}
	default:
		words = sh.completeFile(word)
	}
	sort.Strings(words)
	return start, words
}

// completeFile proposes paths; what the shell would interpret gets a backslash.
func (sh *Shell) completeFile(word string) (words []string) {
	plain := strings.ReplaceAll(word, `\`, "")
	dir, base := "", plain
	if i := strings.LastIndexByte(plain, '/'); i >= 0 {
		dir, base = plain[:i+1], plain[i+1:]
	}
	real := dir
	if strings.HasPrefix(dir, "~") {
		if home, rest, ok := sh.tilde(dir); ok {
			real = home + rest
		}
	}
	look := real
	if look == "" {
		look = "."
	}
	for _, n := range dirNames(look) {
		if !strings.HasPrefix(n, base) || n[0] == '.' && base == "" {
			continue
		}
		end := " "
		if isDir(real + n) {
			end = "/"
		}
		words = append(words, escapeWord(dir+n)+end)
	}
	return words
}

func escapeWord(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(" \t'\"\\$&;|<>()*?[]`!#", s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func padLeft(n, width int) string {
	s := strconv.Itoa(n)
	return strings.Repeat(" ", max(0, width-len(s))) + s
}
