package session

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitrine/debugserver/engine"
)

// taskLabel is the profiler's label by which the kernel names the goroutine of a thread: "12 sh".
const taskLabel = "task"

// threadList is what is known of the threads at a standstill.
type threadList struct {
	all       []Thread
	goroutine map[int]int64 // by thread ID
	thread    map[int64]int // by goroutine
}

// list lists the threads. The runtime's goroutines are left out, but for one that has stopped.
func (s *Session) list() (*threadList, error) {
	if s.threads != nil {
		return s.threads, nil
	}
	gs, _, err := s.e.Goroutines(0, 0)
	if err != nil {
		return nil, err
	}
	l := &threadList{goroutine: map[int]int64{}, thread: map[int64]int{}}
	_, current := s.e.Current()
	for i := range gs {
		g := &gs[i]
		t, ok := named(g.Labels[taskLabel])
		if (!ok || t.ID == 0) && g.ID != current { // number 0 is what a CPU does when it has nothing to do
			continue
		}
		if !ok {
			t = Thread{ID: GoroutineBase + int(g.ID), Name: fmt.Sprintf("goroutine %d %s", g.ID, g.User.Function), Kernel: true}
		}
		t.Current = g.TID != 0
		l.all = append(l.all, t)
		l.goroutine[t.ID], l.thread[g.ID] = g.ID, t.ID
	}
	slices.SortFunc(l.all, func(a, b Thread) int { return cmp.Compare(a.ID, b.ID) })
	s.describe(l)
	s.threads = l
	return l, nil
}

// named reads a label.
func named(label string) (Thread, bool) {
	id, _, ok := strings.Cut(label, " ")
	n, err := strconv.Atoi(id)
	if !ok || err != nil {
		return Thread{}, false
	}
	return Thread{ID: n, Name: label}, true
}

// nameOf is the name of a goroutine's thread; "" if it is none.
func (s *Session) nameOf(goroutine int64) string {
	labels, err := s.e.Labels(goroutine)
	if err != nil {
		return ""
	}
	return labels[taskLabel]
}

// isTask reports whether a goroutine is the thread that a number or a name means.
func (s *Session) isTask(goroutine int64, task string) bool {
	id, name, _ := strings.Cut(s.nameOf(goroutine), " ")
	return task == id || task == name
}

// currentThread is the number of the thread that debuggers show first.
func (s *Session) currentThread() int {
	_, g := s.e.Current()
	if g == 0 {
		return 0
	}
	if t, ok := named(s.nameOf(g)); ok {
		return t.ID
	}
	return GoroutineBase + int(g)
}

// goroutineOf finds the goroutine of a thread; 0 is the current one.
func (s *Session) goroutineOf(thread int) (int64, error) {
	if thread == 0 {
		_, g := s.e.Current()
		if g == 0 {
			return 0, errors.New("no thread is current")
		}
		return g, nil
	}
	if thread > GoroutineBase {
		return int64(thread - GoroutineBase), nil
	}
	if _, g := s.e.Current(); g != 0 && s.currentThread() == thread { // the usual case, without a list
		return g, nil
	}
	l, err := s.list()
	if err != nil {
		return 0, err
	}
	g, ok := l.goroutine[thread]
	if !ok {
		return 0, fmt.Errorf("there is no thread %d", thread)
	}
	return g, nil
}

// busy is the goroutine of a thread that holds a CPU, the current one if it does; 0: there is none.
func (s *Session) busy() int64 {
	_, g := s.e.Current()
	if t, ok := named(s.nameOf(g)); ok && t.ID != 0 {
		return g
	}
	l, err := s.list()
	if err != nil {
		return 0
	}
	for _, t := range l.all {
		if t.Current && t.ID < GoroutineBase {
			return l.goroutine[t.ID]
		}
	}
	return 0
}

// where is a frame of a thread.
func (s *Session) where(thread, frame int) (engine.Where, error) {
	g, err := s.goroutineOf(thread)
	if thread == 0 && err != nil { // a thread of the host without a goroutine
		return engine.Where{Frame: frame}, nil
	}
	return engine.Where{Goroutine: g, Frame: frame}, err
}

// describe adds what the scheduler knows of the threads.
func (s *Session) describe(l *threadList) {
	tb, err := s.view("threads")
	if err != nil {
		return
	}
	col := func(name string) int { return slices.Index(tb.Head, name) }
	tid, state, wait := col("TID"), col("S"), col("WCHAN")
	if tid < 0 || state < 0 || wait < 0 {
		return
	}
	at := map[string]int{}
	for i, t := range l.all {
		at[strconv.Itoa(t.ID)] = i
	}
	for r, row := range tb.Rows {
		i, ok := at[row[tid]]
		if !ok {
			continue
		}
		l.all[i].State = row[state]
		if row[wait] != "-" {
			l.all[i].Wait = row[wait]
		}
		l.all[i].expr = tb.Exprs[r]
	}
	tasks, err := s.view("ps")
	if err != nil {
		return
	}
	isTask := map[string]bool{}
	if tid := slices.Index(tasks.Head, "TID"); tid >= 0 {
		for _, row := range tasks.Rows {
			isTask[row[tid]] = true
		}
	}
	for i, t := range l.all {
		l.all[i].Kernel = !isTask[strconv.Itoa(t.ID)]
	}
}
