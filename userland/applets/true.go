package applets

import "vitrine/userland/box"

// true - do nothing, successfully
// false - do nothing, unsuccessfully
func init() {
	box.Register(&box.Cmd{
		Name: "true", Usage: "true", Builtin: true, RawHelp: true,
		Run: func([]string) int { return 0 },
	})
	box.Register(&box.Cmd{
		Name: "false", Usage: "false", Builtin: true, RawHelp: true,
		Run: func([]string) int { return 1 },
	})
}
