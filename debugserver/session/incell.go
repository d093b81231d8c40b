package session

import (
	"encoding/binary"

	"vitrine/debugserver/engine"
)

// cpuState is where the kernel keeps what its CPUs run, so that a look costs microseconds.
type cpuState struct {
	cpus   []uint64 // addresses of the fields Curr
	inUser uint64   // offset of Thread.inUser
}

// findCPUs finds the addresses. Without a kernel that has come so far there are none.
func (s *Session) findCPUs() *cpuState {
	const cpus = kernelExpr + ".Sched.CPUs"
	v, err := s.e.Eval(engine.Where{}, cpus, engine.LoadConfig{FollowPointers: true, MaxVariableRecurse: 1, MaxArrayValues: 256, MaxStructFields: -1})
	if err != nil || len(v.Children) == 0 {
		return nil
	}
	idle, err := s.e.Eval(engine.Where{}, cpus+"[0].idleThread.inUser", engine.LoadConfig{})
	if err != nil {
		return nil
	}
	flag, err := s.e.Eval(engine.Where{}, cpus+"[0].idleThread.inUser.v", engine.LoadConfig{})
	if err != nil {
		return nil
	}
	thread, err := s.e.Eval(engine.Where{}, "*"+cpus+"[0].idleThread", engine.LoadConfig{})
	if err != nil || flag.Addr < thread.Addr || idle.Addr < thread.Addr {
		return nil
	}
	st := &cpuState{inUser: flag.Addr - thread.Addr}
	for i := range v.Children {
		c := pointee(&v.Children[i])
		if c == nil {
			return nil
		}
		f := field(c, "Curr")
		if f == nil {
			return nil
		}
		st.cpus = append(st.cpus, f.Addr)
	}
	return st
}

// userRuns reports whether user code may be running: only then are there cells to freeze. Guests of CPUs that are in the
// kernel wait for it.
func (s *Session) userRuns() bool {
	if s.cpus == nil {
		if s.cpus = s.findCPUs(); s.cpus == nil {
			return true
		}
	}
	for _, at := range s.cpus.cpus {
		var b [8]byte
		if n, err := s.e.ReadMemory(b[:], at); n < len(b) || err != nil {
			return true
		}
		t := binary.LittleEndian.Uint64(b[:])
		if t == 0 {
			continue // idle
		}
		if n, err := s.e.ReadMemory(b[:4], t+s.cpus.inUser); n < 4 || err != nil || binary.LittleEndian.Uint32(b[:]) != 0 {
			return true
		}
	}
	return false
}
