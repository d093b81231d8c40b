// Package dap is a server of the Debug Adapter Protocol for kernels: VS Code, Emacs, Neovim and the like drive a debug session
// with it. Several clients at a time share one machine.
//
//	client ──messages──▶ reader ──▶ queue ──▶ worker ──▶ handler ──▶ Debugger        (conn: one per client)
//	       ◀──── writer ◀────── send ◀── events pump ◀── its events     │
//	                                                                    ▼
//	Server ── the clients, the machine that was launched           session.Client ── session ── kernel
//	   └─ Host: builds and boots machines, finds running ones
//
// The reader answers at once what must not wait (pause, cancel, disconnect); all else is done in order by the worker, and what
// the client gives up (cancel) is left behind. Threads are the kernel's tasks, frames and variables are numbers that
// die when the machine runs (handles.go).
//
// Nothing a client sends is trusted: a message that is not the protocol ends its connection, a request that makes no
// sense gets an error, a handler that panics costs one answer. The kernel and other clients notice nothing.
//
// Locks, from the outside: conn.order, which keeps events behind the answer to the request that caused them; Server.mu,
// breakpoints.mu or outbox.mu; conn.mu; the rest are leaves. Only order and breakpoints.mu are held while the session is called.
//
// First breakpoint: (*conn).perform.
package dap
