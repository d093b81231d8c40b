package task

import (
	"vitrine/kernel/ipc"
	"vitrine/kernel/ksync"
)

var _ ipc.SignalSource = (*Task)(nil)

// SignalQueue implements ipc.SignalSource.
func (t *Task) SignalQueue() *ksync.WaitQueue { return &t.Group.SignalWait }
