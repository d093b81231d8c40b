package cell

import "sync/atomic"

// counters are the platform's atomic counters.
type counters struct {
	switches, syscalls, faults, spinHits, sleeps, guestWakes atomic.Uint64
	kicks, orders, maps, continues, spaces, clones, threads  atomic.Uint64
	deaths, deaf, forged, flushes                            atomic.Uint64
}

// Stats are counts since New.
type Stats struct {
	Switches   uint64 // calls of Switch
	Syscalls   uint64 // traps that were system calls
	Faults     uint64 // traps that were page faults
	SpinHits   uint64 // traps that came while the kernel spun
	Sleeps     uint64 // futex sleeps of the kernel for a trap
	GuestWakes uint64 // answers for which the guest had to be woken
	Kicks      uint64 // signals sent by Interrupt
	Orders     uint64 // orders to mm threads
	Maps       uint64 // host mappings made
	Continues  uint64 // pages mapped by userfaultfd
	Spaces     uint64 // address spaces made
	Clones     uint64 // host processes made
	Threads    uint64 // host threads made for user code
	Deaths     uint64 // host processes that ended
	Deaf       uint64 // cells killed because they did not answer
	Forged     uint64 // cells killed because they cheated
	Flushes    uint64 // address spaces emptied because the host ran out of mappings
	Live, Pool int    // cells at the moment
}

// Stats returns the counts.
func (p *Platform) Stats() Stats {
	s := &p.stats
	p.mu.Lock()
	live, pool := len(p.live), len(p.pool)
	p.mu.Unlock()
	return Stats{
		Switches: s.switches.Load(), Syscalls: s.syscalls.Load(), Faults: s.faults.Load(),
		SpinHits: s.spinHits.Load(), Sleeps: s.sleeps.Load(), GuestWakes: s.guestWakes.Load(),
		Kicks: s.kicks.Load(), Orders: s.orders.Load(), Maps: s.maps.Load(), Continues: s.continues.Load(),
		Spaces: s.spaces.Load(), Clones: s.clones.Load(), Threads: s.threads.Load(),
		Deaths: s.deaths.Load(), Deaf: s.deaf.Load(), Forged: s.forged.Load(), Flushes: s.flushes.Load(),
		Live: live, Pool: pool,
	}
}
