// Package vfstest is the conformance suite of filesystems: hundreds of small
// cases about names, permissions, links, renames, listings, holes, mappings' page cache
// and concurrency, each on a fresh kernel whose root is the filesystem under test.
//
//	func TestSuite(t *testing.T) { vfstest.Run(t, vfstest.Options{Type: "tmpfs"}) }
//
// Cases are written against Env, whose methods read like the system calls and
// return plain errno values:
//
//	e.Write("f", "hello")
//	e.Want(e.Mkdir("f", 0o755), errno.EEXIST)
//
// First breakpoint: (*Env).Want, which every expectation passes.
package vfstest
