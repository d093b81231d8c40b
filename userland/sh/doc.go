// Package sh is the shell: a POSIX sh with the small comforts people expect of a
// shell today (local, [[ ]], (( )), here-strings, arrays, line editing).
//
//	     text ── mvdan.cc/sh/v3/syntax ──> tree of *syntax.Stmt
//	                                          │ exec.go, compound.go, pipeline.go, simple.go
//	     words ── expand.go, param.go, glob.go ──> fields
//	                                          │
//	builtin or function: in this process      │ spawn.go: fork+exec
//	(redir.go swaps the descriptors)          v
//	                                      ┌─────────┐  job.go: process groups, terminal,
//	                                      │ process │  wait4, jobs, fg, bg
//	                                      └─────────┘
//
// A Go program cannot fork without exec: only the forking thread would live on in
// the child. So where another shell forks, for ( ), for $( ), for compound commands
// in pipelines and in the background, this one starts itself anew and sends its
// state (variables, functions, options, ...) and the text of the commands through
// a pipe: see subshell.go.
//
// A failing expansion, exit, and ^C unwind the Go stack by panic with an unwind
// value; break, continue and return are marked in Shell.jump and checked after
// each statement.
//
// The shell is single-threaded by intention; the one exception is the writer of a
// long here-document.
//
// First breakpoint: (*Shell).stmt.
package sh
