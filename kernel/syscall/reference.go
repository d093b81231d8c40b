package syscall

import (
	"fmt"
	"strings"
)

//go:generate go test -run TestReferenceIsFresh . -update

// Reference returns the page docs/ref/syscalls.md: every call with its arguments and what it lacks.
func Reference() string {
	var b strings.Builder
	b.WriteString("# System calls\n\nGenerated from the code by `go generate ./kernel/syscall`; do not edit.\n\n")
	calls := Calls()
	fmt.Fprintf(&b, "%d calls. Numbers without a row give ENOSYS and, the first time, a line in the kernel's log.\n\n", len(calls))
	b.WriteString("| nr | call | covers | lacks | file |\n|---|---|---|---|---|\n")
	for _, c := range calls {
		args := make([]string, len(c.Params))
		for i, p := range c.Params {
			args[i] = p.Name
			if p.Out {
				args[i] = "out " + p.Name
			}
		}
		fmt.Fprintf(&b, "| %d | `%s(%s)` | %s | %s | `%s` |\n", c.Nr, c.Name, strings.Join(args, ", "), c.Covers, c.Lacks, c.File)
	}
	return b.String()
}
