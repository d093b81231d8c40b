package task

import "vitrine/kernel/sched"

// MakeRoom is mm.Memory's OOM hook: it ends a process, and says whether to look for a frame again. A
// task that has a signal waiting does not: its way out of the kernel comes first, for the signal may be its end.
func (s *System) MakeRoom(th *sched.Thread) bool {
	t := Current(th)
	if t == nil {
		return false
	}
	s.OutOfMemory(t)
	return !t.SigPending.Load()
}

// OutOfMemory is called when t can't get a frame and nothing can be reclaimed. It ends the process that gives
// most memory back; if that is t's own its way out of the kernel ends it. Otherwise t tries again after the other's end.
func (s *System) OutOfMemory(t *Task) {
	th := t.Thread
	var victim *ThreadGroup
	best := int64(-1)
	dying := s.leaving.Load() > 0 // memory of the dead is about to come, too
	for _, g := range s.Processes(th) {
		x := g.LeaderTask(th)
		if g == s.Init(th) || x == nil {
			continue
		}
		as := x.AddressSpace(th)
		if as == nil {
			continue
		}
		g.mu.Lock(th)
		ending, adj := g.groupExit, g.oomAdj
		g.mu.Unlock(th)
		if ending {
			dying = true // its memory is about to come
		} else if score := as.OOMScore(adj); adj > OOMNever && score > best {
			best, victim = score, g
		}
		as.Release(th)
	}
	if dying {
		t.Yield()
		return
	}
	if victim == nil {
		victim = t.Group
	}
	x := victim.LeaderTask(th)
	s.Log.Errf("mm: out of memory: killed process %d (%s), score %d", victim.ID, x.Comm(th), best)
	victim.Kill(th)
	victim.mu.Lock(th)
	if t.Group == victim {
		t.SigPending.Store(true)
	}
	victim.mu.Unlock(th)
	t.Yield()
}

// OOMNever is the value of oom_score_adj that keeps a process from being chosen.
const OOMNever = -1000

// OOMAdj returns oom_score_adj.
func (g *ThreadGroup) OOMAdj(t *Task) int {
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	return g.oomAdj
}

// SetOOMAdj changes it.
func (g *ThreadGroup) SetOOMAdj(t *Task, adj int) {
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	g.oomAdj = adj
}
