package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

var cmdVersion = &command{
	name: "version", doc: "print what this is",
	run: func(c *command, args []string) int {
		if status, ok := parse(c.flags(), args); !ok {
			return status
		}
		fmt.Println(versionLine())
		if t, err := findTree(); err == nil {
			fmt.Println("source tree:", t.dir)
		}
		return 0
	},
}

// versionLine says which commit this was built from, if the build recorded it.
func versionLine() string {
	line := "vitrine"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return line
	}
	if v := info.Main.Version; v != "" {
		line += " " + v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			line += " " + s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			line += "+changes"
		}
	}
	return fmt.Sprintf("%s, %s %s/%s", line, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
