package applets

import (
	"vitrine/userland/box"
	"vitrine/userland/sh"
)

// sh - the shell
//
//	sh [-aCefhimnsuvx] [-o OPTION] [-l] [FILE [ARG]...]
//	sh -c TEXT [NAME [ARG]...]
//
// See package sh.
func init() {
	box.Register(&box.Cmd{
		Name: "sh", Run: sh.Main, RawHelp: false,
		Usage: "sh [-aCefhilmnsuvx] [-o OPTION] [-c TEXT | FILE] [ARG]...",
	})
}
