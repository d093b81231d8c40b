package main

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestHistoryIsKept(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	h := loadHistory()
	for _, l := range []string{"a", "b", "b", " ", "", "c"} {
		h.Add(l)
	}
	for _, h := range []*history{h, loadHistory()} {
		if h.Len() != 3 || h.At(0) != "c" || h.At(2) != "a" {
			t.Errorf("%q", h.lines)
		}
	}
	dir, _ := stateDir()
	file := filepath.Join(dir, "debug_history")
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	var long strings.Builder
	for i := range 3 * maxHistory {
		long.WriteString(strconv.Itoa(i) + "\n")
	}
	os.WriteFile(file, []byte(long.String()), 0o600)
	if h := loadHistory(); h.Len() != maxHistory || h.At(0) != strconv.Itoa(3*maxHistory-1) {
		t.Errorf("%d lines, the last %s", h.Len(), h.At(0))
	}
	if h := loadHistory(); h.Len() != maxHistory {
		t.Errorf("%d lines in the file", h.Len())
	}
}

func TestHistoryWithoutAPlace(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/dev/null")
	h := loadHistory()
	h.Add("a")
	if h.Len() != 1 {
		t.Errorf("%q", h.lines)
	}
}

func TestInterruptKeyEmptiesTheLine(t *testing.T) {
	n := 0
	k := &keyReader{r: strings.NewReader("ab\x03c\x03"), interrupt: func() { n++ }}
	var got strings.Builder
	for {
		var b [1]byte // the terminal may take them one at a time
		i, err := k.Read(b[:])
		got.Write(b[:i])
		if err == io.EOF {
			break
		}
	}
	if got.String() != "ab\x05\x15c\x05\x15" || n != 2 {
		t.Errorf("%q, %d interrupts", got.String(), n)
	}
}

func TestColumns(t *testing.T) {
	words := []string{"a", "bb", "ccc", "d", "e"}
	for width, want := range map[int]string{
		80: "a    bb   ccc  d    e\n",
		12: "a    d\nbb   e\nccc\n",
		1:  "a\nbb\nccc\nd\ne\n",
	} {
		if got := columns(words, width); got != want {
			t.Errorf("%d: %q, want %q", width, got, want)
		}
	}
}

func TestNewlinesGoPlain(t *testing.T) {
	var b strings.Builder
	n, err := plainNewlines{&b}.Write([]byte("a\r\nb\rc"))
	if n != 6 || err != nil || b.String() != "a\nb\rc" {
		t.Errorf("%d, %v, %q", n, err, b.String())
	}
}
