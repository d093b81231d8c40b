package vfstest

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/vfs"
)

// Random does n random operations and compares the tree with a model after each few. The model begins as what
// the tree is.
func Random(e *Env, seed uint64, n int) {
	r := rand.New(rand.NewPCG(seed, 1))
	m := model{}
	m.read(e, "")
	for i := range n {
		op := m.step(e, r)
		if i%8 == 7 {
			if r.IntN(3) == 0 {
				e.V.DropUnused(e.T)
			}
			got := model{}
			got.read(e, "")
			if a, b := got.String(), m.String(); a != b {
				e.TB.Fatalf("seed %d, step %d, after %s:\ngot  %s\nwant %s", seed, i, op, a, b)
			}
		}
	}
}

// model maps names to contents; a directory's is "/".
type model map[string]string

func (m model) String() string {
	var s []string
	for k, v := range m {
		s = append(s, k+"="+v)
	}
	sort.Strings(s)
	return strings.Join(s, " ")
}

func (m model) read(e *Env, dir string) {
	for _, name := range strings.Fields(e.Ls("/" + dir)) {
		p := strings.TrimPrefix(dir+"/"+name, "/")
		if e.Lstat("/" + p).Mode.IsDir() {
			m[p] = "/"
			m.read(e, p)
		} else {
			m[p] = e.Read("/" + p)
		}
	}
}

func (m model) pick(r *rand.Rand) string {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	sort.Strings(names)
	if len(names) == 0 || r.IntN(4) == 0 {
		return []string{"d0", "d1", "x", "d0/x", "d2/e/x", "x/y"}[r.IntN(6)]
	}
	p := names[r.IntN(len(names))]
	if r.IntN(4) == 0 {
		p += []string{"/e", "/n", "/f"}[r.IntN(3)]
	}
	return p
}

// parent reports whether the directory of p exists.
func (m model) parent(p string) bool {
	i := strings.LastIndexByte(p, '/')
	return i < 0 || m[p[:i]] == "/"
}

func (m model) children(p string) (out []string) {
	for k := range m {
		if strings.HasPrefix(k, p+"/") {
			out = append(out, k)
		}
	}
	return out
}

func (m model) step(e *Env, r *rand.Rand) string {
	p, q := m.pick(r), m.pick(r)
	check := func(op string, err error, ok bool) string {
		e.TB.Helper()
		if (err == nil) != ok {
			e.TB.Fatalf("%s: %v (%s); the model is %s", op, err, errno.Of(err).Name(), m)
		}
		return op
	}
	at := func(s string) string { return "/" + s }
	switch r.IntN(7) {
	case 0:
		text := fmt.Sprint(r.IntN(1000))
		err := e.TryOpen(at(p), cr|tr|wr, 0o644)
		if err == nil {
			e.Write(at(p), text)
		}
		ok := m.parent(p) && m[p] != "/"
		if ok {
			m[p] = text
		}
		return check("write "+p, err, ok)
	case 1:
		ok := m.parent(p) && m[p] == ""
		if ok {
			m[p] = "/"
		}
		return check("mkdir "+p, e.Mkdir(at(p), 0o755), ok)
	case 2:
		ok := m[p] != "" && m[p] != "/"
		if ok {
			delete(m, p)
		}
		return check("unlink "+p, e.Unlink(at(p)), ok)
	case 3:
		ok := m[p] == "/" && len(m.children(p)) == 0
		if ok {
			delete(m, p)
		}
		return check("rmdir "+p, e.Rmdir(at(p)), ok)
	case 4:
		if m[p] == "" || m[p] == "/" {
			return "nothing"
		}
		return check("chmod "+p, e.Chmod(at(p), vfs.Mode(0o600+r.IntN(64))), true)
	case 5:
		return m.rename(e, p, q, at, check)
	default:
		if m[p] == "" || m[q] == "" || p == q || strings.HasPrefix(p, q+"/") || strings.HasPrefix(q, p+"/") {
			return "nothing"
		}
		op := check("exchange "+p+" "+q, e.Rename2(at(p), at(q), abi.RENAME_EXCHANGE), true)
		n := model{}
		for k, v := range m {
			n[swap(k, p, q, q, p)] = v
		}
		clear(m)
		for k, v := range n {
			m[k] = v
		}
		return op
	}
}

// swap replaces the first of each pair, where it is k or a directory of it, by the second; only one pair applies.
func swap(k string, pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if k == pairs[i] || strings.HasPrefix(k, pairs[i]+"/") {
			return pairs[i+1] + k[len(pairs[i]):]
		}
	}
	return k
}

func (m model) rename(e *Env, p, q string, at func(string) string, check func(string, error, bool) string) string {
	ok := m[p] != "" && m.parent(q)
	switch {
	case p == q:
	case strings.HasPrefix(q, p+"/"), strings.HasPrefix(p, q+"/"):
		ok = false
	case m[q] == "/":
		ok = ok && m[p] == "/" && len(m.children(q)) == 0
	case m[q] != "":
		ok = ok && m[p] != "/"
	}
	op := check("rename "+p+" "+q, e.Rename(at(p), at(q)), ok)
	if !ok || p == q {
		return op
	}
	moved := m.children(p)
	m[q] = m[p]
	delete(m, p)
	for _, k := range moved {
		m[q+k[len(p):]] = m[k]
		delete(m, k)
	}
	return op
}
