package tmpfs_test

import (
	"testing"

	_ "vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/vfs/vfstest"
)

func TestSuite(t *testing.T) { vfstest.Run(t, vfstest.Options{Type: "tmpfs"}) }
