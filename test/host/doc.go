// Package host holds the tests that look at a machine from the host's side: what processes there are, which host calls
// they make, what they leave behind. Programs that are hostile to their kernel run inside (testdata/hostile.c).
//
//	host_test.go       builds everything once; a machine under test
//	trace_test.go      host calls of cells and kernel, by strace
//	isolation_test.go  memory, host files
//	lifecycle_test.go  the ends: signals, kills, terminals
//	abuse_test.go      resources
//	oops_test.go       bugs of the kernel
//	user_test.go       without rights
//
// Nothing here waits for a time to pass; limits only bound waits that fail.
package host
