package applets

import "strings"

// mountEntry is one line of /proc/self/mounts.
type mountEntry struct{ source, dir, fstype, options string }

// parseMounts parses the mount table; blanks in paths are written there as \040.
func parseMounts(text string) []mountEntry {
	unquote := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var list []mountEntry
	for _, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		list = append(list, mountEntry{unquote.Replace(f[0]), unquote.Replace(f[1]), f[2], f[3]})
	}
	return list
}
