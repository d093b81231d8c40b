// Package board is the machine's mainboard, on the supervisor's side: it makes RAM,
// has the device slots, starts the kernel process and is its clock, its power
// switch and its undertaker. Package machine/host is the other end.
//
//	          Board
//	RAM ──── memory file, mapped ─────────────▶ kernel, cells
//	slots ── hostdev.Device … ◀─ doorbells ──── eventfd, read by (*Board).bell
//	                          ── interrupts ──▶ eventfd, (*Board).interrupt
//	clock ── Freeze, Thaw ── clock page ──────▶
//	control ─ socket ─ Request, Config.Message ◀▶
//	power ── Start, Kill, Wait
//
// Life of a machine: New (RAM, devices attached) → Start (the kernel process
// runs; devices resumed) → Wait → Close. While it runs a debugger may
// stop it, in the order of the stop protocol: the kernel's threads (the debugger's own
// work), FreezeCells, FreezeClock, PauseDevices; and back: ResumeDevices, ThawClock,
// ThawCells, the kernel's threads.
//
// The kernel process and its cells die with the supervisor, however it dies:
// they are spawned with PR_SET_PDEATHSIG from a thread that lives as long as the supervisor.
// They lead a session of their own, by which the board knows a cell from a forged entry in
// the table of cells.
//
// Lock order: Board.mu, then nothing. Devices are called without it.
package board
