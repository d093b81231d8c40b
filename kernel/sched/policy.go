package sched

import (
	"fmt"
	"slices"
	"strings"
)

// Policy decides who runs next. All methods are called under the scheduler's
// lock. Adding one is a new file with RegisterPolicy in its init; boot with sched=NAME.
type Policy interface {
	// Enqueue adds a runnable thread; woken tells whether it comes from a sleep.
	Enqueue(t *Thread, woken bool)
	// Dequeue takes t out of the queue.
	Dequeue(t *Thread)
	// Pick takes the thread that c shall run next out of the queue; nil if there is none that may run there.
	Pick(c *CPU) *Thread
	// Ran tells that t ran for ns more. It returns true if t should give way to those that wait.
	Ran(t *Thread, ns int64) bool
	// Preempts reports whether woken should run at once instead of curr.
	Preempts(woken, curr *Thread) bool
	// Queue returns the waiting threads in the order of their turns.
	Queue() []*Thread
}

// Slice is how long a thread may run while others wait.
const Slice = 6_000_000 // ns

var policies = map[string]func() Policy{}

// RegisterPolicy makes a policy known. For init functions.
func RegisterPolicy(name string, make func() Policy) { policies[name] = make }

// NewPolicy returns the policy of that name.
func NewPolicy(name string) (Policy, error) {
	if f := policies[name]; f != nil {
		return f(), nil
	}
	var names []string
	for n := range policies {
		names = append(names, n)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("sched=%s: no such policy; there are %s", name, strings.Join(names, ", "))
}

func (t *Thread) mayRunOn(c *CPU) bool { return t.Affinity&(1<<c.ID) != 0 }
