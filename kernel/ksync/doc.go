// Package ksync holds what threads wait on and what they exclude each other with.
//
//	WaitQueue   sleep until a condition holds; wakers call WakeAll after changing it
//	Mutex       exclusive, sleeping
//	RWMutex     many readers or one writer, sleeping
//	SpinLock    exclusive, for straight-line code that neither sleeps nor faults
//
// Every lock has a Class with a rank. A thread takes locks from low rank to
// high; out of order it panics and names both places. Equal ranks may nest only where the
// class says so and the code has an order of its own (two inodes, by number).
//
// The ranks of the whole kernel stand in ranks.go: the lock order at one glance.
//
// The sync.Mutex inside each of these protects a few words for a few
// instructions and is never held across anything else.
package ksync
