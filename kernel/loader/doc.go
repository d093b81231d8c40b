// Package loader makes an address space out of an executable file.
//
//	execve ─▶ Prepare ─────────────────────────▶ Load
//	           #! lines, ELF headers, PT_INTERP,   areas, stack image, vDSO
//	           size of the arguments
//	           errors: the old program goes on     errors: the process ends
//
// What Load makes, with the layout that is not randomised:
//
//	0x0000_0040_0000   a program that isn't position independent
//	0x5555_5555_4000   a program that is
//	                   heap: behind the program's data
//	       …           mappings, from the top down: interpreter, [vvar], [vdso]
//	                   room for the stack to grow, RLIMIT_STACK
//	0x7fef_ffff_f000   end of the stack: strings, auxiliary vector, envp, argv, argc
//
// An executable is input from a guest: all numbers in it are checked before they are used.
//
// Locks: none of its own; AddressSpace's are taken and given back call by call.
//
// First breakpoint: Prepare.
package loader
