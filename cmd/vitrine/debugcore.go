package main

import (
	"errors"
	"fmt"
	"io"
	"net"

	"vitrine/debugserver/session"
	"vitrine/debugserver/views"
)

// debugCore opens a core dump and returns the connection to its debugger, which runs in this process; so it is
// the same one as a machine's.
func debugCore(core, kernel, dir string) (*wire, io.Closer, error) {
	k, err := openKernel(kernel)
	if err != nil {
		return nil, nil, err
	}
	k.Close()
	c, err := session.OpenCore(k.Name(), core)
	if err != nil {
		return nil, nil, coreError(err, core, k.Name())
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		defer c.Close()
		serveDebugger(&wire{rw: far}, c, dir, nil)
	}()
	return &wire{rw: near}, near, nil
}

// coreError says what may be done about a dump that can't be opened.
func coreError(err error, core, kernel string) error {
	if errors.Is(err, views.ErrOtherBuild) {
		err = fmt.Errorf("%w than %s; -kernel names the right one", err, kernel)
	}
	return fmt.Errorf("%s: %w", core, err)
}
