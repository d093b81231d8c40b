// Package pseudo makes filesystems whose files are functions: what procfs and
// sysfs are built of.
//
//	Dir ── Entries: "version" ─▶ File{Show}     content made when it is read from the start
//	    │           "self"    ─▶ Symlink{Target}
//	    └─ Lookup, List: "12" ─▶ Dir            names that come and go
//	                              └ "exe" ─▶ Magic{Target}   leads to an object
//
// Nodes are descriptions. An inode is made when a node is looked up and is
// forgotten with its dentry; numbers come from the node or from its place, so they stay.
//
// Show, Write, Lookup and the other functions are called with at most an
// inode's lock held.
//
// First breakpoint: (*dynDir).Lookup or (*open).Read.
package pseudo
