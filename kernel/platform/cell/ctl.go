package cell

import (
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// ctlFile is the control memory: blocks of 64 KB in a sparse memfd, each an
// order page or a thread area. The kernel sees it all, a cell only its own blocks.
type ctlFile struct {
	fd int // guarded by mu once the platform is closing; -1: closed

	mu     sync.Mutex
	chunks [][]byte // guarded by mu; mappings of chunkLen each
	free   []uint64 // guarded by mu; offsets of free blocks
	next   uint64   // guarded by mu; offset of the first block never used
}

const chunkLen = 64 << 20

func newCtl() (*ctlFile, error) {
	fd, err := memfd("vitrine-ctl", false)
	if err != nil {
		return nil, err
	}
	return &ctlFile{fd: fd}, nil
}

// A block is 64 KB of control memory.
type block struct {
	off uint64 // in the file
	mem []byte
}

// alloc returns a block. What it holds is zero or of the kernel's making.
func (c *ctlFile) alloc() (block, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return block{}, errClosed
	}
	var off uint64
	if n := len(c.free); n > 0 {
		off = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		if c.next == uint64(len(c.chunks))*chunkLen {
			if err := syscall.Ftruncate(c.fd, int64(c.next+chunkLen)); err != nil {
				return block{}, err
			}
			m, err := syscall.Mmap(c.fd, int64(c.next), chunkLen, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
			if err != nil {
				return block{}, err
			}
			c.chunks = append(c.chunks, m)
		}
		off = c.next
		c.next += blockLen
	}
	m := c.chunks[off/chunkLen][off%chunkLen:][:blockLen:blockLen]
	return block{off, m}, nil
}

// release frees a block that no cell maps any more, and its host memory.
func (c *ctlFile) release(b block) {
	if b.mem == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return
	}
	const keepSize, punchHole = 1, 2
	if syscall.Fallocate(c.fd, keepSize|punchHole, int64(b.off), blockLen) != nil {
		clear(b.mem)
	}
	c.free = append(c.free, b.off)
}

// close closes the file. The memory stays mapped, for a goroutine may still be
// on its way out of a Switch.
func (c *ctlFile) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	syscall.Close(c.fd)
	c.fd = -1
}

func (b block) order() *order     { return (*order)(unsafe.Pointer(&b.mem[0])) }
func (b block) mailbox() *mailbox { return (*mailbox)(unsafe.Pointer(&b.mem[0])) }

// done and failed are the words that acknowledge an order.
func (b block) done() *uint64   { return (*uint64)(unsafe.Pointer(&b.mem[doneOff])) }
func (b block) failed() *uint64 { return (*uint64)(unsafe.Pointer(&b.mem[doneOff+8])) }

// acked reports whether the order with this token has ended, and how.
func (b block) acked(token uint64) (ended, ok bool) {
	if atomic.LoadUint64(b.done()) == token {
		return true, true
	}
	return atomic.LoadUint64(b.failed()) == token, false
}
