// Package devpts is the filesystem of pseudoterminals, mounted on /dev/pts.
//
//	open /dev/ptmx ─▶ Pairs.open ─▶ tty.NewPair ─▶ File (Impl *tty.Master)
//	                     │ by index
//	                     ▼
//	   /dev/pts/ptmx   pair 0   pair 1 …          every mount shows the same pairs
//	                     │
//	   /dev/pts/0 ── Inode (136, 0) ── open ─▶ pair 0's master.Slave.Open
//
// A node appears when its master is opened and goes when the master is closed. The
// cache may hold its name for longer: Revalidate asks whether the pair still lives.
//
// Lock order: Pairs.mu is a leaf but for the dcache; terminals are made and closed without it.
//
// First breakpoint: (*Pairs).open.
package devpts
