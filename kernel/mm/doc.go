// Package mm is the memory of the machine and of its programs: frames,
// address spaces, page faults, and the copies between kernel and user memory.
//
//	 HandleFault(t, addr, access)          CopyIn, CopyOut, IO
//	        │                                   │ walk; fault in what is missing
//	┌───────▼───────────────────────────────────▼───────────────┐
//	│ AddressSpace                                               │
//	│   vmas   [Start,End) Prot Flags Pager Offset …  sorted     │
//	│   pt     x86-64 page table in guest frames: the truth      │
//	│   blocks reservations: where the next frames come from     │
//	└──┬──────────────────┬──────────────────┬───────────────────┘
//	   │ Alloc, refs      │ Page, Run        │ Map, Unmap, Protect, Commit
//	┌──▼─────┐     ┌──────▼──────┐    ┌──────▼────────────────┐
//	│ Memory │     │ Pager       │    │ platform.AddressSpace │ "the TLB"
//	│ frames │     │ files, shm  │    └───────────────────────┘
//	└────────┘     └─────────────┘
//
// A page of a private mapping begins as the pager's (a file) or as nothing
// (anonymous). The first write gives the address space a frame of its own, from
// a reservation: contiguous frames for the 64 pages around, so that the host's mappings
// merge. After fork(2) both sides hold such frames, read-only, until one writes.
//
// Three rules keep frames apart:
//   - every entry of a page table that names a frame holds a reference to it;
//   - a private frame is writable only while its one reference is that entry;
//   - a reference taken out of a page table is dropped only after
//     platform.AddressSpace.Commit, when no user thread can reach the frame any more.
//
// Lock order: AddressSpace.mu (RankAddrSpace) → a pager's locks (RankPageCache …) →
// Memory.mu (RankFrames). Files are released after AddressSpace.mu is given back.
//
// First breakpoint: HandleFault, or (*AddressSpace).resolve for the decision itself.
package mm
