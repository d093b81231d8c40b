package session

import (
	"slices"
	"testing"
)

// TestDebugNames: no name leads out of the directories.
func TestDebugNames(t *testing.T) {
	for _, c := range []struct {
		file, id, link string
		want           []string
	}{
		{"/usr/bin/ls", "abcdef", "ls.debug", []string{
			"/usr/lib/debug/.build-id/ab/cdef.debug", "/usr/bin/ls.debug", "/usr/bin/.debug/ls.debug", "/usr/lib/debug/usr/bin/ls.debug",
		}},
		{"/bin/x", "", "../../etc/passwd", nil},
		{"/bin/x", "", "..", nil},
		{"../../../x", "", "x.debug", []string{"/x.debug", "/.debug/x.debug", "/usr/lib/debug/x.debug"}},
		{"/bin/x", "", "", nil},
	} {
		if got := debugNames(c.file, c.id, c.link); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
