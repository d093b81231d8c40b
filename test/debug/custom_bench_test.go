package debug

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vitrine/dap"
)

// BenchmarkFollowedCall is the null system call while nobody follows system calls, while somebody follows others, and while all are followed.
func BenchmarkFollowedCall(b *testing.B) {
	root := b.TempDir()
	for _, d := range []string{"bin", "tmp", "proc", "dev", "sys"} {
		if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	if out, err := exec.Command("gcc", "-O2", "-static", "-o", filepath.Join(root, "bin/bench"), "../bench/guest/bench.c").CombinedOutput(); err != nil {
		b.Skipf("no C compiler: %v: %s", err, out)
	}
	for _, x := range []struct {
		name string
		args *dap.SyscallsArguments
	}{
		{"nobody", nil},
		{"others", &dap.SyscallsArguments{Follow: true, Names: []string{"openat"}}},
		{"all", &dap.SyscallsArguments{Follow: true}},
	} {
		b.Run(x.name, func(b *testing.B) {
			var all []float64
			for b.Loop() {
				c, _ := stdio(b)
				c.Launch(map[string]any{"args": []string{"/bin/bench", "null", "15", "20000"}, "root": root})
				c.ConfigurationDone()
				if x.args != nil {
					c.Do("vitrine/syscalls", x.args, nil)
				}
				if status := c.Exited(); status != 0 {
					b.Fatalf("status %d: %s", status, c.Output(""))
				}
				for _, f := range strings.Fields(c.Output("stdout")) {
					if v, err := strconv.ParseFloat(f, 64); err == nil {
						all = append(all, v)
					}
				}
			}
			if len(all) == 0 {
				b.Fatal("the program printed nothing")
			}
			slices.Sort(all)
			b.ReportMetric(all[len(all)/4], "ns/call")
			b.ReportMetric(0, "ns/op")
		})
	}
}
