package dap

// What a client follows: events come until it says so, or leaves its machine.

// keep notes what ends the following of that name. What was followed under it before ends; nil is nothing.
func (c *conn) keep(m Machine, name string, stop func()) {
	c.mu.Lock()
	old := c.follows[name]
	delete(c.follows, name)
	gone := c.machine != m
	if stop != nil && !gone {
		if c.follows == nil {
			c.follows = map[string]func(){}
		}
		c.follows[name] = stop
	}
	c.mu.Unlock()
	if old != nil {
		old()
	}
	if stop != nil && gone {
		stop()
	}
}

// dropFollows ends all of it. The client has left its machine.
func (c *conn) dropFollows() {
	c.mu.Lock()
	all := c.follows
	c.follows = nil
	c.mu.Unlock()
	for _, stop := range all {
		stop()
	}
}
