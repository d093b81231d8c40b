package main

import (
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/debugserver/session"
	"vitrine/hostdev/board"
	"vitrine/machine"
)

// debugger returns the machine's debugging session. Nothing is traced before somebody connects to it.
func (m *vm) debugger() *session.Session {
	m.debugOnce.Do(func() { m.debug = session.New(debuggee{m.board, m.opts.root}) })
	return m.debug
}

// hold keeps the machine as it is, before the kernel's first step, until a debugger lets it run.
func (m *vm) hold() error {
	c, err := m.debugger().Connect("-S", true)
	if err != nil {
		return fmt.Errorf("-S: %w", err)
	}
	fmt.Fprintf(os.Stderr, "vitrine: the machine waits for a debugger: `vitrine debug %s`, then `continue`%s\n", m.name, m.streams.newline())
	go func() {
		defer c.Close()
		for ev := range c.Events {
			if ev.Running != nil || ev.Exited != nil {
				return
			}
		}
	}()
	return nil
}

// debuggee is the machine as its debugger sees it.
type debuggee struct {
	*board.Board
	root string // the host's directory that is the guest's root; "": none is
}

// OpenGuest opens a file of the guest's root for its debugger, which wants more of programs than they have touched. What is named never lies
// outside the directory.
func (d debuggee) OpenGuest(name string) (*os.File, error) {
	if d.root == "" {
		return nil, os.ErrNotExist
	}
	root, err := os.OpenRoot(d.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(strings.TrimLeft(path.Clean("/"+name), "/"), os.O_RDONLY|unix.O_NONBLOCK, 0)
}

// DebugDirs are the host's directories with debugging information of the guest's programs, by build ID: of the default userland's.
func (d debuggee) DebugDirs() []string {
	t, err := findTree()
	if err != nil {
		return nil
	}
	return []string{t.cache}
}

// Ended implements session.Machine.
func (d debuggee) Ended() (status int, why string) {
	out := d.Wait()
	switch {
	case out.Halt == nil:
		return statusFailed, "the kernel died: " + out.Died
	case out.Halt.Reason == machine.Panic:
		return statusPanic, "kernel panic: " + out.Halt.Text
	}
	return out.Halt.Status & 0xff, "the machine has halted"
}
