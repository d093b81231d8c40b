package applets

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// Where the layers of a root directory of the host lie. The directories are in
// the initial archive's tree, out of the session's sight.
const (
	rootLower = "/run/vitrine/lower"
	rootUpper = "/run/vitrine/rw"
	rootNew   = "/newroot"
)

// initSwitchRoot does what root=9p:TAG on the kernel command line asks for: it
// puts an overlay of memory over the host's directory, binds the system's mounts into it
// and makes it the root. (Moved, /dev would be nowhere for a moment, and a command that `vitrine exec` starts then would
// not find its streams.) It reports whether there is a new root.
func initSwitchRoot(name string) bool {
	tag, ok := strings.CutPrefix(os.Getenv("root"), "9p:")
	if !ok {
		return false
	}
	os.Unsetenv("root")
	for _, d := range []string{"/run", "/run/vitrine", rootLower, rootUpper, rootNew} {
		unix.Mkdir(d, 0o755)
	}
	steps := []struct {
		what string
		do   func() error
	}{
		{"mounting the host's directory", func() error {
			return unix.Mount(tag, rootLower, "9p", unix.MS_RDONLY, "trans=virtio,version=9p2000.L,cache=loose")
		}},
		{"mounting memory for changes", func() error { return unix.Mount("tmpfs", rootUpper, "tmpfs", 0, "mode=755") }},
		{"making the upper layer", func() error { return unix.Mkdir(rootUpper+"/upper", 0o755) }},
		{"making the work directory", func() error { return unix.Mkdir(rootUpper+"/work", 0o755) }},
		{"mounting the overlay", func() error {
			return unix.Mount("overlay", rootNew, "overlay", 0,
				"lowerdir="+rootLower+",upperdir="+rootUpper+"/upper,workdir="+rootUpper+"/work")
		}},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			box.Warn(name, "root=9p:"+tag+": "+s.what, err)
			return false
		}
	}
	for _, m := range initTable {
		if strings.Count(m.dir, "/") > 1 {
			continue // comes with its parent
		}
		unix.Mkdir(rootNew+m.dir, 0o755)
		if err := unix.Mount(m.dir, rootNew+m.dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			box.Warn(name, "binding "+m.dir, err)
		}
	}
	if err := firstError(
		unix.Chdir(rootNew), unix.Mount(rootNew, "/", "", unix.MS_MOVE, ""), unix.Chroot("."), unix.Chdir("/")); err != nil {
		box.Warn(name, "switching to the new root", err)
		return false
	}
	unix.Chdir("/root")
	return true
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// initShell is the login shell of a root directory: bash if it has one.
func initShell() []string {
	if unix.Access("/bin/bash", unix.X_OK) == nil {
		return []string{"-/bin/bash"}
	}
	return []string{"-/bin/sh"}
}
