package mm

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// IO is a cursor over the memory that a read(2) fills or a write(2) takes from: user
// buffers or a kernel buffer. Both copies advance it, as far as they got.
type IO struct {
	kernel []byte  // what is left of a kernel buffer
	cur    IOVec   // what is left of the current user buffer
	rest   []IOVec // those after it
	left   uint64
}

// IOVec is struct iovec (readv(2)).
type IOVec struct {
	Base UAddr
	Len  uint64
}

// MaxIO is the most that one read or write transfers (Linux: MAX_RW_COUNT).
const MaxIO = 0x7fff_f000

// MaxIOVecs is IOV_MAX.
const MaxIOVecs = 1024

// UserIO returns a cursor over n bytes of the program's memory, of which a transfer takes MaxIO
// at most. Nothing is checked before bytes are copied.
func UserIO(t *sched.Thread, addr UAddr, n uint64) *IO {
	n = min(n, MaxIO)
	return &IO{cur: IOVec{addr, n}, left: n}
}

// UserIOVec returns a cursor over an array of struct iovec.
func UserIOVec(t *sched.Thread, addr UAddr, count int) (*IO, error) {
	if count < 0 || count > MaxIOVecs {
		return nil, errno.EINVAL.Because("more than IOV_MAX buffers")
	}
	vec, err := CopyInSlice[IOVec](t, addr, count)
	if err != nil {
		return nil, err
	}
	io := &IO{rest: vec}
	for i := range vec {
		v := &vec[i]
		if int64(v.Len) < 0 {
			return nil, errno.EINVAL.Because("a buffer's length is negative")
		}
		if v.Len > 0 && (uint64(v.Base) > UserTop || v.Len > UserTop-uint64(v.Base)) {
			return nil, errno.EFAULT.Because("not a user address")
		}
		v.Len = min(v.Len, MaxIO-io.left)
		io.left += v.Len
	}
	return io, nil
}

// KernelIO returns a cursor over a kernel buffer.
func KernelIO(b []byte) *IO { return &IO{kernel: b, left: uint64(len(b))} }

// Len returns the bytes that are left.
func (io *IO) Len() int { return int(io.left) }

// CopyOut copies p to where the cursor stands, as read(2) does. It copies less than p only when no more room
// is left, or with an error.
func (io *IO) CopyOut(t *sched.Thread, p []byte) (int, error) {
	return io.each(uint64(len(p)), func(at, n uint64, kernel []byte, user UAddr) (uint64, error) {
		if kernel != nil {
			return uint64(copy(kernel[:n], p[at:])), nil
		}
		done, err := copyUser(t, user, p[at:at+n], true)
		return uint64(done), err
	})
}

// CopyIn copies from where the cursor stands to p, as write(2) does.
func (io *IO) CopyIn(t *sched.Thread, p []byte) (int, error) {
	return io.each(uint64(len(p)), func(at, n uint64, kernel []byte, user UAddr) (uint64, error) {
		if kernel != nil {
			return uint64(copy(p[at:], kernel[:n])), nil
		}
		done, err := copyUser(t, user, p[at:at+n], false)
		return uint64(done), err
	})
}

// Zero writes n zeros where the cursor stands.
func (io *IO) Zero(t *sched.Thread, n int) (int, error) {
	done := 0
	for done < n && io.left > 0 {
		k, err := io.CopyOut(t, zeros[:min(n-done, len(zeros))])
		done += k
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Skip moves the cursor on without copying.
func (io *IO) Skip(n int) {
	io.each(uint64(max(n, 0)), func(_, k uint64, _ []byte, _ UAddr) (uint64, error) { return k, nil })
}

// Limit lets no more than n bytes be left.
func (io *IO) Limit(n int) { io.left = min(io.left, uint64(max(n, 0))) }

// each calls f for the pieces of the next n bytes.
func (io *IO) each(n uint64, f func(at, n uint64, kernel []byte, user UAddr) (uint64, error)) (int, error) {
	n = min(n, io.left)
	var done uint64
	for done < n {
		var k uint64
		var err error
		if io.kernel != nil {
			k, err = f(done, n-done, io.kernel, 0)
			io.kernel = io.kernel[k:]
		} else {
			for io.cur.Len == 0 {
				io.cur, io.rest = io.rest[0], io.rest[1:]
			}
			k, err = f(done, min(n-done, io.cur.Len), nil, io.cur.Base)
			io.cur.Base += UAddr(k)
			io.cur.Len -= k
		}
		done += k
		io.left -= k
		if err != nil {
			return int(done), err
		}
	}
	return int(done), nil
}
