// Package guest knows the programs that run on the kernel, from outside: their memory, images, stacks and variables.
// A program can be looked at whatever it does, as nothing here needs its help or the kernel's.
//
//	 RAM of the machine            files of the guest (page cache in RAM, or a host directory)
//	┌────────────────────┐        ┌───────────────────────────────────────┐
//	│ page table ─▶ frames│        │ ELF: symbols · DWARF · .eh_frame      │
//	└─────────┬──────────┘        └─────────────────┬─────────────────────┘
//	        Space                                 File        shared by all processes that map it
//	          └────────────▶ Process ◀── Image ─────┘         a File at an address
//	                            │
//	        Registers ──▶ Stack: frames with function, file, line; Locals, Eval
//
// All of it is an allegation: a page table may be in the middle of a change, and files are what a guest has put there. Sizes are bounded,
// loops counted, and every entry point recovers from a panic in a parser. What is broken is left out: the address is shown instead.
//
// A Process and its Images belong to one goroutine. First breakpoint: (*Process).Stack.
package guest
