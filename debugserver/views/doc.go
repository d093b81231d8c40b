// Package views evaluates the kernel's views (kernel/kview) from outside: in a stopped kernel, or in its core dump.
// Rows and expressions are those that kview.Rows gives inside.
//
//	 kernel process or core file                     Evaluator
//	┌──────────────────────────────┐
//	│ kview.debugger [2]any ───────┼─ &views ──▶ declarations ──▶ []kview.View
//	│                       └──────┼─ &The ────▶ root            walk ▶ follow ▶ scalar ──▶ kview.Table
//	│ heap: tasks, inodes, …       │◀── pages ───────────────────┘
//	│ type descriptors (rodata)    │◀── types, read once ────────┘
//	└──────────────────────────────┘
//
// The running kernel's reflection and this package read the same type descriptors, those of the Go runtime
// (internal/abi.Type): the value of an interface carries its type's address, so nothing must be looked up by
// name, and no DWARF need be loaded. All that must be known beforehand is three addresses: see Anchors. Types are read
// once; paths are compiled, for each type that they meet, to offsets; memory is read by pages, which last as long as one table.
//
// Memory is an allegation: the kernel may have stopped in the middle of a change, or because its structures are broken.
// Pointers, lengths and types are checked, walks are bounded in rows, elements and time. What can't be read is a "?", and
// the first reason comes back as an error beside the table.
//
// An Evaluator belongs to one goroutine. First breakpoint: (*Evaluator).Table.
package views
