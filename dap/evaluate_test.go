package dap

import (
	"fmt"
	"testing"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// TestCompletionsOfCommands: columns count what the editor counts, also behind characters of several bytes.
func TestCompletionsOfCommands(t *testing.T) {
	words := func(_ *session.Client, line string) ([]string, int) {
		if line != "é br" {
			t.Errorf("the line is %q", line)
		}
		return []string{"break", "breakpoints"}, len("é ")
	}
	c := newClient(t, NewServer(Options{Host: &fakeHost{}, Words: words}))
	c.Launch(nil)
	c.ConfigurationDone()
	for text, start := range map[string]int{"é br": 3, "-exec é br": 9} {
		var body dap.CompletionsResponseBody
		c.Do("completions", dap.CompletionsArguments{Text: text, Column: len([]rune(text)) + 1}, &body)
		want := fmt.Sprintf("[{break %d 2 keyword} {breakpoints %d 2 keyword}]", start, start)
		var got []string
		for _, i := range body.Targets {
			got = append(got, fmt.Sprintf("{%s %d %d %s}", i.Label, i.Start, i.Length, i.Type))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%q: %v, not %s", text, got, want)
		}
	}
}
