// Package bench measures the whole system: each benchmark runs the same static
// program natively and in the kernel, in turns, and reports the ratio.
//
//	go test -run '^$' -bench . ./test/bench
package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var dir string // vitrine, the guest program's root

func TestMain(m *testing.M) {
	os.Exit(func() int {
		d, err := os.MkdirTemp("", "vitrine-bench")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(d)
		dir = d
		return m.Run()
	}())
}

// setup builds what the benchmarks run, once.
func setup(b *testing.B) (vitrine, root string) {
	b.Helper()
	vitrine, root = filepath.Join(dir, "vitrine"), filepath.Join(dir, "root")
	if _, err := os.Stat(vitrine); err == nil {
		return vitrine, root
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		b.Skip("no C compiler: apt-get install gcc libc6-dev")
	}
	run(b, "go", "build", "-C", "../..", "-o", vitrine, "./cmd/vitrine")
	for _, d := range []string{"bin", "tmp", "proc", "dev", "sys"} {
		os.MkdirAll(filepath.Join(root, d), 0o755)
	}
	run(b, "gcc", "-O2", "-static", "-o", filepath.Join(root, "bin", "bench"), "guest/bench.c")
	run(b, vitrine, "run", "-root", root, "--", "/bin/bench", "nothing", "0")
	return vitrine, root
}

func run(b *testing.B, name string, args ...string) string {
	b.Helper()
	cmd := exec.Command(name, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s %v: %v\n%s%s", name, args, err, out, errs.String())
	}
	return string(out)
}

// numbers parses one number a line and sorts them.
func numbers(b *testing.B, out string) []float64 {
	b.Helper()
	var v []float64
	for _, f := range strings.Fields(out) {
		x, err := strconv.ParseFloat(f, 64)
		if err != nil {
			b.Fatal(err)
		}
		v = append(v, x)
	}
	if len(v) == 0 {
		b.Fatal("the program printed nothing")
	}
	slices.Sort(v)
	return v
}

// BenchmarkRatio reports for each operation the kernel's cost as a multiple of the host's:
// quartile against quartile, so that a noisy moment counts little.
func BenchmarkRatio(b *testing.B) {
	vitrine, root := setup(b)
	for _, m := range []struct {
		name string
		n    int
	}{
		{"null", 20000},
		{"stat", 5000},
		{"open", 5000},
		{"pipe", 2000},
		{"fault-sequential", 4096},
		{"fault-single", 4096},
		{"fork", 50},
		{"forkexec", 50},
		{"compute", 20000},
	} {
		b.Run(m.name, func(b *testing.B) {
			var native, guest []float64
			for range b.N {
				args := []string{m.name, "15", strconv.Itoa(m.n)}
				native = append(native, numbers(b, run(b, filepath.Join(root, "bin", "bench"), args...))...)
				guest = append(guest, numbers(b, run(b, vitrine, append([]string{"run", "-root", root, "--", "/bin/bench"}, args...)...))...)
			}
			slices.Sort(native)
			slices.Sort(guest)
			q := func(v []float64) float64 { return v[len(v)/4] }
			b.ReportMetric(q(native), "native-ns")
			b.ReportMetric(q(guest), "guest-ns")
			b.ReportMetric(q(guest)/q(native), "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkBoot boots, runs /bin/true and exits, with everything built.
func BenchmarkBoot(b *testing.B) {
	vitrine, _ := setup(b)
	run(b, vitrine, "run", "--", "true")
	var wall, cpu []float64
	for b.Loop() {
		cmd := exec.Command(vitrine, "run", "--", "true")
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		wall = append(wall, float64(time.Since(start).Microseconds())/1000)
		u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		cpu = append(cpu, float64(u.Utime.Sec+u.Stime.Sec)*1000+float64(u.Utime.Usec+u.Stime.Usec)/1000)
	}
	slices.Sort(wall)
	slices.Sort(cpu)
	b.ReportMetric(wall[len(wall)/2], "wall-ms")
	b.ReportMetric(cpu[len(cpu)/2], "cpu-ms")
}
