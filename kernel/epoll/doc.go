// Package epoll waits for events of many files: epoll(7), and the Poller on
// which poll(2) and select(2) stand.
//
//	   epoll_wait ──▶ Instance ── ready: item, item …      (FIFO, under mu)
//	                     │  ▲
//	                     │  └── woken: item, item …        (lock-free, filled by wake-ups)
//	items by (File, fd)  │           ▲
//	                     ▼           │ callback
//	                   item ── Waiter on the file's WaitQueues
//	                     │
//	                     └── FileHook: the item goes when the file is closed
//
// A wake-up may come from an interrupt, which has no thread and takes no locks: it only pushes the item
// on a lock-free list and wakes whoever waits. epoll_wait then polls the items that woke.
//
// A level-triggered item that was reported goes back to the end of the ready list and
// is polled again by the next call; an edge-triggered one waits for the next wake-up.
//
// Lock order: Table.mu (only when instances watch each other), then Instance.mu, an outer instance's
// before an inner's, then what the files' Poll takes.
//
// First breakpoint: (*Instance).Wait, or (*item).wake for an event.
package epoll
