package expect

import (
	"os"
	"os/exec"
	"syscall"
	"unsafe"
)

// Termios returns the terminal's modes (termios(3)), also after the program's end.
func (s *Session) Termios() (syscall.Termios, error) { return termios(s.pty) }

func termios(f *os.File) (t syscall.Termios, err error) {
	err = ioctl(f, syscall.TCGETS, unsafe.Pointer(&t))
	return t, err
}

// NewTermios returns the modes that the terminal of a Session has at its start.
func NewTermios() (syscall.Termios, error) {
	s, err := Start(exec.Command("true"))
	if err != nil {
		return syscall.Termios{}, err
	}
	defer s.Close()
	return s.Termios()
}
