package kernel

import (
	"fmt"
	"sync/atomic"

	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/kview"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/ctl"
)

// control serves the supervisor's requests on a kernel thread.
type control struct {
	port    ctl.Port
	pending atomic.Bool
	queue   ksync.WaitQueue
}

// bootControl connects the control channel, if the machine has one.
func (k *Kernel) bootControl() {
	p, ok := k.Machine.(ctl.Ported)
	if !ok {
		return
	}
	k.control = &control{port: p.Control()}
	err := k.IRQ.Request(machine.LineControl, "control", func(*sched.Thread) {
		k.control.pending.Store(true)
		k.control.queue.WakeAll()
	})
	if err != nil {
		k.Log.Errf("control: %v", err)
		return
	}
	k.Sched.Spawn("kctl", k.serveControl)
}

func (k *Kernel) serveControl(t *sched.Thread) {
	t.Cred = cred.Root()
	c := k.control
	for {
		c.queue.WaitUninterruptible(t, "control", c.pending.Load)
		c.pending.Store(false)
		for m := c.port.Receive(); m != nil; m = c.port.Receive() {
			k.serve(t, m)
		}
	}
}

// serve answers one request.
func (k *Kernel) serve(t *sched.Thread, m *ctl.Message) {
	var r ctl.Reply
	var err error
	switch {
	case m.View != nil:
		r.Table, err = k.View(t, m.View.Name)
	case m.Exec != nil:
		r.PID, err = k.exec(t, m.ID, m.Exec)
	case m.Signal != nil:
		err = k.signal(t, m.Signal)
	default:
		err = fmt.Errorf("the kernel does not know this request")
	}
	if err != nil {
		r.Error = err.Error()
	}
	k.send(&ctl.Message{ID: m.ID, Reply: &r})
}

func (k *Kernel) send(m *ctl.Message) {
	if k.control == nil {
		return
	}
	if err := k.control.port.Send(m); err != nil {
		k.Log.Warnf("control: %v", err)
	}
}

// ready tells the supervisor that init runs.
func (k *Kernel) ready() {
	k.send(&ctl.Message{Ready: &ctl.Ready{Took: k.Timers.Now() - k.started}})
}

// View evaluates a view while nothing else in the kernel runs. "" lists the views.
func (k *Kernel) View(t *sched.Thread, name string) (*ctl.Table, error) {
	if name == "" {
		tb := &ctl.Table{View: "views", Head: []string{"VIEW", "WHAT"}}
		for _, v := range kview.All() {
			tb.Rows = append(tb.Rows, []string{v.Name, v.Doc})
		}
		return tb, nil
	}
	v, ok := kview.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("there is no view %q; `vitrine view` lists them", name)
	}
	var tb kview.Table
	var err error
	t.Exclusive(func() { tb, err = kview.Rows(k, v) })
	return &ctl.Table{View: v.Name, Head: tb.Head, Rows: tb.Rows, Exprs: tb.Exprs, Truncated: tb.Truncated}, err
}
