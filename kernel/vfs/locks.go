package vfs

import "vitrine/kernel/sched"

type fileLocks struct{}
type lockWaiter struct{}
type flockEntry struct{}

func (f *File) releaseLocks(t *sched.Thread)              {}
func (f *File) dropPosixLocks(t *sched.Thread, owner any) {}
