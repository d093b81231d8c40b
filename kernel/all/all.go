// Package all links every driver and filesystem into a kernel: each registers
// itself in its init function. A new one is one more line here, in order of their names.
package all

import (
	_ "vitrine/kernel/drivers/console"
	_ "vitrine/kernel/drivers/p9"
	_ "vitrine/kernel/drivers/rng"
	_ "vitrine/kernel/drivers/snd"
	_ "vitrine/kernel/fs/devfs"
	_ "vitrine/kernel/fs/devpts"
	_ "vitrine/kernel/fs/overlay"
	_ "vitrine/kernel/fs/p9"
	_ "vitrine/kernel/fs/pipefs"
	_ "vitrine/kernel/fs/procfs"
	_ "vitrine/kernel/fs/sysfs"
	_ "vitrine/kernel/fs/tmpfs"
)
