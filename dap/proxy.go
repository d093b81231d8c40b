package dap

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Remote is a connection to another server, which serves the machine that a client wants.
type Remote = io.ReadWriteCloser

// forward hands the client over to the machine's supervisor: from here on this server only carries bytes. The other one is told
// what this one was told, and hears the attach request itself.
func (c *conn) forward(q *request, remote Remote) error {
	defer remote.Close()
	r := bufio.NewReader(remote)
	err := writeMessage(remote, c.initialized)
	var body []byte
	if err == nil {
		body, err = readMessage(r) // its answer: the client has one already
	}
	var answer struct {
		Success bool   `json:"success"`
		Message string `json:"message"`
	}
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err == nil && !answer.Success {
		err = errors.New(answer.Message)
	}
	if err == nil {
		err = writeMessage(remote, q.raw)
	}
	if err != nil {
		c.fail(q, fmt.Errorf("the machine's supervisor does not answer: %w", err))
		return nil
	}
	c.calm(0) // from here on the bytes are the other's
	// Whichever side ends first: a Read of standard input can't be interrupted.
	ended := make(chan struct{}, 2)
	go func() {
		io.Copy(c.rw, r)
		ended <- struct{}{}
	}()
	go func() {
		io.Copy(remote, c.r)
		ended <- struct{}{}
	}()
	<-ended
	return errLeft
}
