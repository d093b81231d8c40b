package board

import (
	"os"
	"strings"
	"sync"
	"time"
)

// tail keeps the first and the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	buf  []byte
	cut  bool
	done chan struct{}
	once sync.Once
}

const tailMax = 64 << 10

func (t *tail) init() { t.once.Do(func() { t.done = make(chan struct{}) }) }

func (t *tail) copy(r *os.File) {
	t.init()
	defer close(t.done)
	defer r.Close()
	p := make([]byte, 4096)
	for {
		n, err := r.Read(p)
		t.mu.Lock()
		t.buf = append(t.buf, p[:n]...)
		if len(t.buf) > tailMax { // a Go traceback begins with the reason: keep the head
			t.buf = append(t.buf[:tailMax/2:tailMax/2], t.buf[len(t.buf)-tailMax/2:]...)
			t.cut = true
		}
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// wait waits until all is read; a cell that still holds the pipe is not waited for long.
func (t *tail) wait() {
	t.init()
	select {
	case <-t.done:
	case <-time.After(time.Second):
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.buf), "?")
}
