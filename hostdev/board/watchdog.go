package board

import (
	"time"

	"vitrine/machine"
)

// watchdog raises LineNMI as long as the machine lives, but not while it stands still: then nothing need get on.
func (b *Board) watchdog() {
	tick := time.NewTicker(machine.WatchdogPeriod)
	defer tick.Stop()
	for {
		select {
		case <-b.exited:
			return
		case <-tick.C:
		}
		b.mu.Lock()
		paused := b.paused
		b.mu.Unlock()
		if _, frozen := b.Now(); !paused && !frozen {
			b.interrupt(machine.LineNMI)
		}
	}
}
