package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"path"
	"strings"

	"vitrine/debugserver/guest"
	"vitrine/debugserver/views"
)

// fileKey tells files apart. An inode's address may come to mean another file; then something else is different.
type fileKey struct {
	inode, number, size, mtime uint64
	whole                      bool
}

// guestFile is a file of the guest's, as it was when it was first looked at.
type guestFile struct {
	elf  *guest.File // nil: it is none
	data []byte      // the content; nil: in host
	host *os.File
}

// Bounds of what is kept of the guest's files.
const (
	maxGuestFile  = 1 << 30
	maxGuestFiles = 2 << 30
	pageBytes     = 4096
)

// findFiles finds the files that a space maps code of.
func (s *Session) findFiles(sp *guestSpace) {
	code := map[uint64]*guestFile{}
	for i := range sp.areas {
		if a := &sp.areas[i]; a.Exec {
			switch {
			case a.paged:
				code[a.pages.Addr()] = s.openGuest(sp, a)
			case a.Path == "[vdso]":
				a.File = s.vdso(sp, a)
			}
		}
	}
	for i := range sp.areas {
		if a := &sp.areas[i]; a.paged {
			if f := code[a.pages.Addr()]; f != nil {
				a.File, a.file = f.elf, f
			}
		}
	}
}

// openGuest reads a file by its page cache, or opens it in the host's directory that the guest has as root.
func (s *Session) openGuest(sp *guestSpace, a *guestArea) *guestFile {
	num := func(p string) uint64 { n, _ := a.pages.Uint(p); return n }
	size := num("inode.size")
	pages := (size + pageBytes - 1) / pageBytes
	k := fileKey{num("inode.Ino"), a.pages.Addr(), size, num("inode.mtime"), num("npages") >= pages}
	if f, ok := s.guests.files[k]; ok {
		return f
	}
	if s.guests.files == nil || s.guests.size > maxGuestFiles {
		s.guests.files, s.guests.size = map[fileKey]*guestFile{}, 0
	}
	f := &guestFile{}
	s.guests.files[k] = f
	if size == 0 || size > maxGuestFile {
		return f
	}
	var r io.ReaderAt
	if f.host = s.hostFile(a.Path, size); f.host != nil {
		r = f.host
	} else {
		f.data = readCache(a.pages, s.ram(), size)
		if !k.whole {
			cutSections(f.data)
		}
		s.guests.size += int64(size)
		r = bytes.NewReader(f.data)
	}
	f.elf, _ = guest.Open(a.Path, r, s.findDebug) // what is no ELF file has no symbols
	return f
}

// page reads a page of the file.
func (f *guestFile) page(b []byte, off uint64) bool {
	clear(b)
	switch {
	case f.host != nil:
		n, err := f.host.ReadAt(b, int64(off))
		return n > 0 && (err == nil || err == io.EOF)
	case off < uint64(len(f.data)):
		return copy(b, f.data[off:]) > 0
	}
	return false
}

// cutSections makes an ELF file of which only what programs have touched is there one without sections: what would be found there is not
// what was there.
func cutSections(b []byte) {
	const shoff, shnum = 40, 60
	if len(b) >= 64 {
		clear(b[shoff : shoff+8])
		clear(b[shnum:64])
	}
}

// readCache copies a file from its page cache; pages that aren't there are zeros.
func readCache(pages views.Object, ram []byte, size uint64) []byte {
	out := make([]byte, (size+pageBytes-1)/pageBytes*pageBytes)
	eachChunk(pages, func(first uint64, frames []byte) bool {
		for i := 0; i*4+4 <= len(frames); i++ {
			if f, at := frame(ram, frames, i), (first+uint64(i))*pageBytes; f != nil && at < uint64(len(out)) {
				copy(out[at:], f)
			}
		}
		return true
	})
	return out[:size]
}

// cached reads one page of a page cache.
func cached(pages views.Object, ram []byte, index uint64, page []byte) (ok bool) {
	eachChunk(pages, func(first uint64, frames []byte) bool {
		if i := index - first; index >= first && i < uint64(len(frames)/4) {
			if f := frame(ram, frames, int(i)); f != nil {
				ok = copy(page, f) > 0
			}
			return false
		}
		return true
	})
	return ok
}

// eachChunk walks over the chunks of a *vfs.PageCache.
func eachChunk(pages views.Object, do func(first uint64, frames []byte) bool) {
	chunks, err := pages.Field("chunks")
	if err != nil {
		return
	}
	chunks.Each("", func(c views.Object) bool {
		first, err := c.Uint("first")
		if err != nil {
			return true
		}
		frames, err := c.Field("frames")
		if err != nil {
			return true
		}
		b, err := frames.Bytes(1 << 12)
		return err != nil || do(first, b)
	})
}

func frame(ram, frames []byte, i int) []byte {
	n := uint64(binary.LittleEndian.Uint32(frames[4*i:]))
	if n == 0 || n >= uint64(len(ram))/pageBytes {
		return nil
	}
	return ram[n*pageBytes : (n+1)*pageBytes]
}

// hostFile opens a file of the host's directory that is the guest's root, if there is one and it is the same file.
func (s *Session) hostFile(name string, size uint64) *os.File {
	m, ok := s.machine.(interface {
		OpenGuest(name string) (*os.File, error)
	})
	if !ok {
		return nil
	}
	f, err := m.OpenGuest(name)
	if err != nil {
		return nil
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || size != 0 && uint64(st.Size()) != size {
		f.Close()
		return nil
	}
	return f
}

// debugDir is where distributions put the files with debugging information.
const debugDir = "/usr/lib/debug"

// findDebug implements guest.Finder: in the guest's root, and on this host below debugDirs. What the guest names is never a path outside those
// directories.
func (s *Session) findDebug(f *guest.File, buildID, link string) iter.Seq[io.ReaderAt] {
	return func(yield func(io.ReaderAt) bool) {
		for _, name := range debugNames(f.Name, buildID, link) {
			if h := s.hostFile(name, 0); h != nil && !yield(h) {
				return
			}
			rest, ok := strings.CutPrefix(name, debugDir+"/")
			if !ok {
				continue
			}
			for _, dir := range s.debugDirs() {
				if h := openRegular(path.Join(dir, rest)); h != nil && !yield(h) {
					return
				}
			}
		}
	}
}

// debugDirs are this host's directories like debugDir.
func (s *Session) debugDirs() []string {
	if m, ok := s.machine.(interface{ DebugDirs() []string }); ok {
		return append(m.DebugDirs(), debugDir)
	}
	return []string{debugDir}
}

func openRegular(name string) *os.File {
	if st, err := os.Stat(name); err != nil || !st.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	return f
}

// debugNames lists where the debugging information of a file may be (GDB's manual, "Separate Debug Files").
func debugNames(file, buildID, link string) (names []string) {
	if len(buildID) > 2 { // hexadecimal digits
		names = append(names, path.Join(debugDir, ".build-id", buildID[:2], buildID[2:]+".debug"))
	}
	if base := path.Base(link); link != "" && base == link && base != ".." && base != "." {
		dir := path.Join("/", path.Dir(file))
		names = append(names, path.Join(dir, base), path.Join(dir, ".debug", base), path.Join(debugDir, dir, base))
	}
	return names
}

// vdso reads the kernel's own image from the memory that it is mapped into.
func (s *Session) vdso(sp *guestSpace, a *guestArea) *guest.File {
	k := fileKey{size: a.End - a.Start}
	if f, ok := s.guests.files[k]; ok {
		return f.elf
	}
	b := make([]byte, min(a.End-a.Start, 1<<16))
	if _, err := sp.ram.Read(b, a.Start); err != nil {
		return nil // not touched by this process; another may show it
	}
	if s.guests.files == nil {
		s.guests.files = map[fileKey]*guestFile{}
	}
	f := &guestFile{data: b}
	f.elf, _ = guest.Open(a.Path, bytes.NewReader(b), nil)
	s.guests.files[k] = f
	return f.elf
}

// errNoImage is for places that no process has mapped.
var errNoImage = errors.New("no program that runs has it; it is set when one is loaded that has")
