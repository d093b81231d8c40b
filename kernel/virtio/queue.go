package virtio

import (
	"fmt"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/virtq"
)

var classQueue = &ksync.Class{Name: "virtqueue", Rank: ksync.RankDriver}

// Queue is a virtqueue in a driver's hands.
type Queue struct {
	Index  int    // immutable
	Name   string // immutable
	Device *Device

	lock    ksync.SpinLock
	Ring    *virtq.Queue // guarded by lock
	Started bool         // the device may be kicked; guarded by lock
	Broken  bool         // guarded by lock
	err     error        // why; guarded by lock
	reaping bool         // a CPU is in reap; guarded by lock
	pollers int          // threads in Poll; guarded by lock
	limit   int64        // how long Poll waits, ns; guarded by lock

	space ksync.WaitQueue // for descriptors
	done  func(t *sched.Thread, r *Request)
}

// Request is a buffer on its way through a device. Whoever submits it leaves it and the RAM it names alone until it is done.
type Request struct {
	Out, In []virtq.Buf // for the device to read, to write
	Table   virtq.Buf   // RAM for an indirect table, or none
	Owner   any         // the submitter's own

	// Done, if set, is called when the device is done, in an interrupt window: it may wake, never block.
	Done func(t *sched.Thread, r *Request)

	// Results, valid once the request is finished.
	Written uint32 // bytes that the device wrote
	Err     error  // EIO: the device was given up

	Submitted int64 // when, for views
	finished  bool  // guarded by Queue.lock
	queue     *Queue
	wait      ksync.WaitQueue
}

func (d *Device) newQueue(t *sched.Thread, spec QueueSpec) (*Queue, error) {
	if spec.Index >= d.NumQueues() {
		return nil, fmt.Errorf("the device has only %d queues", d.NumQueues())
	}
	r := &d.regs.Queues[spec.Index]
	most := min(int(min(r.SizeMax.Load(), virtq.MaxSize)), spec.Size)
	if most == 0 {
		return nil, fmt.Errorf("the device has no such queue")
	}
	size := 1
	for size*2 <= most {
		size *= 2
	}
	need := virtq.Place(0, size).Length
	pages := (need + machine.PageSize - 1) / machine.PageSize
	pfn, err := d.Bus.Memory.AllocRun(t, pages, true)
	if err != nil {
		return nil, err
	}
	l := virtq.Place(uint64(pfn)*machine.PageSize, size)
	ring, err := virtq.NewQueue(d.Bus.Machine.RAM(), l, d.Features)
	if err != nil {
		return nil, err
	}
	r.Size.Store(uint32(size))
	r.Desc.Store(l.Desc)
	r.Avail.Store(l.Avail)
	r.Used.Store(l.Used)
	r.Ready.Store(1)
	return &Queue{
		Index: spec.Index, Name: spec.Name, Device: d, Ring: ring,
		lock: ksync.NewSpinLock(classQueue), done: spec.Done,
	}, nil
}

// Submit gives r to the device. EAGAIN: the queue is full; EIO: the device was given up.
func (q *Queue) Submit(t *sched.Thread, r *Request) error {
	q.lock.Lock(t)
	if q.Broken {
		q.lock.Unlock(t)
		return q.err
	}
	r.finished, r.Written, r.Err, r.queue = false, 0, nil, q
	r.Submitted = t.Now()
	if err := q.Ring.Add(r.Out, r.In, r.Table, r); err != nil {
		q.lock.Unlock(t)
		if err == virtq.ErrFull {
			return errno.EAGAIN
		}
		panic("virtio: " + q.Device.Name + " " + q.Name + ": " + err.Error())
	}
	kick := q.Started && q.Ring.Publish()
	q.lock.Unlock(t)
	if kick {
		q.Device.kick(q.Index)
	}
	return nil
}

// SubmitWait is Submit that sleeps while the queue is full. A signal ends the wait with RestartSys.
func (q *Queue) SubmitWait(t *sched.Thread, r *Request) error {
	for {
		err := q.Submit(t, r)
		if err != errno.EAGAIN {
			return err
		}
		need := len(r.Out) + len(r.In)
		if err := q.space.Wait(t, "virtqueue_full", func() bool { return q.Broken || q.Free(t) >= need }); err != nil {
			return err
		}
	}
}

// Free returns the number of free descriptors.
func (q *Queue) Free(t *sched.Thread) int {
	q.lock.Lock(t)
	defer q.lock.Unlock(t)
	return q.Ring.Free()
}

// Wait sleeps until r is finished and returns its Err. A signal ends the wait with
// RestartSys: then the device still has r.
func (q *Queue) Wait(t *sched.Thread, reason string, r *Request) error {
	if err := r.wait.Wait(t, reason, func() bool { return r.Finished(t) }); err != nil {
		return err
	}
	return r.Err
}

// WaitUninterruptible is Wait, deaf to signals.
func (q *Queue) WaitUninterruptible(t *sched.Thread, reason string, r *Request) error {
	r.wait.WaitUninterruptible(t, reason, func() bool { return r.Finished(t) })
	return r.Err
}

// Bounds of waiting awake, in ns, and in looks where time stands still.
const (
	pollMin   = 2 * ktime.Microsecond
	pollMax   = 40 * ktime.Microsecond
	pollLooks = 64
)

// Poll waits awake, for some microseconds at most, until done holds: for answers that come sooner than an
// interrupt would. How long adapts to how often it was worth while. Meanwhile the device need not interrupt.
func (q *Queue) Poll(t *sched.Thread, done func() bool) bool {
	q.lock.Lock(t)
	q.pollers++
	q.Ring.DisableInterrupts()
	limit := max(q.limit, pollMin)
	q.lock.Unlock(t)
	ok := false
	start := t.Now()
	for i := 0; ; i++ {
		if q.pending(t) {
			q.reap(t)
		}
		if ok = done(); ok || t.CPU.NeedResched.Load() || t.SigPending.Load() {
			break
		}
		if i%8 == 7 {
			// Where time stands still, on a fake machine, few looks must do.
			if past := t.Now() - start; past >= limit || past == 0 && i >= pollLooks {
				break
			}
		}
	}
	q.lock.Lock(t)
	if ok {
		q.limit = min(2*limit, pollMax)
	} else {
		q.limit = limit / 2
	}
	q.pollers--
	late := q.pollers == 0 && q.Ring.EnableInterrupts()
	q.lock.Unlock(t)
	if late {
		q.reap(t)
	}
	return ok
}

func (q *Queue) pending(t *sched.Thread) bool {
	q.lock.Lock(t)
	defer q.lock.Unlock(t)
	return !q.Broken && q.Ring.Pending()
}

// Finished reports whether the device is done with r.
func (r *Request) Finished(t *sched.Thread) bool {
	r.queue.lock.Lock(t)
	defer r.queue.lock.Unlock(t)
	return r.finished
}

// start lets kicks out.
func (q *Queue) start(t *sched.Thread) {
	q.lock.Lock(t)
	q.Started = true
	kick := q.Ring.Publish()
	q.lock.Unlock(t)
	if kick {
		q.Device.kick(q.Index)
	}
}

// reap finishes what the device is done with, in the device's order. It runs in an interrupt window. When two
// CPUs come at once, one does it all.
func (q *Queue) reap(t *sched.Thread) {
	q.lock.Lock(t)
	if q.reaping {
		// The other CPU looks at the ring once more, with the lock held, before it leaves.
		q.lock.Unlock(t)
		return
	}
	q.reaping = true
	any := false
	for !q.Broken {
		token, n, err := q.Ring.Get()
		if err != nil {
			q.reaping = false
			q.lock.Unlock(t)
			q.Device.lose(t, errno.EIO.Because(err.Error()))
			return
		}
		if token == nil {
			break
		}
		any = true
		r := token.(*Request)
		r.Written, r.finished = n, true
		q.lock.Unlock(t)
		q.finish(t, r)
		q.lock.Lock(t)
	}
	q.reaping = false
	q.lock.Unlock(t)
	if any {
		q.space.WakeAll()
	}
}

func (q *Queue) finish(t *sched.Thread, r *Request) {
	switch {
	case r.Done != nil:
		r.Done(t, r)
	case q.done != nil:
		q.done(t, r)
	default:
		r.wait.WakeAll()
	}
}

// abandon ends all requests with err.
func (q *Queue) abandon(t *sched.Thread, err error) {
	var lost []*Request
	q.lock.Lock(t)
	q.Broken, q.err = true, err
	q.Ring.Abandon(func(token any) {
		r := token.(*Request)
		r.Err, r.finished = err, true
		lost = append(lost, r)
	})
	q.lock.Unlock(t)
	for _, r := range lost {
		q.finish(t, r)
	}
	q.space.WakeAll()
}

// Buffer is RAM for a driver's messages: whole frames.
type Buffer struct {
	Addr  uint64
	Bytes []byte
	pfn   mm.PFN
}

// NewBuffer allocates n bytes, rounded up to whole frames, zeroed.
func (b *Bus) NewBuffer(t *sched.Thread, n int) (*Buffer, error) {
	pages := uint64(n+machine.PageSize-1) / machine.PageSize
	pfn, err := b.Memory.AllocRun(t, pages, true)
	if err != nil {
		return nil, err
	}
	return &Buffer{Addr: uint64(pfn) * machine.PageSize, Bytes: b.Memory.Bytes(pfn, pages), pfn: pfn}, nil
}

// Free gives the frames back. The device must be done with them.
func (u *Buffer) Free(t *sched.Thread, b *Bus) {
	for i := range len(u.Bytes) / machine.PageSize {
		b.Memory.DecRef(t, u.pfn+mm.PFN(i))
	}
}

// Buf is the piece [from, from+n) of the buffer.
func (u *Buffer) Buf(from, n int) virtq.Buf {
	_ = u.Bytes[from : from+n]
	return virtq.Buf{Addr: u.Addr + uint64(from), Len: uint32(n)}
}
