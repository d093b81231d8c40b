package sound

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"sort"
	"strings"
	"testing"
	"time"
)

// BenchmarkShortPeriods compares 48 kHz stereo at periods of 10 ms with a program that only sleeps 10 ms again and again: processor time of
// all processes of a machine, per second of the guest's. The sleeper is what a wake-up of a guest costs.
func BenchmarkShortPeriods(b *testing.B) {
	dir, err := tree()
	if err != nil {
		b.Skipf("no Debian directory: %v", err)
	}
	const rounds, seconds = 5, 5
	play := func(seconds, period int) string {
		return fmt.Sprintf("aplay -q -D hw:0 -d %d -t raw -f dat --period-size=%d --buffer-size=%d /dev/zero", seconds, period, 4*period)
	}
	kinds := []struct {
		name   string
		script func(seconds int) string
	}{
		{"sleep", func(s int) string {
			return fmt.Sprintf("perl -e 'select(undef, undef, undef, 0.01) for 1 .. %d'", 100*s)
		}},
		{"10ms", func(s int) string { return play(s, 480) }},
		{"125ms", func(s int) string { return play(s, 6000) }},
	}
	for b.Loop() {
		costs := make([][]float64, len(kinds))
		underruns := 0
		for range rounds {
			for i, k := range kinds { // in turns: the host's load is everybody's
				short, _ := processorTime(b, dir, k.script(1))
				long, said := processorTime(b, dir, k.script(1+seconds))
				costs[i] = append(costs[i], (long-short).Seconds()/seconds)
				underruns += strings.Count(said, "underrun")
			}
		}
		median := func(v []float64) float64 {
			sort.Float64s(v)
			return v[len(v)/2]
		}
		sleep := median(costs[0])
		for i, k := range kinds {
			b.ReportMetric(100*median(costs[i]), k.name+"-%core")
			b.ReportMetric(median(costs[i])/sleep, k.name+"/sleep")
		}
		b.ReportMetric(float64(underruns), "underruns")
	}
}

// processorTime runs a script in a machine. It returns the processor time of supervisor, kernel and cells, and what they said.
func processorTime(b *testing.B, root, script string) (time.Duration, string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, vitrine, "run", "-audio", "none", "-root", root, "--", "sh", "-c", script)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v\n%s", err, errs.String())
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), errs.String()
}
