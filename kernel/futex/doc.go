// Package futex is futex(2): sleeping until somebody else changes a word, the
// floor on which C libraries and the Go runtime build locks.
//
//	user:   word ──CAS fails──▶ futex(WAIT, word, value)
//	kernel: mm.FutexKey(word) ─▶ Table.buckets[hash] ─▶ waiter, waiter, …
//	                                                      ▲
//	        futex(WAKE, word, n) ──────────wakes n────────┘
//
// A key is the same for all who share the word: (address space, address) for
// private memory, (pager, offset) for shared memory, so processes can meet.
//
// A waiter joins its bucket and compares the word under the bucket's lock,
// with the page held; a waker changes the word first. No wake-up is lost.
//
// Lock order: mm's address-space lock (inside mm.WithWord), then a bucket
// (RankFutex, spin); two buckets by index.
//
// First breakpoint: (*Table).Wait.
package futex
