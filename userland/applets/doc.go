// Package applets holds the commands of the guest userland, one file each.
//
//	ls.go   init() { box.Register(&box.Cmd{Name: "ls", ...}) }  +  func ls(args []string) int
//	cat.go  ...
//
// To add a command, write one new file like true.go; nothing else changes: the
// program box, `box --list` and the initramfs take the names from the table.
// Helpers that several commands need stand in files named x_*.go.
//
// First breakpoint: the function named like the command.
package applets

import "vitrine/userland/box"

// Names returns the names of all commands, sorted: the links that belong into /bin.
func Names() []string { return box.Names() }
