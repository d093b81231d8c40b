// Package box is the frame every command of the userland stands in.
//
//	       /bin/ls -> /bin/box (one static program, many names)
//	                     |
//	cmd/box/main.go:  argv[0] = "ls"
//	                     |
//	box.Lookup("ls") --> *Cmd{Name, Usage, Run}      <- applets/ls.go: func init() { box.Register(...) }
//	                     |
//	box.Run(cmd, args):  --help?  Run(args)  flush Out  --> exit status
//
// A command writes through Out (buffered, file descriptor 1), reports trouble by
// Warn and Fail, and returns its exit status. It must not call os.Exit: the shell
// runs a few commands (echo, test, printf ...) inside its own process.
//
// Files are plain descriptors (type FD) and system calls are made directly with
// golang.org/x/sys/unix, so that what a student sees in the kernel's trace is what
// is written in the command, without a poller or a finalizer in between.
//
// First breakpoint: Run.
package box
