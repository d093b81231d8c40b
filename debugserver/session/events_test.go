package session

import (
	"sync"
	"testing"
)

func lone() *Client {
	events := make(chan Event, eventRoom)
	c := &Client{Name: "lone", Events: events, s: New(nil), events: events, closed: make(chan struct{})}
	c.s.clients = []*Client{c}
	return c
}

// A client that is far behind gets every event, and in order.
func TestEventsOfASlowClient(t *testing.T) {
	c := lone()
	const n = 20 * eventRoom
	next := 0
	take := func(count int) {
		for range count {
			if ev := <-c.Events; ev.Stopped.Seq != next {
				t.Fatalf("event %d came as number %d", ev.Stopped.Seq, next)
			}
			next++
		}
	}
	for i := range n {
		c.post(Event{Stopped: &Stop{Seq: i}})
		if i%7 == 0 {
			take(1)
		}
	}
	var posting sync.WaitGroup
	posting.Go(func() {
		for i := range n {
			c.post(Event{Stopped: &Stop{Seq: n + i}})
		}
	})
	take(2*n - next)
	posting.Wait()
	c.Close()
	if _, open := <-c.Events; open {
		t.Error("an event too many")
	}
}

// Close ends the channel, whoever posts and however much is waiting.
func TestCloseWhileEventsCome(t *testing.T) {
	for waiting := 0; waiting < 3*eventRoom; waiting += 13 {
		c := lone()
		var posting sync.WaitGroup
		posting.Go(func() {
			for range waiting {
				c.post(Event{Running: &Resumed{}})
			}
		})
		c.Close()
		posting.Wait()
		c.post(Event{Running: &Resumed{}})
		n := 0
		for range c.Events {
			n++
		}
		if n > waiting {
			t.Fatalf("%d events of %d", n, waiting)
		}
	}
}
