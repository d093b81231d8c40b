package bench

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkMemory starts the default shell and reports what supervisor, kernel and cells occupy in MiB when it
// prompts: PSS counts a page that several map once in all; what of RAM's file nobody maps comes on top.
func BenchmarkMemory(b *testing.B) {
	vitrine, _ := setup(b)
	run(b, vitrine, "run", "--", "true")
	var pss, hidden []float64
	for b.Loop() {
		p, h := shellMemory(b, vitrine)
		pss, hidden = append(pss, p), append(hidden, h)
	}
	slices.Sort(pss)
	slices.Sort(hidden)
	b.ReportMetric(pss[len(pss)/2], "pss-MiB")
	b.ReportMetric(hidden[len(hidden)/2], "unmapped-MiB")
	b.ReportMetric(0, "ns/op")
}

func shellMemory(b *testing.B, vitrine string) (pss, hidden float64) {
	cmd := exec.Command(vitrine, "run")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	// The shell has answered when the sum is there, which the echo of what was typed has not.
	go io.WriteString(in, "echo sum $((40+2))\n")
	var seen strings.Builder
	for buf := make([]byte, 4096); !strings.Contains(seen.String(), "sum 42"); {
		n, err := out.Read(buf)
		seen.Write(buf[:n])
		if err != nil {
			b.Fatalf("%v\n%s", err, seen.String())
		}
	}
	go io.Copy(io.Discard, out)
	time.Sleep(300 * time.Millisecond) // the pool of cells fills, garbage is collected
	var shmem float64
	for _, pid := range tree(cmd.Process.Pid) {
		m := rollup(pid)
		pss, shmem = pss+m["Pss"], shmem+m["Pss_Shmem"]
	}
	for _, link := range glob(fmt.Sprintf("/proc/%d/fd/*", cmd.Process.Pid)) {
		if to, _ := os.Readlink(link); strings.HasPrefix(to, "/memfd:vitrine-ram") {
			hidden = max(0, allocated(link)-shmem)
		}
	}
	return pss / 1024, hidden / 1024
}

// tree returns a process and all below it.
func tree(pid int) []int {
	all := []int{pid}
	for _, f := range glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) {
		data, _ := os.ReadFile(f)
		for _, w := range strings.Fields(string(data)) {
			if child, err := strconv.Atoi(w); err == nil {
				all = append(all, tree(child)...)
			}
		}
	}
	return all
}

// rollup returns a process's figures in KiB (proc_pid_smaps(5)).
func rollup(pid int) map[string]float64 {
	m := map[string]float64{}
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for _, line := range strings.Split(string(data), "\n") {
		if name, rest, ok := strings.Cut(line, ":"); ok {
			if v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 64); err == nil {
				m[name] = v
			}
		}
	}
	return m
}

// allocated returns the KiB that a file occupies.
func allocated(path string) float64 {
	out, err := exec.Command("stat", "-L", "-c", "%b", path).Output()
	if err != nil {
		return 0
	}
	blocks, _ := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	return blocks / 2
}

func glob(pattern string) []string {
	files, _ := filepath.Glob(pattern)
	return files
}
