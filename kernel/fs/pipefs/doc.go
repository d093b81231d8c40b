// Package pipefs has pipes (pipe(7)) and FIFOs (fifo(7)).
//
//	write end                       Pipe                       read end
//	File ─ Impl ─────────▶ ring of bytes, r … r+n ◀───────── Impl ─ File
//	waits on wq while full                                   waits on rq while empty
//
// Both ends have the same *Pipe as Impl; what the File is open for says which end it
// is. A FIFO's inode keeps its pipe in Special.
//
// Pipe.mu (RankPipe) guards everything; user memory is touched with it held.
//
// First breakpoint: (*Pipe).Write.
package pipefs
