// Package abi has what programs and the kernel agree on: numbers, flags and structures of the Linux x86-64 ABI, by the names of
// the headers (include/uapi). One file for each header or man page; no code but conversions from and to user memory.
//
//	program ── struct stat, O_CREAT, SIGINT … ──▶ kernel/syscall ──▶ the rest of the kernel, by the same names
package abi
