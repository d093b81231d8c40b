package loader

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// auxInfo is what the auxiliary vector says about the mappings.
type auxInfo struct{ phdr, phnum, base, entry, vdso uint64 }

// initialStack is the size of the stack's area at the start; it grows.
const initialStack = 33 * mm.PageSize

// makeStack maps the stack and writes what a program finds on it (psABI, 3.4.1, "Initial Stack and
// Register State"). It returns the stack pointer.
//
//	top      8 zero bytes
//	         path, environment and argument strings, platform, random bytes
//	         auxiliary vector, AT_NULL
//	         envp … NULL, argv … NULL
//	sp  ──▶  argc                                           aligned to 16
func (p *Program) makeStack(t *sched.Thread, as *mm.AddressSpace, lower uint64, a auxInfo) (uint64, error) {
	top := mm.UserTop - lower
	img := stackImage{top: top}
	img.bytes(make([]byte, 8))
	path := img.string(p.req.Path)
	envEnd := path
	env := img.strings(p.req.Envp)
	envStart := img.at()
	argv := img.strings(p.req.Argv)
	argStart := img.at()
	platform := img.string(amd64.Platform)
	random := img.bytes(p.req.Random[:])

	c := t.Cred
	if c == nil {
		c = cred.Root()
	}
	secure := uint64(0)
	if p.req.Secure {
		secure = 1
	}
	aux := [][2]uint64{
		{abi.AT_SYSINFO_EHDR, a.vdso},
		{abi.AT_MINSIGSTKSZ, amd64.CPU.MinSigStack},
		{abi.AT_HWCAP, amd64.CPU.HWCap},
		{abi.AT_PAGESZ, mm.PageSize},
		{abi.AT_CLKTCK, 100},
		{abi.AT_PHDR, a.phdr},
		{abi.AT_PHENT, phdrSize},
		{abi.AT_PHNUM, a.phnum},
		{abi.AT_BASE, a.base},
		{abi.AT_FLAGS, 0},
		{abi.AT_ENTRY, a.entry},
		{abi.AT_UID, uint64(c.UID)},
		{abi.AT_EUID, uint64(c.EUID)},
		{abi.AT_GID, uint64(c.GID)},
		{abi.AT_EGID, uint64(c.EGID)},
		{abi.AT_SECURE, secure},
		{abi.AT_RANDOM, random},
		{abi.AT_HWCAP2, amd64.CPU.HWCap2},
		{abi.AT_EXECFN, path},
		{abi.AT_PLATFORM, platform},
		{abi.AT_NULL, 0},
	}
	if a.vdso == 0 {
		aux = aux[1:]
	}
	words := 1 + len(argv) + 1 + len(env) + 1 + 2*len(aux)
	sp := (img.at() - uint64(words)*8) &^ 15
	w := make([]byte, 0, words*8)
	word := func(v uint64) { w = binary.LittleEndian.AppendUint64(w, v) }
	word(uint64(len(argv)))
	for _, list := range [][]uint64{argv, env} {
		for _, addr := range list {
			word(addr)
		}
		word(0)
	}
	auxAt := len(w)
	for _, e := range aux {
		word(e[0])
		word(e[1])
	}

	size := max(pageUp(top-sp+mm.PageSize), initialStack)
	if size > max(p.req.StackLimit, minArguments+initialStack) && top-sp > p.req.StackLimit {
		return 0, errno.E2BIG.Because("the arguments exceed RLIMIT_STACK")
	}
	prot := mm.Read | mm.Write
	if p.main.execStack {
		prot |= mm.Exec
	}
	_, err := as.Mmap(t, mm.MapRequest{
		Addr: mm.UAddr(top - size), Len: size, Prot: prot,
		Flags:   abi.MAP_PRIVATE | abi.MAP_FIXED_NOREPLACE | abi.MAP_GROWSDOWN,
		VMFlags: mm.Stack, Name: "[stack]",
	})
	if err != nil {
		return 0, err
	}
	for _, part := range []struct {
		at uint64
		b  []byte
	}{{img.at(), img.buf()}, {sp, w}} {
		if _, err := mm.AccessRemote(t, as, mm.UAddr(part.at), part.b, true, false); err != nil {
			return 0, err
		}
	}
	as.SetArguments(t, [2]mm.UAddr{mm.UAddr(argStart), mm.UAddr(envStart)},
		[2]mm.UAddr{mm.UAddr(envStart), mm.UAddr(envEnd)}, w[auxAt:])
	return sp, nil
}

// stackImage is written from the top downwards.
type stackImage struct {
	top   uint64
	parts [][]byte // the first is the topmost
	size  uint64
}

func (s *stackImage) at() uint64 { return s.top - s.size }

func (s *stackImage) bytes(b []byte) uint64 {
	s.parts = append(s.parts, b)
	s.size += uint64(len(b))
	return s.at()
}

func (s *stackImage) string(str string) uint64 {
	b := make([]byte, len(str)+1)
	copy(b, str)
	return s.bytes(b)
}

// strings writes a list so that the first string is the lowest, and returns their addresses.
func (s *stackImage) strings(list []string) []uint64 {
	addrs := make([]uint64, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		addrs[i] = s.string(list[i])
	}
	return addrs
}

func (s *stackImage) buf() []byte {
	b := make([]byte, 0, s.size)
	for i := len(s.parts) - 1; i >= 0; i-- {
		b = append(b, s.parts[i]...)
	}
	return b
}
