package cell

import (
	"bytes"
	"encoding/binary"
	"os"
	"syscall"
	"unsafe"
)

func blobAddr() unsafe.Pointer

// Signals that the cell's handler takes: the six that code raises itself, and the kick.
const sigKick = syscall.SIGUSR1

var handled = []syscall.Signal{
	syscall.SIGSYS, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL,
	syscall.SIGFPE, syscall.SIGTRAP, sigKick,
}

// guestMask is the signal mask of user code: only those signals get through.
var guestMask = func() uint64 {
	m := ^uint64(0)
	for _, s := range handled {
		m &^= 1 << (s - 1)
	}
	return m
}()

// image makes the ELF file of a cell from the code in the kernel's own text.
// It returns the end of the code as well.
func image() (img []byte, codeEnd uint64) {
	src := unsafe.Slice((*byte)(blobAddr()), dataOff-codeOff)
	end := bytes.Index(src, []byte("!EndMark"))
	if end < 0 {
		panic("cell: the code is too long for the image")
	}
	img = make([]byte, imgSize)
	copy(img[codeOff:], src[:end])
	codeEnd = base + codeOff + uint64(end)
	le := binary.LittleEndian

	var entry [3]uint64 // boot, handler, restorer
	for i, o := 0, codeOff; i < len(entry); i++ {
		switch img[o] {
		case 0xeb: // jmp rel8
			entry[i] = base + uint64(o+2+int(int8(img[o+1])))
			o += 2
		case 0xe9: // jmp rel32
			entry[i] = base + uint64(o+5+int(int32(le.Uint32(img[o+1:]))))
			o += 5
		default:
			panic("cell: the code does not begin with its entry jumps")
		}
	}

	// An executable for x86-64 with one program header: all of the file, readable and executable.
	copy(img, "\x7fELF\x02\x01\x01")
	le.PutUint16(img[16:], 2)  // ET_EXEC
	le.PutUint16(img[18:], 62) // EM_X86_64
	le.PutUint32(img[20:], 1)
	le.PutUint64(img[24:], entry[0])
	le.PutUint64(img[32:], 64) // program headers
	le.PutUint16(img[52:], 64)
	le.PutUint16(img[54:], 56)
	le.PutUint16(img[56:], 1)
	ph := img[64:]
	le.PutUint32(ph[0:], 1) // PT_LOAD
	le.PutUint32(ph[4:], 5) // R|X
	le.PutUint64(ph[16:], base)
	le.PutUint64(ph[32:], imgSize)
	le.PutUint64(ph[40:], imgSize)
	le.PutUint64(ph[48:], 4096)

	// The data that cell_amd64.s names D_*.
	d := img[dataOff:]
	le.PutUint64(d[0:], uint64(os.Getpid()))
	le.PutUint64(d[8:], uint64(len(handled)))
	const saFlags = 0x4 | 0x04000000 | 0x08000000 // SA_SIGINFO|SA_RESTORER|SA_ONSTACK
	le.PutUint64(d[16:], entry[1])
	le.PutUint64(d[24:], saFlags)
	le.PutUint64(d[32:], entry[2])
	le.PutUint64(d[40:], ^uint64(0)) // all signals are blocked in the handler
	for i, s := range handled {
		le.PutUint64(d[64+8*i:], uint64(s))
	}
	le.PutUint64(d[0x90:], 8)
	le.PutUint64(d[0x98:], 8)
	copy(d[0xa0:], "vitrine-cell\x00")
	off := 0x1000
	for i, f := range [][]insn{mmFilter(codeEnd), guestFilter(codeEnd)} {
		at := d[0x100+16*i:]
		le.PutUint16(at, uint16(len(f)))
		le.PutUint64(at[8:], base+uint64(off))
		for _, in := range f {
			le.PutUint16(img[off:], in.op)
			img[off+2], img[off+3] = in.jt, in.jf
			le.PutUint32(img[off+4:], in.k)
			off += 8
		}
	}
	return img, codeEnd
}

// imageFile puts the image into a memfd or, where the host forbids to run
// those (sysctl vm.memfd_noexec), into an unlinked file.
func imageFile(img []byte, inMemory bool) (int, error) {
	if inMemory {
		if fd, err := memfd("vitrine-cell", true); err == nil {
			if _, err = syscall.Pwrite(fd, img, 0); err == nil {
				return fd, nil
			}
			syscall.Close(fd)
		}
	}
	f, err := os.CreateTemp("", "vitrine-cell")
	if err != nil {
		return -1, err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(img); err == nil {
		err = f.Chmod(0o500)
	}
	f.Close() // or exec says ETXTBSY
	if err != nil {
		return -1, err
	}
	fd, err := syscall.Open(f.Name(), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return highFD(fd)
}

// memfd makes a memory file (memfd_create(2)).
func memfd(name string, exec bool) (int, error) {
	const sysMemfdCreate, cloexec, noexecSeal, execFlag = 319, 1, 8, 0x10
	p, _ := syscall.BytePtrFromString(name)
	flags := uintptr(cloexec | noexecSeal)
	if exec {
		flags = cloexec | execFlag
	}
	fd, _, e := syscall.Syscall(sysMemfdCreate, uintptr(unsafe.Pointer(p)), flags, 0)
	if e == syscall.EINVAL { // the last two flags came with Linux 6.3
		fd, _, e = syscall.Syscall(sysMemfdCreate, uintptr(unsafe.Pointer(p)), cloexec, 0)
	}
	if e != 0 {
		return -1, e
	}
	return highFD(int(fd))
}

// highFD moves fd clear of the numbers that a new cell gives its own files.
func highFD(fd int) (int, error) {
	n, err := dupHigh(fd)
	syscall.Close(fd)
	return n, err
}

func dupHigh(fd int) (int, error) {
	n, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 10)
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}
