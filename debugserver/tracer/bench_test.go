package tracer

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
)

func benchAt(b *testing.B, mark string, args ...string) (*Tracer, *program, Owner) {
	tr, p := launch(b, args...)
	toMain(b, tr, p)
	o := NewOwner()
	if mark != "" {
		must(b, tr.Insert(p.mark(b, mark), o))
		resume(b, tr)
	}
	return tr, p, o
}

func BenchmarkHitAndContinue(b *testing.B) {
	for _, threads := range []int{0, 200} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			tr, _, _ := benchAt(b, "TICK", fmt.Sprintf("-threads=%d", threads))
			for b.Loop() {
				resume(b, tr)
			}
		})
	}
}

func BenchmarkFalseFilter(b *testing.B) {
	tr, p, o := benchAt(b, "TICK")
	f := &Filter{Op: "==", X: &Operand{Offs: []int64{int64(p.addr(b, "main.The")), 24}, Size: 8}}
	n := tr.Stats.Filtered
	for b.Loop() {
		// Each round is 1000 false conditions and one true.
		f.Val = peek(b, tr, peek(b, tr, p.addr(b, "main.The"))+24) + 1000
		must(b, tr.SetFilter(p.mark(b, "TICK"), o, f))
		resume(b, tr)
	}
	b.ReportMetric(float64(tr.Stats.Filtered-n)/b.Elapsed().Seconds(), "conditions/s")
}

func BenchmarkStep(b *testing.B) {
	tr, _, _ := benchAt(b, "TICK")
	tid := tr.last
	for b.Loop() {
		if _, err := tr.Step(tid); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGuardedWrite(b *testing.B) {
	tr, p, o := benchAt(b, "", "-stores=1000000")
	must(b, tr.SetWatch(Watch{Addr: p.addr(b, "main.wide") + 8192, Size: 64}, o))
	n := tr.Stats.Guards
	for b.Loop() {
		resume(b, tr)
	}
	b.ReportMetric(float64(tr.Stats.Guards-n)/b.Elapsed().Seconds(), "writes/s")
}

func BenchmarkReadWord(b *testing.B) {
	tr, p, _ := benchAt(b, "TICK")
	for b.Loop() {
		peek(b, tr, p.addr(b, "main.The"))
	}
}

// BenchmarkWork is the time of fixed work, traced and not, under signals. It takes 9 rounds of the toy's own clock.
func BenchmarkWork(b *testing.B) {
	p, err := toy()
	must(b, err)
	for _, sigs := range []int{0, 200, 2000} {
		for _, traced := range []bool{false, true} {
			b.Run(fmt.Sprintf("sigs=%d/traced=%v", sigs, traced), func(b *testing.B) {
				for b.Loop() {
					b.ReportMetric(work(b, p, traced, "-work", fmt.Sprintf("-sigs=%d", sigs)), "ms/work")
				}
			})
		}
	}
}

func work(b *testing.B, p *program, traced bool, args ...string) float64 {
	r, w, err := os.Pipe()
	must(b, err)
	defer r.Close()
	ms := make(chan []float64)
	go func() {
		var d []float64
		for s := bufio.NewScanner(r); len(d) < 9 && s.Scan(); {
			var x float64
			if _, err := fmt.Sscanf(s.Text(), "work %f ms", &x); err == nil {
				d = append(d, x)
			}
		}
		ms <- d
	}()
	var d []float64
	if traced {
		tr, err := Launch(Config{Argv: append([]string{p.path}, args...), Stdout: w})
		must(b, err)
		w.Close()
		_, err = tr.Resume(func() {
			go func() { d = <-ms; tr.Interrupt() }()
		})
		must(b, err)
		tr.Kill()
	} else {
		c := exec.Command(p.path, args...)
		c.Stdout = w
		must(b, c.Start())
		w.Close()
		d = <-ms
		c.Process.Kill()
		c.Wait()
	}
	slices.Sort(d)
	return d[len(d)/2]
}
