package dap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxMessage bounds a message in bytes, as go-dap does.
const maxMessage = 4 << 20

// header begins every message.
const header = "Content-Length: "

var errProtocol = errors.New("this is not the Debug Adapter Protocol")

// readMessage reads the body of one message. The first byte that can't belong to one is an error: what a browser posts goes no further.
func readMessage(r *bufio.Reader) ([]byte, error) {
	for i := range len(header) {
		c, err := r.ReadByte()
		if err != nil {
			if i > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if c != header[i] {
			return nil, errProtocol
		}
	}
	n := 0
	for digits := 0; ; digits++ {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return nil, err
		case c >= '0' && c <= '9':
			if n = n*10 + int(c-'0'); n > maxMessage {
				return nil, fmt.Errorf("%w: a message of more than %d MiB", errProtocol, maxMessage>>20)
			}
			continue
		case c != '\r' || digits == 0:
			return nil, errProtocol
		}
		break
	}
	for _, want := range []byte("\n\r\n") {
		c, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if c != want {
			return nil, errProtocol
		}
	}
	// The length is only a claim: memory is taken as bytes come.
	var b bytes.Buffer
	if got, err := io.CopyN(&b, r, int64(n)); err != nil {
		return nil, fmt.Errorf("a message ends after %d of %d bytes: %w", got, n, io.ErrUnexpectedEOF)
	}
	return b.Bytes(), nil
}

// writeMessage writes a message at once.
func writeMessage(w io.Writer, body []byte) error {
	b := fmt.Appendf(make([]byte, 0, len(body)+40), "%s%d\r\n\r\n", header, len(body))
	_, err := w.Write(append(b, body...))
	return err
}
